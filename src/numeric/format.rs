//! Fixed-point formats: a width in bits and a binary point.

use serde::{Deserialize, Serialize};

/// A signed fixed-point format: an integer of `bits` bits stands for `integer * 2^-frac`.
///
/// `ap_fixed<4,1>` of the published code (range [-1, 0.875], step 1/8) is `bits: 4, frac: 3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Format {
    /// Width in bits, the sign included (1 to 32).
    pub bits: u8,
    /// Bits after the binary point; may exceed the width or be negative.
    pub frac: i32,
}

impl Format {
    /// The format of `bits` bits that covers [-1, 1).
    #[must_use]
    pub fn unit(bits: u8) -> Self {
        Self {
            bits,
            frac: i32::from(bits) - 1,
        }
    }

    /// Largest integer of the format.
    #[must_use]
    pub fn max(self) -> i32 {
        ((1_i64 << (self.bits - 1)) - 1) as i32
    }

    /// Smallest integer of the format.
    #[must_use]
    pub fn min(self) -> i32 {
        -self.max() - 1
    }

    /// One step of the format as a real number, `2^-frac`.
    #[must_use]
    pub fn step(self) -> f32 {
        super::exact::pow2(-self.frac)
    }

    /// Clamps to the format's range: saturation, never wrap-around.
    #[must_use]
    pub fn saturate(self, integer: i64) -> i32 {
        integer.clamp(i64::from(self.min()), i64::from(self.max())) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bit_cores_cover_minus_one_to_seven_eighths() {
        let format = Format::unit(4);
        assert_eq!((format.min(), format.max()), (-8, 7));
        assert!((format.step() - 0.125).abs() < f32::EPSILON);
        assert_eq!(format.saturate(100), 7);
        assert_eq!(format.saturate(-100), -8);
    }
}
