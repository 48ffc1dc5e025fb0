//! Left singular vectors and singular values by one-sided Jacobi rotations.
//!
//! Unfoldings of a tensor train are often rank-deficient (that is why one rounds them), and
//! there the implicit QR iteration of nalgebra 0.35 can fail in silence: on 85 of 2,000 random
//! matrices of up to 16 x 16, all of them deficient, its factors missed the matrix by up to its
//! whole norm. Rotating pairs of columns until all are orthogonal (M. R. Hestenes, J. SIAM
//! 6(1), 1958) has no such case. As in Z. Drmac and K. Veselic, SIAM J. Matrix Anal. Appl.
//! 29(4), 2008, the rotations run on the small triangular factor of a QR or LQ decomposition.

use super::error::TtError;
use super::linalg::{Mat, lq, qr};
use crate::numeric::sort_by_key;

/// Left singular vectors of a matrix, as columns, and its singular values, falling.
pub(super) struct LeftSvd {
    /// rows x min(rows, columns); the columns of vanishing singular values are zero.
    pub(super) u: Mat,
    pub(super) sigma: Vec<f64>,
}

/// Sweeps after which the iteration is given up; ten are many in practice.
const MAX_SWEEPS: usize = 60;

/// Left singular vectors and singular values of a finite matrix.
pub(super) fn left_svd(matrix: &Mat) -> Result<LeftSvd, TtError> {
    // Entries of size 1 keep the squares away from overflow and underflow.
    let largest = matrix.data.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    let mut unit = matrix.clone();
    unit.data.iter_mut().for_each(|x| *x /= scale);

    // Either way a square factor is left: with the left singular vectors of the matrix itself
    // when it is wide, with those that `q` turns into them when it is tall.
    let (factor, turn) = if matrix.rows > matrix.cols {
        let (q, r) = qr(&unit);
        (r, Some(q))
    } else {
        (lq(&unit).0, None)
    };
    let size = factor.rows;
    let mut columns = factor.transposed();
    if !orthogonalise(&mut columns) {
        return Err(TtError::NotConverged {
            rows: matrix.rows,
            columns: matrix.cols,
        });
    }

    let mut order: Vec<(f64, &mut [f64])> = columns
        .data
        .chunks_exact_mut(size)
        .map(|column| (dot(column, column).sqrt(), column))
        .collect();
    // Norms are not negative, so their bits rise with them.
    sort_by_key(&mut order, |(norm, _)| [!norm.to_bits(), 0]);
    let mut data = Vec::with_capacity(size * size);
    for (norm, column) in &order {
        let divisor = if *norm > 0.0 { *norm } else { 1.0 };
        data.extend(column.iter().map(|x| x / divisor));
    }
    let sigma = order.iter().map(|(norm, _)| norm * scale).collect();
    let u = Mat::new(size, size, data).transposed();
    let u = turn.map_or_else(|| u.clone(), |q| q.times(&u));
    Ok(LeftSvd { u, sigma })
}

/// Rotates the columns, held as the rows of `columns`, until each pair is orthogonal; whether
/// that was reached.
fn orthogonalise(columns: &mut Mat) -> bool {
    let (count, length) = (columns.rows, columns.cols);
    #[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
    let tolerance = f64::EPSILON * length as f64;
    (0..MAX_SWEEPS).any(|_| {
        let mut rotated = false;
        for i in 1..count {
            let (before, rest) = columns.data.split_at_mut(i * length);
            let right = &mut rest[..length];
            for left in before.chunks_exact_mut(length) {
                rotated |= rotate(left, right, tolerance);
            }
        }
        !rotated
    })
}

