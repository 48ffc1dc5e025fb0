//! `SmartDeal` (TNNLS; arXiv 2101.01163): `W` rebuilt from a small basis by shifts and additions.
//!
//! A row of `W` with n entries becomes `A` of ceil(n/3) x 3, filled up with zeros, and `A = C B`: `B` is 3 x 3 in
//! 8 bits, `C` has signed powers of two in 4 bits, and whole rows of `C` are zero. One `B` serves all of a row of
//! `W`, or a piece of so many rows of `A` (knob `piece`); the published storage on 784-512-10 is that of one
//! for each row.
//!
//! Training is dense for [`DECOMPOSE_AT`] of the run; then the rows of `A` of least norm are removed, the rest is
//! decomposed, and `B` and `C` are trained: gradients go straight through all rounding, `B` takes the
//! optimiser's change, and a coefficient moves by "bucket switching": a counter gathers the sign of its change, and
//! when it reaches the bar the coefficient moves to the neighbouring power, through zero, and the counter
//! starts anew. The share of the run, the rows removed by their norm over the whole layer, and the seven
//! exponents below the layer's largest are ours.

mod decompose;

use decompose::{Powers, SIDE, decompose};

use super::knob::{Accepted, Knob, Knobs};
use super::matmul::{Explicit, Multiplier};
use super::operator::{LayerSpec, Method, Moment, Operator, Published, Recipe, Tensor};
use super::quantise;
use super::work::{Storage, Unit, Work};
use crate::numeric::{Stream, exact, sort_by_key};

/// Share of the run after which the dense matrix is decomposed.
pub const DECOMPOSE_AT: f32 = 0.4;
/// Bits of a coefficient: its sign, and one of seven exponents or zero.
pub const COEFFICIENT_BITS: u64 = 4;
/// Bits of an entry of a basis.
pub const BASIS_BITS: u8 = 8;

/// `W` as powers of two times a small basis.
#[derive(Debug)]
pub struct SmartDeal;

static KNOBS: [Knob; 3] = [
    Knob {
        name: "sparsity",
        title: "share of the coefficients that is removed, by rows of three",
        default: 0.7,
        accepted: Accepted::Between(0.0, 0.95),
    },
    Knob {
        name: "piece",
        title: "rows of three that share a basis, 0 for a whole row of W",
        default: 0.0,
        accepted: Accepted::Whole(0, 4096),
    },
    Knob {
        name: "bar",
        title: "steps in one direction after which a coefficient moves",
        default: 200.0,
        accepted: Accepted::Whole(1, 10_000),
    },
];

impl Method for SmartDeal {
    fn name(&self) -> &'static str {
        "smart-deal"
    }

    fn title(&self) -> &'static str {
        "SmartDeal"
    }

    fn knobs(&self) -> &'static [Knob] {
        &KNOBS
    }

    fn settings(&self) -> &'static [f32] {
        &[0.7, 0.0, 0.5, 0.9]
    }

    fn recipe(&self, recurrent: bool) -> Recipe {
        Recipe::plain(if recurrent { 5e-3 } else { 2e-3 })
    }

    fn published(&self) -> &'static [Published] {
        &[Published {
            claim: "up to 2.44x less energy in inference; in training 10.56x less storage and 4.48x less energy",
            holds_for: "nine vision and language models on four data sets",
            source: "SmartDeal, TNNLS (arXiv 2101.01163)",
        }]
    }

    fn layer(&self, spec: &LayerSpec, knobs: &Knobs, stream: Stream) -> Box<dyn Operator> {
        let shape = vec![spec.outputs(), spec.inputs()];
        let tensor = Tensor::normal("W", shape, spec.deviation, stream);
        Box::new(Rebuilt::new(spec, knobs, tensor))
    }

    fn nearest(&self, spec: &LayerSpec, knobs: &Knobs, weights: &[f32]) -> Box<dyn Operator> {
        let shape = vec![spec.outputs(), spec.inputs()];
        let tensor = Tensor::new("W", shape, weights.to_vec());
        let mut layer = Rebuilt::new(spec, knobs, tensor);
        layer.decompose();
        Box::new(layer)
    }
}

/// How the rows of `W` are cut into rows of `A` and pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    inputs: usize,
    outputs: usize,
    /// Rows of `A` of a piece.
    piece: usize,
}

