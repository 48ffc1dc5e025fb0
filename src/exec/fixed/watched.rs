//! A training step in slow motion: operation by operation, sample after sample.

use super::contract::OpStats;
use super::lane::Work;
use super::{FixedExecutor, StepKey};
use crate::exec::{Batch, SampleOutcome};
use crate::program::{Part, Program};

impl FixedExecutor {
    /// As [`Self::train`], with the same results, but one operation on one sample at a time in one lane.
    /// After each operation `watch` is given its place in the Program, the sample (0 for what runs once
    /// per batch) and the executor as it then stands: [`Self::shifts`] and [`Self::frac`] are those in
    /// force, [`Self::integers`] of lane 0 begins with the sample's values, [`Self::sum`] is the sum over
    /// the samples so far.
    ///
    /// # Panics
    /// As [`Self::train`].
    pub fn train_watched(
        &mut self,
        batch: Batch,
        key: StepKey,
        mut watch: impl FnMut(usize, usize, &Self),
    ) -> Vec<SampleOutcome> {
        if self.unknown(true) {
            self.calibrate(batch, key, true);
        }
        self.refresh();
        for sums in &mut self.sums {
            sums.fill(0);
        }
        let mut stats = vec![OpStats::default(); self.core.program.ops.len()];
        let part = |program: &Program, part: Part| -> Vec<usize> {
            let ops = 0..program.ops.len();
            ops.filter(|&op| program.ops[op].part == part).collect()
        };
        let [before, own, after] =
            [Part::Before, Part::Sample, Part::After].map(|which| part(&self.core.program, which));
        for op in before {
            stats[op] = self.shared_op(op, key, true);
            watch(op, 0, self);
        }
        let inputs = self.core.program.buffer(self.core.program.input()).len;
        let mut outcomes = Vec::new();
        for (sample, pixels) in batch.pixels.chunks_exact(inputs).enumerate() {
            self.lanes[0].load(&self.core, pixels);
            for &op in &own {
                let work = Work {
                    core: &self.core,
                    key,
                    train: true,
                    kept: &[],
                    labels: batch.labels.get(sample..=sample).unwrap_or(&[]),
                    start: sample,
                    at: 0,
                    count: 1,
                };
                work.op(&mut self.lanes[0], op);
                let out = self.core.program.ops[op].writes().0;
                for (sum, part) in self.sums[out].iter_mut().zip(&self.lanes[0].sums[out]) {
                    *sum += part;
                }
                watch(op, sample, self);
            }
            for (all, own) in stats.iter_mut().zip(&self.lanes[0].stats) {
                all.add(*own);
            }
            outcomes.extend_from_slice(&self.lanes[0].outcomes);
        }
        for op in after {
            stats[op] = self.shared_op(op, key, true);
            watch(op, 0, self);
        }
        self.adapt(&stats);
        outcomes
    }
}
