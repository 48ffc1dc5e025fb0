//! One contraction in integers: exact sums, then stored, gathered or only measured.

use crate::exec::layout::Contraction;
use crate::kernels::{
    self, Factor, Kept, Packs, Places, Requantise, Scatter, SumStats, gemm, requantise,
};
use crate::numeric::{Rounding, Stream, shift_round};

/// What the results of one operation on a batch held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OpStats {
    /// Largest magnitude before the shift.
    pub peak: u64,
    /// Values that saturated.
    pub saturated: u64,
}

impl OpStats {
    pub fn add(&mut self, other: Self) {
        self.peak = self.peak.max(other.peak);
        self.saturated += other.saturated;
    }
}

impl From<SumStats> for OpStats {
    fn from(found: SumStats) -> Self {
        Self {
            peak: u64::from(found.peak),
            saturated: u64::from(found.saturated),
        }
    }
}

/// A contraction on some samples, ready to run.
pub(super) struct Product<'a> {
    /// Offsets of its elements.
    pub plan: &'a Contraction,
    /// Samples it runs on.
    pub samples: usize,
    /// Its left and right operands.
    pub operands: (&'a [i16], &'a [i16]),
    /// The right one packed before, if it was.
    pub kept: Option<&'a Kept<i16>>,
    /// Terms whose sum is certain to fit 30 bits.
    pub safe: usize,
}

impl Product<'_> {
    /// Writes the exact sums to `out`, or adds them to what is there.
    pub fn gather(&self, packs: &mut Packs<i16>, out: &mut [i64], add: bool) {
        let Self {
            plan,
            samples,
            operands: (left, right),
            safe,
            ..
        } = *self;
        let terms = plan.term_count(samples);
        let all_written = terms > 0 && plan.fills(out.len(), samples);
        if !add && !all_written {
            out.fill(0);
        }
        for from in (0..terms).step_by(safe) {
            let to = (from + safe).min(terms);
            let add = add || from > 0;
            let (left, right) = (
                (left, plan.left_at(samples, from, to)),
                Factor::Scattered(right, plan.right_at(from, to)),
            );
            gemm(packs, left, right, |first, columns, sums, stride| {
                let rows = &plan.out_at(samples).rows[first..first + sums.len() / stride];
                if plan.run_from(columns.start) > 1 {
                    for (sums, &row) in sums.chunks_exact(stride).zip(rows) {
                        for (at, offset) in plan.runs(columns.clone()) {
                            let start = row as usize + offset;
                            kernels::add_wide(&mut out[start..start + at.len()], &sums[at], add);
                        }
                    }
                    return;
                }
                // Down the columns: rows lie together where columns do not. Chunks beside rows would be counted by
                // a division for each.
                for (j, &col) in plan.out_cols[columns].iter().enumerate() {
                    for (i, &row) in rows.iter().enumerate() {
                        let slot = &mut out[(row + col) as usize];
                        *slot = if add { *slot } else { 0 } + i64::from(sums[i * stride + j]);
                    }
                }
            });
        }
    }

    /// Largest magnitude of the exact sums.
    pub fn peak(&self, packs: &mut Packs<i16>, out_len: usize) -> u64 {
        let mut sums = vec![0; out_len];
        self.gather(packs, &mut sums, false);
        sums.iter().map(|sum| sum.unsigned_abs()).max().unwrap_or(0)
    }

    /// Stores the sums, requantised. A tensor of `len` elements per sample takes its random bits from
    /// `stream(sample)`, drawn by position.
    pub fn store(
        &self,
        packs: &mut Packs<i16>,
        how: Requantise,
        stream: impl Fn(u32) -> Stream,
        len: usize,
        out: &mut [i16],
    ) -> OpStats {
        let Self {
            plan,
            samples,
            operands: (left, right),
            kept,
            safe,
        } = *self;
        let terms = plan.term_count(samples);
        if terms > safe {
            let mut sums = vec![0; out.len().min(len * samples)];
            self.gather(packs, &mut sums, false);
            let mut stats = OpStats::default();
            for (sample, (sums, out)) in sums.chunks(len).zip(out.chunks_mut(len)).enumerate() {
                stats.add(store_sums(how, sums, out, stream(sample as u32)));
            }
            return stats;
        }
        // Random draws are numbered within a sample.
        let rows_at_once = if plan.sample_rows && how.rounding == Rounding::Stochastic {
            plan.rows_per_sample()
        } else {
            usize::MAX
        };
        let mut stats = OpStats::default();
        let (left, right) = (
            (left, plan.left_at(samples, 0, terms)),
            kept.map_or_else(
                || Factor::Scattered(right, plan.right_at(0, terms)),
                Factor::Kept,
            ),
        );
        gemm(packs, left, right, |first, columns, sums, stride| {
            let all = plan.out_at(samples);
            let run = plan.run_from(columns.start);
            let end = first + sums.len() / stride;
            let mut row = first;
            while row < end {
                let sample = row / rows_at_once;
                let rows = row..end.min((sample + 1) * rows_at_once);
                let places = Places {
                    at: Scatter {
                        rows: &all.rows[rows.clone()],
                        cols: &all.cols[columns.clone()],
                    },
                    run,
                    first_draw: 0_u32.wrapping_sub((sample * len) as u32),
                };
                let sums = &sums[(row - first) * stride..];
                let found = requantise(how, (sums, stride), out, places, stream(sample as u32));
                stats.add(found.into());
                row = rows.end;
            }
        });
        stats
    }
}

/// Sums looked at together.
const CHUNK: usize = 256;

/// Requantises exact sums of any size, drawing random bits by position.
pub(super) fn store_sums(
    how: Requantise,
    sums: &[i64],
    out: &mut [i16],
    stream: Stream,
) -> OpStats {
    const PLACES: [u32; CHUNK] = {
        let mut places = [0; CHUNK];
        let mut at = 0;
        while at < CHUNK {
            places[at] = at as u32;
            at += 1;
        }
        places
    };
    let mut stats = OpStats::default();
    let mut narrow = [0; CHUNK];
    let chunks = out.chunks_mut(CHUNK).zip(sums.chunks(CHUNK));
    for ((out, sums), first) in chunks.zip((0..).step_by(CHUNK)) {
        let narrow = &mut narrow[..sums.len().min(out.len())];
        if kernels::narrow(narrow, sums) {
            let places = Places {
                at: Scatter {
                    rows: &[0],
                    cols: &PLACES[..narrow.len()],
                },
                run: CHUNK,
                first_draw: first,
            };
            let found = requantise(how, (narrow, CHUNK), out, places, stream);
            stats.add(found.into());
        } else {
            stats.add(store_wide(how, sums, out, stream, first));
        }
    }
    stats
}

/// The same of sums of more than 30 bits, numbered from `first` on.
fn store_wide(
    how: Requantise,
    sums: &[i64],
    out: &mut [i16],
    stream: Stream,
    first: u32,
) -> OpStats {
    let (low, high) = (-(1_i64 << (how.bits - 1)), (1_i64 << (how.bits - 1)) - 1);
    let mut stats = OpStats::default();
    for ((slot, &sum), index) in out.iter_mut().zip(sums).zip(first..) {
        let random = if how.rounding == Rounding::Stochastic {
            stream.bits(index)
        } else {
            0
        };
        let value = shift_round(sum, how.shift, how.rounding, random);
        let kept = value.clamp(low, high);
        stats.peak = stats.peak.max(sum.unsigned_abs());
        stats.saturated += u64::from(kept != value);
        *slot = kept as i16;
    }
    stats
}
