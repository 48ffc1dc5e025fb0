//! The float executor in `f32` against dense matrices in `f64`: logits, losses and every gradient,
//! under all schedules, to 1e-5 relative; and against finite differences.
//!
//! The bound is on norms of whole tensors; entry by entry none holds, as an entry near zero is a
//! difference of larger products. A gradient's distance is taken relative to the sum over the samples of
//! their gradients' norms, since two samples may cancel; a sample's logits' relative to their norm,
//! which is of order 1 by construction, or to 1. `f32` rounds to 6e-8, so 1e-5 leaves room for some
//! hundred roundings in a row. (A layer of a single unit can still cancel further by chance: once in
//! about 1,700 random networks, not among those of the seeds here.)

#[path = "support/dense.rs"]
mod dense;
#[path = "support/networks.rs"]
mod networks;

use dense::Parameters;
use networks::{Draws, SCHEDULES, clear, config, margin, networks};
use proptest::prelude::*;
use railyard::exec::float::FloatExecutor;
use railyard::exec::{Batch, Margin};
use railyard::numeric::Storage;
use railyard::program::{BufferId, NetworkShape, Schedule, compile};
use railyard::tt::core_std;

/// A batch as the executor takes it and as the reference does.
struct Samples {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    real: Vec<(Vec<f64>, usize)>,
}

/// Parameters that `f32` holds exactly: `2^-exponent W` near 1 / sqrt(inputs), so that logits are of
/// order 1 and no probability comes so near 1 that `p - 1` loses its digits.
fn parameters(network: &NetworkShape, draws: &mut Draws) -> Parameters {
    // Uniform on [-1, 1) has a variance of 1/3.
    let mut uniform = |count: usize, std: f64| -> Vec<f64> {
        let mut unit =
            || f64::from(u32::try_from(draws.below(1 << 24)).unwrap()) / f64::from(1 << 23) - 1.0;
        (0..count)
            .map(|_| f64::from(narrow(unit() * std * 3_f64.sqrt())))
            .collect()
    };
    let (mut cores, mut biases) = (Vec::new(), Vec::new());
    for (shape, &exponent) in network.layers.iter().zip(&network.exponents) {
        let inputs = f64::from(u32::try_from(shape.inputs()).unwrap());
        let std = core_std(shape, 2_f64.powi(exponent) / inputs.sqrt());
        cores.push(
            shape
                .core_shapes()
                .map(|dims| uniform(dims.iter().product(), std))
                .collect(),
        );
        biases.push(uniform(shape.outputs(), 0.3));
    }
    Parameters { cores, biases }
}

