//! Block-circulant layers against explicit circulant matrices, and the published counts.

use super::*;
use crate::numeric::{Seed, Stream};
use crate::tt::TtShape;
use proptest::prelude::*;

fn drawn(len: usize, seed: u32) -> Vec<f32> {
    let stream = Stream::new(Seed(seed), 0, 0, 0);
    (0..len as u32).map(|at| stream.normal(at)).collect()
}

fn spec(inputs: usize, outputs: usize, bits: Option<u8>) -> LayerSpec {
    LayerSpec {
        shape: TtShape::dense(inputs, outputs).expect("a shape"),
        deviation: 0.5,
        bits,
    }
}

fn layer(inputs: usize, outputs: usize, block: usize, seed: u32) -> Box<dyn Operator> {
    let knobs = Knobs::new(&KNOBS, [("block", block as f32)]).expect("accepted");
    let stream = Stream::new(Seed(seed), 0, 0, 0);
    Circulant.layer(&spec(inputs, outputs, None), &knobs, stream)
}

/// Block (i, j)'s entry (a, b) is value (a - b) mod k, written out.
fn explicit(blocks: Blocks, values: &[f32]) -> Vec<Vec<f64>> {
    let (k, q) = (blocks.side, blocks.columns());
    let mut matrix = vec![vec![0.0; blocks.inputs]; blocks.outputs];
    for (at, &value) in values.iter().enumerate() {
        let (block, distance) = (at / k, at % k);
        for b in 0..k {
            let (row, column) = (block / q * k + (b + distance) % k, block % q * k + b);
            if row < blocks.outputs && column < blocks.inputs {
                matrix[row][column] = value.into();
            }
        }
    }
    matrix
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum()
}

fn sizes() -> impl Strategy<Value = (usize, usize, usize)> {
    (1_usize..60, 1_usize..60, 1_u32..8).prop_map(|(n, m, log)| (n, m, 1 << log))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn both_passes_are_those_of_the_explicit_circulant_matrix(
        (n, m, block) in sizes(), samples in 1_usize..40, seed in any::<u32>(),
    ) {
        let mut layer = layer(n, m, block, seed);
        let blocks = Blocks::new(n, m, block);
        let matrix = explicit(blocks, &layer.tensors()[0].values);
        let (x, dy) = (drawn(samples * n, seed ^ 1), drawn(samples * m, seed ^ 2));
        let (mut y, mut dx) = (vec![0.0; samples * m], vec![0.0; samples * n]);
        layer.forward(&x, &mut y);
        layer.backward(&x, &dy, Some(&mut dx));
        layer.backward(&x, &dy, None);
        layer.gather();
        // d[(a - b) mod k] of a block is the sum of dy x^T over its existing entries.
        let mut gradient = vec![0.0; blocks.len()];
        for s in 0..samples {
            let (x, dy) = (&x[s * n..][..n], &dy[s * m..][..m]);
            for row in 0..m {
                let wanted: f64 = matrix[row].iter().zip(x).map(|(w, x)| w * f64::from(*x)).sum();
                prop_assert!((f64::from(y[s * m + row]) - wanted).abs() < 1e-4);
                for column in 0..n {
                    gradient[blocks.value_at(row, column)] += f64::from(dy[row]) * f64::from(x[column]);
                }
            }
            for column in 0..n {
                let wanted: f64 = (0..m).map(|row| matrix[row][column] * f64::from(dy[row])).sum();
                prop_assert!((f64::from(dx[s * n + column]) - wanted).abs() < 1e-4);
            }
        }
        let size = gradient.iter().fold(1.0, |most: f64, slope| most.max(slope.abs()));
        for (found, wanted) in layer.tensors()[0].gradient.iter().zip(&gradient) {
            prop_assert!((f64::from(*found) - 2.0 * wanted).abs() < 1e-5 * size);
        }
    }

    #[test]
    fn the_projection_is_idempotent((n, m, block) in sizes(), seed in any::<u32>()) {
        let blocks = Blocks::new(n, m, block);
        let once = blocks.project(&drawn(n * m, seed));
        let twice = blocks.project(&blocks.expand(&once));
        for (found, wanted) in twice.iter().zip(&once) {
            prop_assert!((found - wanted).abs() < 1e-6);
        }
    }

    #[test]
    fn the_projection_is_orthogonal_to_every_block_circulant_matrix(
        (n, m, block) in sizes(), seed in any::<u32>(),
    ) {
        let blocks = Blocks::new(n, m, block);
        let matrix = drawn(n * m, seed);
        let near = blocks.expand(&blocks.project(&matrix));
        let other = blocks.expand(&drawn(blocks.len(), seed ^ 1));
        let across = |i: usize| f64::from(matrix[i] - near[i]) * f64::from(other[i]);
        let product: f64 = (0..n * m).map(across).sum();
        prop_assert!(product.abs() < 1e-5 * (norm(&matrix) * norm(&other)).sqrt());
    }

    #[test]
    fn no_other_block_circulant_matrix_is_nearer(
        (n, m, block) in sizes(), size in 1e-3_f32..10.0, seed in any::<u32>(),
    ) {
        let blocks = Blocks::new(n, m, block);
        let matrix = drawn(n * m, seed);
        let values = blocks.project(&matrix);
        let distance = |values: &[f32]| -> f64 {
            let near = blocks.expand(values);
            let terms = matrix.iter().zip(&near).map(|(x, y)| f64::from(x - y).powi(2));
            terms.sum()
        };
        let step = drawn(blocks.len(), seed ^ 1);
        let other: Vec<f32> = values.iter().zip(&step).map(|(value, step)| value + size * step).collect();
        prop_assert!(distance(&values) <= distance(&other) + 1e-5);
    }
}

