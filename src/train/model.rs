//! The parameters in training: master copies, moments and the bonds' variances.

use ndarray::Array2;

use super::config::{OptimiserKind, Precision, RunConfig};
use super::optimiser::Moments;
use super::update::LayerState;
use crate::kernels::Steps;
use crate::numeric::{Rounding, Seed, Stream};
use crate::program::NetworkShape;
use crate::tt::{TtError, TtMatrix, TtShape, core_std, remove_bond_indices, scale_exponent};

/// Standard deviation of the fixed-point cores at the start; their range is [-1, 1].
const FIXED_STD: f64 = 0.4;

/// What a stream is for, in place of a sample's number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Initial,
    Shuffle,
    Master,
    Moments,
}

/// The stream for one purpose of one parameter at one step.
pub(super) fn stream(seed: Seed, step: u64, purpose: Purpose, parameter: usize) -> Stream {
    Stream::new(seed, step, u32::MAX - purpose as u32, parameter as u32)
}

/// The grid a master copy lies on: `bits` bits on [-1, 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Width in bits.
    pub bits: u8,
    /// How an update is rounded to it.
    pub rounding: Rounding,
}

impl Grid {
    fn full(self) -> f32 {
        (1_u32 << (self.bits - 1)) as f32
    }

    /// Puts values on their nearest points; saturates.
    pub fn place(self, values: &mut [f32]) {
        let steps = Steps {
            full: self.full(),
            addend: 0.5,
            random: None,
        };
        steps.place(values);
    }

    /// Subtracts `changes` and puts each value on a point below, at or above it, as the rounding says;
    /// saturates. Draws are by place.
    pub fn subtract(self, values: &mut [f32], changes: &[f32], stream: Stream) {
        let steps = Steps {
            full: self.full(),
            addend: match self.rounding {
                Rounding::Nearest => 0.5,
                Rounding::Truncate | Rounding::Stochastic => 0.0,
            },
            random: (self.rounding == Rounding::Stochastic).then_some(stream),
        };
        steps.subtract(values, changes);
    }

    /// The value's integer.
    #[must_use]
    pub fn integer(self, value: f32) -> i16 {
        (value * self.full()) as i16
    }

    /// The value of an integer.
    #[must_use]
    pub fn value(self, integer: i16) -> f32 {
        f32::from(integer) / self.full()
    }

    /// Writes the integers of values rounded to nearest on a grid of `bits` bits, clipped to the symmetric
    /// range: how a core is seen through its master copy.
    pub fn view(out: &mut [i16], values: &[f32], bits: u8) {
        let steps = Steps {
            full: (1_u32 << (bits - 1)) as f32,
            addend: 0.5,
            random: None,
        };
        steps.integers(out, values);
    }
}

/// One trained tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Master copy; in fixed point every value lies on `grid`.
    pub master: Vec<f32>,
    /// The optimiser's moments.
    pub moments: Moments,
    /// Grid of the master copy, in fixed point.
    pub grid: Option<Grid>,
}

impl Parameter {
    /// A core's values as the contractions see them, not scaled.
    fn used(&self, config: &RunConfig) -> Vec<f64> {
        let value = |&value: &f32| match config.precision {
            Precision::Bf16 => f64::from(half::bf16::from_f32(value)),
            Precision::F16 => f64::from(half::f16::from_f32(value)),
            Precision::Float | Precision::Fixed => f64::from(value),
        };
        if self.grid.is_none() {
            return self.master.iter().map(value).collect();
        }
        let mut integers = vec![0; self.master.len()];
        Grid::view(&mut integers, &self.master, config.bits.core);
        let unit = f64::from(1 - i32::from(config.bits.core)).exp2();
        integers
            .iter()
            .map(|&integer| f64::from(integer) * unit)
            .collect()
    }
}

/// A bond's rank indices with their variances.
#[derive(Clone, Debug, PartialEq)]
pub struct Bond {
    /// Rank at the start of the run.
    pub initial_rank: usize,
    /// Place at the start of the run of each index still alive.
    pub alive: Vec<u16>,
    /// Variance `lambda` of each index still alive.
    pub variances: Vec<f32>,
    /// Running mean of the squared loss derivative with respect to a gate on each index.
    pub relevance: Vec<f32>,
}

/// One layer in training.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Shape at the present ranks.
    pub shape: TtShape,
    /// Constant scale `2^-exponent` of the weights.
    pub exponent: i32,
    /// The cores, then the bias.
    pub parameters: Vec<Parameter>,
    /// The bonds.
    pub bonds: Vec<Bond>,
}

/// The network in training.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The layers.
    pub layers: Vec<Layer>,
    /// Logits in use.
    pub classes: usize,
}

