//! From exact integer sums to a stored format: divide by a power of two, round, saturate.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "the same loop is compiled for AVX2 and AVX-512 too, chosen at run time"
    )
)]
#![cfg_attr(
    target_arch = "wasm32",
    expect(
        unsafe_code,
        reason = "vector loads and stores, on arrays of the vector's length"
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
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512vl") {
            // SAFETY: these parts of AVX-512 are there.
            return unsafe { avx512_row(how, (low, high), sums, out, stream, first, cols) };
        }
        if has!("avx2") {
            // SAFETY: AVX2 is there.
            return unsafe { avx2_row(how, (low, high), sums, out, stream, first, cols) };
        }
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return simd128::row(how, (low, high), sums, out, stream, first, cols);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
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
/// AVX-512 F, BW and VL must be there.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn avx512_row(
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

/// The browser's vectors, written out so that the loop is the same at any level of optimisation.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128 {
    use std::arch::wasm32::{
        i16x8_narrow_i32x4, i32x4_abs, i32x4_add, i32x4_max, i32x4_min, i32x4_ne, i32x4_shr,
        i32x4_splat, i32x4_sub, u32x4_extract_lane, u32x4_max, u32x4_splat, v128, v128_and,
        v128_load, v128_store,
    };

    use super::{Requantise, Rounding, RowStats, Stream, vector_row};

    /// Columns taken together.
    const WIDTH: usize = 8;

    struct Loop {
        shift: u32,
        low: v128,
        high: v128,
        peak: v128,
        /// Minus the values that saturated.
        saturated: v128,
    }

    impl Loop {
        /// Four sums with what is added before the shift.
        #[inline]
        fn four(&mut self, sums: v128, addend: v128) -> v128 {
            let value = i32x4_shr(i32x4_add(sums, addend), self.shift);
            let kept = i32x4_min(i32x4_max(value, self.low), self.high);
            self.peak = u32x4_max(self.peak, i32x4_abs(sums));
            self.saturated = i32x4_add(self.saturated, i32x4_ne(kept, value));
            kept
        }
    }

    #[inline]
    fn halves<T>(values: &[T; WIDTH]) -> [v128; 2] {
        const { assert!(size_of::<T>() == 4) };
        let at = values.as_ptr().cast::<v128>();
        // SAFETY: eight values of four bytes are two vectors; loads need no alignment.
        unsafe { [v128_load(at), v128_load(at.add(1))] }
    }

    pub fn row(
        how: Requantise,
        range: (i32, i32),
        sums: &[i32],
        out: &mut [i16],
        stream: Stream,
        first: u32,
        cols: &[u32],
    ) -> RowStats {
        let shift = how.shift as u32;
        let mut state = Loop {
            shift,
            low: i32x4_splat(range.0),
            high: i32x4_splat(range.1),
            peak: i32x4_splat(0),
            saturated: i32x4_splat(0),
        };
        let (sums, sums_left) = sums.as_chunks::<WIDTH>();
        let (cols, cols_left) = cols.as_chunks::<WIDTH>();
        let (out, out_left) = out.as_chunks_mut::<WIDTH>();
        let mut store = |slot: &mut [i16; WIDTH], sums: &[i32; WIDTH], addends: [v128; 2]| {
            let [a, b] = halves(sums);
            let kept = i16x8_narrow_i32x4(state.four(a, addends[0]), state.four(b, addends[1]));
            // SAFETY: eight values of two bytes are one vector; stores need no alignment.
            unsafe { v128_store(slot.as_mut_ptr().cast::<v128>(), kept) };
        };
        if how.rounding == Rounding::Stochastic {
            let (first, mask) = (u32x4_splat(first), u32x4_splat((1_u32 << shift) - 1));
            for ((slot, sums), cols) in out.iter_mut().zip(sums).zip(cols) {
                let draws = halves(cols)
                    .map(|cols| v128_and(stream.bits_of_four(i32x4_add(cols, first)), mask));
                store(slot, sums, draws);
            }
        } else {
            let half = match how.rounding {
                Rounding::Nearest => i32x4_splat(1 << (shift - 1)),
                _ => i32x4_splat(0),
            };
            for (slot, sums) in out.iter_mut().zip(sums) {
                store(slot, sums, [half; 2]);
            }
        }
        let counts = i32x4_sub(i32x4_splat(0), state.saturated);
        let lanes = |v: v128| {
            [
                u32x4_extract_lane::<0>(v),
                u32x4_extract_lane::<1>(v),
                u32x4_extract_lane::<2>(v),
                u32x4_extract_lane::<3>(v),
            ]
        };
        let stats = RowStats {
            peak: lanes(state.peak).into_iter().fold(0, u32::max),
            saturated: lanes(counts).into_iter().sum(),
        };
        stats.and(vector_row(
            how, range, sums_left, out_left, stream, first, cols_left,
        ))
    }
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
