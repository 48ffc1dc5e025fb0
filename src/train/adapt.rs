//! Which rank indices die, and when.
//!
//! Without a target, an index dies when its variance falls to the threshold, as published. That
//! starves bonds whose slices are long, and at equal memory it falls below a network whose ranks
//! were fixed from the start. With a target (a memory reduction) this module does better in two
//! ways:
//!
//! - **What dies is what matters least per bit.** With a gate on rank index r, the loss's derivative
//!   with respect to the gate is the inner product of the slice with its gradient; it is the same
//!   from either side of the bond, whatever the gauge of the train. The running mean of its square,
//!   the gate's Fisher information, says how much the loss would rise without the index (as in
//!   Theis et al., "Faster gaze prediction with dense networks and Fisher pruning", 2018). Indices go
//!   in the order of that relevance divided by the core entries that they free.
//! - **A schedule, then a fresh start.** Memory falls along a cubic from full to target between the end
//!   of the warm-up and the end of the ramp (Zhu and Gupta, "To prune, or not to prune", 2017). Then the
//!   ranks are fixed, the parameters are drawn anew and the rest of the run trains them: what a
//!   search is worth is the shape it found (Liu et al., "Rethinking the value of network pruning",
//!   2019). docs/RECIPES.md has what this gains.

use super::config::RunConfig;
use super::memory;
use super::metrics::Pruned;
use super::model::{Bond, Model};
use crate::kernels;

/// Weight of a batch in the running relevance.
const RELEVANCE_STEP: f32 = 0.01;
/// Steps between two looks at the schedule.
const EVERY: u64 = 20;

impl Bond {
    /// Gathers the relevance of each index from a batch.
    pub(super) fn observe(&mut self, master: &[f32], gradient: &[f32]) {
        let rank = self.relevance.len();
        let mut gates = vec![0.0_f32; rank];
        kernels::add_products(&mut gates, master, gradient);
        for (relevance, gate) in self.relevance.iter_mut().zip(gates) {
            *relevance = (1.0 - RELEVANCE_STEP) * *relevance + RELEVANCE_STEP * (gate * gate);
        }
    }
}

/// Removes the indices that die after step `step` (from 0), when `epochs_done` epochs are done.
pub(super) fn prune(
    config: &RunConfig,
    model: &mut Model,
    step: u64,
    epochs_done: f32,
) -> Vec<Pruned> {
    if watches(config, epochs_done) {
        below_threshold(model, config.prior.threshold)
    } else if looks(config, step, epochs_done) {
        to_schedule(config, model, epochs_done)
    } else {
        Vec::new()
    }
}

/// Whether an index dies whose variance is at or below the threshold when `epochs_done` epochs are done.
pub(super) fn watches(config: &RunConfig, epochs_done: f32) -> bool {
    config.prior.target <= 0.0 && epochs_done > config.prior.warmup_epochs
}

/// Whether the memory is held against the schedule after step `step` (from 0).
fn looks(config: &RunConfig, step: u64, epochs_done: f32) -> bool {
    let prior = &config.prior;
    prior.target > 0.0
        && epochs_done > prior.warmup_epochs
        && (prior.ramp(epochs_done) >= 1.0 || step.is_multiple_of(EVERY))
}

/// Whether a run with a target changes its network after step `step` (from 0) at these ranks.
pub(super) fn shrinks(config: &RunConfig, model: &Model, step: u64, epochs_done: f32) -> bool {
    if config.prior.restart && search_is_over(config, epochs_done) {
        return true;
    }
    looks(config, step, epochs_done)
        && core_bits(config, model) > allowed_bits(config, model, epochs_done)
        && least_relevant(model).is_some()
}

/// Whether a run with a target has reached the end of its schedule.
pub(super) fn search_is_over(config: &RunConfig, epochs_done: f32) -> bool {
    config.prior.target > 0.0 && config.prior.ramp(epochs_done) >= 1.0
}

/// The published rule; the largest variance of a bond always stays.
fn below_threshold(model: &mut Model, threshold: f32) -> Vec<Pruned> {
    let mut pruned = Vec::new();
    for (index, layer) in model.layers.iter_mut().enumerate() {
        for bond in 0..layer.bonds.len() {
            let variances = &layer.bonds[bond].variances;
            let mut keep: Vec<usize> = (0..variances.len())
                .filter(|&r| variances[r] > threshold)
                .collect();
            if keep.is_empty() {
                keep.extend(
                    (0..variances.len()).max_by(|&a, &b| variances[a].total_cmp(&variances[b])),
                );
            }
            if keep.len() < variances.len() {
                let indices = layer.keep(bond, &keep);
                pruned.push(Pruned {
                    layer: index,
                    bond,
                    indices,
                });
            }
        }
    }
    pruned
}

/// Bits of the parameters at the present ranks.
fn core_bits(config: &RunConfig, model: &Model) -> f64 {
    memory::parameter_bits(config, model.core_entries(), model.biases()) as f64
}

/// Bits that the schedule allows when `epochs_done` epochs are done.
fn allowed_bits(config: &RunConfig, model: &Model, epochs_done: f32) -> f64 {
    let goal = memory::dense_bits(model) as f64 / f64::from(config.prior.target);
    let start = memory::parameter_bits(config, model.initial_entries(), model.biases()) as f64;
    let left = 1.0 - f64::from(config.prior.ramp(epochs_done));
    goal + (start - goal).max(0.0) * left * left * left
}

/// Removes the least relevant indices per core entry until the memory is within the schedule.
fn to_schedule(config: &RunConfig, model: &mut Model, epochs_done: f32) -> Vec<Pruned> {
    let allowed = allowed_bits(config, model, epochs_done);
    let mut pruned: Vec<Pruned> = Vec::new();
    while core_bits(config, model) > allowed {
        let Some((_, (index, bond, r))) = least_relevant(model) else {
            break;
        };
        let layer = &mut model.layers[index];
        let keep: Vec<usize> = (0..layer.bonds[bond].alive.len())
            .filter(|&i| i != r)
            .collect();
        let indices = layer.keep(bond, &keep);
        match pruned
            .iter_mut()
            .find(|p| (p.layer, p.bond) == (index, bond))
        {
            Some(known) => known.indices.extend(indices),
            None => pruned.push(Pruned {
                layer: index,
                bond,
                indices,
            }),
        }
    }
    pruned
}

/// The least relevance per core entry among the indices whose bond has another; 0 without one.
pub(super) fn least_relevance(model: &Model) -> f32 {
    least_relevant(model).map_or(0.0, |(relevance, _)| relevance)
}

/// The index with the least relevance per core entry, of those whose bond has another.
fn least_relevant(model: &Model) -> Option<(f32, (usize, usize, usize))> {
    let mut best: Option<(f32, (usize, usize, usize))> = None;
    for (index, layer) in model.layers.iter().enumerate() {
        for (at, bond) in layer
            .bonds
            .iter()
            .enumerate()
            .filter(|(_, bond)| bond.alive.len() > 1)
        {
            let entries = layer.index_entries(at) as f32;
            for (r, relevance) in bond.relevance.iter().enumerate() {
                let score = relevance / entries;
                if best.is_none_or(|(least, _)| score < least) {
                    best = Some((score, (index, at, r)));
                }
            }
        }
    }
    best
}
