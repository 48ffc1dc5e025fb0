//! The forward pass of a block-circulant layer in fixed point, all in integers: words of 12 or 16 bits,
//! exact sums in the frequency domain, shifts in the stages of the transforms.
//!
//! Spectra of weights are computed beforehand and stored on a grid of their own. A transform of inputs
//! halves in every stage, so a word of a spectrum holds 1 / k of it and cannot outgrow its width. Sums over
//! the blocks of a row are exact (64 bits, where 2 (bits - 1) + 1 + log2(q) are needed) and are rounded once
//! to the words that go back. Back, an unhalved transform gives k times its average, so 1 / k of a
//! spectrum becomes the outputs.
//!
//! Ours: going back, `halvings` stages may halve too. Their words then lie on a grid finer by so many bits,
//! which pays as long as the spectrum of the outputs has no peak that saturates there; as the words of noise
//! grow by `sqrt(2)` a stage, halving in every second one keeps their size.

use super::{Blocks, spectra};
use crate::methods::fft::{Fft, FixedFft, round};
use crate::methods::quantise::{self, Grid};

/// A block-circulant layer in fixed point.
#[derive(Clone, Debug)]
pub struct FixedCirculant {
    blocks: Blocks,
    bits: u8,
    fft: FixedFft,
    /// Spectra of the blocks: k rows of p x q words.
    spectra: Vec<i32>,
    exponent: i32,
    forward_shifts: Vec<u8>,
    inverse_shifts: Vec<u8>,
}

impl FixedCirculant {
    /// A layer of these values (p x q x k, as stored: rounded already, if they are), in words of `bits` bits
    /// (4 to 16). Going back, `halvings` of the `log2(k)` stages halve, spread evenly; no more than all.
    ///
    /// # Panics
    /// If there are more or fewer values than the blocks have.
    #[must_use]
    pub fn new(blocks: Blocks, values: &[f32], bits: u8, halvings: u8) -> Self {
        assert_eq!(values.len(), blocks.len(), "values of the blocks");
        let bits = bits.clamp(4, 16);
        let exact = spectra(&Fft::new(blocks.side), values, 1.0);
        let grid = Grid::covering(bits, quantise::peak(&exact));
        let fft = FixedFft::new(blocks.side, bits);
        let stages = fft.stages();
        let halvings = usize::from(halvings).min(stages);
        let halves =
            |stage: usize| ((stage + 1) * halvings / stages - stage * halvings / stages) as u8;
        Self {
            blocks,
            bits,
            spectra: exact.iter().map(|&value| grid.integer(value)).collect(),
            exponent: grid.exponent,
            forward_shifts: vec![1; stages],
            inverse_shifts: (0..stages).map(halves).collect(),
            fft,
        }
    }

    /// Bits of the stored spectra. A real block's spectrum has k real words, so they are as many as values.
    #[must_use]
    pub fn storage_bits(&self) -> u64 {
        self.spectra.len() as u64 * u64::from(self.bits)
    }

    /// The outputs of samples `x` (samples x inputs, in units of `2^exponent`), in units of the step of `y`,
    /// whose width they keep; both saturate at the layer's width as well.
    #[must_use]
    pub fn forward(&self, x: &[i32], exponent: i32, y: Grid) -> Vec<i32> {
        let Blocks {
            inputs,
            outputs,
            side,
        } = self.blocks;
        let (p, q) = (self.blocks.rows(), self.blocks.columns());
        let samples = x.len() / inputs;
        let mut words = vec![0; side * q * samples];
        for (sample, x) in x.chunks_exact(inputs).enumerate() {
            for (column, &value) in x.iter().enumerate() {
                let row = self.fft.row_of(column % side) * q + column / side;
                words[row * samples + sample] = round(value.into(), 0, self.bits);
            }
        }
        self.fft.forward(&mut words, &self.forward_shifts);

        let halvings: u8 = self.inverse_shifts.iter().sum();
        let shift = y.exponent - i32::from(halvings) - self.exponent - exponent;
        let mut sums = vec![0; side * p * samples];
        for (row, parts) in self.fft.bins() {
            let weights = &self.spectra[row * p * q..(row + parts) * p * q];
            let words = &words[row * q * samples..(row + parts) * q * samples];
            let slots = &mut sums[row * p * samples..(row + parts) * p * samples];
            let bin = Bin {
                weights,
                words,
                blocks: (p, q),
                samples,
            };
            for (at, slot) in slots.iter_mut().enumerate() {
                *slot = round(bin.sum(at), shift, self.bits);
            }
        }

        self.fft.inverse(&mut sums, &self.inverse_shifts);
        let mut found = vec![0; samples * outputs];
        for (sample, y_row) in found.chunks_exact_mut(outputs).enumerate() {
            for (column, slot) in y_row.iter_mut().enumerate() {
                let row = self.fft.row_of(column % side) * p + column / side;
                *slot = sums[row * samples + sample].clamp(-y.most(), y.most());
            }
        }
        found
    }
}

