//! What the tests of this module share: random trains, and dense references as plain loops.

use ndarray::{Array2, Array4};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::{TtMatrix, TtShape};

/// Settings with a fixed seed, so that a failure is the same failure everywhere.
pub(super) fn config(seed: u64) -> Config {
    Config {
        cases: 96,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Shapes of one to four cores with modes 1 to 4 and ranks 1 to 5 (some larger than useful).
pub(super) fn shapes() -> impl Strategy<Value = TtShape> {
    (1_usize..=4)
        .prop_flat_map(|depth| {
            let modes = || prop::collection::vec(1_usize..=4, depth);
            (
                modes(),
                modes(),
                prop::collection::vec(1_usize..=5, depth - 1),
            )
        })
        .prop_map(|(n, m, r)| TtShape::new(n, m, r).unwrap())
}

fn entries(count: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1.0..1.0, count)
}

/// Trains of such shapes with entries in [-1, 1).
pub(super) fn trains() -> impl Strategy<Value = TtMatrix> {
    shapes().prop_flat_map(|shape| {
        let cores: Vec<_> = shape
            .core_shapes()
            .map(|dims| entries(dims.iter().product()))
            .collect();
        cores.prop_map(move |flat| TtMatrix::from_slices(&shape, &flat).unwrap())
    })
}

/// Trains, each with a vector it can be applied to.
pub(super) fn vectors() -> impl Strategy<Value = (TtMatrix, Vec<f64>)> {
    trains().prop_flat_map(|train| {
        let inputs = train.shape().inputs();
        (Just(train), entries(inputs))
    })
}

/// Shapes, each with a dense matrix of its size.
pub(super) fn matrices() -> impl Strategy<Value = (TtShape, Array2<f64>)> {
    shapes().prop_flat_map(|shape| {
        let (rows, cols) = (shape.outputs(), shape.inputs());
        entries(rows * cols).prop_map(move |flat| {
            (
                shape.clone(),
                Array2::from_shape_vec((rows, cols), flat).unwrap(),
            )
        })
    })
}

/// Digits of `index` in the row-major mixed base `modes`.
fn digits(mut index: usize, modes: &[usize]) -> Vec<usize> {
    let mut digits = vec![0; modes.len()];
    for (digit, mode) in digits.iter_mut().zip(modes).rev() {
        *digit = index % mode;
        index /= mode;
    }
    digits
}

/// `W` entry by entry, as a product of bond matrices `G_k[:, i_k, j_k, :]`.
pub(super) fn dense_of_cores(train: &TtMatrix) -> Array2<f64> {
    let shape = train.shape();
    Array2::from_shape_fn((shape.outputs(), shape.inputs()), |(row, col)| {
        let (i, j) = (
            digits(row, shape.out_modes()),
            digits(col, shape.in_modes()),
        );
        let mut product = vec![1.0];
        for (k, core) in train.cores().iter().enumerate() {
            let mut next = vec![0.0; core.dim().3];
            for (b, sum) in next.iter_mut().enumerate() {
                for (a, left) in product.iter().enumerate() {
                    *sum += left * core[[a, i[k], j[k], b]];
                }
            }
            product = next;
        }
        product[0]
    })
}

/// `W x` as two loops.
pub(super) fn dense_product(matrix: &Array2<f64>, x: &[f64]) -> Vec<f64> {
    matrix
        .outer_iter()
        .map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum())
        .collect()
}

/// The train with the slices of all bond indices not in `keep` set to zero on both sides.
pub(super) fn with_zeroed_indices(train: &TtMatrix, bond: usize, keep: &[usize]) -> TtMatrix {
    let mut cores: Vec<Array4<f64>> = train.cores().to_vec();
    for ((_, _, _, b), x) in cores[bond - 1].indexed_iter_mut() {
        if !keep.contains(&b) {
            *x = 0.0;
        }
    }
    for ((a, _, _, _), x) in cores[bond].indexed_iter_mut() {
        if !keep.contains(&a) {
            *x = 0.0;
        }
    }
    TtMatrix::new(cores).unwrap()
}

pub(super) fn norm_of(matrix: &Array2<f64>) -> f64 {
    matrix.iter().map(|x| x * x).sum::<f64>().sqrt()
}

pub(super) fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    norm_of(&(a - b))
}

/// Asserts that `got` differs from `expected` by at most `tolerance`, relative to the larger of
/// its norm and 1 (entries of the references are of order 1).
#[track_caller]
pub(super) fn assert_close(got: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) {
    let error = distance(got, expected);
    assert!(
        error <= tolerance * norm_of(expected).max(1.0),
        "differs by {error:e}"
    );
}