impl Cut {
    /// Rows of `A` of a row of `W`.
    fn rows(self) -> usize {
        self.inputs.div_ceil(SIDE)
    }

    /// Pieces of a row of `W`.
    fn pieces(self) -> usize {
        self.rows().div_ceil(self.piece)
    }

    /// The piece to which a row of `A` belongs, both counted over the whole matrix.
    fn piece_of(self, row: usize) -> usize {
        row / self.rows() * self.pieces() + row % self.rows() / self.piece
    }

    /// The rows of `A` of a matrix (outputs x inputs), filled up with zeros.
    fn fold(self, weights: &[f32]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(self.outputs * self.rows() * SIDE);
        for row in weights.chunks_exact(self.inputs) {
            rows.extend_from_slice(row);
            rows.resize(rows.len().next_multiple_of(self.rows() * SIDE), 0.0);
        }
        rows
    }
}

/// The decomposed form.
#[derive(Clone, Debug)]
struct Parts {
    powers: Powers,
    /// Whether each row of `A` is kept.
    kept: Vec<bool>,
    /// Of each coefficient.
    counters: Vec<f32>,
    /// Bases as the forward pass sees them.
    bases: Vec<f32>,
}

/// A matrix that is dense at first, and then coefficients and bases.
#[derive(Clone, Debug)]
struct Rebuilt {
    bits: Option<u8>,
    cut: Cut,
    sparsity: f64,
    bar: f32,
    /// `W`; once decomposed `C` and `B`.
    tensors: Vec<Tensor>,
    parts: Option<Parts>,
    weights: Vec<f32>,
    /// The gradient of `W`, once decomposed.
    slopes: Vec<f32>,
    multiplier: Multiplier,
}

impl Rebuilt {
    fn new(spec: &LayerSpec, knobs: &Knobs, tensor: Tensor) -> Self {
        let (inputs, outputs) = (spec.inputs(), spec.outputs());
        let rows = inputs.div_ceil(SIDE);
        let piece = match knobs.whole("piece") {
            0 => rows,
            piece => piece.min(rows),
        };
        let mut layer = Self {
            bits: spec.bits,
            cut: Cut {
                inputs,
                outputs,
                piece,
            },
            sparsity: knobs.get("sparsity").into(),
            bar: knobs.get("bar"),
            tensors: vec![tensor],
            parts: None,
            weights: Vec::new(),
            slopes: Vec::new(),
            multiplier: Multiplier::default(),
        };
        layer.refresh();
        layer
    }

    /// The decomposed form with any values.
    fn take_form(&mut self) {
        let cut = self.cut;
        let (rows, pieces) = (cut.outputs * cut.rows(), cut.outputs * cut.pieces());
        self.tensors = vec![
            Tensor::new("C", vec![rows, SIDE], vec![0.0; rows * SIDE]),
            Tensor::new(
                "B",
                vec![pieces, SIDE, SIDE],
                vec![0.0; pieces * SIDE * SIDE],
            ),
        ];
        self.slopes = vec![0.0; cut.outputs * cut.inputs];
        self.parts = Some(Parts {
            powers: Powers { top: 0 },
            kept: vec![true; rows],
            counters: vec![0.0; rows * SIDE],
            bases: Vec::new(),
        });
    }

    /// Turns the dense matrix into coefficients and bases.
    fn decompose(&mut self) {
        let cut = self.cut;
        let mut rows = cut.fold(&self.tensors[0].values);
        let kept = kept_rows(&rows, self.sparsity);
        for (row, kept) in rows.chunks_exact_mut(SIDE).zip(&kept) {
            if !kept {
                row.fill(0.0);
            }
        }
        let powers = Powers::covering(quantise::peak(&rows).into());
        self.take_form();
        let [coefficients, bases] = &mut self.tensors[..] else {
            return;
        };
        let row_len = cut.rows() * SIDE;
        let pieces = rows
            .chunks_exact(row_len)
            .zip(coefficients.values.chunks_exact_mut(row_len))
            .flat_map(|(row, slots)| {
                let len = cut.piece * SIDE;
                row.chunks(len).zip(slots.chunks_mut(len))
            });
        for ((piece, slots), basis) in pieces.zip(bases.values.chunks_exact_mut(SIDE * SIDE)) {
            let target: Vec<f64> = piece.iter().map(|&value| value.into()).collect();
            let (found, fitted) = decompose(&target, powers);
            for (slot, value) in slots.iter_mut().zip(found) {
                *slot = value as f32;
            }
            for (slot, value) in basis.iter_mut().zip(fitted) {
                *slot = value as f32;
            }
        }
        if let Some(parts) = &mut self.parts {
            parts.powers = powers;
            parts.kept = kept;
        }
        self.refresh();
    }
}

