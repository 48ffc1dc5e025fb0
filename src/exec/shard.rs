//! A part of a batch, run by another executor of the same Program: what it found, as bytes.
//!
//! A step is cut in four: what runs once per batch before the samples, runs of samples (the shards),
//! their combination, and what runs once per batch after. Shards may run anywhere; a [`Partial`] brings
//! back what they found. In fixed point its sums are exact integers, so the cut changes no bit.
//!
//! Little-endian, without padding, lengths following from the Program:
//!
//! | field | bytes |
//! | --- | --- |
//! | samples | 4 |
//! | each sample's loss (`f64`) and answer | 9 |
//! | in fixed point, each operation's peak and saturated values | 8 and 4 |
//! | each accumulator's sums: `f32`, or the smaller of `i32` and `i64` that holds any | 4 or 8 each |

use super::SampleOutcome;

/// Bytes of a sample's outcome.
const OUTCOME: usize = 9;

/// Why bytes are no partial result of this Program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPartial;

impl std::fmt::Display for BadPartial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a shard of the batch came back damaged")
    }
}

impl std::error::Error for BadPartial {}

/// What the samples of a shard found, read from its bytes.
#[derive(Clone, Debug)]
pub struct Partial<'a> {
    outcomes: &'a [u8],
    /// Statistics of all operations; empty in floating point.
    pub(super) stats: &'a [u8],
    /// Sums of all accumulators, in the order of the Program's buffers.
    pub(super) sums: &'a [u8],
}

impl<'a> Partial<'a> {
    /// Cuts the bytes of a shard of `samples` samples, with so many bytes of statistics and of sums.
    pub(super) fn cut(
        bytes: &'a [u8],
        (samples, classes): (usize, usize),
        stats: usize,
        sums: usize,
    ) -> Result<Self, BadPartial> {
        let (count, rest) = bytes.split_first_chunk().ok_or(BadPartial)?;
        let outcomes = samples.checked_mul(OUTCOME).ok_or(BadPartial)?;
        let wanted = outcomes.checked_add(stats + sums);
        if u32::from_le_bytes(*count) as usize != samples || wanted != Some(rest.len()) {
            return Err(BadPartial);
        }
        let (outcomes, rest) = rest.split_at(outcomes);
        let (stats, sums) = rest.split_at(stats);
        if outcomes
            .chunks_exact(OUTCOME)
            .any(|outcome| usize::from(outcome[8]) >= classes)
        {
            return Err(BadPartial);
        }
        Ok(Self {
            outcomes,
            stats,
            sums,
        })
    }

    /// Outcomes of its samples, in order.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = SampleOutcome> + '_ {
        self.outcomes.chunks_exact(OUTCOME).map(|bytes| {
            let (loss, answer) = bytes.split_at(8);
            SampleOutcome {
                loss: f64::from_le_bytes(loss.try_into().unwrap_or_default()),
                answer: answer[0],
            }
        })
    }
}

/// Writes the beginning of a partial result: the outcomes.
pub(super) fn write_outcomes<'a>(
    outcomes: impl Iterator<Item = &'a SampleOutcome> + Clone,
    out: &mut Vec<u8>,
) {
    out.extend((outcomes.clone().count() as u32).to_le_bytes());
    for outcome in outcomes {
        out.extend(outcome.loss.to_le_bytes());
        out.push(outcome.answer);
    }
}

/// Appends values as `N` bytes each.
pub fn append<T, const N: usize>(out: &mut Vec<u8>, values: &[T], bytes: impl Fn(&T) -> [u8; N]) {
    let start = out.len();
    out.resize(start + values.len() * N, 0);
    for (slot, value) in out[start..].as_chunks_mut().0.iter_mut().zip(values) {
        *slot = bytes(value);
    }
}

/// Adds values to as many of `N` bytes each at the end of `out`.
pub(super) fn add<T, const N: usize>(out: &mut [u8], values: &[T], add: impl Fn(&mut [u8; N], &T)) {
    let start = out.len() - values.len() * N;
    for (slot, value) in out[start..].as_chunks_mut().0.iter_mut().zip(values) {
        add(slot, value);
    }
}
