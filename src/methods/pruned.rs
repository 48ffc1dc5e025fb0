//! Block pruning: within each p x q block of `W` whole columns are removed ("Mobile or FPGA?", ACM TECS 2022).
//!
//! Training is dense at first, with a reweighted group lasso on the columns of the blocks: the loss gets
//! `strength / 2 sum P |c|^2` over all columns c of all blocks, where `P = 1 / (|c|^2 + eps)` is computed anew
//! every epoch, so that small columns are drawn to zero and large ones left alone. After [`PRUNE_AT`] of the run
//! the columns of least norm are removed, over the whole layer but for the largest of each block row, and
//! the rest is trained on with masked gradients: what is removed stays 0. Since columns go one by one, only
//! the rows of a block matter. The percentile over the whole layer and the shares of the run are ours.
//!
//! Stored are the weights of the kept columns, and a bit for each column of each block.

use super::knob::{Accepted, Knob, Knobs};
use super::matmul::{Explicit, Multiplier};
use super::operator::{LayerSpec, Method, Moment, Operator, Published, Recipe, Tensor};
use super::quantise;
use super::work::{Storage, Unit, Work};
use crate::numeric::{Stream, sort_by_key};

/// Share of the run after which columns are removed.
pub const PRUNE_AT: f32 = 0.4;
/// `eps` of the reweighting, as a share of the mean of `|c|^2` over the layer.
const EPSILON: f64 = 0.01;

/// `W` with columns of blocks removed.
#[derive(Debug)]
pub struct BlockPruned;

static KNOBS: [Knob; 3] = [
    Knob {
        name: "sparsity",
        title: "share of the weights that is removed",
        default: 0.9,
        accepted: Accepted::Between(0.0, 0.99),
    },
    Knob {
        name: "rows",
        title: "rows of a block",
        default: 4.0,
        accepted: Accepted::Whole(1, 128),
    },
    Knob {
        name: "strength",
        title: "weight of the group lasso on the mean loss",
        default: 1e-3,
        accepted: Accepted::Between(0.0, 1.0),
    },
];

impl Method for BlockPruned {
    fn name(&self) -> &'static str {
        "pruned"
    }

    fn title(&self) -> &'static str {
        "Block-pruned"
    }

    fn knobs(&self) -> &'static [Knob] {
        &KNOBS
    }

    fn settings(&self) -> &'static [f32] {
        &[0.9, 0.8, 0.95]
    }

    fn recipe(&self, recurrent: bool) -> Recipe {
        Recipe::plain(if recurrent { 5e-3 } else { 2e-3 })
    }

    fn published(&self) -> &'static [Published] {
        &[]
    }

    fn layer(&self, spec: &LayerSpec, knobs: &Knobs, stream: Stream) -> Box<dyn Operator> {
        let shape = vec![spec.outputs(), spec.inputs()];
        let tensor = Tensor::normal("W", shape, spec.deviation, stream);
        Box::new(PrunedMatrix::new(spec, knobs, tensor))
    }

    fn nearest(&self, spec: &LayerSpec, knobs: &Knobs, weights: &[f32]) -> Box<dyn Operator> {
        let shape = vec![spec.outputs(), spec.inputs()];
        let tensor = Tensor::new("W", shape, weights.to_vec());
        let mut matrix = PrunedMatrix::new(spec, knobs, tensor);
        matrix.prune();
        Box::new(matrix)
    }
}

/// A matrix with the columns of its blocks: group (i, j) is the part of column j in the rows of block row i.
#[derive(Clone, Debug)]
struct PrunedMatrix {
    bits: Option<u8>,
    sparsity: f64,
    strength: f32,
    /// Rows of a block.
    block: usize,
    tensor: Tensor,
    /// Whether each group is kept, block row by block row; none is removed before the pruning.
    kept: Vec<bool>,
    pruned: bool,
    /// `P` of each group.
    weights_of_penalty: Vec<f32>,
    seen: Vec<f32>,
    multiplier: Multiplier,
}

