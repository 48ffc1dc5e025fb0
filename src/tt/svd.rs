//! TT-SVD: a dense matrix into a train of cores.
//!
//! Oseledets 2011, algorithm 1, on the matrix seen as a tensor whose k-th index is the pair
//! (`i_k`, `j_k`). From left to right, the unfolding that has bond and pair k as rows and
//! everything after as columns is decomposed; the left singular vectors are core k, and the
//! unfolding projected on them (singular values times right singular vectors) is what remains
//! to be decomposed.

use ndarray::Array2;

use super::error::TtError;
use super::jacobi::left_svd;
use super::linalg::{Mat, swap_middle};
use super::matrix::TtMatrix;
use super::shape::TtShape;
use super::truncation::{Truncated, Truncation};

/// Decomposes the dense `matrix`, M x N, into cores with input modes `in_modes` (product N) and
/// output modes `out_modes` (product M), with ranks as low as `truncation` allows.
///
/// # Errors
/// When modes, matrix or truncation do not fit together, an entry is not finite, or an
/// unfolding's singular values do not converge.
pub fn tt_svd(
    matrix: &Array2<f64>,
    in_modes: &[usize],
    out_modes: &[usize],
    truncation: &Truncation,
) -> Result<Truncated, TtError> {
    let bonds = in_modes.len().saturating_sub(1);
    let plain = TtShape::new(in_modes, out_modes, vec![1; bonds])?;
    truncation.validate(bonds)?;
    let expected = (plain.outputs(), plain.inputs());
    if matrix.dim() != expected {
        return Err(TtError::MatrixSize {
            given: matrix.dim(),
            expected,
        });
    }
    if !matrix.iter().all(|x| x.is_finite()) {
        return Err(TtError::NotFinite);
    }

    let mut rest = Mat::new(1, plain.dense_entries(), pair_modes(matrix, &plain));
    let allowed = truncation.error_per_bond(rest.norm(), bonds);
    let mut cores = Vec::with_capacity(plain.depth());
    let mut ranks = Vec::with_capacity(bonds);
    let mut dropped = 0.0;
    for bond in 0..bonds {
        let rows = rest.rows * out_modes[bond] * in_modes[bond];
        rest = rest.with_rows(rows);
        let parts = left_svd(&rest)?;
        let (rank, lost) = truncation.cut(bond, &parts.sigma, (rest.rows, rest.cols), allowed);
        dropped += lost;
        ranks.push(rank);
        let core = parts.u.left_columns(rank);
        rest = core.transposed().times(&rest);
        cores.push(core);
    }
    cores.push(rest);
    let shape = plain.with_ranks(ranks)?;
    Ok(Truncated {
        matrix: TtMatrix::from_unfolded(shape, &cores),
        error_bound: dropped.sqrt(),
    })
}

