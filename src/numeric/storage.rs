//! Floating-point storage formats: values are computed in `f32` and rounded when stored.

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// How a float tensor is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// IEEE single precision.
    F32,
    /// bfloat16: 8 bits of exponent, 8 of significand.
    Bf16,
    /// IEEE half precision: 5 bits of exponent, 11 of significand; largest finite value 65,504.
    F16,
}

impl Storage {
    /// Width in bits.
    #[must_use]
    pub fn bits(self) -> u8 {
        match self {
            Self::F32 => 32,
            Self::Bf16 | Self::F16 => 16,
        }
    }

    /// Rounds every value to what this storage can hold, to nearest, ties to even; halves saturate
    /// at their largest finite value.
    pub fn round_slice(self, values: &mut [f32]) {
        match self {
            Self::F32 => {}
            Self::Bf16 => {
                for value in values {
                    *value = bf16::from_f32(*value).to_f32();
                }
            }
            Self::F16 => {
                let top = f16::MAX.to_f32();
                for value in values {
                    *value = f16::from_f32(value.clamp(-top, top)).to_f32();
                }
            }
        }
    }

    /// Rounds one finite value to bfloat16 stochastically with 16 random bits.
    #[inline]
    #[must_use]
    pub fn bf16_stochastic(value: f32, random: u32) -> f32 {
        f32::from_bits(value.to_bits().wrapping_add(random & 0xffff) & 0xffff_0000)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Seed, Stream};
    use super::*;

    #[test]
    fn storage_rounds_and_saturates() {
        let mut values = [1.0 + 1.0 / 512.0, 1e6];
        Storage::Bf16.round_slice(&mut values);
        assert!((values[0] - 1.0).abs() < f32::EPSILON);
        let mut values = [1.0 + 1.0 / 4096.0, 1e6];
        Storage::F16.round_slice(&mut values);
        assert!(
            (values[0] - 1.0).abs() < f32::EPSILON && (values[1] - 65504.0).abs() < f32::EPSILON
        );
    }

    #[test]
    fn stochastic_bfloat_keeps_the_mean() {
        let stream = Stream::new(Seed(1), 0, 0, 0);
        let value = 1.001_f32;
        let sum: f64 = (0..100_000)
            .map(|i| f64::from(Storage::bf16_stochastic(value, stream.bits(i))))
            .sum();
        // One step of bfloat16 at 1 is 2^-7; the standard error is 2^-8 / sqrt(1e5) = 1.2e-5.
        assert!((sum / 1e5 - f64::from(value)).abs() < 6e-5);
    }
}