/// Which rows of three are kept: all but the share of least norm.
fn kept_rows(rows: &[f32], sparsity: f64) -> Vec<bool> {
    let norm = |row: &[f32]| {
        row.iter()
            .map(|&x| f64::from(x) * f64::from(x))
            .sum::<f64>()
    };
    let norms: Vec<f64> = rows.chunks_exact(SIDE).map(norm).collect();
    let mut order: Vec<usize> = (0..norms.len()).collect();
    // Bits of numbers that are not negative rise with them.
    sort_by_key(&mut order, |&row| [norms[row].to_bits(), 0]);
    let mut kept = vec![true; norms.len()];
    for &row in &order[..(sparsity * norms.len() as f64 + 0.5) as usize] {
        kept[row] = false;
    }
    kept
}

impl Operator for Rebuilt {
    fn sides(&self) -> (usize, usize) {
        (self.cut.inputs, self.cut.outputs)
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
        let slopes = match self.parts {
            Some(_) => &mut self.slopes,
            None => &mut self.tensors[0].gradient,
        };
        matrix.backward(&mut self.multiplier, (x, dy), slopes, dx);
    }

    fn gather(&mut self) {
        let Some(parts) = &self.parts else {
            return;
        };
        let [coefficients, bases] = &mut self.tensors[..] else {
            return;
        };
        let slopes = self.cut.fold(&self.slopes);
        self.slopes.fill(0.0);
        let rows = slopes
            .chunks_exact(SIDE)
            .zip(coefficients.values.chunks_exact(SIDE))
            .zip(coefficients.gradient.chunks_exact_mut(SIDE));
        for (row, ((slope, c), dc)) in rows.enumerate() {
            if !parts.kept[row] {
                continue;
            }
            let at = self.cut.piece_of(row) * SIDE * SIDE;
            let own = &parts.bases[at..at + SIDE * SIDE];
            let gradient = &mut bases.gradient[at..at + SIDE * SIDE];
            for k in 0..SIDE {
                for j in 0..SIDE {
                    dc[k] += slope[j] * own[k * SIDE + j];
                    gradient[k * SIDE + j] += c[k] * slope[j];
                }
            }
        }
    }

    fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    fn tensors_mut(&mut self) -> &mut [Tensor] {
        &mut self.tensors
    }

    fn change(&mut self, tensor: usize, change: &[f32]) {
        let Some(parts) = self.parts.as_mut().filter(|_| tensor == 0) else {
            crate::kernels::subtract(&mut self.tensors[tensor].values, change);
            return;
        };
        let values = self.tensors[0].values.iter_mut().zip(&mut parts.counters);
        for (at, ((value, counter), change)) in values.zip(change).enumerate() {
            if !parts.kept[at / SIDE] || *change == 0.0 {
                continue;
            }
            *counter -= change.signum();
            if counter.abs() >= self.bar {
                *value = parts.powers.neighbour(*value, *counter > 0.0);
                *counter = 0.0;
            }
        }
    }

    fn constrain(&mut self, moment: Moment) {
        if self.parts.is_none() && moment.reaches(DECOMPOSE_AT) {
            self.decompose();
        }
    }

    fn refresh(&mut self) {
        let Some(parts) = &mut self.parts else {
            quantise::seen(&self.tensors[0].values, self.bits, &mut self.weights);
            return;
        };
        let [coefficients, bases] = &self.tensors[..] else {
            return;
        };
        quantise::seen(&bases.values, Some(BASIS_BITS), &mut parts.bases);
        let (inputs, rows) = (self.cut.inputs, self.cut.rows());
        for (row, c) in coefficients.values.chunks_exact(SIDE).enumerate() {
            let b = &parts.bases[self.cut.piece_of(row) * SIDE * SIDE..];
            let start = row / rows * inputs + row % rows * SIDE;
            let count = (inputs - row % rows * SIDE).min(SIDE);
            for (j, slot) in self.weights[start..start + count].iter_mut().enumerate() {
                *slot = c[0] * b[j] + c[1] * b[SIDE + j] + c[2] * b[2 * SIDE + j];
            }
        }
    }

