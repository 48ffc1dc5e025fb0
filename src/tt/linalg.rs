//! The few row-major matrix operations that tensor trains need, over nalgebra's QR.

use nalgebra::DMatrix;

/// A row-major matrix; reshaping it is free, which is what tensor-train sweeps live on.
#[derive(Clone, Debug)]
pub(super) struct Mat {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) data: Vec<f64>,
}

impl Mat {
    pub(super) fn new(rows: usize, cols: usize, data: Vec<f64>) -> Self {
        debug_assert_eq!(data.len(), rows * cols);
        Self { rows, cols, data }
    }

    /// The same entries in the same order under another number of rows.
    pub(super) fn with_rows(self, rows: usize) -> Self {
        let cols = self.data.len() / rows;
        Self::new(rows, cols, self.data)
    }

    /// `self * right`, added up in a fixed order, so that it gives the same bits everywhere.
    pub(super) fn times(&self, right: &Self) -> Self {
        debug_assert_eq!(self.cols, right.rows);
        let mut data = vec![0.0; self.rows * right.cols];
        for (out, row) in data
            .chunks_exact_mut(right.cols)
            .zip(self.data.chunks_exact(self.cols))
        {
            for (&factor, terms) in row.iter().zip(right.data.chunks_exact(right.cols)) {
                for (sum, &term) in out.iter_mut().zip(terms) {
                    *sum += factor * term;
                }
            }
        }
        Self::new(self.rows, right.cols, data)
    }

    /// The first `cols` columns.
    pub(super) fn left_columns(&self, cols: usize) -> Self {
        let rows = self.data.chunks_exact(self.cols);
        Self::new(
            self.rows,
            cols,
            rows.flat_map(|row| &row[..cols]).copied().collect(),
        )
    }

    pub(super) fn transposed(&self) -> Self {
        let data = swap_middle(&self.data, [1, self.rows, self.cols, 1]);
        Self::new(self.cols, self.rows, data)
    }

    pub(super) fn norm(&self) -> f64 {
        self.data.iter().map(|x| x * x).sum::<f64>().sqrt()
    }

    fn to_nalgebra(&self) -> DMatrix<f64> {
        DMatrix::from_row_slice(self.rows, self.cols, &self.data)
    }

    fn from_nalgebra(matrix: &DMatrix<f64>) -> Self {
        // nalgebra is column-major: the rows of the matrix are the columns of its transpose.
        Self::new(
            matrix.nrows(),
            matrix.ncols(),
            matrix.transpose().as_slice().to_vec(),
        )
    }
}

/// Swaps the two middle axes of a row-major array of shape `[a, b, c, e]`, giving
/// `[a, c, b, e]`.
pub(super) fn swap_middle(data: &[f64], [a, b, c, e]: [usize; 4]) -> Vec<f64> {
    debug_assert_eq!(data.len(), a * b * c * e);
    let mut out = Vec::with_capacity(data.len());
    for block in data.chunks_exact(b * c * e) {
        for j in 0..c {
            for i in 0..b {
                let start = (i * c + j) * e;
                out.extend_from_slice(&block[start..start + e]);
            }
        }
    }
    out
}

/// `matrix = q * r` with orthonormal columns in `q`, of which there are min(rows, columns).
pub(super) fn qr(matrix: &Mat) -> (Mat, Mat) {
    let (q, r) = matrix.to_nalgebra().qr().unpack();
    (Mat::from_nalgebra(&q), Mat::from_nalgebra(&r))
}

/// `matrix = l * q` with orthonormal rows in `q`, of which there are min(rows, columns).
pub(super) fn lq(matrix: &Mat) -> (Mat, Mat) {
    let (q, r) = qr(&matrix.transposed());
    (r.transposed(), q.transposed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: &Mat, b: &Mat) {
        assert_eq!((a.rows, a.cols), (b.rows, b.cols));
        for (x, y) in a.data.iter().zip(&b.data) {
            assert!((x - y).abs() < 1e-13, "{x} is not {y}");
        }
    }

    #[test]
    fn qr_and_lq_give_the_matrix_back_tall_and_wide() {
        let data: Vec<f64> = (0..12).map(|i| f64::from(i * i % 7) - 2.5).collect();
        for rows in [1, 3, 4, 12] {
            let matrix = Mat::new(12, 1, data.clone()).with_rows(rows);
            let (q, r) = qr(&matrix);
            close(&q.times(&r), &matrix);
            let (l, q) = lq(&matrix);
            close(&l.times(&q), &matrix);
        }
    }

    #[test]
    fn swapping_twice_is_nothing() {
        let data: Vec<f64> = (0..120).map(f64::from).collect();
        let swapped = swap_middle(&data, [2, 3, 4, 5]);
        // Entry (1, 2, 3, 4) is the last one either way; (0, 1, 0, 0) moves from 20 to 5.
        assert_eq!((swapped[5], swapped[119]), (20.0, 119.0));
        assert_eq!(swap_middle(&swapped, [2, 4, 3, 5]), data);
    }
}
