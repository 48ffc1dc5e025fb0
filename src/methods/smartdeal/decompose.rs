//! `A = C B` with signed powers of two in `C`: alternating least squares (`SmartDeal`, TNNLS; arXiv 2101.01163).
//!
//! From `B = I` and `C = A`, each round fits `B` to the rounded `C`, then `C` to `B`, and sets coefficients
//! below a threshold to zero. The last word is a rounded `C` and the `B` that fits it best.

use crate::numeric::exact;
use nalgebra::Matrix3;

/// Entries of a row of `A`, of `C`, and of either side of `B`.
pub const SIDE: usize = 3;
/// Most rounds.
pub const ROUNDS: usize = 30;
/// Magnitude below which a coefficient becomes zero.
pub const THRESHOLD: f64 = 4e-3;
/// Exponents that four bits tell apart, beside zero and the sign.
pub const EXPONENTS: i32 = 7;
/// Largest exponent: coefficients have magnitudes of at most 32.
pub const MOST_EXPONENT: i32 = 5;

/// A 3 x 3 matrix, row-major.
pub type Basis = [f64; SIDE * SIDE];

const IDENTITY: Basis = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];

/// Signed powers of two of seven neighbouring exponents, and zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Powers {
    /// The largest exponent.
    pub top: i32,
}

impl Powers {
    /// Those that reach the magnitude `peak`, as far as exponents go.
    #[must_use]
    pub fn covering(peak: f64) -> Self {
        let mut top = MOST_EXPONENT;
        // The nearest power to the peak: below it by no more than a factor of 3/4.
        while top > -30 && exact::pow2_f64(top) * 0.75 > peak {
            top -= 1;
        }
        Self { top }
    }

    /// All exponents, from the largest down.
    pub fn exponents(self) -> impl Iterator<Item = i32> {
        (0..EXPONENTS).map(move |below| self.top - below)
    }

    /// The nearest to a value.
    #[must_use]
    pub fn nearest(self, value: f64) -> f64 {
        let size = value.abs();
        let least = exact::pow2_f64(self.top - EXPONENTS + 1);
        if size < least / 2.0 {
            return 0.0;
        }
        let mut power = least;
        // Between p and 2p the middle is 1.5 p.
        for _ in 1..EXPONENTS {
            if size > 1.5 * power {
                power *= 2.0;
            }
        }
        power.copysign(value)
    }

    /// The neighbour above (`up`) or below a coefficient, the same at either end: the order is that of the
    /// numbers, through zero.
    #[must_use]
    pub fn neighbour(self, value: f32, up: bool) -> f32 {
        let least = exact::pow2(self.top - EXPONENTS + 1);
        let most = exact::pow2(self.top);
        let size = value.abs();
        let away = (value > 0.0) == up;
        if size <= 0.0 {
            return if up { least } else { -least };
        }
        let moved = if away {
            (2.0 * size).min(most)
        } else if size <= least {
            0.0
        } else {
            size / 2.0
        };
        moved.copysign(value)
    }
}

/// Products of 3 x 3 and n x 3 matrices, row-major.
fn times(rows: &[f64], basis: &Basis) -> Vec<f64> {
    let mut out = vec![0.0; rows.len()];
    for (row, out) in rows.chunks_exact(SIDE).zip(out.chunks_exact_mut(SIDE)) {
        for (k, &value) in row.iter().enumerate() {
            for (slot, weight) in out.iter_mut().zip(&basis[k * SIDE..]) {
                *slot += value * weight;
            }
        }
    }
    out
}

/// `left^T right` of n x 3 matrices.
fn gram(left: &[f64], right: &[f64]) -> Basis {
    let mut sums = [0.0; SIDE * SIDE];
    for (a, b) in left.chunks_exact(SIDE).zip(right.chunks_exact(SIDE)) {
        for i in 0..SIDE {
            for j in 0..SIDE {
                sums[i * SIDE + j] += a[i] * b[j];
            }
        }
    }
    sums
}

fn transposed(basis: &Basis) -> Basis {
    std::array::from_fn(|at| basis[at % SIDE * SIDE + at / SIDE])
}

/// The inverse of a symmetric matrix that is not negative, on the directions in which it is not zero: few
/// or equal rows leave some without a say.
fn inverse(matrix: &Basis) -> Basis {
    let parts = Matrix3::from_row_slice(matrix).symmetric_eigen();
    let least = 1e-10 * parts.eigenvalues.max();
    let shares = parts
        .eigenvalues
        .map(|value| if value > least { 1.0 / value } else { 0.0 });
    let whole =
        parts.eigenvectors * Matrix3::from_diagonal(&shares) * parts.eigenvectors.transpose();
    // Symmetric, so that rows and columns are alike.
    std::array::from_fn(|at| whole[at])
}

/// The `B` with the least `|A - C B|`.
#[must_use]
pub fn fit_basis(target: &[f64], coefficients: &[f64]) -> Basis {
    let right = gram(coefficients, target);
    let left = inverse(&gram(coefficients, coefficients));
    let found = times(&left, &right);
    std::array::from_fn(|at| found[at])
}

