//! The fast Fourier transform of real blocks whose length is a power of two: radix 2, decimation in time
//! (Cooley and Tukey, 1965), in place on the half-complex form of a real signal's spectrum (Sorensen et
//! al., "Real-valued fast Fourier transform algorithms", 1987), so that only bins 0 to k / 2 are computed.
//!
//! Many signals are transformed side by side: a block of k points is k rows, and each row holds that point
//! of all signals. Every operation of a butterfly then is a loop along rows.
#![expect(
    clippy::inline_always,
    reason = "a loop must be compiled with its caller's target features"
)]

mod fixed;
#[cfg(test)]
pub(super) mod recursion;

pub use fixed::FixedFft;
pub(super) use fixed::round;

use crate::kernels::vectorised;
use crate::numeric::exact;

/// Bytes of the columns that go through all stages together: they stay in the first-level cache.
const WINDOW: usize = 32 * 1024;

/// The transform of k real points, and back.
///
/// Point t lies in row [`Self::row_of`] (t). Bins lie so that a bin's two parts are neighbours: the real
/// bins 0 and k / 2 in rows 0 and 1, the real and imaginary part of bin b in rows 2 b and 2 b + 1.
#[derive(Clone, Debug)]
pub struct Fft {
    layout: Layout,
    /// Cosine and sine of b / k turns, b from 0 to k / 4.
    turns: Vec<(f32, f32)>,
}

impl Fft {
    /// The transform of `points` points, rounded up to a power of two.
    #[must_use]
    pub fn new(points: usize) -> Self {
        let layout = Layout::new(points);
        let turns = layout.turns(|value| value as f32);
        Self { layout, turns }
    }

    /// Points of a block.
    #[must_use]
    pub fn points(&self) -> usize {
        self.layout.points
    }

    /// Row of point `point`, 0 to k - 1, before [`Self::forward`] and after [`Self::inverse`].
    #[must_use]
    pub fn row_of(&self, point: usize) -> usize {
        self.layout.starts[point]
    }

    /// Bins as groups of rows: the first row and how many rows, 1 of a real bin and 2 of a complex one.
    pub fn bins(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        self.layout.bins()
    }

    /// `X_b = sum over t of x_t exp(-2 pi i b t / k)`; `rows` are k rows of equal length.
    ///
    /// # Panics
    /// If `rows` are not so many, here as below.
    pub fn forward(&self, rows: &mut [f32]) {
        self.run(rows, true);
    }

    /// `k` times the inverse: `k x_t = sum over b of X_b exp(2 pi i b t / k)`.
    pub fn inverse(&self, rows: &mut [f32]) {
        self.run(rows, false);
    }

    fn run(&self, rows: &mut [f32], forward: bool) {
        let k = self.points();
        assert_eq!(rows.len() % k, 0, "k rows of equal length");
        let width = rows.len() / k;
        let window = (WINDOW / size_of::<f32>() / k).max(16);
        vectorised(
            #[inline(always)]
            || {
                for from in (0..width).step_by(window) {
                    let columns = (from, window.min(width - from));
                    if forward {
                        for stage in 0..self.layout.stages() {
                            self.stage(rows, width, columns, stage, true);
                        }
                    } else {
                        for stage in (0..self.layout.stages()).rev() {
                            self.stage(rows, width, columns, stage, false);
                        }
                    }
                }
            },
        );
    }

