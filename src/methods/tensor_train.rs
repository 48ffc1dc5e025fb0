//! The tensor train, in the same simple form as its neighbours: `W` is built from the cores once a batch.
//!
//! This is the layer for recurrent cells and for comparisons in floating point; the tensor train trained
//! at low precision with ranks that shrink is the trainer's own and runs as a Program.

use super::knob::{Accepted, Knob, Knobs};
use super::matmul::{Explicit, Matrix, Multiplier};
use super::operator::{LayerSpec, Method, Operator, Published, Recipe, Tensor};
use super::quantise;
use super::work::{Storage, Unit, Work};
use crate::numeric::{Seed, Stream};
use crate::program::{NetworkShape, Op, OpKind, Pass, Schedule, compile};
use crate::tt::{Truncation, TtShape, core_std, tt_svd};
use ndarray::Array2;

/// `W` as a train of cores of shape (r, m, n, r').
#[derive(Debug)]
pub struct TensorTrain;

static KNOBS: [Knob; 1] = [Knob {
    name: "rank",
    title: "rank of every bond, 0 for those of the network",
    default: 0.0,
    accepted: Accepted::Whole(0, 256),
}];

fn shape(spec: &LayerSpec, knobs: &Knobs) -> TtShape {
    let wanted = match knobs.whole("rank") {
        0 => spec.shape.ranks().to_vec(),
        rank => vec![rank; spec.shape.depth() - 1],
    };
    // A rank beyond what the unfoldings can have holds nothing.
    let most = spec.shape.max_ranks();
    let ranks: Vec<usize> = wanted
        .iter()
        .zip(most)
        .map(|(&rank, most)| rank.min(most))
        .collect();
    spec.shape
        .with_ranks(ranks)
        .unwrap_or_else(|_| spec.shape.clone())
}

impl Method for TensorTrain {
    fn name(&self) -> &'static str {
        "tensor-train"
    }

    fn title(&self) -> &'static str {
        "Tensor train"
    }

    fn knobs(&self) -> &'static [Knob] {
        &KNOBS
    }

    fn settings(&self) -> &'static [f32] {
        &[16.0, 12.0, 8.0, 4.0]
    }

    fn recipe(&self, _: bool) -> Recipe {
        Recipe::plain(5e-3)
    }

    fn published(&self) -> &'static [Published] {
        &[Published {
            claim: "292x less parameter memory, 59x faster and 123x less energy than on an embedded CPU",
            holds_for: "896-512-16 with adaptive ranks at 4/8/16 bits on Fashion-MNIST; training on an FPGA",
            source: "Zhang et al., 2021 (arXiv 2104.03420)",
        }]
    }

    fn layer(&self, spec: &LayerSpec, knobs: &Knobs, stream: Stream) -> Box<dyn Operator> {
        let shape = shape(spec, knobs);
        let deviation = core_std(&shape, spec.deviation);
        let core = |(k, dims): (usize, [usize; 4])| {
            // Each core has draws of its own.
            let stream = Stream::new(Seed(stream.bits(k as u32)), 0, 0, 0);
            Tensor::normal(format!("G{}", k + 1), dims.to_vec(), deviation, stream)
        };
        let cores = shape.core_shapes().enumerate().map(core).collect();
        Box::new(Train::new(shape, spec.bits, cores))
    }

    fn nearest(&self, spec: &LayerSpec, knobs: &Knobs, weights: &[f32]) -> Box<dyn Operator> {
        let shape = shape(spec, knobs);
        let sides = (shape.outputs(), shape.inputs());
        let matrix = Array2::from_shape_fn(sides, |(i, j)| f64::from(weights[i * sides.1 + j]));
        let truncation = Truncation::ranks(shape.ranks());
        let found = tt_svd(&matrix, shape.in_modes(), shape.out_modes(), &truncation);
        // A matrix that has no decomposition (one with an infinite entry) gives a train of zeros.
        let (shape, cores) = if let Ok(found) = found {
            (found.matrix.shape().clone(), found.matrix.to_f32())
        } else {
            let zeros = shape.core_shapes();
            let zeros = zeros.map(|dims| vec![0.0; dims.iter().product()]).collect();
            (shape, zeros)
        };
        let tensor = |(k, (values, dims)): (usize, (Vec<f32>, [usize; 4]))| {
            Tensor::new(format!("G{}", k + 1), dims.to_vec(), values)
        };
        let cores = cores.into_iter().zip(shape.core_shapes());
        let cores = cores.enumerate().map(tensor).collect();
        Box::new(Train::new(shape, spec.bits, cores))
    }
}

