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

use super::gemm::Scatter;
use super::pack::together;
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

/// What a block of sums held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SumStats {
    /// Largest magnitude before the shift.
    pub peak: u32,
    /// Values that saturated.
    pub saturated: u32,
}

impl SumStats {
    /// The statistics of two blocks together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            peak: self.peak.max(other.peak),
            saturated: self.saturated + other.saturated,
        }
    }
}

/// Where the sums of a block are stored: that of row i and column j at `at.rows[i] + at.cols[j]`.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Offset of each row and column in the result.
    pub at: Scatter<'a>,
    /// Every so many of the columns follow each other (1 if none do).
    pub run: usize,
    /// The number of the random draw of the result's first element; those of others follow, and wrap.
    pub first_draw: u32,
}

/// Requantises a block of sums of at most 30 bits each, of which row i begins at `i * stride`, and stores
/// them in their places in `out`; stochastic rounding takes a draw of `stream` numbered by the place, so a
/// value's random bits depend on where it is stored and not on how the work was cut.
///
/// # Panics
/// If there are fewer sums than places, or a place lies outside `out`.
pub fn requantise(
    how: Requantise,
    (sums, stride): (&[i32], usize),
    out: &mut [i16],
    places: Places,
    stream: Stream,
) -> SumStats {
    let block = Block {
        how,
        range: (-(1_i32 << (how.bits - 1)), (1_i32 << (how.bits - 1)) - 1),
        stream,
        first_draw: places.first_draw,
    };
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512vl") {
            // SAFETY: these parts of AVX-512 are there.
            return unsafe { avx512_block(block, (sums, stride), out, places) };
        }
        if has!("avx2") {
            // SAFETY: AVX2 is there.
            return unsafe { avx2_block(block, (sums, stride), out, places) };
        }
    }
    block.store((sums, stride), out, places)
}

/// Runs shorter than this are not rounded one by one, but many at a time and then stored apart.
const SHORT: usize = 8;
/// Columns rounded at a time then.
const APART: usize = 64;
/// Rows rounded before they are stored, which go down the columns: often it is rows that lie together then.
const ROWS: usize = 8;

/// What is the same for a block's sums.
#[derive(Clone, Copy)]
struct Block {
    how: Requantise,
    range: (i32, i32),
    stream: Stream,
    first_draw: u32,
}

/// # Safety
/// AVX-512 F, BW and VL must be there.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn avx512_block(
    block: Block,
    sums: (&[i32], usize),
    out: &mut [i16],
    places: Places,
) -> SumStats {
    block.store(sums, out, places)
}

/// # Safety
/// AVX2 must be there.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2_block(
    block: Block,
    sums: (&[i32], usize),
    out: &mut [i16],
    places: Places,
) -> SumStats {
    block.store(sums, out, places)
}

#[expect(
    clippy::inline_always,
    reason = "loops must be compiled with their caller's target features"
)]
impl Block {
    /// Row after row, or some rows at a time.
    #[inline(always)]
    fn store(
        self,
        (sums, stride): (&[i32], usize),
        out: &mut [i16],
        Places { at, run, .. }: Places,
    ) -> SumStats {
        if !(1..=30).contains(&self.how.shift) {
            let mut stats = SumStats::default();
            for (sums, row) in sums.chunks(stride).zip(at.rows) {
                for (&sum, &col) in sums.iter().zip(at.cols) {
                    stats = stats.and(self.general(sum, out, row + col));
                }
            }
            return stats;
        }
        let mut pieces = Pieces::new(self);
        if run < SHORT {
            let mut kept = [[0; APART]; ROWS];
            for (sums, rows) in sums.chunks(stride * ROWS).zip(at.rows.chunks(ROWS)) {
                for (from, cols) in (0..).step_by(APART).zip(at.cols.chunks(APART)) {
                    for ((kept, &row), sums) in kept.iter_mut().zip(rows).zip(sums.chunks(stride)) {
                        let sums = &sums[from..][..cols.len()];
                        pieces.round(sums, &mut kept[..cols.len()], cols, row);
                    }
                    apart(&kept, run, out, Scatter { rows, cols });
                }
            }
        } else {
            // Chunks and steps of a length known only here would be counted by a division for every row.
            for (sums, &row) in sums.chunks(stride).zip(at.rows) {
                let mut from = 0;
                while from < at.cols.len() {
                    let to = at.cols.len().min(from + run);
                    let cols = &at.cols[from..to];
                    let slots = &mut out[(row + cols[0]) as usize..][..cols.len()];
                    pieces.round(&sums[from..to], slots, cols, row);
                    from = to;
                }
            }
        }
        pieces.stats()
    }