    fn phase(&self) -> u32 {
        self.parts.is_some().into()
    }

    fn enter(&mut self, phase: u32) {
        if phase > 0 && self.parts.is_none() {
            self.take_form();
        }
    }

    fn state(&self) -> Vec<Tensor> {
        let Some(parts) = &self.parts else {
            return Vec::new();
        };
        let kept = parts.kept.iter().map(|&kept| f32::from(u8::from(kept)));
        let kept: Vec<f32> = kept.collect();
        let shape = vec![kept.len(), SIDE];
        vec![
            Tensor::new("kept", vec![kept.len()], kept),
            Tensor::new("counter", shape, parts.counters.clone()),
            Tensor::new("top", vec![1], vec![parts.powers.top as f32]),
        ]
    }

    fn restore(&mut self, state: &[Tensor]) -> bool {
        let Some(parts) = &mut self.parts else {
            return state.is_empty();
        };
        let [kept, counters, top] = state else {
            return false;
        };
        parts.kept = kept.values.iter().map(|&kept| kept > 0.5).collect();
        parts.counters.clone_from(&counters.values);
        parts.powers.top = (top.values[0] as i32).clamp(-30, decompose::MOST_EXPONENT);
        true
    }

    fn weights(&self) -> Vec<f32> {
        self.weights.clone()
    }

    fn storage(&self) -> Storage {
        let Some(parts) = &self.parts else {
            let values = self.weights.len() as u64;
            return Storage {
                values,
                value_bits: values * u64::from(self.bits.unwrap_or(32)),
                side_bits: 0,
            };
        };
        let kept = parts.kept.iter().filter(|kept| **kept).count() * SIDE;
        let bases = self.tensors[1].values.len() as u64;
        Storage {
            values: kept as u64 + bases,
            value_bits: COEFFICIENT_BITS * kept as u64 + u64::from(BASIS_BITS) * bases,
            // A bit for each row of three says whether it is kept.
            side_bits: parts.kept.len() as u64,
        }
    }

    fn work(&self) -> Work {
        let units = self.units().into_iter();
        units.fold(Work::default(), |sum, unit| sum + unit.work)
    }

    fn units(&self) -> Vec<Unit> {
        let unit = |name, multiplies, adds, shifts| Unit {
            name,
            work: Work {
                multiplies,
                adds,
                shifts,
            },
            together: self.cut.outputs as u64,
        };
        let Some(parts) = &self.parts else {
            let macs = self.weights.len() as u64;
            return vec![unit("products", macs, macs, 0)];
        };
        // Three shifts and two additions a weight, once a sample; then the products of what is not zero.
        let weights = (parts.kept.iter().filter(|kept| **kept).count() * SIDE) as u64;
        vec![
            unit("rebuild", 0, 2 * weights, 3 * weights),
            unit("products", weights, weights, 0),
        ]
    }

    fn exponents(&self) -> Vec<(i32, u64)> {
        let Some(parts) = &self.parts else {
            return Vec::new();
        };
        let coefficients = &self.tensors[0].values;
        let count = |exponent: i32| {
            // Powers of two are exact, and so are told apart by their bits.
            let power = (exact::pow2_f64(exponent) as f32).to_bits();
            let alike = |value: &&f32| value.abs().to_bits() == power;
            (exponent, coefficients.iter().filter(alike).count() as u64)
        };
        parts.powers.exponents().map(count).collect()
    }

    fn boxed(&self) -> Box<dyn Operator> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Seed;
    use crate::tt::TtShape;

    fn layer(inputs: usize, outputs: usize, given: &[(&str, f32)]) -> Rebuilt {
        let spec = LayerSpec {
            shape: TtShape::dense(inputs, outputs).expect("a shape"),
            deviation: 0.1,
            bits: None,
        };
        let knobs = Knobs::new(&KNOBS, given.iter().copied()).expect("accepted");
        let stream = Stream::new(Seed(3), 0, 0, 0);
        let tensor = Tensor::normal("W", vec![outputs, inputs], 0.1, stream);
        let mut layer = Rebuilt::new(&spec, &knobs, tensor);
        layer.decompose();
        layer
    }