/// The entries of an M x N matrix in the order `(i_1, j_1, i_2, j_2, ..)`, from
/// `(i_1..i_d, j_1..j_d)`.
fn pair_modes(matrix: &Array2<f64>, shape: &TtShape) -> Vec<f64> {
    let mut data: Vec<f64> = matrix.iter().copied().collect();
    let (mut paired, mut rows, mut cols) = (1, shape.outputs(), shape.inputs());
    for (&m, &n) in shape.out_modes().iter().zip(shape.in_modes()) {
        (rows, cols) = (rows / m, cols / n);
        // (paired m, rows after, n, cols after) -> (paired m, n, rows after, cols after)
        data = swap_middle(&data, [paired * m, rows, n, cols]);
        paired *= m * n;
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reference::{
        assert_close, config, dense_of_cores, distance, matrices, norm_of, trains,
    };
    use super::*;

    proptest! {
        #![proptest_config(config(12))]

        #[test]
        fn full_rank_is_exact((shape, dense) in matrices()) {
            let found = tt_svd(&dense, shape.in_modes(), shape.out_modes(), &Truncation::default());
            let found = found.unwrap();
            assert_close(&dense_of_cores(&found.matrix), &dense, 1e-12);
            for (rank, most) in found.matrix.shape().ranks().iter().zip(shape.max_ranks()) {
                prop_assert!(*rank <= most);
            }
        }

        #[test]
        fn tolerance_bounds_the_error((shape, dense) in matrices(), tolerance in 0.0..0.9) {
            let truncation = Truncation::tolerance(tolerance);
            let found = tt_svd(&dense, shape.in_modes(), shape.out_modes(), &truncation).unwrap();
            let error = distance(&found.matrix.reconstruct(), &dense);
            let slack = 1e-12 * norm_of(&dense);
            prop_assert!(error <= tolerance * norm_of(&dense) + slack);
            prop_assert!((error - found.error_bound).abs() <= slack);
        }

        #[test]
        fn discarded_values_bound_the_error_of_given_ranks((shape, dense) in matrices()) {
            let truncation = Truncation::ranks(shape.ranks());
            let found = tt_svd(&dense, shape.in_modes(), shape.out_modes(), &truncation).unwrap();
            for (rank, most) in found.matrix.shape().ranks().iter().zip(shape.ranks()) {
                prop_assert!(rank <= most);
            }
            let error = distance(&found.matrix.reconstruct(), &dense);
            prop_assert!((error - found.error_bound).abs() <= 1e-12 * norm_of(&dense));
        }

        #[test]
        fn a_matrix_made_of_a_train_gives_ranks_no_larger(train in trains()) {
            let shape = train.shape();
            let dense = dense_of_cores(&train);
            let truncation = Truncation::tolerance(1e-10);
            let found = tt_svd(&dense, shape.in_modes(), shape.out_modes(), &truncation).unwrap();
            for (rank, given) in found.matrix.shape().ranks().iter().zip(shape.ranks()) {
                prop_assert!(rank <= given);
            }
            assert_close(&found.matrix.reconstruct(), &dense, 1e-9);
        }
    }

    #[test]
    fn a_kronecker_product_has_rank_one() {
        // W[(i1, i2), (j1, j2)] = A[i1, j1] B[i2, j2]
        let a = [[1.0, 2.0], [3.0, -1.0]];
        let b = [[2.0, 0.5, 1.0], [-1.0, 4.0, 3.0]];
        let dense = Array2::from_shape_fn((4, 6), |(i, j)| a[i / 2][j / 3] * b[i % 2][j % 3]);
        let found = tt_svd(&dense, &[2, 3], &[2, 2], &Truncation::default()).unwrap();
        assert_eq!(found.matrix.shape().ranks(), [1]);
        assert_close(&found.matrix.reconstruct(), &dense, 1e-14);
    }

    #[test]
    fn the_zero_matrix_keeps_one_index_per_bond() {
        let dense = Array2::zeros((8, 8));
        let found = tt_svd(&dense, &[2; 3], &[2; 3], &Truncation::default()).unwrap();
        assert_eq!(found.matrix.shape().ranks(), [1, 1]);
        assert_eq!(found.matrix.reconstruct(), dense);
    }

    #[test]
    fn input_that_does_not_fit_is_named() {
        let dense = Array2::from_elem((4, 6), 1.0);
        let exact = Truncation::default();
        let size = tt_svd(&dense, &[2, 2], &[2, 2], &exact).unwrap_err();
        assert_eq!(
            size,
            TtError::MatrixSize {
                given: (4, 6),
                expected: (4, 4)
            }
        );
        assert!(tt_svd(&dense, &[], &[], &exact).is_err());
        assert!(tt_svd(&dense, &[2, 3], &[2, 2], &Truncation::ranks([1, 1])).is_err());
        let nan = Array2::from_elem((4, 6), f64::NAN);
        assert_eq!(
            tt_svd(&nan, &[2, 3], &[2, 2], &exact).unwrap_err(),
            TtError::NotFinite
        );
    }
}