impl PrunedMatrix {
    fn new(spec: &LayerSpec, knobs: &Knobs, tensor: Tensor) -> Self {
        let rows = knobs.whole("rows").min(spec.outputs());
        let groups = spec.outputs().div_ceil(rows) * spec.inputs();
        let mut matrix = Self {
            bits: spec.bits,
            sparsity: knobs.get("sparsity").into(),
            strength: knobs.get("strength"),
            block: rows,
            kept: vec![true; groups],
            pruned: false,
            weights_of_penalty: vec![0.0; groups],
            seen: Vec::new(),
            multiplier: Multiplier::default(),
            tensor,
        };
        matrix.weigh();
        matrix.refresh();
        matrix
    }

    /// `|c|^2` of every group.
    fn norms(&self) -> Vec<f64> {
        let inputs = self.tensor.shape[1];
        let mut norms = vec![0.0; self.kept.len()];
        for (row, weights) in self.tensor.values.chunks_exact(inputs).enumerate() {
            let sums = &mut norms[row / self.block * inputs..][..inputs];
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                *sum += f64::from(weight) * f64::from(weight);
            }
        }
        norms
    }

    /// Weights of a group: the rows of its block row.
    fn rows_of(&self, group: usize) -> usize {
        let first = group / self.tensor.shape[1] * self.block;
        (self.tensor.shape[0] - first).min(self.block)
    }

    /// Computes `P` anew.
    fn weigh(&mut self) {
        let norms = self.norms();
        let mean = norms.iter().sum::<f64>() / norms.len().max(1) as f64;
        // The mean weight is 1, so that the strength means the same in every layer.
        let each = norms
            .iter()
            .map(|norm| 1.0 / (norm + EPSILON * mean + f64::MIN_POSITIVE));
        let each: Vec<f64> = each.collect();
        let scale = each.len() as f64 / each.iter().sum::<f64>();
        self.weights_of_penalty = each.iter().map(|weight| (weight * scale) as f32).collect();
    }

    /// Removes the groups of least norm per weight until the share is reached, but the best of each block
    /// row.
    fn prune(&mut self) {
        let inputs = self.tensor.shape[1];
        let norms = self.norms();
        let mut order: Vec<usize> = (0..norms.len()).collect();
        // Bits of numbers that are not negative rise with them.
        let worth = |group: usize| norms[group] / self.rows_of(group) as f64;
        sort_by_key(&mut order, |&group| [worth(group).to_bits(), 0]);
        let best = |row: usize| {
            let groups = row * inputs..(row + 1) * inputs;
            groups.max_by(|&a, &b| norms[a].total_cmp(&norms[b]))
        };
        let spared: Vec<Option<usize>> = (0..norms.len() / inputs).map(best).collect();
        let mut left = (self.sparsity * self.tensor.values.len() as f64 + 0.5) as usize;
        let mut kept = vec![true; norms.len()];
        for group in order {
            let rows = self.rows_of(group);
            if rows <= left && spared[group / inputs] != Some(group) {
                kept[group] = false;
                left -= rows;
            }
        }
        self.kept = kept;
        self.pruned = true;
        mask(&mut self.tensor.values, &self.kept, inputs, self.block);
        self.refresh();
    }

    /// Weights that are kept.
    fn kept_weights(&self) -> u64 {
        let groups = self.kept.iter().enumerate().filter(|(_, kept)| **kept);
        groups.map(|(group, _)| self.rows_of(group) as u64).sum()
    }
}

/// Sets to 0 what lies in groups that are removed.
fn mask(values: &mut [f32], kept: &[bool], inputs: usize, rows: usize) {
    for (row, values) in values.chunks_exact_mut(inputs).enumerate() {
        let kept = &kept[row / rows * inputs..][..inputs];
        for (value, kept) in values.iter_mut().zip(kept) {
            *value = if *kept { *value } else { 0.0 };
        }
    }
}

impl Operator for PrunedMatrix {
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

    fn gather(&mut self) {
        if self.pruned {
            let (inputs, rows) = (self.tensor.shape[1], self.block);
            mask(&mut self.tensor.gradient, &self.kept, inputs, rows);
        }
    }