/// A train of cores and the `W` built from it.
#[derive(Clone, Debug)]
struct Train {
    shape: TtShape,
    bits: Option<u8>,
    cores: Vec<Tensor>,
    /// Cores as the forward pass sees them.
    seen: Vec<Vec<f32>>,
    /// Products of the leading cores, pairs of modes x bond: of none, of one, ... of all.
    leading: Vec<Vec<f32>>,
    /// Place in `W` of each entry of the product of all cores.
    places: Vec<u32>,
    weights: Vec<f32>,
    slopes: Vec<f32>,
    multiplier: Multiplier,
}

/// Where in `W` (row-major) each entry stands whose indices run pair by pair, (m1, n1), (m2, n2), ...
fn places(shape: &TtShape) -> Vec<u32> {
    let (mut rows, mut cols) = (vec![0_u32], vec![0_u32]);
    let mut found = vec![0_u32];
    let inputs = shape.inputs() as u32;
    for (&m, &n) in shape.out_modes().iter().zip(shape.in_modes()) {
        let (m, n) = (m as u32, n as u32);
        let grow = |list: &[u32], f: &dyn Fn(u32, u32, u32) -> u32| {
            let each = |&at: &u32| (0..m).flat_map(move |i| (0..n).map(move |j| (at, i, j)));
            let grown: Vec<u32> = list
                .iter()
                .flat_map(each)
                .map(|(at, i, j)| f(at, i, j))
                .collect();
            grown
        };
        rows = grow(&rows, &|at, i, _| at * m + i);
        cols = grow(&cols, &|at, _, j| at * n + j);
        found = rows
            .iter()
            .zip(&cols)
            .map(|(row, col)| row * inputs + col)
            .collect();
    }
    found
}

impl Train {
    fn new(shape: TtShape, bits: Option<u8>, cores: Vec<Tensor>) -> Self {
        let entries = shape.dense_entries();
        let mut train = Self {
            places: places(&shape),
            seen: vec![Vec::new(); cores.len()],
            leading: vec![Vec::new(); cores.len() + 1],
            weights: vec![0.0; entries],
            slopes: vec![0.0; entries],
            multiplier: Multiplier::default(),
            shape,
            bits,
            cores,
        };
        train.refresh();
        train
    }
}

impl Operator for Train {
    fn sides(&self) -> (usize, usize) {
        (self.shape.inputs(), self.shape.outputs())
    }

    fn forward(&mut self, x: &[f32], y: &mut [f32]) {
        let matrix = Explicit {
            weights: &self.weights,
            sides: self.sides(),
        };
        matrix.forward(&mut self.multiplier, x, y);
    }

    fn backward(&mut self, x: &[f32], dy: &[f32], dx: Option<&mut [f32]>) {
        let matrix = Explicit {
            weights: &self.weights,
            sides: self.sides(),
        };
        matrix.backward(&mut self.multiplier, (x, dy), &mut self.slopes, dx);
    }

    fn gather(&mut self) {
        // The gradient of W with its indices pair by pair; then from the last core to the first, the
        // gradient contracted with all cores after the one in hand.
        let mut rest: Vec<f32> = self
            .places
            .iter()
            .map(|&at| self.slopes[at as usize])
            .collect();
        self.slopes.fill(0.0);
        for k in (0..self.cores.len()).rev() {
            let [r, m, n, s] = self.shape.core_shape(k);
            // rest: (pairs before) x (m n) x s; leading: (pairs before) x r.
            let before = Matrix::of_rows(&self.leading[k], r);
            let pair = Matrix::of_rows(&rest, m * n * s);
            let gradient = &mut self.cores[k].gradient;
            self.multiplier
                .product(before.transposed(), pair, gradient, true);
            let core = Matrix::of_rows(&self.seen[k], m * n * s).transposed();
            let mut shorter = vec![0.0; pair.rows * r];
            self.multiplier.product(pair, core, &mut shorter, false);
            rest = shorter;
        }
    }

