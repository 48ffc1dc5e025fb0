//! The same transform in fixed point, as a block-circulant accelerator runs it: words of 12 or 16 bits,
//! twiddle factors of the same width, and in each stage a shift by a bit or none, so that a spectrum does
//! not outgrow its words (Ding et al., "`CirCNN`", MICRO 2017).
//!
//! The abstracts leave the rounding open. Ours: a butterfly's sum is exact and rounded once, to the nearest
//! with halves upward, when it is written; then it saturates at the largest magnitude of both signs.

use super::{Butterfly, Layout};
use crate::methods::quantise::Grid;
use crate::numeric::{Rounding, shift_round};

/// The transform of k real words of `bits` bits, and back; points and bins lie as in [`super::Fft`].
#[derive(Clone, Debug)]
pub struct FixedFft {
    layout: Layout,
    bits: u8,
    /// Cosine and sine of b / k turns in units of `2^(1 - bits)`.
    turns: Vec<(i64, i64)>,
}

impl FixedFft {
    /// The transform of `points` points, rounded up to a power of two, in words of `bits` bits (4 to 16).
    #[must_use]
    pub fn new(points: usize, bits: u8) -> Self {
        let bits = bits.clamp(4, 16);
        let layout = Layout::new(points);
        let most = Grid { bits, exponent: 0 }.most();
        let word = |value: f64| {
            let scaled = (value * f64::from(1 << (bits - 1)) + 0.5).floor() as i64;
            scaled.clamp((-most).into(), most.into())
        };
        Self {
            turns: layout.turns(word),
            layout,
            bits,
        }
    }

    /// Points of a block.
    #[must_use]
    pub fn points(&self) -> usize {
        self.layout.points()
    }

    /// Stages, `log2(k)`.
    #[must_use]
    pub fn stages(&self) -> usize {
        self.layout.stages()
    }

    /// Row of point `point`.
    #[must_use]
    pub fn row_of(&self, point: usize) -> usize {
        self.layout.row_of(point)
    }

    /// Bins as groups of rows: the first row and how many rows.
    pub fn bins(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        self.layout.bins()
    }

    /// Writes `2^-sum(shifts)` times the spectrum; `shifts` has the shift of each stage, first to last.
    ///
    /// With a shift of 1 in every stage (so 1 / k in all) nothing saturates but by rounding, and no bin is
    /// further than `1.1 log2(k)` units in its last place from the exact one: per stage at most `sqrt(2) / 2`
    /// by rounding two parts and `sqrt(2) / 4` by rounding the twiddle factor.
    ///
    /// # Panics
    /// If `words` are not k rows of equal length, or there are fewer shifts than stages, here as below.
    pub fn forward(&self, words: &mut [i32], shifts: &[u8]) {
        let shifts = &shifts[..self.stages()];
        for (stage, &shift) in shifts.iter().enumerate() {
            self.stage(words, stage, shift, true);
        }
    }

    /// Writes `2^-sum(shifts)` times k times the inverse; `shifts` has the shift of each stage, first run
    /// to last.
    ///
    /// Of words that hold 1 / k of a real signal's spectrum, shifts of 0 give the signal, and nothing
    /// saturates if the signal fits.
    pub fn inverse(&self, words: &mut [i32], shifts: &[u8]) {
        let shifts = &shifts[..self.stages()];
        for (stage, &shift) in (0..self.stages()).rev().zip(shifts) {
            self.stage(words, stage, shift, false);
        }
    }

    fn stage(&self, words: &mut [i32], stage: usize, shift: u8, forward: bool) {
        assert_eq!(words.len() % self.points(), 0, "k rows of equal length");
        let width = words.len() / self.points();
        let one = self.bits - 1;
        let plain = |sum: i64| self.word(sum, shift);
        let turned = |sum: i64| self.word(sum, shift + one);
        for butterfly in self.layout.butterflies(stage) {
            for column in 0..width {
                let at = |row: usize| row * width + column;
                let get = |row: usize| i64::from(words[at(row)]);
                match butterfly {
                    Butterfly::Ends(even, odd) => {
                        let (e, o) = (get(even), get(odd));
                        words[at(even)] = plain(e + o);
                        words[at(odd)] = plain(e - o);
                    }
                    Butterfly::Middle(even, odd) => {
                        let (e, o) = (get(even), get(odd));
                        let times = if forward { 1 } else { 2 };
                        words[at(even)] = plain(times * e);
                        words[at(odd)] = plain(-times * o);
                    }
                    Butterfly::Pair { rows, turn } => {
                        let (cos, sin) = self.turns[turn];
                        let [a, b, c, d] = rows.map(get);
                        let sums = if forward {
                            let re = cos * c + sin * d;
                            let im = cos * d - sin * c;
                            let [a, b] = [a, b].map(|part| part << one);
                            [a + re, a - re, im - b, b + im].map(turned)
                        } else {
                            let (re, im) = (a - b, d + c);
                            let odd = [cos * re - sin * im, sin * re + cos * im].map(turned);
                            [plain(a + b), plain(d - c), odd[0], odd[1]]
                        };
                        for (row, sum) in rows.into_iter().zip(sums) {
                            words[at(row)] = sum;
                        }
                    }
                }
            }
        }
    }

