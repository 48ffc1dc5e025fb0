//! How near a product comes to what the browser's vectors can do: multiply and add without a fused
//! instruction, or multiply pairs of 16-bit integers and add.
//!
//! The roofline is a loop of nothing else, its sums in registers, enough of them that none waits for the
//! last. The product is the largest contraction of preset `paper` at batch 64, laid out as there: 1,024
//! rows (64 samples of 4 x 4 outputs), 512 terms (2 x 16 inputs and rank 16), 32 columns.

use std::arch::wasm32::{
    f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, i16x8_splat, i32x4_add, i32x4_dot_i16x8,
    i32x4_extract_lane, i32x4_splat, v128,
};
use std::hint::black_box;

use serde::Serialize;

use super::{Element, Factor, Kept, Packs, Scatter, gemm};
use crate::numeric::median;

/// Rounds, each of the loop and of the product.
const ROUNDS: usize = 5;
/// Turns of a loop between two looks at the clock.
const TURNS: u32 = 20_000;

/// Multiply-accumulates a second of the loop and of the product, medians.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KernelSpeed {
    /// `f32` or `i16`.
    pub numbers: &'static str,
    /// The loop's.
    pub roofline: f64,
    /// The product's.
    pub product: f64,
}

/// Measures both kinds of numbers for so many milliseconds in all, by the clock `now` in milliseconds.
#[must_use]
pub fn kernel_speeds(milliseconds: f64, now: fn() -> f64) -> [KernelSpeed; 2] {
    let turn = milliseconds / (4 * ROUNDS) as f64;
    [
        speed("f32", turn, now, float_loop, (4, 0.5_f32)),
        speed("i16", turn, now, integer_loop, (8, 3_i16)),
    ]
}

fn speed<T: Element>(
    numbers: &'static str,
    turn: f64,
    now: fn() -> f64,
    looped: fn(u32),
    (lanes, value): (u32, T),
) -> KernelSpeed {
    let (left, right) = (vec![value; 64 * 8192], vec![value; 16_384]);
    let grid = |outer: u32, step: u32, inner: u32| -> Vec<u32> {
        (0..outer)
            .flat_map(|i| (0..inner).map(move |j| i * step + j))
            .collect()
    };
    let rows = (0..1024).map(|row| row / 16 * 8192 + row % 16 * 16);
    let (rows, terms) = (rows.collect::<Vec<_>>(), grid(32, 256, 16));
    let mut kept = Kept::default();
    kept.pack(
        &right,
        Scatter {
            rows: &grid(512, 32, 1),
            cols: &grid(1, 0, 32),
        },
    );
    let left_at = Scatter {
        rows: &rows,
        cols: &terms,
    };
    let mut packs = Packs::default();
    let mut product = || {
        gemm(
            &mut packs,
            (&left, left_at),
            Factor::Kept(&kept),
            |_, _, sums, _| {
                black_box(sums.len());
            },
        );
    };
    let measure = |work: &mut dyn FnMut(), macs: f64| {
        let (begun, mut count) = (now(), 0.0);
        loop {
            work();
            count += macs;
            let time = now() - begun;
            if time >= turn {
                return count * 1000.0 / time.max(1e-3);
            }
        }
    };
    let loop_macs = f64::from(TURNS) * f64::from(SUMS * lanes);
    let rates: Vec<[f64; 2]> = (0..=ROUNDS)
        .map(|_| {
            [
                measure(&mut || looped(TURNS), loop_macs),
                measure(&mut product, (1024 * 512 * 32) as f64),
            ]
        })
        .collect();
    // The first round warms up.
    let of = |which: usize| {
        median(
            &rates[1..]
                .iter()
                .map(|rate| rate[which])
                .collect::<Vec<_>>(),
        )
    };
    KernelSpeed {
        numbers,
        roofline: of(0),
        product: of(1),
    }
}

/// Sums of a loop.
const SUMS: u32 = 12;

/// Runs `$step` on twelve sums, written out so that they stay in registers.
macro_rules! twelve {
    ($turns:ident, $start:expr, $step:expr) => {{
        let (start, step) = ($start, $step);
        let [mut a, mut b, mut c, mut d, mut e, mut f] = [start; 6];
        let [mut g, mut h, mut i, mut j, mut k, mut l] = [start; 6];
        for _ in 0..$turns {
            (a, b, c, d) = (step(a), step(b), step(c), step(d));
            (e, f, g, h) = (step(e), step(f), step(g), step(h));
            (i, j, k, l) = (step(i), step(j), step(k), step(l));
        }
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }};
}

#[inline(never)]
fn float_loop(turns: u32) {
    let (factor, more) = (f32x4_splat(black_box(0.5)), f32x4_splat(black_box(1.0)));
    let step = |sum: v128| f32x4_add(f32x4_mul(sum, factor), more);
    let sums = twelve!(turns, more, step);
    black_box(sums.map(|sum| f32x4_extract_lane::<0>(sum)));
}

#[inline(never)]
fn integer_loop(turns: u32) {
    let (factor, more) = (i16x8_splat(black_box(3)), i32x4_splat(black_box(5)));
    let step = |sum: v128| i32x4_add(i32x4_dot_i16x8(sum, factor), more);
    let sums = twelve!(turns, more, step);
    black_box(sums.map(|sum| i32x4_extract_lane::<0>(sum)));
}
