//! A step cut in four: before, shards of the batch, their combination, after.
//!
//! Every sum is an exact integer and every random bit is drawn by a sample's place in the batch, so
//! that any cut into shards gives the bits of the whole batch.

use super::contract::OpStats;
use super::lane::Lane;
use super::{FixedExecutor, FixedFormats, StepKey, sum_bits};
use crate::exec::shard::{BadPartial, Partial, append, numbers, write_outcomes};
use crate::exec::{Batch, SampleOutcome};
use crate::kernels;
use crate::program::{BufferId, Class, Part, Program};

/// Bytes of an operation's statistics.
const STATS: usize = 12;

/// Sums that are narrowed or widened at a time, on the stack.
const PIECE: usize = 512;

impl FixedExecutor {
    /// Whether every shift is known, so that shards can be run without a look at the batch's first
    /// samples. [`Self::train`] on a batch sets unknown ones.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.unknown(true)
    }

    /// What runs once per batch before the samples.
    pub fn begin(&mut self, key: StepKey) {
        self.before(key, true);
    }

    /// Runs a shard of the batch after [`Self::begin`]; `first` is the place of its first sample within
    /// the batch.
    ///
    /// # Panics
    /// If there are more samples than the Program's batch, labels for some only, or a label is not below
    /// the Program's classes.
    pub fn run_shard(&mut self, shard: Batch, first: usize, key: StepKey) {
        self.samples(shard, first, key, true);
    }

    /// Lets go of the last shard, so that [`Self::finish`] does not count it.
    pub fn forget_shard(&mut self) {
        self.used = 0;
    }

    /// Appends what the last shard found to `out`, for the [`Self::finish`] of another executor.
    pub fn write_partial(&self, out: &mut Vec<u8>) {
        let lanes = &self.lanes[..self.used];
        write_outcomes(lanes.iter().flat_map(|lane| &lane.outcomes), out);
        for op in 0..self.stats.len() {
            let mut stats = OpStats::default();
            for lane in lanes {
                stats.add(lane.stats[op]);
            }
            out.extend(stats.peak.to_le_bytes());
            let saturated = u32::try_from(stats.saturated).unwrap_or(u32::MAX);
            out.extend(saturated.to_le_bytes());
        }
        let program = &self.core.program;
        let together: Vec<Vec<i64>>;
        let sums = if let [lane] = lanes {
            &lane.sums
        } else {
            together = self.summed(lanes);
            &together
        };
        out.push(4);
        let begun = out.len();
        let fit = accumulators(program).all(|id| {
            sums[id.0].chunks(PIECE).all(|sums| {
                let narrow = &mut [0; PIECE][..sums.len()];
                let fit = kernels::narrow(narrow, sums);
                append(out, narrow);
                fit
            })
        });
        if !fit {
            out.truncate(begun);
            out[begun - 1] = 8;
            for id in accumulators(program) {
                append(out, &sums[id.0]);
            }
        }
    }

    /// Sums of some lanes by buffer.
    fn summed(&self, lanes: &[Lane]) -> Vec<Vec<i64>> {
        let program = &self.core.program;
        let mut all = vec![Vec::new(); program.buffers.len()];
        for id in accumulators(program) {
            let sums = &mut all[id.0];
            sums.resize(program.buffer(id).len, 0);
            for lane in lanes {
                add(sums, &lane.sums[id.0]);
            }
        }
        all
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
        let program = &self.core.program;
        let partial = Partial::cut(bytes, (samples, program.classes), program.ops.len() * STATS)?;
        let count = numbers_of(program);
        let mut rest = match partial.sums {
            [4, sums @ ..] if sums.len() == count * 4 => return Ok(partial),
            [8, sums @ ..] if sums.len() == count * 8 => sums,
            _ => return Err(BadPartial),
        };
        for id in accumulators(program) {
            let sums;
            (sums, rest) = rest.split_at(program.buffer(id).len * 8);
            let bits = sum_bits(program, widths(self.core.formats), id).min(63);
            let sums: Vec<i64> = numbers(sums);
            if sums.iter().any(|sum| sum.unsigned_abs() >> bits != 0) {
                return Err(BadPartial);
            }
        }
        Ok(partial)
    }

    /// Adds the shards run elsewhere, in the order of their samples, to this executor's own shard, which
    /// comes first; runs what runs once per batch after the samples, and adapts the shifts. Gradients are
    /// then ready.
    pub fn finish(&mut self, key: StepKey, partials: &[Partial]) -> Vec<SampleOutcome> {
        let outcomes = self.outcomes(partials);
        self.combine(partials);
        self.shared_part(Part::After, key, true);
        let stats = std::mem::take(&mut self.stats);
        self.adapt(&stats);
        self.stats = stats;
        outcomes
    }

    /// Outcomes of all samples, in order.
    pub(super) fn outcomes(&self, partials: &[Partial]) -> Vec<SampleOutcome> {
        let own = self.lanes[..self.used].iter();
        own.flat_map(|lane| lane.outcomes.iter().copied())
            .chain(partials.iter().flat_map(Partial::outcomes))
            .collect()
    }

    /// Statistics and exact sums of all shards.
    fn combine(&mut self, partials: &[Partial]) {
        let lanes = &mut self.lanes[..self.used];
        for lane in &*lanes {
            for (all, own) in self.stats.iter_mut().zip(&lane.stats) {
                all.add(*own);
            }
        }
        let program = &self.core.program;
        for id in accumulators(program) {
            let sums = &mut self.sums[id.0];
            // A lane makes its sums anew with every batch.
            let Some((first, others)) = lanes.split_first_mut() else {
                sums.fill(0);
                continue;
            };
            std::mem::swap(sums, &mut first.sums[id.0]);
            for lane in others {
                add(sums, &lane.sums[id.0]);
            }
        }
        for partial in partials {
            for (all, bytes) in self.stats.iter_mut().zip(partial.stats.chunks_exact(STATS)) {
                let (peak, saturated) = bytes.split_at(8);
                all.add(OpStats {
                    peak: u64::from_le_bytes(peak.try_into().unwrap_or_default()),
                    saturated: u64::from(u32::from_le_bytes(
                        saturated.try_into().unwrap_or_default(),
                    )),
                });
            }
            let [width, rest @ ..] = partial.sums else {
                continue;
            };
            let mut rest = rest;
            for id in accumulators(program) {
                let sums = &mut self.sums[id.0];
                let parts;
                (parts, rest) = rest.split_at(sums.len() * usize::from(*width));
                if *width == 8 {
                    add(sums, &numbers(parts));
                    continue;
                }
                for (sums, parts) in sums.chunks_mut(PIECE).zip(parts.chunks(PIECE * 4)) {
                    let narrow = &mut [0_i32; PIECE][..sums.len()];
                    bytemuck::cast_slice_mut(narrow).copy_from_slice(parts);
                    kernels::add_wide(sums, narrow, true);
                }
            }
        }
    }
}

