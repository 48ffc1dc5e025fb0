//! A matrix held as a train of cores: reconstruction, product with a vector, norm.

use ndarray::{Array2, Array4};

use super::bond::{keep_first_axis, keep_last_axis};
use super::error::TtError;
use super::linalg::{Mat, swap_middle};
use super::shape::TtShape;

/// A tensor-train matrix: `d` cores of shape (r, m, n, r') whose product over the bonds is `W`,
/// M x N. See the [module documentation](super) for the formula.
#[derive(Clone, Debug, PartialEq)]
pub struct TtMatrix {
    shape: TtShape,
    cores: Vec<Array4<f64>>,
}

impl TtMatrix {
    /// A train from its cores, each of shape (r, m, n, r').
    ///
    /// # Errors
    /// When the ranks of neighbours differ, an open end is not 1, or the sizes are not a
    /// [`TtShape`].
    pub fn new(cores: Vec<Array4<f64>>) -> Result<Self, TtError> {
        let dims: Vec<_> = cores.iter().map(Array4::dim).collect();
        let bonds: Vec<_> = dims.iter().skip(1).map(|dim| dim.0).collect();
        let modes = |pick: fn(&(usize, usize, usize, usize)) -> usize| -> Vec<usize> {
            dims.iter().map(pick).collect()
        };
        let shape = TtShape::new(modes(|dim| dim.2), modes(|dim| dim.1), bonds)?;
        let mut left = 1;
        for (bond, dim) in dims.iter().enumerate() {
            if dim.0 != left {
                return Err(TtError::BondMismatch {
                    bond,
                    left,
                    right: dim.0,
                });
            }
            left = dim.3;
        }
        if left != 1 {
            return Err(TtError::BondMismatch {
                bond: dims.len(),
                left,
                right: 1,
            });
        }
        Ok(Self { shape, cores })
    }

    /// A train from flat cores in (r, m, n, r') order, `f32` or `f64`.
    ///
    /// # Errors
    /// When the number of cores or the length of one does not fit `shape`.
    pub fn from_slices<T, S>(shape: &TtShape, cores: &[S]) -> Result<Self, TtError>
    where
        T: Copy + Into<f64>,
        S: AsRef<[T]>,
    {
        if cores.len() != shape.depth() {
            return Err(TtError::CoreCount {
                given: cores.len(),
                expected: shape.depth(),
            });
        }
        let mut built = Vec::with_capacity(cores.len());
        for (core, (flat, dims)) in cores.iter().zip(shape.core_shapes()).enumerate() {
            let flat = flat.as_ref();
            let (given, expected) = (flat.len(), dims.iter().product());
            if given != expected {
                return Err(TtError::CoreLength {
                    core,
                    given,
                    expected,
                });
            }
            let wide: Vec<f64> = flat.iter().map(|&x| x.into()).collect();
            built.push(fold(&wide, dims));
        }
        Ok(Self {
            shape: shape.clone(),
            cores: built,
        })
    }

    /// A train from unfolded cores that are known to fit `shape`.
    pub(super) fn from_unfolded(shape: TtShape, cores: &[Mat]) -> Self {
        let cores = cores
            .iter()
            .zip(shape.core_shapes())
            .map(|(mat, dims)| fold(&mat.data, dims))
            .collect();
        Self { shape, cores }
    }

    /// Modes and ranks.
    #[must_use]
    pub fn shape(&self) -> &TtShape {
        &self.shape
    }

    /// The cores, each of shape (r, m, n, r').
    #[must_use]
    pub fn cores(&self) -> &[Array4<f64>] {
        &self.cores
    }

    /// The cores as flat slices in (r, m, n, r') order.
    #[must_use]
    pub fn to_f64(&self) -> Vec<Vec<f64>> {
        self.cores
            .iter()
            .map(|core| core.iter().copied().collect())
            .collect()
    }

