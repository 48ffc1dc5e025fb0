//! Which rank indices die, and when.

use super::config::RunConfig;
use super::memory;
use super::metrics::Pruned;
use super::model::{Bond, Model};

/// Weight of a batch in the running relevance.
const RELEVANCE_STEP: f32 = 0.01;

impl Bond {
    /// Gathers the relevance of each index from a batch: with a gate `z` on index r, `dL/dz` is the
    /// inner product of the slice with its gradient.
    pub(super) fn observe(&mut self, master: &[f32], gradient: &[f32]) {
        let rank = self.relevance.len();
        let mut gates = vec![0.0_f32; rank];
        for (values, slopes) in master.chunks_exact(rank).zip(gradient.chunks_exact(rank)) {
            for ((gate, value), slope) in gates.iter_mut().zip(values).zip(slopes) {
                *gate += value * slope;
            }
        }
        for (relevance, gate) in self.relevance.iter_mut().zip(gates) {
            *relevance = (1.0 - RELEVANCE_STEP) * *relevance + RELEVANCE_STEP * (gate * gate);
        }
    }
}

/// The state of the adaptation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adaptation {}

fn env(name: &str, default: f32) -> f32 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

impl Adaptation {
    /// Removes the indices that died.
    pub fn prune(&mut self, config: &RunConfig, model: &mut Model, step: u64, epochs_done: f32) -> Vec<Pruned> {
        let prior = &config.prior;
        if epochs_done <= prior.warmup_epochs {
            return Vec::new();
        }
        if prior.target > 0.0 {
            return self.budget(config, model, step, epochs_done);
        }
        let mut pruned = Vec::new();
        for index in 0..model.layers.len() {
            for bond in 0..model.layers[index].bonds.len() {
                let layer = &mut model.layers[index];
                let variances = &layer.bonds[bond].variances;
                let mut keep: Vec<usize> = (0..variances.len()).filter(|&r| variances[r] > prior.threshold).collect();
                if keep.is_empty() {
                    let best = (0..variances.len()).max_by(|&a, &b| variances[a].total_cmp(&variances[b]));
                    keep.extend(best);
                }
                if keep.len() < variances.len() {
                    let indices = layer.keep(bond, &keep);
                    pruned.push(Pruned { layer: index, bond, indices });
                }
            }
        }
        pruned
    }

    fn budget(&mut self, config: &RunConfig, model: &mut Model, step: u64, epochs_done: f32) -> Vec<Pruned> {
        let prior = &config.prior;
        let every = env("EVERY", 20.0) as u64;
        if step % every != 0 {
            return Vec::new();
        }
        let dense = memory::dense_bits(model) as f32;
        let biases = model.biases();
        let bits = |entries: usize| memory::parameter_bits(config, entries, biases) as f32;
        let full: usize = 14_272;
        let start = bits(full);
        let goal = dense / prior.target;
        let ramp = prior.ramp(epochs_done);
        let power = env("POWER", 3.0);
        let left = (1.0 - ramp).powf(power);
        let allowed = goal + (start - goal) * left;
        let mut pruned = Vec::new();
        let mode = env("MODE", 1.0);
        let cost_power = env("COST", 1.0);
        while bits(model.core_entries()) > allowed {
            let mut best: Option<(f32, usize, usize, usize)> = None;
            for (index, layer) in model.layers.iter().enumerate() {
                for (at, bond) in layer.bonds.iter().enumerate() {
                    if bond.alive.len() < 2 {
                        continue;
                    }
                    let cost = (layer.index_entries(at) as f32).powf(cost_power);
                    for r in 0..bond.alive.len() {
                        let score = if mode == 1.0 { bond.relevance[r] } else { bond.variances[r] } / cost;
                        if best.is_none_or(|(s, ..)| score < s) {
                            best = Some((score, index, at, r));
                        }
                    }
                }
            }
            let Some((_, index, bond, r)) = best else { break };
            let rank = model.layers[index].bonds[bond].alive.len();
            let keep: Vec<usize> = (0..rank).filter(|&i| i != r).collect();
            let indices = model.layers[index].keep(bond, &keep);
            pruned.push(Pruned { layer: index, bond, indices });
        }
        pruned
    }
}