    /// Any shift.
    fn general(self, sum: i32, out: &mut [i16], at: u32) -> SumStats {
        let Requantise {
            shift, rounding, ..
        } = self.how;
        let random = if rounding == Rounding::Stochastic {
            self.stream.bits(self.first_draw.wrapping_add(at))
        } else {
            0
        };
        let value = shift_round(i64::from(sum), shift, rounding, random);
        let kept = value.clamp(i64::from(self.range.0), i64::from(self.range.1));
        out[at as usize] = kept as i16;
        SumStats {
            peak: sum.unsigned_abs(),
            saturated: u32::from(kept != value),
        }
    }

    /// Shifts of 1 to 30 of sums stored together, in a form the compiler turns into vectors.
    #[inline(always)]
    fn run(self, sums: &[i32], out: &mut [i16], cols: &[u32], draws: u32) -> SumStats {
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
                for ((slot, &sum), &col) in out.iter_mut().zip(sums).zip(cols) {
                    let addend = self.stream.bits(draws.wrapping_add(col)) & mask;
                    store(slot, sum, addend as i32);
                }
            }
        }
        SumStats { peak, saturated }
    }
}

/// Sums rounded piece by piece, and what they held.
struct Pieces {
    block: Block,
    stats: SumStats,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    vectors: simd128::Vectors,
}

#[cfg_attr(
    target_arch = "x86_64",
    expect(
        clippy::inline_always,
        reason = "loops must be compiled with their caller's target features"
    )
)]
impl Pieces {
    fn new(block: Block) -> Self {
        Self {
            block,
            stats: SumStats::default(),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            vectors: simd128::Vectors::new(block),
        }
    }

    /// Rounds sums of a row that are stored together.
    #[cfg_attr(target_arch = "x86_64", inline(always))]
    fn round(&mut self, sums: &[i32], slots: &mut [i16], cols: &[u32], row: u32) {
        let draws = self.block.first_draw.wrapping_add(row);
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        let (sums, slots, cols) = self.vectors.store(sums, slots, cols, draws);
        if !sums.is_empty() {
            let found = self.block.run(sums, slots, cols, draws);
            self.stats = self.stats.and(found);
        }
    }

    fn stats(&self) -> SumStats {
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return self.stats.and(self.vectors.stats());
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        self.stats
    }
}

/// Stores some rows whose columns lie together in runs of so many, down the columns.
#[inline]
fn apart(kept: &[[i16; APART]; ROWS], run: usize, out: &mut [i16], at: Scatter) {
    match run {
        4 => runs_apart::<4>(kept, out, at),
        2 => runs_apart::<2>(kept, out, at),
        _ => match at.rows.try_into() {
            Ok(rows) if at.rows.chunks(TOGETHER).all(together) => {
                rows_together(kept, rows, out, at.cols);
            }
            _ => runs_apart::<1>(kept, out, at),
        },
    }
}

/// Columns lie together in runs of `RUN`.
#[inline]
fn runs_apart<const RUN: usize>(kept: &[[i16; APART]; ROWS], out: &mut [i16], at: Scatter) {
    for (j, cols) in at.cols.chunks(RUN).enumerate() {
        for (kept, row) in kept.iter().zip(at.rows) {
            let place = (row + cols[0]) as usize;
            let kept = &kept[j * RUN..][..RUN];
            out[place..][..RUN].copy_from_slice(kept);
        }
    }
}

/// Rows that lie together, and are stored at once.
const TOGETHER: usize = 4;

