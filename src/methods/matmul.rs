//! Products of matrices that lie in slices with any strides, through the kernels.

use crate::kernels::{Factor, Packs, Scatter, gemm, gemm_into};

/// A matrix in a slice: element (i, j) at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// The slice.
    pub values: &'a [f32],
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    strides: (usize, usize),
}

impl<'a> Matrix<'a> {
    /// A matrix whose rows lie one after the other.
    ///
    /// # Panics
    /// If the slice's length is no multiple of `columns`.
    #[must_use]
    pub fn of_rows(values: &'a [f32], columns: usize) -> Self {
        assert_eq!(values.len() % columns, 0, "whole rows");
        Self {
            values,
            rows: values.len() / columns,
            columns,
            strides: (columns, 1),
        }
    }

    /// A matrix of `rows` rows, `stride` apart.
    #[must_use]
    pub fn strided(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self {
            values,
            rows,
            columns,
            strides: (stride, 1),
        }
    }

    /// The transposed matrix, where it lies.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            strides: (self.strides.1, self.strides.0),
            ..self
        }
    }
}

/// Multiplies matrices; keeps the memory that it needs for it.
#[derive(Clone, Debug, Default)]
pub struct Multiplier {
    packs: Packs<f32>,
    offsets: [Vec<u32>; 6],
}

fn offsets(out: &mut Vec<u32>, count: usize, stride: usize) {
    out.clear();
    out.extend((0..count).map(|at| (at * stride) as u32));
}

impl Multiplier {
    /// `out = a b`, or `out += a b`; rows of `out` lie one after the other.
    ///
    /// # Panics
    /// If the sides of the three do not fit.
    pub fn product(&mut self, a: Matrix, b: Matrix, out: &mut [f32], add: bool) {
        assert_eq!(a.columns, b.rows, "terms of both factors");
        assert_eq!(out.len(), a.rows * b.columns, "the product's elements");
        let [a_rows, a_cols, b_rows, b_cols, out_rows, out_cols] = &mut self.offsets;
        offsets(a_rows, a.rows, a.strides.0);
        offsets(a_cols, a.columns, a.strides.1);
        offsets(b_rows, b.rows, b.strides.0);
        offsets(b_cols, b.columns, b.strides.1);
        offsets(out_rows, a.rows, b.columns);
        offsets(out_cols, b.columns, 1);
        let left = Scatter {
            rows: a_rows,
            cols: a_cols,
        };
        let right = Scatter {
            rows: b_rows,
            cols: b_cols,
        };
        let at = Scatter {
            rows: out_rows,
            cols: out_cols,
        };
        let (left, right) = ((a.values, left), Factor::Scattered(b.values, right));
        if gemm_into(&mut self.packs, left, right, (out, at), add) {
            return;
        }
        let width = b.columns;
        gemm(
            &mut self.packs,
            left,
            right,
            |first, columns, sums, stride| {
                for (row, sums) in (first..).zip(sums.chunks_exact(stride)) {
                    let slots = &mut out[row * width..][columns.clone()];
                    for (slot, sum) in slots.iter_mut().zip(sums) {
                        *slot = if add { *slot } else { 0.0 } + sum;
                    }
                }
            },
        );
    }
}

/// An explicit matrix `W`, outputs x inputs, row-major, as a layer uses it; samples lie one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Explicit<'a> {
    /// Its entries.
    pub weights: &'a [f32],
    /// Inputs and outputs.
    pub sides: (usize, usize),
}

impl Explicit<'_> {
    /// `y = W x` for each sample.
    ///
    /// # Panics
    /// If there are not as many samples in `x` as in `y`.
    pub fn forward(self, multiplier: &mut Multiplier, x: &[f32], y: &mut [f32]) {
        let inputs = self.sides.0;
        let weights = Matrix::of_rows(self.weights, inputs).transposed();
        multiplier.product(Matrix::of_rows(x, inputs), weights, y, false);
    }

    /// Adds the gradient of `W` to `gradient`, and writes that of `x` to `dx`, where it is wanted.
    ///
    /// # Panics
    /// If there are not as many samples in `x` as in `dy`.
    pub fn backward(
        self,
        multiplier: &mut Multiplier,
        (x, dy): (&[f32], &[f32]),
        gradient: &mut [f32],
        dx: Option<&mut [f32]>,
    ) {
        let (inputs, outputs) = self.sides;
        let (x, dy) = (Matrix::of_rows(x, inputs), Matrix::of_rows(dy, outputs));
        multiplier.product(dy.transposed(), x, gradient, true);
        if let Some(dx) = dx {
            let weights = Matrix::of_rows(self.weights, inputs);
            multiplier.product(dy, weights, dx, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{Seed, Stream};
    use proptest::prelude::*;

    fn drawn(len: usize, seed: u32) -> Vec<f32> {
        let stream = Stream::new(Seed(seed), 0, 0, 0);
        (0..len as u32).map(|at| stream.normal(at)).collect()
    }

    proptest! {
        #[test]
        fn products_are_those_of_the_definition(
            (m, k, n) in (1_usize..20, 1_usize..40, 1_usize..50), turned in any::<[bool; 2]>(), add in any::<bool>(),
        ) {
            let (a, b) = (drawn(m * k, 1), drawn(k * n, 2));
            let matrix = |values, columns, rows, turned| {
                if turned {
                    Matrix::of_rows(values, rows).transposed()
                } else {
                    Matrix::of_rows(values, columns)
                }
            };
            let start = drawn(m * n, 3);
            let mut out = start.clone();
            let (left, right) = (matrix(&a, k, m, turned[0]), matrix(&b, n, k, turned[1]));
            Multiplier::default().product(left, right, &mut out, add);
            for i in 0..m {
                for j in 0..n {
                    let term = |t: usize| {
                        let x = if turned[0] { a[t * m + i] } else { a[i * k + t] };
                        let y = if turned[1] { b[j * k + t] } else { b[t * n + j] };
                        f64::from(x) * f64::from(y)
                    };
                    let wanted = (0..k).map(term).sum::<f64>() + if add { f64::from(start[i * n + j]) } else { 0.0 };
                    prop_assert!((f64::from(out[i * n + j]) - wanted).abs() < 1e-4);
                }
            }
        }
    }
}