impl Model {
    /// A freshly drawn network.
    ///
    /// Dense weights get a standard deviation of `sqrt(2 / inputs)` before a `ReLU` (He et al., 2015)
    /// and `sqrt(1 / outputs of the layer before)` at the logits. In fixed point the cores have
    /// standard deviation 0.4 and the layer a power-of-two scale near that.
    #[must_use]
    pub fn new(config: &RunConfig, shapes: Vec<TtShape>, classes: usize) -> Self {
        let layers = shapes.into_iter().map(|shape| {
            let bonds = shape.ranks().iter().map(|&rank| Bond::new(rank)).collect();
            Layer {
                shape,
                exponent: 0,
                parameters: Vec::new(),
                bonds,
            }
        });
        let mut model = Self {
            layers: layers.collect(),
            classes,
        };
        model.draw(config, 0);
        model
    }

    /// Draws all parameters anew at the present ranks, as at step `step`; moments start at zero.
    pub(super) fn draw(&mut self, config: &RunConfig, step: u64) {
        let last = self.layers.len() - 1;
        let fixed = config.precision == Precision::Fixed;
        let mut tensor = 0;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let shape = &layer.shape;
            let gain = if index == last { 1.0 } else { 2.0 };
            let dense_std = (gain / shape.inputs() as f64).sqrt();
            let std;
            (std, layer.exponent) = if fixed {
                (FIXED_STD, scale_exponent(shape, FIXED_STD, dense_std))
            } else {
                (core_std(shape, dense_std), 0)
            };
            let kind = config.optimiser.kind;
            layer.parameters.clear();
            for core in shape.core_shapes() {
                let stream = stream(Seed(config.seed), step, Purpose::Initial, tensor);
                let draw = |i: usize| stream.normal(i as u32) * std as f32;
                let grid = fixed.then_some(Grid {
                    bits: config.bits.master,
                    rounding: config.master_rounding,
                });
                layer
                    .parameters
                    .push(Parameter::new(core.iter().product(), kind, grid, draw));
                tensor += 1;
            }
            let grid = fixed.then_some(Grid {
                bits: config.bits.activation,
                rounding: config.master_rounding,
            });
            layer
                .parameters
                .push(Parameter::new(shape.outputs(), kind, grid, |_| 0.0));
            tensor += 1;
        }
    }

    /// The shape a Program is compiled for.
    #[must_use]
    pub fn network_shape(&self) -> NetworkShape {
        NetworkShape {
            layers: self
                .layers
                .iter()
                .map(|layer| layer.shape.clone())
                .collect(),
            exponents: self.layers.iter().map(|layer| layer.exponent).collect(),
            classes: self.classes,
        }
    }

    /// Alive core entries of all layers.
    #[must_use]
    pub fn core_entries(&self) -> usize {
        self.layers
            .iter()
            .map(|layer| layer.shape.core_entries())
            .sum()
    }

    /// Core entries at the start of the run.
    #[must_use]
    pub fn initial_entries(&self) -> usize {
        let full = |layer: &Layer| {
            let ranks: Vec<usize> = layer.bonds.iter().map(|bond| bond.initial_rank).collect();
            layer
                .shape
                .with_ranks(ranks)
                .map_or(0, |shape| shape.core_entries())
        };
        self.layers.iter().map(full).sum()
    }

    /// Biases of all layers.
    #[must_use]
    pub fn biases(&self) -> usize {
        self.layers.iter().map(|layer| layer.shape.outputs()).sum()
    }

    /// Alive ranks of every bond.
    #[must_use]
    pub fn ranks(&self) -> Vec<Vec<usize>> {
        self.layers
            .iter()
            .map(|layer| layer.shape.ranks().to_vec())
            .collect()
    }

    /// The weight matrix of a layer as the network uses it, outputs x inputs: its cores at their width,
    /// contracted, times `2^-exponent`.
    ///
    /// # Errors
    /// If a core does not fit the layer's shape.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn matrix(&self, config: &RunConfig, layer: usize) -> Result<Array2<f64>, TtError> {
        let layer = &self.layers[layer];
        let cores: Vec<Vec<f64>> = layer.parameters[..layer.shape.depth()]
            .iter()
            .map(|core| core.used(config))
            .collect();
        let matrix = TtMatrix::from_slices(&layer.shape, &cores)?;
        Ok(matrix.reconstruct() * f64::from(-layer.exponent).exp2())
    }

    /// A number that tells master copies apart, for the asking at every step: the sum of all values' bits, each
    /// times an odd number of its own, modulo 2^32.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        let (mut sum, mut factor) = (0_u32, 1_u32);
        for parameter in self.layers.iter().flat_map(|layer| &layer.parameters) {
            for value in &parameter.master {
                sum = sum.wrapping_add(value.to_bits().wrapping_mul(factor));
                factor = factor.wrapping_add(2);
            }
        }
        sum
    }

    /// Checksum of all master copies (FNV-1a, 64 bits, over their little-endian `f32` bytes).
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let values = self
            .layers
            .iter()
            .flat_map(|layer| &layer.parameters)
            .flat_map(|p| &p.master);
        checksum(values.copied())
    }
}

/// FNV-1a, 64 bits, over the little-endian bytes of values.
pub(super) fn checksum(values: impl Iterator<Item = f32>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in values.flat_map(|value| value.to_bits().to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

impl Bond {
    /// A bond whose indices are all alive, with unit variances.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            initial_rank: rank,
            alive: (0..rank as u16).collect(),
            variances: vec![1.0; rank],
            relevance: vec![0.0; rank],
        }
    }
}