    #[test]
    fn storage_is_the_published_one_on_784_512_10() {
        for (sparsity, published) in [(0.0, 7.2), (0.5, 13.2), (0.7, 19.6), (0.9, 38.7)] {
            let layers = [(784, 512), (512, 10)];
            let bits = |(n, m)| layer(n, m, &[("sparsity", sparsity)]).storage().bits();
            let stored: u64 = layers.into_iter().map(bits).sum();
            let dense: usize = layers.into_iter().map(|(n, m)| 32 * n * m).sum();
            let ratio = dense as f64 / stored as f64;
            assert!((ratio - published).abs() < 0.05, "{sparsity}: {ratio}");
        }
    }

    #[test]
    fn the_matrix_is_coefficients_times_bases_and_zero_where_removed() {
        for piece in [0.0, 2.0, 64.0] {
            let layer = layer(11, 4, &[("piece", piece), ("sparsity", 0.5)]);
            let (cut, parts) = (layer.cut, layer.parts.as_ref().expect("decomposed"));
            for row in 0..4 {
                for column in 0..11 {
                    let at = row * cut.rows() + column / 3;
                    let basis = &parts.bases[cut.piece_of(at) * 9..];
                    let c = &layer.tensors[0].values[at * 3..];
                    let wanted: f64 = (0..3)
                        .map(|k| f64::from(c[k]) * f64::from(basis[k * 3 + column % 3]))
                        .sum();
                    let found = f64::from(layer.weights[row * 11 + column]);
                    assert!((found - wanted).abs() < 1e-7);
                    assert!(parts.kept[at] || found.abs() <= 0.0);
                }
            }
        }
    }

    #[test]
    fn gradients_are_those_of_the_product() {
        let mut layer = layer(7, 2, &[("sparsity", 0.4), ("piece", 2.0)]);
        let stream = Stream::new(Seed(8), 0, 0, 0);
        let slopes: Vec<f32> = (0..14).map(|at| stream.normal(at)).collect();
        layer.slopes.clone_from(&slopes);
        let (parts, c) = (
            layer.parts.clone().expect("decomposed"),
            layer.tensors[0].values.clone(),
        );
        layer.gather();
        let mut bases = vec![0.0_f64; layer.tensors[1].values.len()];
        for (at, slope) in slopes.iter().enumerate() {
            let (row, column) = (at / 7, at % 7);
            let a = row * 3 + column / 3;
            for k in 0..3 {
                let entry = layer.cut.piece_of(a) * 9 + k * 3 + column % 3;
                bases[entry] += f64::from(c[a * 3 + k]) * f64::from(*slope);
            }
        }
        for (found, wanted) in layer.tensors[1].gradient.iter().zip(&bases) {
            assert!((f64::from(*found) - wanted).abs() < 1e-6);
        }
        for (at, found) in layer.tensors[0].gradient.iter().enumerate() {
            let (a, k) = (at / 3, at % 3);
            let terms = (0..3).filter(|j| a % 3 * 3 + j < 7).map(|j| {
                let slope = slopes[a / 3 * 7 + a % 3 * 3 + j];
                slope * parts.bases[layer.cut.piece_of(a) * 9 + k * 3 + j]
            });
            let wanted: f32 = if parts.kept[a] { terms.sum() } else { 0.0 };
            assert!((found - wanted).abs() < 1e-5);
        }
    }

    #[test]
    fn a_coefficient_moves_when_its_counter_reaches_the_bar() {
        let mut layer = layer(6, 2, &[("sparsity", 0.5), ("bar", 3.0)]);
        let before = layer.tensors[0].values.clone();
        let parts = layer.parts.clone().expect("decomposed");
        for step in 1..=3 {
            layer.change(0, &vec![0.01; before.len()]);
            for (at, (now, before)) in layer.tensors[0].values.iter().zip(&before).enumerate() {
                let moves = step == 3 && parts.kept[at / 3];
                let wanted = if moves {
                    parts.powers.neighbour(*before, false)
                } else {
                    *before
                };
                assert_eq!(now.to_bits(), wanted.to_bits());
            }
        }
    }
}