fn samples(network: &NetworkShape, count: usize, margin: Margin, draws: &mut Draws) -> Samples {
    let inputs = network.layers[0].inputs();
    let mut pixels: Vec<u8> = (0..count * inputs).map(|_| draws.pixel()).collect();
    clear(margin, inputs, &mut pixels);
    let labels: Vec<u8> = (0..count)
        .map(|_| u8::try_from(draws.below(network.classes)).unwrap())
        .collect();
    let rows = pixels.chunks_exact(inputs).zip(&labels);
    let real = rows.map(|(row, &label)| {
        (
            row.iter().map(|&p| f64::from(p) / 255.0).collect(),
            usize::from(label),
        )
    });
    Samples {
        real: real.collect(),
        pixels,
        labels,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to f32 is what is asked for"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn executor(
    network: &NetworkShape,
    schedule: Schedule,
    batch: usize,
    threads: usize,
    margin: Margin,
    with: &Parameters,
) -> FloatExecutor {
    let mut executor = FloatExecutor::with_margin(
        compile(network, schedule, batch),
        Storage::F32,
        threads,
        margin,
    );
    let layers = executor.program().layers.clone();
    for (layer, (cores, bias)) in layers.iter().zip(with.cores.iter().zip(&with.biases)) {
        let places = layer.cores.iter().chain([&layer.bias]);
        for (&id, values) in places.zip(cores.iter().chain([bias])) {
            let values: Vec<f32> = values.iter().map(|&value| narrow(value)).collect();
            executor.set_parameter(id, &values);
        }
    }
    executor
}

/// All gradients of the last batch.
fn gradients(executor: &FloatExecutor) -> Parameters {
    let gradient = |id: BufferId| -> Vec<f64> {
        let mut out = vec![0.0; executor.program().buffer(id).len];
        executor.gradient(id, &mut out);
        out.into_iter().map(f64::from).collect()
    };
    let layers = &executor.program().layers;
    Parameters {
        cores: layers
            .iter()
            .map(|layer| {
                layer
                    .core_gradients
                    .iter()
                    .map(|&id| gradient(id))
                    .collect()
            })
            .collect(),
        biases: layers
            .iter()
            .map(|layer| gradient(layer.bias_gradient))
            .collect(),
    }
}

fn norm(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn distance(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    norm(found.iter().zip(expected).map(|(a, b)| a - b))
}

/// For every parameter, the sum over the samples of the norms of their gradients.
fn sizes(network: &NetworkShape, at: &Parameters, batch: &[(Vec<f64>, usize)]) -> Vec<f64> {
    let norms = batch.iter().map(|sample| {
        let gradients = dense::gradients(network, at, std::slice::from_ref(sample));
        gradients
            .tensors()
            .map(|(_, gradient)| norm(gradient.iter().copied()))
            .collect::<Vec<_>>()
    });
    norms
        .reduce(|a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect())
        .unwrap()
}

/// Asserts that every gradient is within 1e-5 of its size.
#[track_caller]
fn assert_gradients(found: &Parameters, expected: &Parameters, sizes: &[f64], what: &str) {
    for (((name, expected), (_, found)), size) in expected.tensors().zip(found.tensors()).zip(sizes)
    {
        let distance = distance(found, expected);
        assert!(
            distance <= 1e-5 * size,
            "gradient of {name}, {what}: off by {:e}",
            distance / size
        );
    }
}

/// Central differences of the losses' sum, one parameter at a time, in `f64`.
fn differences(network: &NetworkShape, at: &Parameters, batch: &[(Vec<f64>, usize)]) -> Parameters {
    // The error is of order h^2 = 1e-12 from the third derivative and 1e-16 / h = 1e-10 from rounding.
    let h = 1e-6;
    let loss = |at: &Parameters| {
        dense::forward(network, at, batch)
            .losses
            .iter()
            .sum::<f64>()
    };
    let mut probe = at.clone();
    let mut slope = |entry: &mut dyn FnMut(&mut Parameters) -> &mut f64| {
        let value = *entry(&mut probe);
        *entry(&mut probe) = value + h;
        let above = loss(&probe);
        *entry(&mut probe) = value - h;
        let below = loss(&probe);
        *entry(&mut probe) = value;
        (above - below) / (2.0 * h)
    };
    let mut slopes = at.clone();
    for layer in 0..at.biases.len() {
        for core in 0..at.cores[layer].len() {
            for i in 0..at.cores[layer][core].len() {
                slopes.cores[layer][core][i] = slope(&mut |p| &mut p.cores[layer][core][i]);
            }
        }
        for i in 0..at.biases[layer].len() {
            slopes.biases[layer][i] = slope(&mut |p| &mut p.biases[layer][i]);
        }
    }
    slopes
}

proptest! {
    #![proptest_config(config(256, 0xf107))]

    /// Up to three layers of up to four cores with `ReLU`s between them, batches up to the Program's.
    #[test]
    fn logits_losses_and_gradients_agree_with_dense_matrices(
        network in networks(4, 4),
        batch in 1_usize..=9,
        missing in 0_usize..=3,
        threads in 1_usize..=3,
        seed: u32,
    ) {
        let mut draws = Draws::new(seed);
        let parameters = parameters(&network, &mut draws);
        let margin = margin(&mut draws, network.layers[0].inputs());
        let samples = samples(&network, batch.saturating_sub(missing).max(1), margin, &mut draws);
        let reference = dense::forward(&network, &parameters, &samples.real);
        // Nearer to a kink, `f32` may fall on its other side.
        prop_assume!(reference.margin > 1e-5);
        let expected = dense::gradients(&network, &parameters, &samples.real);
        let sizes = sizes(&network, &parameters, &samples.real);
        let mut all = Vec::new();
        for schedule in SCHEDULES {
            let mut executor = executor(&network, schedule, batch, threads, margin, &parameters);
            let outcomes = executor.train(Batch { pixels: &samples.pixels, labels: &samples.labels });
            let losses: Vec<f64> = outcomes.iter().map(|outcome| outcome.loss).collect();
            // The loss is of order 1; where it is small, the error of the logits remains.
            for (found, expected) in losses.iter().zip(&reference.losses) {
                prop_assert!((found - expected).abs() < 1e-5, "{schedule:?}: {found} instead of {expected}");
            }
            assert_gradients(&gradients(&executor), &expected, &sizes, &format!("{schedule:?}"));
            all.push(gradients(&executor));
            // One sample at a time, so that each one's logits can be read.
            let rows = samples.pixels.chunks_exact(network.layers[0].inputs());
            for (row, expected) in rows.zip(&reference.logits) {
                executor.evaluate(Batch { pixels: row, labels: &[] });
                let found: Vec<f64> = executor.logits().iter().copied().map(f64::from).collect();
                let error = distance(&found, expected) / norm(expected.iter().copied()).max(1.0);
                prop_assert!(error <= 1e-5, "logits under {schedule:?}: off by {error:e}");
            }
        }
        for (schedule, other) in SCHEDULES.iter().zip(&all).skip(1) {
            assert_gradients(other, &all[0], &sizes, &format!("{schedule:?} against Paper"));
        }
    }

    /// Smaller networks, every parameter moved by itself.
    #[test]
    fn gradients_agree_with_finite_differences(
        network in networks(4, 2),
        batch in 1_usize..=4,
        threads in 1_usize..=3,
        seed: u32,
    ) {
        let mut draws = Draws::new(seed);
        let parameters = parameters(&network, &mut draws);
        let samples = samples(&network, batch, Margin::default(), &mut draws);
        // No difference may reach across a kink.
        prop_assume!(dense::forward(&network, &parameters, &samples.real).margin > 1e-4);
        let expected = differences(&network, &parameters, &samples.real);
        let sizes = sizes(&network, &parameters, &samples.real);
        for schedule in SCHEDULES {
            let mut executor = executor(&network, schedule, batch, threads, Margin::default(), &parameters);
            executor.train(Batch { pixels: &samples.pixels, labels: &samples.labels });
            assert_gradients(&gradients(&executor), &expected, &sizes, &format!("{schedule:?} against differences"));
        }
    }
}