impl Parameter {
    fn new(
        len: usize,
        kind: OptimiserKind,
        grid: Option<Grid>,
        draw: impl Fn(usize) -> f32,
    ) -> Self {
        let mut master: Vec<f32> = (0..len).map(draw).collect();
        if let Some(grid) = grid {
            grid.place(&mut master);
        }
        Self {
            master,
            moments: Moments::new(kind, len),
            grid,
        }
    }

    /// The tensors that shrink together: the master copy and the moments.
    fn tensors(&mut self) -> impl Iterator<Item = &mut Vec<f32>> {
        [
            &mut self.master,
            &mut self.moments.first,
            &mut self.moments.second,
        ]
        .into_iter()
        .filter(|t| !t.is_empty())
    }
}

impl Layer {
    /// What a step changes.
    pub(super) fn state(&mut self) -> LayerState<'_> {
        LayerState {
            parameters: &mut self.parameters,
            bonds: &mut self.bonds,
        }
    }

    /// Keeps only these indices of a bond (from 0): slices leave both cores, their moments and the
    /// bond. Returns the removed indices as numbered at the start of the run.
    ///
    /// # Panics
    /// If `keep` is empty, not ascending or out of range.
    pub fn keep(&mut self, bond: usize, keep: &[usize]) -> Vec<u16> {
        let (left_shape, right_shape) =
            (self.shape.core_shape(bond), self.shape.core_shape(bond + 1));
        let (before, after) = self.parameters.split_at_mut(bond + 1);
        for (left, right) in before[bond].tensors().zip(after[0].tensors()) {
            (*left, *right) = remove_bond_indices(left, left_shape, right, right_shape, keep);
        }
        let state = &mut self.bonds[bond];
        let removed = (0..state.alive.len())
            .filter(|i| !keep.contains(i))
            .map(|i| state.alive[i])
            .collect();
        state.alive = keep.iter().map(|&i| state.alive[i]).collect();
        state.variances = keep.iter().map(|&i| state.variances[i]).collect();
        state.relevance = keep.iter().map(|&i| state.relevance[i]).collect();
        let mut ranks = self.shape.ranks().to_vec();
        ranks[bond] = keep.len();
        if let Ok(shape) = self.shape.with_ranks(ranks) {
            self.shape = shape;
        }
        removed
    }

    /// Core entries that one index of a bond takes: a slice of each neighbour.
    #[must_use]
    pub fn index_entries(&self, bond: usize) -> usize {
        let ([r, m, n, _], [_, m2, n2, r2]) =
            (self.shape.core_shape(bond), self.shape.core_shape(bond + 1));
        r * m * n + m2 * n2 * r2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_are_put_on_the_grid_as_one_is() {
        let numbers = Stream::new(Seed(8), 0, 0, 0);
        let drawn = Stream::new(Seed(8), 1, 0, 0);
        for rounding in [Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic] {
            for bits in [2, 4, 8, 16] {
                let grid = Grid { bits, rounding };
                let mut values: Vec<f32> = (0..101).map(|at| numbers.normal(at) * 0.7).collect();
                (values[5], values[9], values[100]) = (f32::NAN, 7.0, -7.0);
                let changes: Vec<f32> = (0..101).map(|at| numbers.normal(200 + at) * 0.1).collect();
                let full = (1_u32 << (bits - 1)) as f32;
                // The definition, with the standard library's floor.
                let point = |value: f32, addend: f32| {
                    (value * full + addend).floor().clamp(-full, full - 1.0) / full
                };
                let addend = |at: usize| match rounding {
                    Rounding::Truncate => 0.0,
                    Rounding::Nearest => 0.5,
                    Rounding::Stochastic => drawn.unit(at as u32),
                };
                let same = |a: f32, b: f32| (a - b).abs() <= 0.0 || (a.is_nan() && b.is_nan());
                let pairs = values.iter().zip(&changes).enumerate();
                let wanted: Vec<f32> = pairs
                    .map(|(at, (value, change))| point(value - change, addend(at)))
                    .collect();
                let mut placed = values.clone();
                grid.place(&mut placed);
                for (&placed, &value) in placed.iter().zip(&values) {
                    assert!(same(placed, point(value, 0.5)), "{value} on {grid:?}");
                }
                grid.subtract(&mut values, &changes, drawn);
                for (at, (&found, &wanted)) in values.iter().zip(&wanted).enumerate() {
                    assert!(same(found, wanted), "value {at} on {grid:?}");
                }
                let mut integers = vec![0; 101];
                Grid::view(&mut integers, &values, bits.min(8));
                let full = f32::from(1_u16 << (bits.min(8) - 1));
                for (&integer, value) in integers.iter().zip(&values) {
                    let nearest = (value * full + 0.5).floor().clamp(1.0 - full, full - 1.0);
                    assert_eq!(integer, nearest as i16, "{value} in {bits} bits");
                }
            }
        }
    }
}