/// A bin's weights (parts x p x q) and inputs (parts x q x samples), parts being 1 or 2.
struct Bin<'a> {
    weights: &'a [i32],
    words: &'a [i32],
    blocks: (usize, usize),
    samples: usize,
}

impl Bin<'_> {
    /// Number `at` of the sums (parts x p x samples).
    fn sum(&self, at: usize) -> i64 {
        let (p, q) = self.blocks;
        let (part, i, sample) = (
            at / self.samples / p,
            at / self.samples % p,
            at % self.samples,
        );
        let dot = |weights: usize, words: usize| -> i64 {
            let weights = self.weights[weights * p * q..][i * q..][..q].iter();
            let words = self.words[words * q * self.samples..][sample..].iter();
            let words = words.step_by(self.samples);
            weights
                .zip(words)
                .map(|(w, x)| i64::from(*w) * i64::from(*x))
                .sum()
        };
        match (part, self.weights.len() == p * q) {
            (_, true) => dot(0, 0),
            (0, _) => dot(0, 0) - dot(1, 1),
            _ => dot(0, 1) + dot(1, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::fft::recursion;
    use crate::numeric::exact::pow2_f64;
    use crate::numeric::{Seed, Stream};
    use proptest::prelude::*;
    use std::f64::consts::SQRT_2;

    fn values(len: usize, seed: u32) -> Vec<f32> {
        let stream = Stream::new(Seed(seed), 0, 0, 0);
        (0..len as u32).map(|at| stream.normal(at)).collect()
    }

    fn integers(len: usize, most: i32, seed: u32) -> Vec<i32> {
        let stream = Stream::new(Seed(seed), 0, 0, 1);
        let draw = |at| stream.below(at, 2 * most as u32 + 1) as i32 - most;
        (0..len as u32).map(draw).collect()
    }

    /// A layer with random values, one random input, and the exact outputs in units of a grid that
    /// covers them twice over.
    struct Case {
        fixed: FixedCirculant,
        x: Vec<i32>,
        exact: Vec<f64>,
        grid: Grid,
    }

    const X_EXPONENT: i32 = -9;

    fn case((n, m, block): (usize, usize, usize), bits: u8, halvings: u8, seed: u32) -> Case {
        let blocks = Blocks::new(n, m, block);
        let weights = values(blocks.len(), seed);
        let x = integers(n, Grid { bits, exponent: 0 }.most(), seed);
        // What is cut from the outputs takes part in the spectra, so it counts for their size.
        let padded = Blocks {
            outputs: blocks.rows() * blocks.side,
            ..blocks
        };
        let dot = |row: &[f32]| -> f64 {
            let terms = row
                .iter()
                .zip(&x)
                .map(|(w, x)| f64::from(*w) * f64::from(*x));
            terms.sum::<f64>() * pow2_f64(X_EXPONENT)
        };
        let y: Vec<f64> = padded.expand(&weights).chunks_exact(n).map(dot).collect();
        let peak = y.iter().fold(0.0, |peak: f64, y| peak.max(y.abs()));
        let grid = Grid::covering(bits, 2.0 * peak as f32);
        let exact = y[..m].iter().map(|y| y * pow2_f64(-grid.exponent));
        Case {
            exact: exact.collect(),
            fixed: FixedCirculant::new(blocks, &weights, bits, halvings),
            x,
            grid,
        }
    }

    fn sizes() -> impl Strategy<Value = (usize, usize, usize)> {
        (1_usize..60, 1_usize..60, 1_u32..7).prop_map(|(n, m, log)| (n, m, 1 << log))
    }

    proptest! {
        #[test]
        fn every_bit_is_that_of_the_recursion_and_exact_sums(
            sizes in sizes(), wide in any::<bool>(), halvings in 0_u8..4, seed in any::<u32>(),
        ) {
            let bits = if wide { 16 } else { 12 };
            let case = case(sizes, bits, halvings, seed);
            let (blocks, fixed) = (case.fixed.blocks, &case.fixed);
            let (k, q) = (blocks.side, blocks.columns());
            let mut padded: Vec<i64> = case.x.iter().map(|x| i64::from(*x)).collect();
            padded.resize(q * k, 0);
            let ones = vec![1; k.ilog2() as usize];
            let spectra: Vec<_> = padded.chunks_exact(k)
                .map(|block| recursion::spectrum(block, &ones, bits)).collect();
            let mut wanted = Vec::new();
            for i in 0..blocks.rows() {
                let bin = |b: usize| {
                    let (mut re, mut im) = (0_i64, 0_i64);
                    for (j, x) in spectra.iter().enumerate() {
                        let word = |row: usize| i64::from(fixed.spectra[(row * blocks.rows() + i) * q + j]);
                        let a = match b {
                            0 => (word(0), 0),
                            b if 2 * b == k => (word(1), 0),
                            b => (word(2 * b), word(2 * b + 1)),
                        };
                        re += a.0 * x[b].0 - a.1 * x[b].1;
                        im += a.0 * x[b].1 + a.1 * x[b].0;
                    }
                    let halved: u8 = fixed.inverse_shifts.iter().sum();
                    let scale = pow2_f64(fixed.exponent + X_EXPONENT - case.grid.exponent + i32::from(halved));
                    let most = f64::from(case.grid.most());
                    let word = |sum: i64| (sum as f64 * scale + 0.5).floor().clamp(-most, most) as i64;
                    (word(re), word(im))
                };
                let bins: Vec<_> = (0..=k / 2).map(bin).collect();
                wanted.extend(recursion::signal(&bins, k, &fixed.inverse_shifts, bits));
            }
            let found = fixed.forward(&case.x, X_EXPONENT, case.grid);
            let wanted: Vec<i32> = wanted.iter().take(blocks.outputs).map(|y| *y as i32).collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn outputs_are_within_their_bound_of_the_exact_ones(
            sizes in sizes(), wide in any::<bool>(), seed in any::<u32>(),
        ) {
            let bits = if wide { 16 } else { 12 };
            let case = case(sizes, bits, 0, seed);
            let (k, q) = (case.fixed.blocks.side as f64, case.fixed.blocks.columns() as f64);
            // Of an input's bin: 1.1 log2(k). Of a weight's: half a unit in both parts. A bin of the outputs
            // adds up q products, and is rounded in both parts.
            let (of_x, of_w) = (1.1 * k.log2(), SQRT_2 / 2.0);
            let most = f64::from(case.grid.most());
            // A bin of 1 / k of an input's spectrum is no larger than the input.
            let sums = q * (most * SQRT_2 * of_x + most * of_w + of_x * of_w);
            let unit = pow2_f64(case.fixed.exponent + X_EXPONENT - case.grid.exponent);
            // k bins make an output; going back each stage rounds, and rounds its factor, as k of it do.
            let bound = k * (sums * unit + SQRT_2 / 2.0 + SQRT_2);
            for (found, wanted) in case.fixed.forward(&case.x, X_EXPONENT, case.grid).iter().zip(&case.exact) {
                prop_assert!((f64::from(*found) - wanted).abs() <= bound);
            }
        }
    }

    /// Root of the mean squared error over that of the outputs.
    fn error(side: usize, bits: u8, halvings: u8) -> f64 {
        let case = case((896, 512, side), bits, halvings, 5);
        let found = case.fixed.forward(&case.x, X_EXPONENT, case.grid);
        let pairs = || found.iter().zip(&case.exact);
        let off: f64 = pairs()
            .map(|(y, exact)| (f64::from(*y) - exact).powi(2))
            .sum();
        let total: f64 = case.exact.iter().map(|exact| exact.powi(2)).sum();
        (off / total).sqrt()
    }

    #[test]
    fn the_error_is_a_small_part_of_the_outputs() {
        for (side, at_12, at_16) in [(8, 0.01, 6e-4), (64, 0.03, 2e-3)] {
            assert!(error(side, 12, 0) < at_12, "{}", error(side, 12, 0));
            assert!(error(side, 16, 0) < at_16, "{}", error(side, 16, 0));
            // Half of the stages halving is better than none.
            let half = side.ilog2() as u8 / 2;
            assert!(error(side, 12, half) < error(side, 12, 0));
        }
    }

    /// Run by hand with `--run-ignored only --no-capture errors_by`.
    #[test]
    #[ignore = "a table"]
    fn errors_by_block_width_and_halvings() {
        for side in [8_usize, 16, 32, 64, 128] {
            for bits in [12, 16] {
                let stages = side.ilog2() as u8;
                let errors: Vec<String> = (0..=stages)
                    .map(|halvings| format!("{:.2e}", error(side, bits, halvings)))
                    .collect();
                println!("block {side}, {bits} bits: {}", errors.join(" "));
            }
        }
    }
}
