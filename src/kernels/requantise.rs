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

/// Where the sums of a row are stored.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The place of each.
    pub at: &'a [u32],
    /// Every so many of them follow each other (1 if none do).
    pub run: usize,
}

/// Requantises one row of sums of at most 30 bits each and stores them in their places in `out`;
/// stochastic rounding takes draw `first + place` of `stream`, so a value's random bits depend on where
/// it is stored and not on how the work was cut.
///
/// # Panics
/// If there are fewer places than sums, or one lies outside `out`.
pub fn requantise_row(
    how: Requantise,
    sums: &[i32],
    out: &mut [i16],
    places: Places,
    stream: Stream,
    first: u32,
) -> RowStats {
    let row = Row {
        how,
        range: (-(1_i32 << (how.bits - 1)), (1_i32 << (how.bits - 1)) - 1),
        stream,
        first,
    };
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512vl") {
            // SAFETY: these parts of AVX-512 are there.
            return unsafe { avx512_row(row, sums, out, places) };
        }
        if has!("avx2") {
            // SAFETY: AVX2 is there.
            return unsafe { avx2_row(row, sums, out, places) };
        }
    }
    row.store(sums, out, places)
}

/// Runs shorter than this are not rounded one by one, but many at a time and then stored apart.
const SHORT: usize = 8;
/// Sums rounded at a time then.
const APART: usize = 64;

/// What is the same for a row's sums.
#[derive(Clone, Copy)]
struct Row {
    how: Requantise,
    range: (i32, i32),
    stream: Stream,
    first: u32,
}

/// # Safety
/// AVX-512 F, BW and VL must be there.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn avx512_row(row: Row, sums: &[i32], out: &mut [i16], places: Places) -> RowStats {
    row.store(sums, out, places)
}

/// # Safety
/// AVX2 must be there.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2_row(row: Row, sums: &[i32], out: &mut [i16], places: Places) -> RowStats {
    row.store(sums, out, places)
}

#[expect(
    clippy::inline_always,
    reason = "loops must be compiled with their caller's target features"
)]
impl Row {
    /// Run after run.
    #[inline(always)]
    fn store(self, sums: &[i32], out: &mut [i16], Places { at, run }: Places) -> RowStats {
        let mut stats = RowStats::default();
        if !(1..=30).contains(&self.how.shift) {
            for (&sum, &at) in sums.iter().zip(at) {
                stats = stats.and(self.general(sum, &mut out[at as usize], at));
            }
            return stats;
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        let mut vectors = simd128::Vectors::new(self);
        let apart = run < SHORT;
        let mut kept = [0; APART];
        let run = if apart { APART } else { run };
        for (sums, at) in sums.chunks(run).zip(at.chunks(run)) {
            let slots = if apart {
                &mut kept[..sums.len()]
            } else {
                &mut out[at[0] as usize..][..sums.len()]
            };
            {
                #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
                let (sums, slots, at) = vectors.store(sums, slots, at);
                if !sums.is_empty() {
                    stats = stats.and(self.run(sums, slots, at));
                }
            }
            if apart {
                for (&value, &at) in kept.iter().zip(at) {
                    out[at as usize] = value;
                }
            }
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        let stats = stats.and(vectors.stats());
        stats
    }

    /// Any shift.
    fn general(self, sum: i32, slot: &mut i16, at: u32) -> RowStats {
        let Requantise {
            shift, rounding, ..
        } = self.how;
        let random = if rounding == Rounding::Stochastic {
            self.stream.bits(self.first + at)
        } else {
            0
        };
        let value = shift_round(i64::from(sum), shift, rounding, random);
        let kept = value.clamp(i64::from(self.range.0), i64::from(self.range.1));
        *slot = kept as i16;
        RowStats {
            peak: sum.unsigned_abs(),
            saturated: u32::from(kept != value),
        }
    }

    /// Shifts of 1 to 30 of sums stored together, in a form the compiler turns into vectors.
    #[inline(always)]
    fn run(self, sums: &[i32], out: &mut [i16], at: &[u32]) -> RowStats {
        let (low, high) = self.range;
        let shift = self.how.shift as u32;
        let mut peak = 0_u32;
        let mut saturated = 0_u32;
        let mut store = |slot: &mut i16, sum: i32, addend: i32| {
            let value = (sum + addend) >> shift;
            let kept = value.max(low).min(high);
            peak = peak.max(sum.unsigned_abs());
            saturated += u32::from(kept != value);
            *slot = kept as i16;
        };
        match self.how.rounding {
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
                for ((slot, &sum), &at) in out.iter_mut().zip(sums).zip(at) {
                    let addend = self.stream.bits(self.first + at) & mask;
                    store(slot, sum, addend as i32);
                }
            }
        }
        RowStats { peak, saturated }
    }
}

/// The browser's vectors, written out so that the loop is the same at any level of optimisation.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128 {
    use std::arch::wasm32::{
        i16x8_narrow_i32x4, i32x4_abs, i32x4_add, i32x4_max, i32x4_min, i32x4_ne, i32x4_shr,
        i32x4_splat, i32x4_sub, u32x4_extract_lane, u32x4_max, u32x4_splat, v128, v128_and,
        v128_load, v128_store,
    };

    use super::{Rounding, Row, RowStats, Stream};