#[test]
fn the_padded_network_has_the_published_values_and_multiplications() {
    for (block, values, multiplies) in [
        (8, 58_368, 151_728),
        (16, 29_184, 73_408),
        (32, 14_848, 40_768),
        (64, 7_680, 26_496),
    ] {
        let layers = [layer(896, 512, block, 1), layer(512, 16, block, 1)];
        let found: u64 = layers.iter().map(|layer| layer.storage().values).sum();
        assert_eq!(found, values);
        let found: u64 = layers.iter().map(|layer| layer.work().multiplies).sum();
        assert_eq!(found, multiplies);
    }
}

#[test]
fn quantised_values_are_rounded_where_they_are_stored() {
    let knobs = Knobs::new(&KNOBS, []).expect("defaults");
    let spec = spec(40, 24, Some(4));
    let layer = Circulant.layer(&spec, &knobs, Stream::new(Seed(2), 0, 0, 0));
    let values = &layer.tensors()[0].values;
    let mut rounded = values.clone();
    quantise::Grid::covering(4, quantise::peak(values)).round(&mut rounded);
    assert_eq!(layer.weights(), Blocks::new(40, 24, 8).expand(&rounded));
    assert_eq!(layer.storage().bits(), 5 * 3 * 8 * 4);
}

/// Run by hand, with one core: `cargo nextest run --release --lib --run-ignored only --no-capture faster`.
#[test]
#[ignore = "a measurement"]
fn a_batch_is_faster_than_through_the_dense_matrix() {
    use std::time::Instant;
    let (n, m, samples) = (896, 512, 64);
    let x = drawn(samples * n, 1);
    let dy = drawn(samples * m, 2);
    let time = |layer: &mut Box<dyn Operator>| {
        let (mut y, mut dx) = (vec![0.0; samples * m], vec![0.0; samples * n]);
        let mut best = [f64::INFINITY; 4];
        for _ in 0..200 {
            let mut each = |at: usize, work: &mut dyn FnMut()| {
                let start = Instant::now();
                work();
                best[at] = best[at].min(start.elapsed().as_secs_f64() * 1e6);
            };
            each(0, &mut || layer.forward(&x, &mut y));
            each(1, &mut || layer.backward(&x, &dy, Some(&mut dx)));
            each(2, &mut || layer.gather());
            each(3, &mut || layer.refresh());
        }
        best
    };
    let print = |name: &str, [forward, backward, gather, refresh]: [f64; 4]| {
        println!(
            "{name}: forward {forward:.0} us, backward {backward:.0}, gather {gather:.0}, refresh {refresh:.0}"
        );
    };
    let knobs = Knobs::default();
    let stream = Stream::new(Seed(1), 0, 0, 0);
    let mut dense = super::super::dense::Dense.layer(&spec(n, m, None), &knobs, stream);
    let dense = time(&mut dense);
    print("dense", dense);
    for block in [8, 16, 32, 64, 128] {
        let found = time(&mut layer(n, m, block, 1));
        print(&format!("block {block}"), found);
        assert!(found[0] < dense[0]);
    }
}