/// `ROWS` rows lie together by so many as are stored at once, columns do not.
#[inline]
fn rows_together(kept: &[[i16; APART]; ROWS], rows: &[u32; ROWS], out: &mut [i16], cols: &[u32]) {
    for (j, col) in cols.iter().enumerate().take(APART) {
        for first in (0..ROWS).step_by(TOGETHER) {
            // Put together in a register: of a list in memory, numbers would be written one by one and read
            // at once, which processors wait for.
            let number = |k: usize| u64::from(kept[first + k][j].cast_unsigned()) << (16 * k);
            let down = number(0) | number(1) | number(2) | number(3);
            let down: [i16; TOGETHER] = bytemuck::cast(down.to_le());
            let slots = &mut out[(rows[first] + col) as usize..][..TOGETHER];
            slots.copy_from_slice(&down.map(i16::from_le));
        }
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

    use super::{Block, Rounding, Stream, SumStats};

    /// Sums taken together.
    const WIDTH: usize = 8;

    /// A row's constants in vectors, and what it held so far.
    pub(super) struct Vectors {
        shift: u32,
        low: v128,
        high: v128,
        /// What is added before the shift, unless it is random.
        half: v128,
        random: Option<(Stream, v128)>,
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
        pub fn new(block: Block) -> Self {
            let shift = block.how.shift as u32;
            let mask = || u32x4_splat((1_u32 << shift) - 1);
            Self {
                shift,
                low: i32x4_splat(block.range.0),
                high: i32x4_splat(block.range.1),
                half: i32x4_splat(match block.how.rounding {
                    Rounding::Nearest => 1 << (shift - 1),
                    _ => 0,
                }),
                random: (block.how.rounding == Rounding::Stochastic)
                    .then(|| (block.stream, mask())),
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
            cols: &'p [u32],
            draws: u32,
        ) -> (&'s [i32], &'o mut [i16], &'p [u32]) {
            let (sums, sums_left) = sums.as_chunks::<WIDTH>();
            let (cols, cols_left) = cols.as_chunks::<WIDTH>();
            let (out, out_left) = out.as_chunks_mut::<WIDTH>();
            if let Some((stream, mask)) = self.random {
                let first = u32x4_splat(draws);
                for ((slot, sums), cols) in out.iter_mut().zip(sums).zip(cols) {
                    let draw = |col| v128_and(stream.bits_of_four(i32x4_add(col, first)), mask);
                    self.eight(slot, sums, halves(cols).map(draw));
                }
            } else {
                for (slot, sums) in out.iter_mut().zip(sums) {
                    self.eight(slot, sums, [self.half; 2]);
                }
            }
            (sums_left, out_left, cols_left)
        }

        #[inline(always)]
        pub fn stats(&self) -> SumStats {
            let counts = i32x4_sub(i32x4_splat(0), self.saturated);
            let lanes = |v: v128| {
                [
                    u32x4_extract_lane::<0>(v),
                    u32x4_extract_lane::<1>(v),
                    u32x4_extract_lane::<2>(v),
                    u32x4_extract_lane::<3>(v),
                ]
            };
            SumStats {
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
    fn vector_and_general_blocks_agree_for_every_shift_and_rounding() {
        const STRIDE: usize = 336;
        let stream = Stream::new(Seed(4), 0, 0, 0);
        // More rows than are rounded at a time.
        let rows: Vec<u32> = (0..11).map(|row| (row * 7 % 11) * 1200).collect();
        let sums: Vec<i32> = (0..(rows.len() * STRIDE) as u32)
            .map(|i| (stream.bits(i) >> 2) as i32 - (1 << 29))
            .collect();
        for rounding in [Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic] {
            for (shift, run) in (1..=30)
                .flat_map(|shift| [1, 2, 3, 4, 6, 9, 16, 37, 333].map(|run| (shift, run as u32)))
            {
                // Runs in descending order, with gaps between them.
                let columns = 333 / run * run;
                let cols: Vec<u32> = (0..columns)
                    .map(|i| (333 / run - i / run) * (run + 2) + i % run)
                    .collect();
                let block = Block {
                    how: Requantise {
                        shift,
                        bits: 8,
                        rounding,
                    },
                    range: (-128, 127),
                    stream,
                    first_draw: u32::MAX - 17,
                };
                let mut fast = vec![0; rows.len() * 1200];
                let at = Scatter {
                    rows: &rows,
                    cols: &cols,
                };
                let places = Places {
                    at,
                    run: run as usize,
                    first_draw: block.first_draw,
                };
                let found = requantise(block.how, (&sums, STRIDE), &mut fast, places, stream);
                let mut slow = vec![0; fast.len()];
                let mut wanted = SumStats::default();
                for (sums, row) in sums.chunks(STRIDE).zip(&rows) {
                    for (&sum, col) in sums.iter().zip(&cols) {
                        wanted = wanted.and(block.general(sum, &mut slow, row + col));
                    }
                }
                assert!(
                    (found, fast) == (wanted, slow),
                    "{rounding:?} by {shift}, runs of {run}"
                );
            }
        }
    }
}