    /// A sum shifted, rounded and saturated.
    fn word(&self, sum: i64, shift: u8) -> i32 {
        round(sum, shift.into(), self.bits)
    }
}

/// `sum 2^-shift`, rounded to the nearest with halves upward, within `bits` bits of both signs.
pub(in crate::methods) fn round(sum: i64, shift: i32, bits: u8) -> i32 {
    let most = Grid { bits, exponent: 0 }.most();
    let rounded = shift_round(sum, shift, Rounding::Nearest, 0);
    rounded.clamp((-most).into(), most.into()) as i32
}

#[cfg(test)]
mod tests {
    use super::super::recursion::{Complex, most, signal, spectrum};
    use super::*;
    use crate::numeric::{Seed, Stream};
    use proptest::prelude::*;
    use std::f64::consts::{SQRT_2, TAU};

    /// Words in rows, one signal.
    fn rows(fft: &FixedFft, points: &[i64]) -> Vec<i32> {
        let mut words = vec![0; points.len()];
        for (t, &point) in points.iter().enumerate() {
            words[fft.row_of(t)] = point as i32;
        }
        words
    }

    /// Bins 0 to k / 2 of words in rows.
    fn bins(fft: &FixedFft, words: &[i32]) -> Vec<Complex> {
        let k = fft.points();
        let bin = |b: usize| match b {
            0 => (words[0].into(), 0),
            b if 2 * b == k => (words[1].into(), 0),
            b => (words[2 * b].into(), words[2 * b + 1].into()),
        };
        (0..=k / 2).map(bin).collect()
    }

    fn drawn(len: usize, bits: u8, seed: u32) -> Vec<i64> {
        let stream = Stream::new(Seed(seed), 0, 0, 0);
        let span = 2 * most(bits) as u32 + 1;
        let draw = |at| i64::from(stream.below(at, span)) - most(bits);
        (0..len as u32).map(draw).collect()
    }

    proptest! {
        #[test]
        fn every_bit_is_that_of_the_recursion(
            log in 1_usize..8, wide in any::<bool>(), choice in any::<u8>(), seed in any::<u32>(),
        ) {
            let bits = if wide { 16 } else { 12 };
            let shifts: Vec<u8> = (0..log).map(|stage| choice >> stage & 1).collect();
            let fft = FixedFft::new(1 << log, bits);
            let points = drawn(1 << log, bits, seed);
            let mut words = rows(&fft, &points);
            fft.forward(&mut words, &shifts);
            let spectrum = spectrum(&points, &shifts, bits);
            prop_assert_eq!(bins(&fft, &words), spectrum.clone());
            fft.inverse(&mut words, &shifts);
            let back = signal(&spectrum, 1 << log, &shifts, bits);
            prop_assert_eq!(words, rows(&fft, &back));
        }

        #[test]
        fn a_halved_spectrum_is_within_its_bound_of_the_exact_one(
            log in 1_usize..8, wide in any::<bool>(), seed in any::<u32>(),
        ) {
            let (bits, k) = (if wide { 16 } else { 12 }, 1 << log);
            let fft = FixedFft::new(k, bits);
            let points = drawn(k, bits, seed);
            let mut words = rows(&fft, &points);
            fft.forward(&mut words, &vec![1; log]);
            for (bin, found) in bins(&fft, &words).into_iter().enumerate() {
                let (mut re, mut im) = (0.0, 0.0);
                for (t, &x) in points.iter().enumerate() {
                    let angle = TAU * ((bin * t) % k) as f64 / k as f64;
                    re += x as f64 * angle.cos() / k as f64;
                    im -= x as f64 * angle.sin() / k as f64;
                }
                let error = (found.0 as f64 - re).hypot(found.1 as f64 - im);
                prop_assert!(error <= 1.1 * log as f64, "{}", error);
            }
        }

        #[test]
        fn there_halving_and_back_gives_the_signal_within_its_bound(
            log in 1_usize..8, wide in any::<bool>(), seed in any::<u32>(),
        ) {
            let (bits, k) = (if wide { 16 } else { 12 }, 1 << log);
            let fft = FixedFft::new(k, bits);
            // Room for the error, so that nothing saturates.
            let points: Vec<i64> = drawn(k, bits, seed).iter().map(|x| x / 2).collect();
            let mut words = rows(&fft, &points);
            fft.forward(&mut words, &vec![1; log]);
            fft.inverse(&mut words, &vec![0; log]);
            // Back, an error at most doubles in each of log2(k) stages, and each adds sqrt(2) / 2 by rounding
            // and as much by the twiddle factor, of signals at half of the range.
            let bound = k as f64 * (1.1 * log as f64 + SQRT_2);
            for (t, &wanted) in points.iter().enumerate() {
                let error = (i64::from(words[fft.row_of(t)]) - wanted).abs();
                prop_assert!((error as f64) < bound, "{} of {}", error, bound);
            }
        }
    }
}
