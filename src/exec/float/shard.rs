//! A step cut in four: before, shards of the batch, their combination, after.
//!
//! Sums are added lane by lane, then shard by shard, so that bits depend on the cut.

use super::FloatExecutor;
use crate::exec::shard::{BadPartial, Partial, append, numbers, write_outcomes};
use crate::exec::{Batch, SampleOutcome};
use crate::kernels;
use crate::program::{BufferId, Class, Part, Program};

impl FloatExecutor {
    /// What runs once per batch before the samples.
    pub fn begin(&mut self) {
        self.run_shared(Part::Before, false);
    }

    /// Runs a shard of the batch after [`Self::begin`].
    ///
    /// # Panics
    /// If there are more samples than the Program's batch, labels for some only, or a label is not below
    /// the Program's classes.
    pub fn run_shard(&mut self, shard: Batch) {
        self.run_samples(shard, true);
    }

    /// Lets go of the last shard, so that [`Self::finish`] does not count it.
    pub fn forget_shard(&mut self) {
        self.used = 0;
    }

    /// Appends what the last shard found to `out`, for the [`Self::finish`] of another executor.
    pub fn write_partial(&self, out: &mut Vec<u8>) {
        let lanes = &self.lanes[..self.used];
        write_outcomes(lanes.iter().flat_map(|lane| &lane.outcomes), out);
        for id in accumulators(&self.program) {
            if let [lane] = lanes {
                append(out, &lane.own[id.0]);
                continue;
            }
            let mut sums = vec![0.0; self.program.buffer(id).len];
            for lane in lanes {
                kernels::add(&mut sums, &lane.own[id.0]);
            }
            append(out, &sums);
        }
    }

    /// Reads what a shard of `samples` samples found.
    ///
    /// # Errors
    /// If the bytes cannot be what such a shard of this Program finds.
    pub fn read_partial<'a>(
        &self,
        bytes: &'a [u8],
        samples: usize,
    ) -> Result<Partial<'a>, BadPartial> {
        let partial = Partial::cut(bytes, (samples, self.program.classes), 0)?;
        let lengths = accumulators(&self.program).map(|id| self.program.buffer(id).len * 4);
        if partial.sums.len() == lengths.sum::<usize>() {
            Ok(partial)
        } else {
            Err(BadPartial)
        }
    }

    /// Adds the shards run elsewhere, in the order of their samples, to this executor's own shard, which
    /// comes first, and runs what runs once per batch after the samples. Gradients are then ready.
    pub fn finish(&mut self, partials: &[Partial]) -> Vec<SampleOutcome> {
        let outcomes = self.outcomes(partials);
        self.combine(partials);
        self.run_shared(Part::After, false);
        outcomes
    }

    /// Outcomes of all samples, in order.
    pub(super) fn outcomes(&self, partials: &[Partial]) -> Vec<SampleOutcome> {
        let own = self.lanes[..self.used].iter();
        own.flat_map(|lane| lane.outcomes.iter().copied())
            .chain(partials.iter().flat_map(Partial::outcomes))
            .collect()
    }

    /// Sums of all shards.
    fn combine(&mut self, partials: &[Partial]) {
        let mut rests: Vec<&[u8]> = partials.iter().map(|partial| partial.sums).collect();
        for id in accumulators(&self.program) {
            let sums = &mut self.shared[id.0];
            // A lane makes its sums anew with every batch.
            let others = if let Some((first, others)) = self.lanes[..self.used].split_first_mut() {
                std::mem::swap(sums, &mut first.own[id.0]);
                others
            } else {
                sums.fill(0.0);
                &mut []
            };
            for lane in others {
                kernels::add(sums, &lane.own[id.0]);
            }
            for (at, rest) in rests.iter_mut().enumerate() {
                let (parts, after) = rest.split_at(sums.len() * 4);
                *rest = after;
                let parts: Vec<f32> = numbers(parts);
                if at == 0 && self.used == 0 {
                    // As where the first shard was run: a zero added to it could lose a sign.
                    sums.copy_from_slice(&parts);
                } else {
                    kernels::add(sums, &parts);
                }
            }
        }
    }
}

fn accumulators(program: &Program) -> impl Iterator<Item = BufferId> + '_ {
    let all = (0..program.buffers.len()).map(BufferId);
    all.filter(|&id| program.buffer(id).class == Class::Accumulator)
}