    /// The cores as flat slices in (r, m, n, r') order, rounded to `f32`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is what is asked for"
    )]
    pub fn to_f32(&self) -> Vec<Vec<f32>> {
        self.cores
            .iter()
            .map(|core| core.iter().map(|&x| x as f32).collect())
            .collect()
    }

    /// The dense matrix `W`, M x N.
    ///
    /// The product of the leading cores, of shape [`m_1..m_k`, `n_1..n_k`, `r_k`], takes up one
    /// core at a time.
    #[must_use]
    pub fn reconstruct(&self) -> Array2<f64> {
        let (mut rows, mut cols) = (1, 1);
        let mut product = vec![1.0];
        for (core, [r, m, n, s]) in self.unfolded() {
            let next = Mat::new(rows * cols, r, product).times(&core.with_rows(r));
            // (rows, cols, m, n s) -> (rows, m, cols, n s)
            product = swap_middle(&next.data, [rows, cols, m, n * s]);
            (rows, cols) = (rows * m, cols * n);
        }
        Array2::from_shape_fn((rows, cols), |(i, j)| product[i * cols + j])
    }

    /// `W x` for one vector of N entries, by the right-to-left sweep:
    /// `P_k[n_<k, r, m_k, m_>k] = sum over (n_k, s) of P_{k+1}[n_<k, n_k, s, m_>k] G_k[r, m_k, n_k, s]`.
    ///
    /// # Errors
    /// When `x` does not have N entries.
    pub fn apply(&self, x: &[f64]) -> Result<Vec<f64>, TtError> {
        if x.len() != self.shape.inputs() {
            return Err(TtError::VectorLength {
                given: x.len(),
                expected: self.shape.inputs(),
            });
        }
        let mut partial = x.to_vec();
        let (mut before, mut after) = (x.len(), 1);
        for (core, [r, m, n, s]) in self.unfolded().rev() {
            before /= n;
            // (n_<k, n_k s, m_>k) -> (n_<k m_>k, n_k s), then times (n_k s, r m_k).
            let reduced = swap_middle(&partial, [before, n * s, after, 1]);
            let turned = swap_middle(&core.data, [1, r * m, n * s, 1]);
            let product =
                Mat::new(before * after, n * s, reduced).times(&Mat::new(n * s, r * m, turned));
            partial = swap_middle(&product.data, [before, after, r * m, 1]);
            after *= m;
        }
        Ok(partial)
    }

    /// The Frobenius norm of `W`, computed from the cores alone.
    ///
    /// The Gram matrix of the leading cores takes up one core at a time:
    /// `E_k[s, s'] = sum over r, r', m, n of E_{k-1}[r, r'] G_k[r, m, n, s] G_k[r', m, n, s']`.
    /// It works on squares, so a norm below 1e-8 of the cores' own sizes is noise.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let mut gram = Mat::new(1, 1, vec![1.0]);
        for (core, [r, m, n, s]) in self.unfolded() {
            let half = gram.times(&core.clone().with_rows(r)).with_rows(r * m * n);
            let turned = Mat::new(s, r * m * n, swap_middle(&core.data, [1, r * m * n, s, 1]));
            gram = turned.times(&half);
        }
        // One entry is left; rounding can push a vanishing one below zero.
        gram.data[0].max(0.0).sqrt()
    }

    /// The train with only the indices `keep` left on bond `bond` (1 to d - 1): slice r leaves
    /// core `bond` on its right and core `bond + 1` on its left for every r not in `keep`.
    ///
    /// # Errors
    /// When there is no such bond, or `keep` is empty, not ascending, or out of range.
    pub fn select_ranks(&self, bond: usize, keep: &[usize]) -> Result<Self, TtError> {
        if bond == 0 || bond >= self.shape.depth() {
            return Err(TtError::BondIndices { bond, rank: 0 });
        }
        let rank = self.shape.bond_rank(bond);
        let ascending = keep.is_sorted_by(|a, b| a < b);
        if !ascending || keep.last().is_none_or(|&last| last >= rank) {
            return Err(TtError::BondIndices { bond, rank });
        }
        let mut ranks = self.shape.ranks().to_vec();
        ranks[bond - 1] = keep.len();
        let shape = self.shape.with_ranks(ranks)?;
        let mut cores: Vec<_> = self.unfolded().map(|(core, _)| core).collect();
        cores[bond - 1].data = keep_last_axis(&cores[bond - 1].data, rank, keep);
        cores[bond].data = keep_first_axis(&cores[bond].data, rank, keep);
        Ok(Self::from_unfolded(shape, &cores))
    }

    /// Each core as the matrix (r m n, r'), with its shape.
    pub(super) fn unfolded(&self) -> impl DoubleEndedIterator<Item = (Mat, [usize; 4])> + '_ {
        self.cores.iter().map(|core| {
            let (r, m, n, s) = core.dim();
            (
                Mat::new(r * m * n, s, core.iter().copied().collect()),
                [r, m, n, s],
            )
        })
    }

    pub(super) fn is_finite(&self) -> bool {
        self.cores.iter().flatten().all(|x| x.is_finite())
    }
}

