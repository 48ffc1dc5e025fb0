//! From exact integer sums to a stored format: divide by a power of two, round, saturate.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "the same loop is compiled twice, once for AVX2, chosen at run time"
    )
)]

use crate::numeric::{Rounding, Stream, shift_round};

/// How sums are brought to a stored format.
#[derive(Clone, Copy, Debug)]
pub struct Requantise {
    /// Power of two the sums are divided by.
    pub shift: i32,
    /// Width of the stored format in bits (at most 16).
    pub bits: u8,
    /// How the dropped bits are removed.
    pub rounding: Rounding,
}

/// What a row of sums held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowStats {
    /// Largest magnitude before the shift.
    pub peak: u32,
    /// Values that saturated.
    pub saturated: u32,
}

impl RowStats {
    /// The statistics of two rows together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            peak: self.peak.max(other.peak),
            saturated: self.saturated + other.saturated,
        }
    }
}

/// Requantises one row of sums of at most 30 bits each; stochastic rounding takes draw
/// `first + cols[j]` of `stream` for column `j`, so a value's random bits depend on where it is
/// stored and not on how the work was cut.
///
/// # Panics
/// If the slices differ in length.
pub fn requantise_row(
    how: Requantise,
    sums: &[i32],
    out: &mut [i16],
    stream: Stream,
    first: u32,
    cols: &[u32],
) -> RowStats {
    assert!(sums.len() == out.len() && sums.len() == cols.len());
    let (low, high) = (-(1_i32 << (how.bits - 1)), (1_i32 << (how.bits - 1)) - 1);
    if !(1..=30).contains(&how.shift) {
        return general_row(how, sums, out, stream, first, cols);
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 is there.
        return unsafe { avx2_row(how, (low, high), sums, out, stream, first, cols) };
    }
    vector_row(how, (low, high), sums, out, stream, first, cols)
}

/// Any shift, one value at a time.
fn general_row(
    how: Requantise,
    sums: &[i32],
    out: &mut [i16],
    stream: Stream,
    first: u32,
    cols: &[u32],
) -> RowStats {
    let (low, high) = (-(1_i64 << (how.bits - 1)), (1_i64 << (how.bits - 1)) - 1);
    let mut stats = RowStats::default();
    for ((slot, &sum), &col) in out.iter_mut().zip(sums).zip(cols) {
        let random = if how.rounding == Rounding::Stochastic {
            stream.bits(first + col)
        } else {
            0
        };
        let value = shift_round(i64::from(sum), how.shift, how.rounding, random);
        let kept = value.clamp(low, high);
        stats.peak = stats.peak.max(sum.unsigned_abs());
        stats.saturated += u32::from(kept != value);
        *slot = kept as i16;
    }
    stats
}

/// # Safety
/// AVX2 must be there.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2_row(
    how: Requantise,
    range: (i32, i32),
    sums: &[i32],
    out: &mut [i16],
    stream: Stream,
    first: u32,
    cols: &[u32],
) -> RowStats {
    vector_row(how, range, sums, out, stream, first, cols)
}

/// Shifts of 1 to 30, in a form the compiler turns into vectors.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "it must be compiled with its caller's target features"
)]
fn vector_row(
    how: Requantise,
    (low, high): (i32, i32),
    sums: &[i32],
    out: &mut [i16],
    stream: Stream,
    first: u32,
    cols: &[u32],
) -> RowStats {
    let shift = how.shift as u32;
    let mut peak = 0_u32;
    let mut saturated = 0_u32;
    let mut store = |slot: &mut i16, sum: i32, addend: i32| {
        let value = (sum + addend) >> shift;
        let kept = value.max(low).min(high);
        peak = peak.max(sum.unsigned_abs());
        saturated += u32::from(kept != value);
        *slot = kept as i16;
    };
    match how.rounding {
        Rounding::Truncate => out
            .iter_mut()
            .zip(sums)
            .for_each(|(slot, &sum)| store(slot, sum, 0)),
        Rounding::Nearest => {
            let half = 1 << (shift - 1);
            out.iter_mut()
                .zip(sums)
                .for_each(|(slot, &sum)| store(slot, sum, half));
        }
        Rounding::Stochastic => {
            let mask = (1_u32 << shift) - 1;
            for ((slot, &sum), &col) in out.iter_mut().zip(sums).zip(cols) {
                store(slot, sum, (stream.bits(first + col) & mask) as i32);
            }
        }
    }
    RowStats { peak, saturated }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Seed;

    #[test]
    fn vector_and_general_rows_agree_for_every_shift_and_rounding() {
        let stream = Stream::new(Seed(4), 0, 0, 0);
        let sums: Vec<i32> = (0..333)
            .map(|i| (stream.bits(i) >> 2) as i32 - (1 << 29))
            .collect();
        let cols: Vec<u32> = (0..333).map(|i| i * 3).collect();
        for rounding in [Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic] {
            for shift in 1..=30 {
                let how = Requantise {
                    shift,
                    bits: 8,
                    rounding,
                };
                let (mut fast, mut slow) = (vec![0; 333], vec![0; 333]);
                let a = requantise_row(how, &sums, &mut fast, stream, 17, &cols);
                let b = general_row(how, &sums, &mut slow, stream, 17, &cols);
                assert_eq!((a, fast), (b, slow), "{rounding:?} by {shift}");
            }
        }
    }
}
