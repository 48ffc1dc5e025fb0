//! How much a decomposition or a rounding may drop, and what it did drop.

use super::error::{ShapeError, TtError};
use super::matrix::TtMatrix;

/// A limit on what is dropped: a tolerance, maximal ranks, or both (the lower rank wins).
///
/// The default drops only what working precision cannot tell from zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truncation {
    /// Frobenius error allowed, relative to the norm of the matrix; shared evenly among the
    /// bonds.
    pub tolerance: f64,
    /// Largest rank of each inner bond; `None` leaves the ranks to the tolerance.
    pub max_ranks: Option<Vec<usize>>,
}

/// The outcome of a decomposition or a rounding.
#[derive(Clone, Debug, PartialEq)]
pub struct Truncated {
    /// The train.
    pub matrix: TtMatrix,
    /// Bound of the Frobenius error: the root of the sum of all discarded squared singular
    /// values, over all bonds. The sweep discards mutually orthogonal parts, so it is the error
    /// itself but for rounding.
    pub error_bound: f64,
}

impl Truncation {
    /// Lowest ranks within a relative Frobenius error of `tolerance`.
    #[must_use]
    pub fn tolerance(tolerance: f64) -> Self {
        Self {
            tolerance,
            max_ranks: None,
        }
    }

    /// Best ranks up to `max_ranks`, one for each inner bond.
    #[must_use]
    pub fn ranks(max_ranks: impl Into<Vec<usize>>) -> Self {
        Self {
            tolerance: 0.0,
            max_ranks: Some(max_ranks.into()),
        }
    }

    /// Checks the tolerance and that there is a rank of at least 1 for each of `bonds` bonds.
    pub(super) fn validate(&self, bonds: usize) -> Result<(), TtError> {
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            return Err(TtError::Tolerance(self.tolerance));
        }
        let Some(ranks) = &self.max_ranks else {
            return Ok(());
        };
        if ranks.len() != bonds {
            return Err(ShapeError::RankCount {
                given: ranks.len(),
                expected: bonds,
            }
            .into());
        }
        match ranks.iter().position(|&rank| rank == 0) {
            Some(position) => Err(ShapeError::ZeroRank { position }.into()),
            None => Ok(()),
        }
    }

    /// The error each of `bonds` bonds may add to a matrix of norm `norm`: errors of different
    /// bonds are orthogonal, hence the root (Oseledets 2011, algorithm 1).
    pub(super) fn error_per_bond(&self, norm: f64, bonds: usize) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the number of bonds is far below 2^52"
        )]
        let shares = bonds.max(1) as f64;
        self.tolerance * norm / shares.sqrt()
    }

    /// How many of the falling `sigma` to keep at inner bond `bond` (from 0), at least one, and
    /// the squared error of dropping the rest.
    ///
    /// `sides` are rows and columns of the decomposed matrix: singular values below machine
    /// epsilon times the longer side times the largest one are noise, whatever the tolerance.
    pub(super) fn cut(
        &self,
        bond: usize,
        sigma: &[f64],
        sides: (usize, usize),
        allowed: f64,
    ) -> (usize, f64) {
        #[expect(clippy::cast_precision_loss, reason = "sides are far below 2^52")]
        let side = sides.0.max(sides.1) as f64;
        let noise = f64::EPSILON * side * sigma.first().copied().unwrap_or(0.0);
        let limit = allowed.max(noise);
        let mut rank = sigma.len();
        let mut dropped = 0.0;
        while rank > 1 {
            let more = dropped + sigma[rank - 1] * sigma[rank - 1];
            if more > limit * limit {
                break;
            }
            dropped = more;
            rank -= 1;
        }
        let most = self
            .max_ranks
            .as_ref()
            .map_or(usize::MAX, |ranks| ranks[bond]);
        let rank = rank.min(most);
        (rank, sigma[rank..].iter().map(|s| s * s).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_drops_the_longest_tail_within_the_error() {
        let sigma = [10.0, 4.0, 3.0, 1e-20];
        let cut = |allowed| Truncation::default().cut(0, &sigma, (9, 4), allowed);
        assert_eq!(cut(0.0), (3, 1e-40));
        assert_eq!(cut(4.9).0, 2);
        // 3^2 + 4^2 = 5^2
        assert_eq!(cut(5.000_001).0, 1);
        assert_eq!(cut(1e9).0, 1);
        assert_eq!(Truncation::ranks([2]).cut(0, &sigma, (9, 4), 0.0).0, 2);
    }

    #[test]
    fn limits_that_mean_nothing_are_refused() {
        for tolerance in [-1.0, f64::NAN, f64::INFINITY] {
            let error = Truncation::tolerance(tolerance).validate(1).unwrap_err();
            assert!(matches!(error, TtError::Tolerance(_)));
        }
        assert!(Truncation::ranks([1, 2]).validate(1).is_err());
        assert!(Truncation::ranks([0]).validate(1).is_err());
        assert!(Truncation::ranks([3]).validate(1).is_ok());
    }
}