/// The `C` with the least `|A - C B|`.
#[must_use]
pub fn fit_coefficients(target: &[f64], basis: &Basis) -> Vec<f64> {
    // C = A B^T (B B^T)^-1.
    let turned = transposed(basis);
    let square = gram(&turned, &turned);
    times(&times(target, &turned), &inverse(&square))
}

/// `|A - C B|^2`.
#[must_use]
pub fn error(target: &[f64], coefficients: &[f64], basis: &Basis) -> f64 {
    let product = times(coefficients, basis);
    let parts = target.iter().zip(product);
    parts.map(|(a, b)| (a - b) * (a - b)).sum()
}

fn rounded(coefficients: &[f64], powers: Powers) -> Vec<f64> {
    coefficients
        .iter()
        .map(|&value| powers.nearest(value))
        .collect()
}

/// Decomposes an n x 3 matrix; `C` has the given powers. The best of all rounds is kept.
#[must_use]
pub fn decompose(target: &[f64], powers: Powers) -> (Vec<f64>, Basis) {
    let mut free = target.to_vec();
    let mut best = (f64::INFINITY, vec![0.0; target.len()], IDENTITY);
    for _ in 0..ROUNDS {
        let coefficients = rounded(&free, powers);
        let basis = fit_basis(target, &coefficients);
        let left = error(target, &coefficients, &basis);
        if left < best.0 {
            best = (left, coefficients, basis);
        } else {
            // Nothing is gained any more.
            break;
        }
        free = fit_coefficients(target, &basis);
        for value in &mut free {
            if value.abs() < THRESHOLD {
                *value = 0.0;
            }
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{Seed, Stream};
    use proptest::prelude::*;

    fn drawn(rows: usize, seed: u32, scale: f64) -> Vec<f64> {
        let stream = Stream::new(Seed(seed), 0, 0, 0);
        let values = 0..(rows * SIDE) as u32;
        values
            .map(|at| scale * f64::from(stream.normal(at)))
            .collect()
    }

    #[test]
    fn the_nearest_power_is_the_nearest_of_all() {
        let powers = Powers { top: 2 };
        let all: Vec<f64> = (-4..=2)
            .flat_map(|exponent| [2_f64.powi(exponent), -2_f64.powi(exponent)])
            .chain([0.0])
            .collect();
        for at in -500..=500 {
            let value = f64::from(at) / 97.0;
            let distance = |power: f64| (power - value).abs();
            let found = powers.nearest(value);
            assert!(all.contains(&found));
            let best = all
                .iter()
                .copied()
                .map(distance)
                .fold(f64::INFINITY, f64::min);
            assert!(distance(found) <= best + 1e-12, "{value}: {found}");
        }
    }

    #[test]
    fn neighbours_run_through_zero_to_either_end() {
        let powers = Powers { top: 1 };
        let mut value = -2.0;
        let mut seen = vec![value];
        for _ in 0..14 {
            value = powers.neighbour(value, true);
            seen.push(value);
        }
        let ups = [-2.0, -1.0, -0.5, -0.25, -0.125, -0.0625, -0.03125];
        assert_eq!(seen[..7], ups);
        assert!(seen[7].abs() <= 0.0);
        assert_eq!(seen[14].to_bits(), 2.0_f32.to_bits());
        assert_eq!(powers.neighbour(2.0, true).to_bits(), 2.0_f32.to_bits());
        assert_eq!(
            powers.neighbour(0.0625, false).to_bits(),
            0.03125_f32.to_bits()
        );
    }

    proptest! {
        #[test]
        fn the_error_never_rises_over_a_least_squares_half(rows in 1_usize..80, seed in 0_u32..500, scale in 0.01_f64..2.0) {
            let target = drawn(rows, seed, scale);
            let peak = target.iter().fold(0.0_f64, |peak, value| peak.max(value.abs()));
            let powers = Powers::covering(peak);
            // What rounding may add.
            let noise = 1e-8 * target.iter().map(|value| value * value).sum::<f64>();
            let mut basis = IDENTITY;
            let mut free = target.clone();
            for _ in 0..4 {
                let coefficients = rounded(&free, powers);
                let before = error(&target, &coefficients, &basis);
                basis = fit_basis(&target, &coefficients);
                let after = error(&target, &coefficients, &basis);
                prop_assert!(after <= before + noise);
                free = fit_coefficients(&target, &basis);
                prop_assert!(error(&target, &free, &basis) <= after + noise);
            }
        }

        #[test]
        fn every_coefficient_is_a_signed_power_of_two_or_zero(rows in 1_usize..80, seed in 0_u32..500) {
            let target = drawn(rows, seed, 0.1);
            let powers = Powers::covering(0.3);
            let (coefficients, basis) = decompose(&target, powers);
            for &value in &coefficients {
                let size = value.abs();
                let power = size.log2();
                prop_assert!(size <= 0.0 || (power.fract() == 0.0 && size <= 32.0 && power <= f64::from(powers.top)));
            }
            // No worse than rounding alone.
            let plain = rounded(&target, powers);
            prop_assert!(error(&target, &coefficients, &basis) <= error(&target, &plain, &IDENTITY) + 1e-9);
        }
    }
}