    fn tensors(&self) -> &[Tensor] {
        std::slice::from_ref(&self.tensor)
    }

    fn tensors_mut(&mut self) -> &mut [Tensor] {
        std::slice::from_mut(&mut self.tensor)
    }

    fn change(&mut self, _: usize, change: &[f32]) {
        crate::kernels::subtract(&mut self.tensor.values, change);
        if self.pruned {
            // Momentum from before the pruning moves removed weights no more.
            let (inputs, rows) = (self.tensor.shape[1], self.block);
            mask(&mut self.tensor.values, &self.kept, inputs, rows);
        }
    }

    fn regularise(&mut self) {
        if self.pruned || self.strength <= 0.0 {
            return;
        }
        let (inputs, strength) = (self.tensor.shape[1], self.strength);
        let Tensor {
            values, gradient, ..
        } = &mut self.tensor;
        let rows = values
            .chunks_exact(inputs)
            .zip(gradient.chunks_exact_mut(inputs));
        for (row, (values, gradient)) in rows.enumerate() {
            let weights = &self.weights_of_penalty[row / self.block * inputs..];
            for ((slope, value), weight) in gradient.iter_mut().zip(values).zip(weights) {
                *slope += strength * weight * value;
            }
        }
    }

    fn constrain(&mut self, moment: Moment) {
        if self.pruned {
            return;
        }
        if moment.reaches(PRUNE_AT) {
            self.prune();
        } else if moment.step.is_multiple_of(moment.steps_per_epoch) {
            self.weigh();
        }
    }

    fn refresh(&mut self) {
        quantise::seen(&self.tensor.values, self.bits, &mut self.seen);
    }

    fn phase(&self) -> u32 {
        self.pruned.into()
    }

    fn enter(&mut self, phase: u32) {
        self.pruned = phase > 0;
    }

    fn state(&self) -> Vec<Tensor> {
        let shape = vec![self.kept.len() / self.tensor.shape[1], self.tensor.shape[1]];
        if self.pruned {
            let kept = self.kept.iter().map(|&kept| f32::from(u8::from(kept)));
            return vec![Tensor::new("kept", shape, kept.collect())];
        }
        let weights = self.weights_of_penalty.clone();
        vec![Tensor::new("penalty", shape, weights)]
    }

    fn restore(&mut self, state: &[Tensor]) -> bool {
        let [tensor] = state else {
            return false;
        };
        if self.pruned {
            self.kept = tensor.values.iter().map(|&kept| kept > 0.5).collect();
        } else {
            self.weights_of_penalty.clone_from(&tensor.values);
        }
        true
    }

    fn weights(&self) -> Vec<f32> {
        self.seen.clone()
    }

    fn storage(&self) -> Storage {
        let values = self.kept_weights();
        Storage {
            values,
            value_bits: values * u64::from(self.bits.unwrap_or(32)),
            side_bits: if self.pruned {
                self.kept.len() as u64
            } else {
                0
            },
        }
    }

    fn work(&self) -> Work {
        let macs = self.kept_weights();
        Work {
            multiplies: macs,
            adds: macs,
            shifts: 0,
        }
    }

