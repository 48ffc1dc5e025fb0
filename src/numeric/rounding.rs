//! Rounding of integers by a power of two.

use serde::{Deserialize, Serialize};

/// How the bits below the stored unit are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Drop them: toward minus infinity, a bias of half a step.
    Truncate,
    /// To the nearest, halves upward.
    Nearest,
    /// Up with a probability equal to the dropped part: unbiased.
    Stochastic,
}

/// Divides `value` by `2^shift`, rounding; a negative shift multiplies.
///
/// Stochastic rounding adds as many of the low bits of `random` as are dropped, so its bias is zero
/// up to the generator's. A shift of 64 or more leaves nothing but the sign's rounding, a left shift
/// saturates at the ends of `i64`.
#[must_use]
pub fn shift_round(value: i64, shift: i32, rounding: Rounding, random: u32) -> i64 {
    if shift <= 0 {
        let left = u32::try_from(-shift).unwrap_or(63).min(63);
        let wide = i128::from(value) << left;
        return wide.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
    }
    let shift = shift.min(62) as u32;
    let addend = match rounding {
        Rounding::Truncate => 0,
        Rounding::Nearest => 1_i64 << (shift - 1),
        // 32 random bits; for longer shifts the lowest dropped bits count as zero.
        Rounding::Stochastic if shift <= 32 => i64::from(random) & ((1_i64 << shift) - 1),
        Rounding::Stochastic => i64::from(random) << (shift - 32),
    };
    value.saturating_add(addend) >> shift
}

#[cfg(test)]
mod tests {
    use super::super::{Seed, Stream};
    use super::*;

    /// Mean of `rounded - exact` in steps, over `draws` values spread over a step.
    fn bias(rounding: Rounding, draws: u32) -> f64 {
        let stream = Stream::new(Seed(7), 1, 2, 3);
        let shift = 9;
        let mut sum = 0.0;
        for i in 0..draws {
            let value = i64::from(stream.bits(2 * i) >> 12) - 300_000;
            let rounded = shift_round(value, shift, rounding, stream.bits(2 * i + 1));
            sum += rounded as f64 - value as f64 / 512.0;
        }
        sum / f64::from(draws)
    }

    #[test]
    fn stochastic_rounding_is_unbiased_and_truncation_loses_half_a_step() {
        assert!(bias(Rounding::Stochastic, 100_000).abs() < 0.01);
        assert!((bias(Rounding::Truncate, 100_000) + 0.5).abs() < 0.01);
        assert!(bias(Rounding::Nearest, 100_000).abs() < 0.01);
    }

    #[test]
    fn shifts_round_as_arithmetic_says() {
        assert_eq!(shift_round(5, 1, Rounding::Truncate, 0), 2);
        assert_eq!(shift_round(-5, 1, Rounding::Truncate, 0), -3);
        assert_eq!(shift_round(5, 1, Rounding::Nearest, 0), 3);
        assert_eq!(shift_round(-5, 1, Rounding::Nearest, 0), -2);
        assert_eq!(shift_round(5, -3, Rounding::Nearest, 0), 40);
        assert_eq!(shift_round(i64::MAX, -3, Rounding::Nearest, 0), i64::MAX);
        assert_eq!(shift_round(-1, 500, Rounding::Truncate, 0), -1);
    }

    #[test]
    fn random_bits_are_as_many_as_are_dropped() {
        // With all random bits set the addend is one unit in the last place short of a step.
        for shift in 1..40 {
            let just_below = (1_i64 << shift) - 1;
            assert_eq!(
                shift_round(just_below, shift, Rounding::Stochastic, u32::MAX),
                1
            );
            assert_eq!(shift_round(0, shift, Rounding::Stochastic, u32::MAX), 0);
        }
    }
}