    #[inline(always)]
    fn stage(
        &self,
        rows: &mut [f32],
        width: usize,
        (from, count): (usize, usize),
        stage: usize,
        forward: bool,
    ) {
        let slice = |row: usize| row * width + from..row * width + from + count;
        for butterfly in self.layout.butterflies(stage) {
            match butterfly {
                Butterfly::Ends(even, odd) => {
                    let [even, odd] = disjoint(rows, [even, odd].map(slice));
                    for (e, o) in even.iter_mut().zip(odd) {
                        (*e, *o) = (*e + *o, *e - *o);
                    }
                }
                Butterfly::Middle(even, odd) => {
                    let [even, odd] = disjoint(rows, [even, odd].map(slice));
                    if forward {
                        for o in odd {
                            *o = -*o;
                        }
                    } else {
                        for (e, o) in even.iter_mut().zip(odd) {
                            (*e, *o) = (*e * 2.0, *o * -2.0);
                        }
                    }
                }
                Butterfly::Pair { rows: four, turn } => {
                    let four = disjoint(rows, four.map(slice));
                    if forward {
                        pair(four, self.turns[turn]);
                    } else {
                        unpair(four, self.turns[turn]);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn disjoint<const N: usize>(
    rows: &mut [f32],
    ranges: [std::ops::Range<usize>; N],
) -> [&mut [f32]; N] {
    rows.get_disjoint_mut(ranges)
        .expect("a butterfly's rows differ")
}

/// `X_b = E_b + w O_b` and `X_(h-b) = conj(E_b - w O_b)`, where `w = cos - i sin`.
#[inline(always)]
fn pair([a, b, c, d]: [&mut [f32]; 4], (cos, sin): (f32, f32)) {
    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
        let (even, odd) = ((*a, *b), (*c, *d));
        let turned = (cos * odd.0 + sin * odd.1, cos * odd.1 - sin * odd.0);
        (*a, *d) = (even.0 + turned.0, even.1 + turned.1);
        (*b, *c) = (even.0 - turned.0, turned.1 - even.1);
    }
}

/// Twice what [`pair`] began with.
#[inline(always)]
fn unpair([a, b, c, d]: [&mut [f32]; 4], (cos, sin): (f32, f32)) {
    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
        let (low, high) = ((*a, *d), (*b, *c));
        let turned = (low.0 - high.0, low.1 + high.1);
        (*a, *b) = (low.0 + high.0, low.1 - high.1);
        *c = cos * turned.0 - sin * turned.1;
        *d = sin * turned.0 + cos * turned.1;
    }
}

/// Real multiplications of the transform of a real block of `points` points: `k log2(k)`, which is four for
/// each of `k / 2 log2(k)` complex products, halved since the input is real. Products by 1 and by -i are
/// counted, as in a pipeline whose butterflies are alike.
#[must_use]
pub fn multiplies(points: u64) -> u64 {
    points * u64::from(points.max(1).ilog2())
}

/// Real additions, counted likewise: two in each complex product and four in the butterfly's sum and
/// difference, halved.
#[must_use]
pub fn adds(points: u64) -> u64 {
    points / 2 * 3 * u64::from(points.max(1).ilog2())
}

/// Where points, bins and butterflies lie, for floating and fixed point alike.
///
/// At a stage of length L = 2 h an even and an odd spectrum of h points become one of L. In the half-complex
/// form part `re b` of a spectrum stands at slot b and `im b` at slot L - b, so that the four results of a
/// butterfly take the four slots of what it read. Rows are slots in another order, in which a bin's two
/// parts are neighbours at the end.
#[derive(Clone, Debug)]
struct Layout {
    points: usize,
    /// Row of each point.
    starts: Vec<usize>,
    /// Row of each slot.
    rows: Vec<usize>,
}

/// Rows that a butterfly reads and writes.
#[derive(Clone, Copy, Debug)]
enum Butterfly {
    /// Bin 0 of the even and the odd spectrum; gives bins 0 and h.
    Ends(usize, usize),
    /// Bin h / 2 of both, where w = -i: gives the parts of bin h / 2.
    Middle(usize, usize),
    /// A bin b between: the parts of E, then those of O. They become `re b`, `re (h - b)`, `im (h - b)`
    /// and `im b`.
    Pair {
        /// The four rows.
        rows: [usize; 4],
        /// The angle of w as a multiple of 1 / k turn.
        turn: usize,
    },
}

impl Layout {
    pub fn new(points: usize) -> Self {
        let k = points.next_power_of_two();
        let row = |slot: usize| match slot {
            0 => 0,
            slot if 2 * slot == k => 1,
            slot if 2 * slot < k => 2 * slot,
            slot => 2 * (k - slot) + 1,
        };
        let rows: Vec<usize> = (0..k).map(row).collect();
        let reversed = |point: usize| {
            let bits = k.ilog2();
            (0..bits).fold(0, |slot, bit| slot << 1 | (point >> bit & 1))
        };
        Self {
            points: k,
            starts: (0..k).map(|point| rows[reversed(point)]).collect(),
            rows,
        }
    }

    pub fn points(&self) -> usize {
        self.points
    }

    pub fn row_of(&self, point: usize) -> usize {
        self.starts[point]
    }

    pub fn stages(&self) -> usize {
        self.points.ilog2() as usize
    }

    pub fn bins(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let k = self.points;
        let real = (0..k.min(2)).map(|row| (row, 1));
        real.chain((1..k / 2).map(|bin| (2 * bin, 2)))
    }

    /// Cosine and sine of b / k turns, b from 0 to k / 4, each put through `word`.
    pub fn turns<T>(&self, word: impl Fn(f64) -> T) -> Vec<(T, T)> {
        let turn = |b: usize| {
            let turns = b as f64 / self.points as f64;
            (
                word(exact::cos_turns(turns)),
                word(exact::cos_turns(0.25 - turns)),
            )
        };
        (0..=self.points / 4).map(turn).collect()
    }

    /// The butterflies of stage `stage`, counted from 0.
    pub fn butterflies(&self, stage: usize) -> impl Iterator<Item = Butterfly> + '_ {
        let half = 1 << stage;
        let length = 2 * half;
        let each = move |base: usize| {
            let row = move |slot: usize| self.rows[base + slot];
            let ends = Butterfly::Ends(row(0), row(half));
            let middle = (half > 1).then(|| Butterfly::Middle(row(half / 2), row(half + half / 2)));
            let pairs = (1..half.div_ceil(2)).map(move |b| Butterfly::Pair {
                rows: [row(b), row(half - b), row(half + b), row(length - b)],
                turn: b * (self.points / length),
            });
            std::iter::once(ends).chain(middle).chain(pairs)
        };
        (0..self.points).step_by(length).flat_map(each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{Seed, Stream};
    use proptest::prelude::*;
    use std::f64::consts::TAU;

    fn drawn(len: usize, seed: u32) -> Vec<f32> {
        let stream = Stream::new(Seed(seed), 0, 0, 0);
        (0..len as u32).map(|at| stream.normal(at)).collect()
    }

    /// Point t of signal s, among rows of `width`.
    fn point(fft: &Fft, rows: &[f32], width: usize, t: usize, s: usize) -> f64 {
        rows[fft.row_of(t) * width + s].into()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_spectrum_is_the_sum_of_its_definition(
            log in 0_u32..8, width in 1_usize..40, seed in any::<u32>(),
        ) {
            let k = 1_usize << log;
            let fft = Fft::new(k);
            let signals = drawn(k * width, seed);
            let mut rows = signals.clone();
            fft.forward(&mut rows);
            for s in 0..width {
                for (row, parts) in fft.bins() {
                    let bin = match row {
                        0 => 0,
                        1 => k / 2,
                        row => row / 2,
                    };
                    let (mut re, mut im) = (0.0, 0.0);
                    for t in 0..k {
                        let angle = TAU * ((bin * t) % k) as f64 / k as f64;
                        let x = point(&fft, &signals, width, t, s);
                        re += x * angle.cos();
                        im -= x * angle.sin();
                    }
                    prop_assert!((f64::from(rows[row * width + s]) - re).abs() < 1e-4);
                    let found = if parts == 2 { rows[(row + 1) * width + s].into() } else { 0.0 };
                    prop_assert!((found - im).abs() < 1e-4);
                }
            }
        }

        #[test]
        fn there_and_back_is_k_times_the_signal(
            log in 0_u32..8, width in 1_usize..600, seed in any::<u32>(),
        ) {
            let k = 1_usize << log;
            let fft = Fft::new(k);
            let signals = drawn(k * width, seed);
            let mut rows = signals.clone();
            fft.forward(&mut rows);
            fft.inverse(&mut rows);
            for (found, wanted) in rows.iter().zip(&signals) {
                prop_assert!((found / k as f32 - wanted).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn operations_of_small_blocks_are_those_of_the_formula() {
        // 8 points: 12 butterflies of 4 multiplications and 6 additions, halved.
        assert_eq!((multiplies(8), adds(8)), (24, 36));
        assert_eq!((multiplies(1), adds(1)), (0, 0));
    }
}
