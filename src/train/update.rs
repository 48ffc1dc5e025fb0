//! What follows a step's gradients: relevance, penalty, optimiser, rounding, variances. The trainer and
//! a board do it alike; docs/BOARD.md says it in full.

use super::config::{OptimiserConfig, OptimiserKind, PriorKind};
use super::model::{Bond, Grid, Parameter, Purpose, stream};
use super::optimiser::{Moments, OptimiserStep};
use super::prior;
use super::step::{Order, StepSettings};
use crate::exec::fixed::FixedFormats;
use crate::kernels;
use crate::numeric::Seed;

/// What a step changes in a layer.
#[derive(Debug)]
pub struct LayerState<'a> {
    /// The cores, then the bias.
    pub parameters: &'a mut [Parameter],
    /// The bonds between the cores.
    pub bonds: &'a mut [Bond],
}

/// Takes an order's step on all layers. `gradient` writes the gradient of a layer's parameter, summed
/// over the batch, given layer and place; `scratch` is kept between steps.
pub fn take_step<'a>(
    settings: &StepSettings,
    order: &Order,
    samples: usize,
    layers: impl Iterator<Item = LayerState<'a>>,
    gradient: impl Fn(usize, usize, &mut [f32]),
    scratch: &mut Vec<f32>,
) {
    let optimiser = OptimiserStep::new(settings.optimiser, order.rate, order.corrections);
    let scale = 1.0 / samples as f32;
    let seed = Seed(settings.seed);
    let mut number = 0;
    let mut slopes = std::mem::take(scratch);
    for (index, layer) in layers.enumerate() {
        for (place, parameter) in layer.parameters.iter_mut().enumerate() {
            slopes.clear();
            slopes.resize(parameter.master.len(), 0.0);
            gradient(index, place, &mut slopes);
            kernels::scale(&mut slopes, scale);
            if let Some(bond) = layer.bonds.get_mut(place) {
                bond.observe(&parameter.master, &slopes);
                if order.penalty > 0.0 {
                    prior::add_penalty(bond, order.penalty, &parameter.master, &mut slopes);
                }
            }
            let drawn = stream(seed, order.step, Purpose::Moments, number);
            optimiser.apply(&mut parameter.moments, &mut slopes, drawn);
            let drawn = stream(seed, order.step, Purpose::Master, number);
            match parameter.grid {
                Some(grid) => grid.subtract(&mut parameter.master, &slopes, drawn),
                None => kernels::subtract(&mut parameter.master, &slopes),
            }
            number += 1;
        }
        if settings.prior.kind != PriorKind::None {
            prior::update_variances(layer.parameters, layer.bonds, &settings.prior);
        }
    }
    *scratch = slopes;
}

/// Whether an index of a bond of rank 2 or more has a variance at or below the threshold (or none at
/// all: not a number), so that the published rule takes it out.
#[must_use]
pub fn index_dies(bond: &Bond, threshold: f32) -> bool {
    let dead = |variance: &f32| variance.is_nan() || *variance <= threshold;
    bond.variances.len() > 1 && bond.variances.iter().any(dead)
}

/// Bias corrections `1 - beta^t` of both moments at step `step` (from 0) after the moments' start; 1 for
/// gradient descent.
#[must_use]
pub(super) fn corrections(config: &OptimiserConfig, step: u64) -> [f32; 2] {
    if config.kind == OptimiserKind::Sgd {
        return [1.0; 2];
    }
    // Powers by repeated squaring in f64: exactly rounded products in a fixed order.
    [config.momentum, config.beta2].map(|base| {
        let (mut result, mut square, mut left) = (1.0_f64, f64::from(base), step + 1);
        while left > 0 {
            if left & 1 == 1 {
                result *= square;
            }
            square *= square;
            left >>= 1;
        }
        (1.0 - result) as f32
    })
}

impl StepSettings {
    /// The grid of a core's or a bias's master copy.
    #[must_use]
    pub fn grid(&self, bias: bool) -> Grid {
        Grid {
            bits: if bias {
                self.formats.activation
            } else {
                self.master
            },
            rounding: self.master_rounding,
        }
    }
}

impl Parameter {
    /// A parameter of `len` zeros on a grid.
    #[must_use]
    pub fn zeros(len: usize, kind: OptimiserKind, grid: Grid) -> Self {
        Self {
            master: vec![0.0; len],
            moments: Moments::new(kind, len),
            grid: Some(grid),
        }
    }

    /// The integers that contractions see of a core, or that are added of a bias.
    #[must_use]
    pub fn seen(&self, bias: bool, formats: FixedFormats) -> Vec<i16> {
        let mut out = vec![0; self.master.len()];
        self.see(bias, formats, &mut out);
        out
    }

    /// Writes what [`Self::seen`] gives to a buffer of the parameter's length.
    pub(super) fn see(&self, bias: bool, formats: FixedFormats, out: &mut [i16]) {
        match self.grid {
            Some(grid) if bias => {
                for (slot, &value) in out.iter_mut().zip(&self.master) {
                    *slot = grid.integer(value);
                }
            }
            _ => {
                let width = if bias {
                    formats.activation
                } else {
                    formats.core
                };
                Grid::view(out, &self.master, width);
            }
        }
    }
}
