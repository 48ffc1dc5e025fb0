//! The dense matrix: the baseline that every method is held against.

use super::knob::{Knob, Knobs};
use super::matmul::{Explicit, Multiplier};
use super::operator::{LayerSpec, Method, Operator, Published, Recipe, Tensor};
use super::quantise;
use super::work::{Storage, Work};
use crate::numeric::Stream;

/// All entries of `W`, each by itself.
#[derive(Debug)]
pub struct Dense;

impl Method for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn title(&self) -> &'static str {
        "Dense"
    }

    fn knobs(&self) -> &'static [Knob] {
        &[]
    }

    fn settings(&self) -> &'static [f32] {
        &[]
    }

    fn recipe(&self, recurrent: bool) -> Recipe {
        Recipe::plain(if recurrent { 5e-3 } else { 1e-3 })
    }

    fn published(&self) -> &'static [Published] {
        &[]
    }

    fn layer(&self, spec: &LayerSpec, _: &Knobs, stream: Stream) -> Box<dyn Operator> {
        let shape = vec![spec.outputs(), spec.inputs()];
        let tensor = Tensor::normal("W", shape, spec.deviation, stream);
        Box::new(DenseMatrix::new(spec, tensor))
    }

    fn nearest(&self, spec: &LayerSpec, _: &Knobs, weights: &[f32]) -> Box<dyn Operator> {
        let shape = vec![spec.outputs(), spec.inputs()];
        Box::new(DenseMatrix::new(
            spec,
            Tensor::new("W", shape, weights.to_vec()),
        ))
    }
}

/// A dense `W`.
#[derive(Clone, Debug)]
pub(super) struct DenseMatrix {
    bits: Option<u8>,
    tensor: Tensor,
    seen: Vec<f32>,
    multiplier: Multiplier,
}

impl DenseMatrix {
    pub(super) fn new(spec: &LayerSpec, tensor: Tensor) -> Self {
        let mut matrix = Self {
            bits: spec.bits,
            tensor,
            seen: Vec::new(),
            multiplier: Multiplier::default(),
        };
        matrix.refresh();
        matrix
    }
}

impl Operator for DenseMatrix {
    fn sides(&self) -> (usize, usize) {
        (self.tensor.shape[1], self.tensor.shape[0])
    }

    fn forward(&mut self, x: &[f32], y: &mut [f32]) {
        let matrix = Explicit {
            weights: &self.seen,
            sides: self.sides(),
        };
        matrix.forward(&mut self.multiplier, x, y);
    }

    fn backward(&mut self, x: &[f32], dy: &[f32], dx: Option<&mut [f32]>) {
        let matrix = Explicit {
            weights: &self.seen,
            sides: self.sides(),
        };
        let gradient = &mut self.tensor.gradient;
        matrix.backward(&mut self.multiplier, (x, dy), gradient, dx);
    }

    fn tensors(&self) -> &[Tensor] {
        std::slice::from_ref(&self.tensor)
    }

    fn tensors_mut(&mut self) -> &mut [Tensor] {
        std::slice::from_mut(&mut self.tensor)
    }

    fn refresh(&mut self) {
        quantise::seen(&self.tensor.values, self.bits, &mut self.seen);
    }

    fn weights(&self) -> Vec<f32> {
        self.seen.clone()
    }

    fn storage(&self) -> Storage {
        let values = self.tensor.values.len() as u64;
        Storage {
            values,
            value_bits: values * u64::from(self.bits.unwrap_or(32)),
            side_bits: 0,
        }
    }

    fn work(&self) -> Work {
        let macs = self.tensor.values.len() as u64;
        Work {
            multiplies: macs,
            adds: macs,
            shifts: 0,
        }
    }

    fn boxed(&self) -> Box<dyn Operator> {
        Box::new(self.clone())
    }
}