/// Adds numbers to sums.
fn add(sums: &mut [i64], numbers: &[i64]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += number;
    }
}

fn accumulators(program: &Program) -> impl Iterator<Item = BufferId> + '_ {
    let all = (0..program.buffers.len()).map(BufferId);
    all.filter(|&id| program.buffer(id).class == Class::Accumulator && !program.per_sample(id))
}

/// Numbers of all accumulators together.
fn numbers_of(program: &Program) -> usize {
    accumulators(program).map(|id| program.buffer(id).len).sum()
}

/// Widths of activations and gradients.
fn widths(formats: FixedFormats) -> [u64; 2] {
    [formats.activation, formats.gradient].map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::super::Core;
    use super::*;
    use crate::numeric::Rounding;
    use crate::program::{NetworkShape, Schedule, compile};
    use crate::tt::TtShape;

    /// The accumulator whose sums may be largest.
    fn widest(core: &Core) -> BufferId {
        let all = accumulators(&core.program);
        let bits = |id: &BufferId| sum_bits(&core.program, widths(core.formats), *id);
        all.max_by_key(bits).expect("an accumulator")
    }

    /// An executor after a shard of one sample, with `sum` at one place of the weights' gradient.
    fn with(sum: i64) -> FixedExecutor {
        let network = NetworkShape {
            layers: vec![TtShape::dense(6, 4).expect("a layer")],
            exponents: vec![0],
            classes: 2,
        };
        let formats = FixedFormats {
            core: 8,
            activation: 8,
            gradient: 16,
            rounding: Rounding::Nearest,
        };
        let mut executor =
            FixedExecutor::new(compile(&network, Schedule::Planned, 1024), formats, 1);
        executor.used = 1;
        let lane = &mut executor.lanes[0];
        lane.stats = vec![OpStats::default(); executor.stats.len()];
        lane.outcomes = vec![SampleOutcome::default()];
        let core = &executor.core;
        let id = widest(core);
        lane.sums[id.0][1] = sum;
        executor
    }

    #[test]
    fn sums_travel_in_four_bytes_or_eight_and_are_added_exactly() {
        let largest = (1 << 30) - 1;
        for (sum, width) in [
            (7, 4),
            (-largest, 4),
            (largest, 4),
            (1 << 30, 8),
            (-(1 << 31), 8),
        ] {
            let (mut leader, follower) = (with(-3), with(sum));
            let mut bytes = Vec::new();
            follower.write_partial(&mut bytes);
            let partial = leader.read_partial(&bytes, 1).expect("a partial result");
            assert_eq!(partial.sums[0], width, "{sum}");
            leader.combine(&[partial]);
            let sums = &leader.sums[widest(&leader.core).0];
            assert_eq!((sums[0], sums[1]), (0, sum - 3));
        }
    }

    #[test]
    fn sums_that_no_batch_has_are_refused() {
        let mut bytes = Vec::new();
        with(1 << 60).write_partial(&mut bytes);
        assert!(with(0).read_partial(&bytes, 1).is_err());
    }
}