/// A flat core as an array of shape (r, m, n, r').
fn fold(flat: &[f64], [r, m, n, s]: [usize; 4]) -> Array4<f64> {
    Array4::from_shape_fn((r, m, n, s), |(a, i, j, b)| {
        flat[((a * m + i) * n + j) * s + b]
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reference::{
        assert_close, config, dense_of_cores, dense_product, trains, vectors, with_zeroed_indices,
    };
    use super::*;

    proptest! {
        #![proptest_config(config(11))]

        #[test]
        fn reconstruction_is_the_sum_over_all_bond_indices(train in trains()) {
            assert_close(&train.reconstruct(), &dense_of_cores(&train), 1e-12);
        }

        #[test]
        fn sweep_is_the_dense_product((train, x) in vectors()) {
            let expected = dense_product(&dense_of_cores(&train), &x);
            let got = train.apply(&x).unwrap();
            let column = |v: Vec<f64>| Array2::from_shape_fn((v.len(), 1), |(i, _)| v[i]);
            assert_close(&column(got), &column(expected), 1e-12);
        }

        #[test]
        fn norm_of_the_cores_is_the_dense_norm(train in trains()) {
            let dense = dense_of_cores(&train).iter().map(|x| x * x).sum::<f64>().sqrt();
            // The Gram matrix squares: half the digits remain where the product cancels.
            prop_assert!((train.norm() - dense).abs() <= 1e-10 * dense + 1e-7);
        }

        #[test]
        fn removing_indices_is_zeroing_their_slices(train in trains(), picks in any::<[u8; 4]>()) {
            for bond in 1..train.shape().depth() {
                let rank = train.shape().bond_rank(bond);
                let pick = picks[bond - 1];
                let mut keep: Vec<usize> = (0..rank).filter(|r| pick >> r & 1 == 1).collect();
                if keep.is_empty() {
                    keep.push(usize::from(pick) % rank);
                }
                let pruned = train.select_ranks(bond, &keep).unwrap();
                prop_assert_eq!(pruned.shape().bond_rank(bond), keep.len());
                let zeroed = with_zeroed_indices(&train, bond, &keep);
                assert_close(&pruned.reconstruct(), &dense_of_cores(&zeroed), 1e-12);
            }
        }

        #[test]
        fn flat_cores_come_back_as_they_were(train in trains()) {
            let wide = TtMatrix::from_slices(train.shape(), &train.to_f64()).unwrap();
            prop_assert_eq!(&wide, &train);
            let narrow = TtMatrix::from_slices(train.shape(), &train.to_f32()).unwrap();
            prop_assert_eq!(narrow.to_f32(), train.to_f32());
        }
    }

    #[test]
    fn two_by_two_train_of_rank_two_by_hand() {
        // G_1 of shape (1, 2, 1, 2) with rows (1 2), (3 4); G_2 of shape (2, 1, 2, 1) with rows
        // (5 6), (7 8): W[(i, 1), (1, j)] is their matrix product, 5 + 14 = 19 first.
        let shape = TtShape::new([1, 2], [2, 1], [2]).unwrap();
        let cores = [[1.0_f32, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]];
        let train = TtMatrix::from_slices(&shape, &cores).unwrap();
        assert_eq!(
            train.reconstruct(),
            ndarray::array![[19.0, 22.0], [43.0, 50.0]]
        );
        assert_eq!(train.apply(&[1.0, -1.0]).unwrap(), [-3.0, -7.0]);
    }

    #[test]
    fn cores_that_do_not_fit_are_named() {
        let shape = TtShape::new([2, 2], [2, 2], [3]).unwrap();
        let short = TtMatrix::from_slices(&shape, &[vec![0.0_f64; 12]]).unwrap_err();
        assert_eq!(
            short,
            TtError::CoreCount {
                given: 1,
                expected: 2
            }
        );
        let lengths = TtMatrix::from_slices(&shape, &[vec![0.0_f64; 12], vec![0.0; 11]]);
        assert_eq!(
            lengths.unwrap_err().to_string(),
            "core 2 has 11 entries; its shape (r, m, n, r') needs 12"
        );
        let core = |r, s| Array4::zeros((r, 2, 2, s));
        let error = TtMatrix::new(vec![core(1, 3), core(4, 1)]).unwrap_err();
        assert_eq!(
            error,
            TtError::BondMismatch {
                bond: 1,
                left: 3,
                right: 4
            }
        );
        let error = TtMatrix::new(vec![core(1, 3), core(3, 2)]).unwrap_err();
        assert_eq!(
            error,
            TtError::BondMismatch {
                bond: 2,
                left: 2,
                right: 1
            }
        );
        assert!(TtMatrix::new(Vec::new()).is_err());
    }

    #[test]
    fn indices_that_cannot_be_kept_are_refused() {
        let train = TtMatrix::new(vec![
            Array4::zeros((1, 2, 2, 3)),
            Array4::zeros((3, 2, 2, 1)),
        ]);
        let train = train.unwrap();
        for keep in [&[][..], &[3], &[1, 0], &[1, 1]] {
            let error = train.select_ranks(1, keep).unwrap_err();
            assert_eq!(error, TtError::BondIndices { bond: 1, rank: 3 });
        }
        for bond in [0, 2] {
            assert_eq!(
                train.select_ranks(bond, &[0]),
                Err(TtError::BondIndices { bond, rank: 0 })
            );
        }
        assert!(train.apply(&[0.0; 5]).is_err());
    }
}
