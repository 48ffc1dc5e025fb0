//! A part of a batch, run by another executor of the same Program: what it found, as bytes.
//!
//! A step is cut in four: what runs once per batch before the samples, runs of samples (the shards),
//! their combination, and what runs once per batch after. Shards may run anywhere; a [`Partial`] brings
//! back what they found. In fixed point its sums are exact integers, so the cut changes no bit.
//!
//! Numbers as they lie in memory (both sides are one build on one machine), without padding, lengths
//! following from the Program:
//!
//! | field | bytes |
//! | --- | --- |
//! | samples | 4 |
//! | each sample's loss (`f64`) and answer | 9 |
//! | in fixed point, each operation's peak and saturated values | 8 and 4 |
//! | in fixed point, bytes of a sum: 4 if all of this shard are of 30 bits and a sign, else 8 | 1 |
//! | each accumulator's sums: `f32`, or `i32` or `i64` | 4 or 8 each |

use bytemuck::{NoUninit, Pod};

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
    /// Sums of all accumulators, in the order of the Program's buffers, and what says their width.
    pub(super) sums: &'a [u8],
}

impl<'a> Partial<'a> {
    /// Cuts the bytes of a shard of `samples` samples, with so many bytes of statistics; the rest are sums,
    /// whose number is for the caller to check.
    pub(super) fn cut(
        bytes: &'a [u8],
        (samples, classes): (usize, usize),
        stats: usize,
    ) -> Result<Self, BadPartial> {
        let (count, rest) = bytes.split_first_chunk().ok_or(BadPartial)?;
        let outcomes = samples.checked_mul(OUTCOME).ok_or(BadPartial)?;
        if u32::from_le_bytes(*count) as usize != samples {
            return Err(BadPartial);
        }
        let (outcomes, rest) = rest.split_at_checked(outcomes).ok_or(BadPartial)?;
        let (stats, sums) = rest.split_at_checked(stats).ok_or(BadPartial)?;
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

/// The number of four bytes at a place of a head or a tail, which must be inside.
#[must_use]
pub fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
}

/// Numbers as bytes.
pub fn append<T: NoUninit>(out: &mut Vec<u8>, numbers: &[T]) {
    out.extend_from_slice(bytemuck::cast_slice(numbers));
}

/// The numbers that bytes hold; what is left over of them is passed over.
#[must_use]
pub fn numbers<T: Pod>(bytes: &[u8]) -> Vec<T> {
    let mut numbers = vec![T::zeroed(); bytes.len() / size_of::<T>()];
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut numbers);
    out.copy_from_slice(&bytes[..out.len()]);
    numbers
}
