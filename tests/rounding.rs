//! The bias of each rounding over 1e5 draws, by itself, in the kernel, and in the executor.

use railyard::exec::Batch;
use railyard::exec::fixed::{FixedExecutor, FixedFormats, StepKey};
use railyard::kernels::{Places, Requantise, Scatter, requantise};
use railyard::numeric::{Rounding, Seed, Stream, shift_round};
use railyard::program::{NetworkShape, Schedule, compile};
use railyard::tt::TtShape;

const DRAWS: u32 = 100_000;

/// What a rounding should be off by on average, in steps, when the dropped bits are uniform: truncation
/// drops (2^shift - 1) / 2 of 2^shift, and a half that goes up adds half of the lowest bit.
fn expected(rounding: Rounding, shift: i32) -> f64 {
    let lowest = 2_f64.powi(-shift);
    match rounding {
        Rounding::Truncate => (lowest - 1.0) / 2.0,
        Rounding::Nearest => lowest / 2.0,
        Rounding::Stochastic => 0.0,
    }
}

/// Asserts that a mean is within 0.01 of a step of what it should be. The standard error is at most
/// 0.5 / sqrt(1e5) = 0.0016.
#[track_caller]
fn assert_bias(mean: f64, rounding: Rounding, shift: i32) {
    let expected = expected(rounding, shift);
    assert!(
        (mean - expected).abs() < 0.01,
        "{rounding:?} by {shift} bits is off by {mean} steps, not {expected}"
    );
}

/// Mean of `stored - sum / 2^shift`, in steps.
fn mean_error(pairs: impl Iterator<Item = (i64, i64)>, shift: i32) -> f64 {
    let step = 1_i64 << shift;
    let add =
        |(errors, count), (stored, sum): (i64, i64)| (errors + stored * step - sum, count + 1);
    let (errors, count) = pairs.fold((0, 0), add);
    real(errors) / real(step) / real(count)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sums of 1e5 errors of at most 2^20 are exact in f64"
)]
fn real(value: i64) -> f64 {
    value as f64
}

const ROUNDINGS: [Rounding; 3] = [Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic];

/// Uniform sums of `width` bits, the sign included.
fn sums(width: i32) -> impl Iterator<Item = i32> {
    let stream = Stream::new(Seed(11), 0, 0, 0);
    (0..DRAWS)
        .map(move |i| i32::try_from(stream.bits(i) >> (32 - width)).unwrap() - (1 << (width - 1)))
}

#[test]
fn single_values_are_rounded_without_bias_or_by_half_a_step() {
    let stream = Stream::new(Seed(12), 3, 4, 5);
    for rounding in ROUNDINGS {
        for shift in 1..=20 {
            let pairs = sums(30).zip(0..).map(|(sum, i)| {
                let sum = i64::from(sum);
                (shift_round(sum, shift, rounding, stream.bits(i)), sum)
            });
            assert_bias(mean_error(pairs, shift), rounding, shift);
        }
    }
}

#[test]
fn blocks_are_requantised_without_bias_or_by_half_a_step() {
    let stream = Stream::new(Seed(13), 3, 4, 5);
    let cols: Vec<u32> = (0..DRAWS).collect();
    for rounding in ROUNDINGS {
        // 15 bits of 16 are left, so that nothing saturates, and sums have 30 at most.
        for shift in 1..=15 {
            let sums: Vec<i32> = sums(15 + shift).collect();
            let mut out = vec![0; sums.len()];
            let how = Requantise {
                shift,
                bits: 16,
                rounding,
            };
            let places = Places {
                at: Scatter {
                    rows: &[0],
                    cols: &cols,
                },
                run: cols.len(),
                first_draw: 7,
            };
            let stats = requantise(how, (&sums, sums.len()), &mut out, places, stream);
            assert_eq!(stats.saturated, 0);
            let pairs = out
                .iter()
                .zip(&sums)
                .map(|(&stored, &sum)| (i64::from(stored), i64::from(sum)));
            assert_bias(mean_error(pairs, shift), rounding, shift);
        }
    }
}

#[test]
fn the_executor_stores_activations_without_bias_or_by_half_a_step() {
    let (inputs, outputs, samples) = (50, 1_000, 100);
    let layers = vec![TtShape::dense(inputs, outputs).unwrap()];
    for rounding in ROUNDINGS {
        let network = NetworkShape {
            layers: layers.clone(),
            exponents: vec![0],
            classes: 2,
        };
        let program = compile(&network, Schedule::Planned, samples);
        let formats = FixedFormats {
            core: 8,
            activation: 8,
            gradient: 16,
            rounding,
        };
        let mut executor = FixedExecutor::new(program, formats, 1);
        let draws = Stream::new(Seed(14), 0, 0, 0);
        let byte = |i: usize| u8::try_from(draws.bits(u32::try_from(i).unwrap()) >> 24).unwrap();
        let weights: Vec<i16> = (0..inputs * outputs)
            .map(|i| i16::from(byte(i)) - 128)
            .collect();
        let layer = executor.program().layers[0].clone();
        executor.set_parameter(layer.cores[0], &weights);
        let pixels: Vec<u8> = (0..inputs * samples)
            .map(|i| byte(inputs * outputs + i))
            .collect();
        let labels = vec![0; samples];
        executor.train(
            Batch {
                pixels: &pixels,
                labels: &labels,
            },
            StepKey {
                seed: Seed(15),
                step: 0,
            },
        );
        let forward = executor
            .program()
            .ops
            .iter()
            .position(|op| op.writes() == layer.output)
            .unwrap();
        assert_eq!(executor.shifts()[forward].saturated, 0);
        // The binary points of weight, input and result tell the shift that was used.
        let shift = executor.frac(layer.cores[0]) + executor.frac(layer.input)
            - executor.frac(layer.output);
        assert!(shift >= 8, "{shift} bits dropped");
        let (x, y) = (
            executor.integers(layer.input, 0),
            executor.integers(layer.output, 0),
        );
        let sum = |i: usize| -> i64 {
            let (sample, row) = (i / outputs, i % outputs);
            let terms = weights[row * inputs..][..inputs]
                .iter()
                .zip(&x[sample * inputs..][..inputs]);
            terms.map(|(&w, &x)| i64::from(w) * i64::from(x)).sum()
        };
        let pairs = y
            .iter()
            .enumerate()
            .map(|(i, &stored)| (i64::from(stored), sum(i)));
        assert_bias(mean_error(pairs, shift), rounding, shift);
    }
}