/// Makes two columns orthogonal, the longer one longer still; whether they were not before.
fn rotate(left: &mut [f64], right: &mut [f64], tolerance: f64) -> bool {
    // Below this, products of entries have lost their digits; the columns are zero by any
    // measure.
    const VANISHING: f64 = f64::MIN_POSITIVE / f64::EPSILON;
    let (ll, rr, lr) = (dot(left, left), dot(right, right), dot(left, right));
    if lr.abs() <= tolerance * ll.sqrt() * rr.sqrt() || lr.abs() < VANISHING {
        return false;
    }
    let zeta = (rr - ll) / (2.0 * lr);
    // The smaller root of t^2 + 2 zeta t - 1 = 0, the tangent of an angle of at most 45 degrees.
    let tangent = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
    let sine = cosine * tangent;
    for (l, r) in left.iter_mut().zip(right) {
        (*l, *r) = (cosine * *l - sine * *r, sine * *l + cosine * *r);
    }
    true
}

/// A dot product in eight fixed lanes, which the compiler can hold in vector registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = (a.remainder().iter().zip(b.remainder()))
        .map(|(x, y)| x * y)
        .sum();
    for (a, b) in a.zip(b) {
        for (lane, (x, y)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reference::config;
    use super::*;

    /// Products of a rows x rank and a rank x columns matrix: often deficient.
    fn low_rank() -> impl Strategy<Value = Mat> {
        (1_usize..20, 1_usize..20, 1_usize..20).prop_flat_map(|(rows, cols, rank)| {
            let entries = |count| prop::collection::vec(-1.0..1.0, count);
            (entries(rows * rank), entries(rank * cols)).prop_map(move |(left, right)| {
                Mat::new(rows, rank, left).times(&Mat::new(rank, cols, right))
            })
        })
    }

    fn distance(a: &Mat, b: &Mat) -> f64 {
        let square = |(x, y): (&f64, &f64)| (x - y) * (x - y);
        a.data.iter().zip(&b.data).map(square).sum::<f64>().sqrt()
    }

    proptest! {
        #![proptest_config(config(15))]

        #[test]
        fn vectors_are_orthonormal_and_span_the_matrix(matrix in low_rank()) {
            let LeftSvd { u, sigma } = left_svd(&matrix).unwrap();
            prop_assert!(sigma.is_sorted_by(|a, b| a >= b));
            let slack = 1e-13 * matrix.norm().max(1.0);
            let projected = u.transposed().times(&matrix);
            prop_assert!(distance(&u.times(&projected), &matrix) <= slack);
            // The rows of the projection are as long as the singular values say, and orthogonal.
            let gram = projected.times(&projected.transposed());
            let vectors = u.transposed().times(&u);
            for i in 0..sigma.len() {
                for j in 0..sigma.len() {
                    let (expected, one) = if i == j { (sigma[i] * sigma[i], 1.0) } else { (0.0, 0.0) };
                    let entry = gram.data[i * sigma.len() + j];
                    prop_assert!((entry - expected).abs() <= slack * sigma[0].max(1.0));
                    if sigma[i].min(sigma[j]) > 1e-10 * sigma[0] {
                        prop_assert!((vectors.data[i * sigma.len() + j] - one).abs() < 1e-13);
                    }
                }
            }
        }
    }

    #[test]
    fn zeros_and_extreme_sizes_are_borne() {
        let zero = left_svd(&Mat::new(2, 3, vec![0.0; 6])).unwrap();
        assert!(zero.sigma.iter().chain(&zero.u.data).all(|&x| x == 0.0));
        for size in [1e-200, 1e200] {
            let matrix = Mat::new(2, 2, vec![3.0 * size, 0.0, 0.0, 4.0 * size]);
            let sigma = left_svd(&matrix).unwrap().sigma;
            assert!((sigma[0] / size - 4.0).abs() < 1e-14);
            assert!((sigma[1] / size - 3.0).abs() < 1e-14);
        }
    }

    #[test]
    fn rows_that_repeat_give_one_singular_value() {
        // All entries 1: the only singular value is sqrt(6 * 10).
        let sigma = left_svd(&Mat::new(6, 10, vec![1.0; 60])).unwrap().sigma;
        assert!((sigma[0] - 60.0_f64.sqrt()).abs() < 1e-14);
        assert!(sigma[1..].iter().all(|&s| s < 1e-14));
    }
}
