//! Rank rounding: a train of the same matrix, or nearly, with lower ranks.
//!
//! Oseledets 2011, algorithm 2. A sweep from right to left gives every core but the first
//! orthonormal rows (LQ of the core as (r, m n r')) and moves the rest to the left; after it
//! the first core alone carries the norm. A sweep from left to right then cuts the singular
//! values of each core as (r m n, r'), which are those of the whole matrix at that bond.

use super::error::TtError;
use super::jacobi::left_svd;
use super::linalg::{Mat, lq};
use super::matrix::TtMatrix;
use super::truncation::{Truncated, Truncation};

/// The train with ranks as low as `truncation` allows.
///
/// # Errors
/// When the truncation does not fit the train, an entry is not finite, or a core's singular
/// values do not converge.
pub fn round(train: &TtMatrix, truncation: &Truncation) -> Result<Truncated, TtError> {
    let shape = train.shape();
    let bonds = shape.depth() - 1;
    truncation.validate(bonds)?;
    if !train.is_finite() {
        return Err(TtError::NotFinite);
    }

    let mut cores = orthogonal_from_the_right(train);
    let norm = cores[0].norm();
    let allowed = truncation.error_per_bond(norm, bonds);
    let mut ranks = Vec::with_capacity(bonds);
    let mut dropped = 0.0;
    for bond in 0..bonds {
        let parts = left_svd(&cores[bond])?;
        let sides = (cores[bond].rows, cores[bond].cols);
        let (rank, lost) = truncation.cut(bond, &parts.sigma, sides, allowed);
        dropped += lost;
        ranks.push(rank);
        let core = parts.u.left_columns(rank);
        let (carry, end) = (core.transposed().times(&cores[bond]), cores[bond + 1].cols);
        let moved = carry.times(&cores[bond + 1].clone().with_rows(carry.cols));
        let rows = moved.data.len() / end;
        cores[bond + 1] = moved.with_rows(rows);
        cores[bond] = core;
    }
    let shape = shape.with_ranks(ranks)?;
    Ok(Truncated {
        matrix: TtMatrix::from_unfolded(shape, &cores),
        error_bound: dropped.sqrt(),
    })
}

/// The cores, each as (r m n, r'), with orthonormal rows as (r, m n r') in all but the first.
fn orthogonal_from_the_right(train: &TtMatrix) -> Vec<Mat> {
    let mut cores: Vec<Mat> = train.unfolded().map(|(core, _)| core).collect();
    for k in (1..cores.len()).rev() {
        let (rank, end) = (train.shape().bond_rank(k), cores[k].cols);
        let (l, q) = lq(&cores[k].clone().with_rows(rank));
        let rows = q.data.len() / end;
        cores[k] = q.with_rows(rows);
        cores[k - 1] = cores[k - 1].times(&l);
    }
    cores
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;
    use proptest::prelude::*;

    use super::super::reference::{
        assert_close, config, dense_of_cores, distance, norm_of, trains,
    };
    use super::*;

    /// The same matrix with every bond doubled: slices repeated on the left, halved on the
    /// right.
    fn with_redundant_ranks(train: &TtMatrix) -> TtMatrix {
        let depth = train.shape().depth();
        let cores = train.cores().iter().enumerate().map(|(k, core)| {
            let (r, m, n, s) = core.dim();
            let left = if k == 0 { r } else { 2 * r };
            let right = if k + 1 == depth { s } else { 2 * s };
            let factor = if k == 0 { 1.0 } else { 0.5 };
            Array4::from_shape_fn((left, m, n, right), |(a, i, j, b)| {
                factor * core[[a % r, i, j, b % s]]
            })
        });
        TtMatrix::new(cores.collect()).unwrap()
    }

    proptest! {
        #![proptest_config(config(13))]

        #[test]
        fn redundant_ranks_go_and_the_matrix_stays(train in trains()) {
            let dense = dense_of_cores(&train);
            let doubled = with_redundant_ranks(&train);
            assert_close(&doubled.reconstruct(), &dense, 1e-12);
            let rounded = round(&doubled, &Truncation::tolerance(1e-10)).unwrap().matrix;
            assert_close(&rounded.reconstruct(), &dense, 1e-9);
            let limits = train.shape().ranks().iter().zip(train.shape().max_ranks());
            for (rank, (&given, useful)) in rounded.shape().ranks().iter().zip(limits) {
                prop_assert!(*rank <= given.min(useful));
            }
        }

        #[test]
        fn tolerance_bounds_the_error(train in trains(), tolerance in 0.0..0.9) {
            let dense = dense_of_cores(&train);
            let rounded = round(&train, &Truncation::tolerance(tolerance)).unwrap();
            let error = distance(&rounded.matrix.reconstruct(), &dense);
            let slack = 1e-10 * norm_of(&dense) + 1e-12;
            prop_assert!(error <= tolerance * norm_of(&dense) + slack);
            prop_assert!((error - rounded.error_bound).abs() <= slack);
        }

        #[test]
        fn given_ranks_are_kept_to_and_bound_the_error(train in trains(), most in 1_usize..4) {
            let dense = dense_of_cores(&train);
            let bonds = train.shape().depth() - 1;
            let rounded = round(&train, &Truncation::ranks(vec![most; bonds])).unwrap();
            prop_assert!(rounded.matrix.shape().ranks().iter().all(|&rank| rank <= most));
            let error = distance(&rounded.matrix.reconstruct(), &dense);
            let slack = 1e-10 * norm_of(&dense) + 1e-12;
            prop_assert!((error - rounded.error_bound).abs() <= slack);
        }
    }

    #[test]
    fn all_zero_cores_round_to_rank_one() {
        let zeros = vec![Array4::zeros((1, 2, 2, 3)), Array4::zeros((3, 2, 2, 1))];
        let rounded = round(&TtMatrix::new(zeros).unwrap(), &Truncation::default()).unwrap();
        assert_eq!(rounded.matrix.shape().ranks(), [1]);
    }

    #[test]
    fn infinite_entries_are_refused() {
        let train = TtMatrix::new(vec![Array4::from_elem((1, 2, 2, 1), f64::INFINITY)]).unwrap();
        assert_eq!(
            round(&train, &Truncation::default()),
            Err(TtError::NotFinite)
        );
    }
}
