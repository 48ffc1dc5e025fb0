//! Reproducible random streams.
//!
//! A stream is named by (run seed, step, sample, operation) and its draws are numbered, so that any
//! draw can be made anywhere at any time: a run gives the same bits natively, in WebAssembly, and on
//! any number of workers. The generator is a counter hashed with a 32-bit finaliser (two rounds of
//! multiply and xor-shift with full avalanche), which vector units compute lane by lane.

use serde::{Deserialize, Serialize};

/// Seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed(pub u32);

/// A numbered stream of random bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    low: u32,
    high: u32,
}

/// A bijection of 32 bits with full avalanche.
#[inline]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// A bijection of 64 bits with full avalanche, for the keys.
fn mix64(mut x: u64) -> u64 {
    x ^= x >> 30;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 27;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Stream {
    /// The stream of one operation on one sample of one step.
    #[must_use]
    pub fn new(seed: Seed, step: u64, sample: u32, operation: u32) -> Self {
        let mut key = mix64(u64::from(seed.0) ^ 0x9e37_79b9_7f4a_7c15);
        key = mix64(key ^ step);
        key = mix64(key ^ (u64::from(sample) << 32 | u64::from(operation)));
        Self {
            low: key as u32,
            high: (key >> 32) as u32,
        }
    }

    /// Draw number `index`: 32 uniform bits.
    #[inline]
    #[must_use]
    pub fn bits(self, index: u32) -> u32 {
        mix(mix(index ^ self.low).wrapping_add(self.high))
    }

    /// Four draws by their numbers.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    #[inline]
    pub(crate) fn bits_of_four(self, index: std::arch::wasm32::v128) -> std::arch::wasm32::v128 {
        use std::arch::wasm32::{i32x4_add, i32x4_mul, u32x4_shr, u32x4_splat, v128_xor};
        let mix = |mut x| {
            x = v128_xor(x, u32x4_shr(x, 16));
            x = i32x4_mul(x, u32x4_splat(0x7feb_352d));
            x = v128_xor(x, u32x4_shr(x, 15));
            x = i32x4_mul(x, u32x4_splat(0x846c_a68b));
            v128_xor(x, u32x4_shr(x, 16))
        };
        let keyed = mix(v128_xor(index, u32x4_splat(self.low)));
        mix(i32x4_add(keyed, u32x4_splat(self.high)))
    }

    /// Draw number `index`: uniform in [0, 1) with 24 bits, exact in `f32`.
    #[inline]
    #[must_use]
    pub fn unit(self, index: u32) -> f32 {
        (self.bits(index) >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Draw number `index`: an integer below `bound` (at least 1).
    #[must_use]
    pub fn below(self, index: u32, bound: u32) -> u32 {
        ((u64::from(self.bits(index)) * u64::from(bound)) >> 32) as u32
    }

    /// Draw number `index`: standard normal (Box and Muller, 1958), the same bits everywhere.
    #[must_use]
    pub fn normal(self, index: u32) -> f32 {
        let radius = 1.0 - f64::from(self.unit(2 * index));
        let angle = f64::from(self.unit(2 * index + 1));
        ((-2.0 * super::exact::ln(radius)).sqrt() * super::exact::cos_turns(angle)) as f32
    }

    /// A permutation of `0..n` (Fisher and Yates).
    #[must_use]
    pub fn permutation(self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            let j = self.below(i as u32, i as u32 + 1) as usize;
            order.swap(i, j);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_streams_differ() {
        let (a, b) = (Stream::new(Seed(1), 0, 0, 0), Stream::new(Seed(1), 0, 0, 1));
        let n = 100_000_u32;
        let mean = (0..n).map(|i| f64::from(a.unit(i))).sum::<f64>() / f64::from(n);
        // The standard error of the mean is 0.289 / sqrt(n) = 0.0009.
        assert!((mean - 0.5).abs() < 0.004, "{mean}");
        let agree = (0..n).filter(|&i| (a.bits(i) ^ b.bits(i)) & 1 == 0).count();
        assert!((agree as f64 / f64::from(n) - 0.5).abs() < 0.008, "{agree}");
        for bit in 0..32 {
            let ones = (0..n).filter(|&i| a.bits(i) >> bit & 1 == 1).count();
            assert!(
                (ones as f64 / f64::from(n) - 0.5).abs() < 0.008,
                "bit {bit}: {ones}"
            );
        }
    }

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let stream = Stream::new(Seed(3), 0, 0, 9);
        let n = 100_000;
        let draws: Vec<f64> = (0..n).map(|i| f64::from(stream.normal(i))).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / f64::from(n);
        assert!(
            mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02,
            "{mean} {variance}"
        );
    }

    #[test]
    fn a_permutation_holds_every_number_once() {
        let mut order = Stream::new(Seed(5), 2, 0, 0).permutation(1000);
        assert_ne!(order[..10], (0..10).collect::<Vec<u32>>()[..]);
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<u32>>());
    }

    #[test]
    fn the_bits_of_a_stream_are_promised() {
        // Golden: a change here changes every run's checksum.
        let stream = Stream::new(Seed(1), 2, 3, 4);
        assert_eq!([stream.bits(0), stream.bits(1)], GOLDEN);
    }
    const GOLDEN: [u32; 2] = [2_320_364_750, 4_019_649_889];
}
