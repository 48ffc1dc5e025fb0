//! Elementary functions with the same bits on every platform.
//!
//! Built from `+ - * /` in `f64` in a fixed order, without fused multiply-add, which IEEE 754 rounds
//! alike everywhere. Accurate to about 1e-14 relative, far more than the tables made from them need.

/// `2^exponent` as `f32`; zero below and infinity above the range of `f32`.
#[must_use]
pub fn pow2(exponent: i32) -> f32 {
    pow2_f64(exponent) as f32
}

/// `2^exponent` as `f64`, exact within the normal range.
#[must_use]
pub fn pow2_f64(exponent: i32) -> f64 {
    match exponent {
        -1022..=1023 => f64::from_bits(((exponent + 1023) as u64) << 52),
        1024.. => f64::INFINITY,
        _ => 0.0,
    }
}

/// `e^x` for finite `x`.
#[must_use]
pub fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    if x > 700.0 {
        return f64::INFINITY;
    }
    // x = k ln 2 + r with |r| <= ln(2) / 2, ln 2 in two parts so that r keeps its bits.
    let k = (x * std::f64::consts::LOG2_E).round();
    let r = (x - k * 0.693_147_180_369_123_8) - k * 1.908_214_929_270_587_7e-10;
    // Taylor to degree 13: the next term is below 4e-18.
    let mut sum = 1.0;
    for n in (1..=13).rev() {
        sum = 1.0 + sum * r / f64::from(n);
    }
    sum * pow2_f64(k as i32)
}

/// Natural logarithm of a positive, finite, normal `x`; minus infinity at and below 0.
#[must_use]
pub fn ln(x: f64) -> f64 {
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i32 - 1023;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln m = 2 atanh((m - 1) / (m + 1)), the argument at most 0.172: 12 terms reach 1e-19.
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let mut sum = 0.0;
    for n in (0..12).rev() {
        sum = sum * square + 1.0 / f64::from(2 * n + 1);
    }
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * z * sum
}

/// Cosine of `turns` whole turns (2 pi radians each), for `turns` in [0, 1].
#[must_use]
pub fn cos_turns(turns: f64) -> f64 {
    // cos is even about half a turn; fold to [0, 1/4] and keep the sign.
    let folded = if turns > 0.5 { 1.0 - turns } else { turns };
    let (folded, sign) = if folded > 0.25 {
        (0.5 - folded, -1.0)
    } else {
        (folded, 1.0)
    };
    let x = folded * std::f64::consts::TAU;
    let square = x * x;
    let mut sum = 1.0;
    for n in (1..=12).rev() {
        sum = 1.0 - sum * square / f64::from((2 * n - 1) * (2 * n));
    }
    sign * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_agree_with_the_platform() {
        for i in -2000..2000 {
            let x = f64::from(i) * 0.037;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "exp {x}");
            let positive = x.exp();
            assert!(
                (ln(positive) - positive.ln()).abs() < 1e-13 * (1.0 + x.abs()),
                "ln {positive}"
            );
        }
        for i in 0..=1000 {
            let turns = f64::from(i) / 1000.0;
            assert!(
                (cos_turns(turns) - (turns * std::f64::consts::TAU).cos()).abs() < 1e-13,
                "{turns}"
            );
        }
    }

    #[test]
    fn powers_of_two_are_exact() {
        assert!((pow2(-3) - 0.125).abs() < f32::EPSILON);
        assert!((pow2_f64(10) - 1024.0).abs() < f64::EPSILON);
        assert!(pow2_f64(2000).is_infinite());
        assert!(pow2_f64(-2000) == 0.0);
    }
}
