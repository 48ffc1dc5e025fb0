//! How large fresh cores should be.
//!
//! An entry of `W` is a sum of `r_1...r_{d-1}` products of `d` independent core entries. With
//! core entries of mean 0 and standard deviation s, its variance is therefore
//! `s^(2d) r_1...r_{d-1}`. Either s is chosen so that this is the variance wanted, or s is
//! given by the number format and a power of two in front of the train makes up for the rest.
//!
//! The scale decides bits of a fixed-point run, so only exactly rounded operations are used
//! here and no platform's `log2` or `powf`.

use super::shape::TtShape;

/// The standard deviation of a core entry for which the entries of the matrix have the standard
/// deviation `dense_std`: (`dense_std^2` / (`r_1...r_{d-1}`))^(1/(2d)).
///
/// It is 0 when `dense_std` is not a positive finite number.
#[must_use]
pub fn core_std(shape: &TtShape, dense_std: f64) -> f64 {
    if !is_usable(dense_std) {
        return 0.0;
    }
    let wanted = Wide::from(dense_std).times(dense_std);
    // With s = max(1, dense_std) the variance reaches the wanted one, since every rank is at
    // least 1.
    let (mut low, mut high) = (0.0, dense_std.max(1.0));
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return high;
        }
        if dense_variance(shape, middle).below(wanted) {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The integer e for which `2^-e` times the train of cores with entries of standard deviation
/// `core_std` comes nearest to a matrix with entries of standard deviation `dense_std`, on a
/// logarithmic scale.
///
/// It is 0 when one of the two is not a positive finite number.
#[must_use]
pub fn scale_exponent(shape: &TtShape, core_std: f64, dense_std: f64) -> i32 {
    if !is_usable(core_std) || !is_usable(dense_std) {
        return 0;
    }
    let ratio = dense_variance(shape, core_std)
        .over(dense_std)
        .over(dense_std);
    // The ratio of variances lies in [2^E, 2^(E+1)), that of deviations in [2^(E/2),
    // 2^((E+1)/2)): the nearest integer to its logarithm is E/2 for even E and (E+1)/2 for odd
    // E.
    let nearest = (ratio.exponent + 1).div_euclid(2);
    i32::try_from(nearest).unwrap_or(if nearest < 0 { i32::MIN } else { i32::MAX })
}

/// The variance of an entry of the matrix, `s^(2d) r_1...r_{d-1}`.
fn dense_variance(shape: &TtShape, core_std: f64) -> Wide {
    let mut variance = Wide::from(1.0);
    for bond in 0..shape.depth() {
        #[expect(clippy::cast_precision_loss, reason = "ranks are at most 2^26")]
        let rank = shape.bond_rank(bond) as f64;
        variance = variance.times(core_std).times(core_std).times(rank);
    }
    variance
}

fn is_usable(std: f64) -> bool {
    std > 0.0 && std.is_finite()
}

/// A positive number `mantissa * 2^exponent`, mantissa in [1, 2): products of many factors that
/// neither overflow nor underflow.
#[derive(Clone, Copy)]
struct Wide {
    mantissa: f64,
    exponent: i64,
}

impl Wide {
    fn times(self, factor: f64) -> Self {
        let factor = Self::from(factor);
        Self::from(self.mantissa * factor.mantissa).shifted(self.exponent + factor.exponent)
    }

    fn over(self, divisor: f64) -> Self {
        let divisor = Self::from(divisor);
        Self::from(self.mantissa / divisor.mantissa).shifted(self.exponent - divisor.exponent)
    }

    fn shifted(self, by: i64) -> Self {
        Self {
            exponent: self.exponent + by,
            ..self
        }
    }

    fn below(self, other: Self) -> bool {
        (self.exponent, self.mantissa) < (other.exponent, other.mantissa)
    }
}

impl From<f64> for Wide {
    /// Splits a positive finite number.
    fn from(value: f64) -> Self {
        const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
        const BIAS: i64 = 1023;
        const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
        // A subnormal number is lifted among the normal ones.
        let (value, lift) = if value < f64::MIN_POSITIVE {
            (value * TWO_TO_64, 64)
        } else {
            (value, 0)
        };
        let bits = value.to_bits();
        let exponent = (bits >> MANTISSA_BITS).cast_signed() - BIAS - lift;
        let one = 1.0_f64.to_bits();
        let fraction = bits & ((1 << MANTISSA_BITS) - 1);
        Self {
            mantissa: f64::from_bits(one | fraction),
            exponent,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reference::{config, shapes};
    use super::*;

    fn fc1() -> TtShape {
        TtShape::new([7, 4, 2, 16], [4, 4, 2, 16], [16, 16, 16]).unwrap()
    }

    fn fc2() -> TtShape {
        TtShape::new([32, 16], [1, 16], [16]).unwrap()
    }

    #[test]
    fn scales_of_the_paper_layers_near_he() {
        // fc1: 0.4^4 * sqrt(16^3) = 1.638, over sqrt(2 / 896) = 0.0472: 34.7 = 2^5.12.
        assert_eq!(scale_exponent(&fc1(), 0.4, (2.0_f64 / 896.0).sqrt()), 5);
        // fc2: 0.4^2 * sqrt(16) = 0.64, over sqrt(1 / 512) = 0.0442: 14.5 = 2^3.86.
        assert_eq!(scale_exponent(&fc2(), 0.4, (1.0_f64 / 512.0).sqrt()), 4);
    }

    #[test]
    fn a_dense_matrix_has_the_deviation_asked_for() {
        let dense = TtShape::dense(784, 512).unwrap();
        assert!((core_std(&dense, 0.05) - 0.05).abs() < 1e-16);
        assert_eq!(scale_exponent(&dense, 0.05, 0.05), 0);
        assert_eq!(scale_exponent(&dense, 0.05, 0.2), -2);
    }

    #[test]
    fn deviations_that_mean_nothing_give_zero() {
        for std in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(core_std(&fc2(), std).to_bits(), 0);
            assert_eq!(scale_exponent(&fc2(), std, 1.0), 0);
            assert_eq!(scale_exponent(&fc2(), 1.0, std), 0);
        }
    }

    #[test]
    fn long_trains_and_extreme_deviations_do_not_overflow() {
        let long = TtShape::new(vec![1; 300], vec![1; 300], vec![16; 299]).unwrap();
        // The ranks give 2^(4 * 299 / 2) = 2^598; 600 factors 1/4 would underflow as squares.
        assert_eq!(scale_exponent(&long, 0.25, 1.0), 598 - 600);
        assert_eq!(
            scale_exponent(&fc2(), f64::MIN_POSITIVE / 4.0, 1.0),
            -2 * 1024 + 2
        );
        // (2^-598)^(1/300) = 0.2512
        assert!((core_std(&long, 1.0) - 2.0_f64.powf(-598.0 / 300.0)).abs() < 1e-12);
    }

    proptest! {
        #![proptest_config(config(14))]

        #[test]
        fn core_deviation_reaches_the_dense_one(shape in shapes(), dense_std in 1e-6..1e3_f64) {
            let s = core_std(&shape, dense_std);
            let ranks: usize = shape.ranks().iter().product();
            let depth = i32::try_from(shape.depth()).unwrap();
            let reached = s.powi(depth) * f64::from(u32::try_from(ranks).unwrap()).sqrt();
            prop_assert!((reached / dense_std - 1.0).abs() < 1e-12);
        }

        #[test]
        fn exponent_is_the_nearest_integer_logarithm(
            shape in shapes(), core_std in 1e-3..10.0_f64, dense_std in 1e-6..1e3_f64,
        ) {
            let ranks: usize = shape.ranks().iter().product();
            let depth = i32::try_from(shape.depth()).unwrap();
            let reached = core_std.powi(depth) * f64::from(u32::try_from(ranks).unwrap()).sqrt();
            let e = f64::from(scale_exponent(&shape, core_std, dense_std));
            prop_assert!(((reached / dense_std).log2() - e).abs() <= 0.5 + 1e-12);
        }
    }

    #[test]
    fn sampled_train_has_the_variance_the_formula_says() {
        // Entries +-s, by a fixed xorshift: mean 0, variance s^2. 36 x 36 sums of 16 terms of
        // either sign.
        let shape = TtShape::new([6, 6], [6, 6], [16]).unwrap();
        let s = core_std(&shape, 0.3);
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut sign = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state >> 63 == 0 { s } else { -s }
        };
        let cores: Vec<Vec<f64>> = shape
            .core_shapes()
            .map(|dims| (0..dims.iter().product()).map(|_| sign()).collect())
            .collect();
        let train = super::super::TtMatrix::from_slices(&shape, &cores).unwrap();
        let std = (train.norm().powi(2) / 1296.0).sqrt();
        // 1296 dependent entries made of 1152 draws: a tenth is four standard errors.
        assert!((std / 0.3 - 1.0).abs() < 0.1, "{std}");
    }
}