    fn units(&self) -> Vec<Unit> {
        // A kept column of a block meets one input: its rows lie together.
        vec![Unit {
            name: "kept columns",
            work: self.work(),
            together: if self.pruned {
                self.block as u64
            } else {
                self.tensor.shape[0] as u64
            },
        }]
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
    use proptest::prelude::*;

    fn layer(inputs: usize, outputs: usize, given: &[(&str, f32)], seed: u32) -> PrunedMatrix {
        let spec = LayerSpec {
            shape: TtShape::dense(inputs, outputs).expect("a shape"),
            deviation: 1.0,
            bits: None,
        };
        let knobs = Knobs::new(&KNOBS, given.iter().copied()).expect("accepted");
        let stream = Stream::new(Seed(seed), 0, 0, 0);
        let tensor = Tensor::normal("W", vec![outputs, inputs], 1.0, stream);
        PrunedMatrix::new(&spec, &knobs, tensor)
    }

    proptest! {
        #[test]
        fn the_least_groups_go_and_every_block_row_keeps_its_best(
            (inputs, outputs) in (1_usize..40, 1_usize..40), rows in 1_u32..12, sparsity in 0.0_f32..0.98, seed in 0_u32..99,
        ) {
            let mut layer = layer(inputs, outputs, &[("rows", rows as f32), ("sparsity", sparsity)], seed);
            let before = layer.tensor.values.clone();
            layer.prune();
            let rows = layer.block;
            let group = |i: usize, j: usize| i / rows * inputs + j;
            let (mut kept, mut removed) = (f64::INFINITY, 0.0_f64);
            let norm = |i: usize, j: usize| {
                let part = (i / rows * rows)..((i / rows + 1) * rows).min(outputs);
                let count = part.len() as f64;
                part.map(|i| f64::from(before[i * inputs + j]).powi(2)).sum::<f64>() / count
            };
            for i in 0..outputs {
                // Something is left in each block row.
                prop_assert!((0..inputs).any(|j| layer.kept[group(i, j)]));
                for j in 0..inputs {
                    let now = layer.tensor.values[i * inputs + j];
                    if layer.kept[group(i, j)] {
                        prop_assert_eq!(now.to_bits(), before[i * inputs + j].to_bits());
                        if outputs % rows == 0 && (0..inputs).filter(|&j| layer.kept[group(i, j)]).count() > 1 {
                            kept = kept.min(norm(i, j));
                        }
                    } else {
                        prop_assert_eq!(now.to_bits(), 0);
                        removed = removed.max(norm(i, j));
                    }
                }
            }
            if outputs % rows == 0 {
                prop_assert!(removed <= kept * (1.0 + 1e-9));
            }
            // No more than asked for, and no less than but for one group and the best of each row.
            let zero = outputs * inputs - layer.kept_weights() as usize;
            let asked = (f64::from(sparsity) * (outputs * inputs) as f64 + 0.5) as usize;
            prop_assert!(zero <= asked && zero + rows + outputs >= asked);
        }
    }

    #[test]
    fn removed_weights_stay_zero_whatever_the_optimiser_does() {
        let mut layer = layer(12, 8, &[("sparsity", 0.5), ("rows", 4.0)], 3);
        layer.prune();
        let kept = layer.kept.clone();
        layer.tensor.gradient.fill(1.0);
        layer.gather();
        layer.change(0, &[0.25; 96]);
        for (at, (value, slope)) in layer
            .tensor
            .values
            .iter()
            .zip(&layer.tensor.gradient)
            .enumerate()
        {
            if !kept[at / 12 / 4 * 12 + at % 12] {
                assert_eq!((value.to_bits(), slope.to_bits()), (0, 0));
            }
        }
        // Half of the weights at 32 bits, and a bit for each of 2 x 12 columns.
        let storage = layer.storage();
        assert_eq!(
            (storage.values, storage.value_bits, storage.side_bits),
            (48, 48 * 32, 24)
        );
    }

    #[test]
    fn the_penalty_is_the_slope_of_the_reweighted_norms() {
        let mut layer = layer(6, 4, &[("rows", 2.0), ("strength", 0.5)], 5);
        layer.regularise();
        for (at, slope) in layer.tensor.gradient.iter().enumerate() {
            let weight = layer.weights_of_penalty[at / 6 / 2 * 6 + at % 6];
            assert!((slope - 0.5 * weight * layer.tensor.values[at]).abs() < 1e-6);
        }
        // Smaller columns are drawn more strongly.
        let norms = layer.norms();
        let smallest = (0..norms.len()).min_by(|&a, &b| norms[a].total_cmp(&norms[b]));
        let strongest = layer.weights_of_penalty.iter().copied().fold(0.0, f32::max);
        assert!((layer.weights_of_penalty[smallest.expect("one")] - strongest).abs() < 1e-6);
    }
}