    /// Sums taken together.
    const WIDTH: usize = 8;

    /// A row's constants in vectors, and what it held so far.
    pub(super) struct Vectors {
        shift: u32,
        low: v128,
        high: v128,
        /// What is added before the shift, unless it is random.
        half: v128,
        random: Option<(Stream, v128, v128)>,
        peak: v128,
        /// Minus the values that saturated.
        saturated: v128,
    }

    #[inline(always)]
    fn halves<T>(values: &[T; WIDTH]) -> [v128; 2] {
        const { assert!(size_of::<T>() == 4) };
        let at = values.as_ptr().cast::<v128>();
        // SAFETY: eight values of four bytes are two vectors; loads need no alignment.
        unsafe { [v128_load(at), v128_load(at.add(1))] }
    }

    impl Vectors {
        #[inline(always)]
        pub fn new(row: Row) -> Self {
            let shift = row.how.shift as u32;
            let first = || u32x4_splat(row.first);
            let mask = || u32x4_splat((1_u32 << shift) - 1);
            Self {
                shift,
                low: i32x4_splat(row.range.0),
                high: i32x4_splat(row.range.1),
                half: i32x4_splat(match row.how.rounding {
                    Rounding::Nearest => 1 << (shift - 1),
                    _ => 0,
                }),
                random: (row.how.rounding == Rounding::Stochastic)
                    .then(|| (row.stream, first(), mask())),
                peak: i32x4_splat(0),
                saturated: i32x4_splat(0),
            }
        }

        /// Four sums with what is added before the shift.
        #[inline(always)]
        fn four(&mut self, sums: v128, addend: v128) -> v128 {
            let value = i32x4_shr(i32x4_add(sums, addend), self.shift);
            let kept = i32x4_min(i32x4_max(value, self.low), self.high);
            self.peak = u32x4_max(self.peak, i32x4_abs(sums));
            self.saturated = i32x4_add(self.saturated, i32x4_ne(kept, value));
            kept
        }

        #[inline(always)]
        fn eight(&mut self, slot: &mut [i16; WIDTH], sums: &[i32; WIDTH], addends: [v128; 2]) {
            let [a, b] = halves(sums);
            let kept = i16x8_narrow_i32x4(self.four(a, addends[0]), self.four(b, addends[1]));
            // SAFETY: eight values of two bytes are one vector; stores need no alignment.
            unsafe { v128_store(slot.as_mut_ptr().cast::<v128>(), kept) };
        }

        /// Stores whole vectors of a run; returns what is left.
        #[inline(always)]
        pub fn store<'s, 'o, 'p>(
            &mut self,
            sums: &'s [i32],
            out: &'o mut [i16],
            at: &'p [u32],
        ) -> (&'s [i32], &'o mut [i16], &'p [u32]) {
            let (sums, sums_left) = sums.as_chunks::<WIDTH>();
            let (at, at_left) = at.as_chunks::<WIDTH>();
            let (out, out_left) = out.as_chunks_mut::<WIDTH>();
            if let Some((stream, first, mask)) = self.random {
                for ((slot, sums), at) in out.iter_mut().zip(sums).zip(at) {
                    let draw = |at| v128_and(stream.bits_of_four(i32x4_add(at, first)), mask);
                    self.eight(slot, sums, halves(at).map(draw));
                }
            } else {
                for (slot, sums) in out.iter_mut().zip(sums) {
                    self.eight(slot, sums, [self.half; 2]);
                }
            }
            (sums_left, out_left, at_left)
        }

        #[inline(always)]
        pub fn stats(&self) -> RowStats {
            let counts = i32x4_sub(i32x4_splat(0), self.saturated);
            let lanes = |v: v128| {
                [
                    u32x4_extract_lane::<0>(v),
                    u32x4_extract_lane::<1>(v),
                    u32x4_extract_lane::<2>(v),
                    u32x4_extract_lane::<3>(v),
                ]
            };
            RowStats {
                peak: lanes(self.peak).into_iter().fold(0, u32::max),
                saturated: lanes(counts).into_iter().sum(),
            }
        }
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
        for rounding in [Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic] {
            for (shift, run) in
                (1..=30).flat_map(|shift| [1, 3, 9, 16, 37, 333].map(|run| (shift, run)))
            {
                // Runs in descending order, with gaps between them.
                let at: Vec<u32> = (0..333)
                    .map(|i| (333 / run - i / run) * (run + 2) + i % run)
                    .collect();
                let how = Requantise {
                    shift,
                    bits: 8,
                    rounding,
                };
                let mut fast = vec![0; 1200];
                let places = Places {
                    at: &at,
                    run: run as usize,
                };
                let found = requantise_row(how, &sums, &mut fast, places, stream, 17);
                let row = Row {
                    how,
                    range: (-128, 127),
                    stream,
                    first: 17,
                };
                let mut slow = vec![0; 1200];
                let mut wanted = RowStats::default();
                for (&sum, &at) in sums.iter().zip(&at) {
                    wanted = wanted.and(row.general(sum, &mut slow[at as usize], at));
                }
                assert_eq!(
                    (found, fast),
                    (wanted, slow),
                    "{rounding:?} by {shift}, runs of {run}"
                );
            }
        }
    }
}