    fn tensors(&self) -> &[Tensor] {
        &self.cores
    }

    fn tensors_mut(&mut self) -> &mut [Tensor] {
        &mut self.cores
    }

    fn refresh(&mut self) {
        self.leading[0] = vec![1.0];
        for (k, core) in self.cores.iter().enumerate() {
            quantise::seen(&core.values, self.bits, &mut self.seen[k]);
            let [r, m, n, s] = self.shape.core_shape(k);
            let before = Matrix::of_rows(&self.leading[k], r);
            let core = Matrix::of_rows(&self.seen[k], m * n * s);
            let mut product = vec![0.0; before.rows * m * n * s];
            self.multiplier.product(before, core, &mut product, false);
            self.leading[k + 1] = product;
        }
        for (&at, &value) in self.places.iter().zip(&self.leading[self.cores.len()]) {
            self.weights[at as usize] = value;
        }
    }

    fn weights(&self) -> Vec<f32> {
        self.weights.clone()
    }

    fn storage(&self) -> Storage {
        let values = self.shape.core_entries() as u64;
        Storage {
            values,
            value_bits: values * u64::from(self.bits.unwrap_or(32)),
            side_bits: 0,
        }
    }

    fn work(&self) -> Work {
        let units = self.units().into_iter();
        units.fold(Work::default(), |sum, unit| sum + unit.work)
    }

    fn units(&self) -> Vec<Unit> {
        // The contractions of a forward pass in the planner's order for one sample.
        let network = NetworkShape {
            layers: vec![self.shape.clone()],
            exponents: vec![0],
            classes: 1,
        };
        let program = compile(&network, Schedule::Planned, 1);
        let forward = program.ops.iter().filter(|op| op.pass == Pass::Forward);
        let contractions = forward.filter(|op| matches!(op.kind, OpKind::Contract { .. }));
        let unit = |op: &Op| Unit {
            name: "contraction",
            work: Work {
                multiplies: op.macs(),
                adds: op.macs(),
                shifts: 0,
            },
            together: program.buffer(op.writes()).len as u64,
        };
        contractions.map(unit).collect()
    }

    fn ranks(&self) -> Vec<usize> {
        self.shape.ranks().to_vec()
    }

    fn boxed(&self) -> Box<dyn Operator> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tt::TtMatrix;

    #[test]
    fn the_matrix_is_the_one_that_the_algebra_reconstructs() {
        let shape = TtShape::new([3, 4, 2], [2, 5, 3], [3, 4]).expect("a shape");
        let spec = LayerSpec {
            shape: shape.clone(),
            deviation: 1.0,
            bits: None,
        };
        let knobs = Knobs::new(&KNOBS, []).expect("defaults");
        let layer = TensorTrain.layer(&spec, &knobs, Stream::new(Seed(3), 0, 0, 0));
        let cores: Vec<&[f32]> = layer
            .tensors()
            .iter()
            .map(|core| &core.values[..])
            .collect();
        let train = TtMatrix::from_slices(&shape, &cores).expect("a train");
        for (found, wanted) in layer.weights().iter().zip(train.reconstruct().iter()) {
            assert!((f64::from(*found) - wanted).abs() < 1e-5);
        }
        // No more than the sweep from right to left: P_k has (inputs before) x rank x (outputs after).
        let sweep = 12 * 2 * 4 * 3 + 3 * 4 * 4 * 3 * 5 * 3 + 3 * 3 * 2 * 15;
        assert!(layer.work().multiplies <= sweep);
    }

    #[test]
    fn the_nearest_train_to_one_of_its_rank_is_itself() {
        let shape = TtShape::new([3, 4], [2, 5], [3]).expect("a shape");
        let spec = LayerSpec {
            shape,
            deviation: 1.0,
            bits: None,
        };
        let knobs = Knobs::new(&KNOBS, []).expect("defaults");
        let layer = TensorTrain.layer(&spec, &knobs, Stream::new(Seed(4), 0, 0, 0));
        let again = TensorTrain.nearest(&spec, &knobs, &layer.weights());
        for (found, wanted) in again.weights().iter().zip(layer.weights()) {
            assert!((found - wanted).abs() < 1e-4);
        }
    }
}
