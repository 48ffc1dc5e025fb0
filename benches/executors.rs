//! Speed of both executors on the paper's network, in samples and in multiply-accumulates a second,
//! and of the matrix kernels alone.
//!
//! Each measurement stands twice, as the same run counted in two units: `samples` and `macs`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use railyard::exec::Batch;
use railyard::exec::fixed::{FixedExecutor, FixedFormats, StepKey};
use railyard::exec::float::FloatExecutor;
use railyard::kernels::{Element, Factor, Packs, Scatter, gemm};
use railyard::numeric::{Rounding, Seed, Storage, Stream};
use railyard::program::{BufferId, Class, NetworkShape, Program, Schedule, compile};
use railyard::tt::{TtShape, core_std};

const BATCH: usize = 64;
const SCHEDULES: [(&str, Schedule); 3] = [
    ("planned", Schedule::Planned),
    ("chain", Schedule::Chain),
    ("paper", Schedule::Paper),
];

/// The paper's network: 28 x 32 pixels, 896 -> 512 -> 16, of which 10 are classes.
fn paper(exponents: [i32; 2]) -> NetworkShape {
    let fc1 =
        TtShape::new([7, 4, 2, 16], [4, 4, 2, 16], [16, 16, 16]).expect("the paper's first layer");
    let fc2 = TtShape::new([32, 16], [1, 16], [16]).expect("the paper's second layer");
    NetworkShape {
        layers: vec![fc1, fc2],
        exponents: exponents.to_vec(),
        classes: 10,
    }
}

/// A batch of noise.
struct Noise {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Noise {
    fn new(inputs: usize) -> Self {
        let stream = Stream::new(Seed(1), 0, 0, 0);
        let byte = |index: usize, bound: u32| {
            let index = u32::try_from(index).expect("a few thousand draws");
            u8::try_from(stream.below(index, bound)).expect("at most 256")
        };
        Self {
            pixels: (0..BATCH * inputs).map(|index| byte(index, 256)).collect(),
            labels: (0..BATCH).map(|index| byte(index, 10)).collect(),
        }
    }

    fn batch(&self) -> Batch<'_> {
        Batch {
            pixels: &self.pixels,
            labels: &self.labels,
        }
    }
}

fn parameters(program: &Program) -> Vec<(BufferId, usize, Stream)> {
    let buffers = program
        .buffers
        .iter()
        .enumerate()
        .filter(|(_, buffer)| buffer.class == Class::Core);
    let stream = |id: usize| Stream::new(Seed(2), 0, 0, u32::try_from(id).expect("a few buffers"));
    buffers
        .map(|(id, buffer)| (BufferId(id), buffer.len, stream(id)))
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a standard deviation need not be exact"
)]
fn float(schedule: Schedule) -> FloatExecutor {
    let network = paper([0, 0]);
    let mut executor = FloatExecutor::new(compile(&network, schedule, BATCH), Storage::F32, 1);
    for layer in 0..2 {
        let std = core_std(&network.layers[layer], 0.04) as f32;
        let cores = executor.program().layers[layer].cores.clone();
        for (id, len, stream) in parameters(executor.program()) {
            if cores.contains(&id) {
                let values: Vec<f32> = (0..).map(|i| stream.normal(i) * std).take(len).collect();
                executor.set_parameter(id, &values);
            }
        }
    }
    executor
}

fn fixed(schedule: Schedule) -> FixedExecutor {
    let formats = FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding: Rounding::Stochastic,
    };
    let mut executor = FixedExecutor::new(compile(&paper([5, 4]), schedule, BATCH), formats, 1);
    for (id, len, stream) in parameters(executor.program()) {
        // -7 to 7 eighths.
        let value = |i: u32| i16::try_from(stream.below(i, 15)).expect("below 15") - 7;
        let values: Vec<i16> = (0..).map(value).take(len).collect();
        executor.set_parameter(id, &values);
    }
    executor
}

/// Multiply-accumulates of one batch, forward alone and in training.
fn macs(program: &Program) -> (u64, u64) {
    let of_batch =
        |counts: railyard::program::Counts| counts.per_batch + counts.per_sample * BATCH as u64;
    let counts = program.counts();
    let forward = counts
        .iter()
        .map(|layer| of_batch(layer.forward))
        .sum::<u64>();
    (
        forward,
        forward
            + counts
                .iter()
                .map(|layer| of_batch(layer.backward))
                .sum::<u64>(),
    )
}

/// One run counted in samples and in multiply-accumulates.
fn measure(criterion: &mut Criterion, name: &str, macs: u64, mut run: impl FnMut()) {
    for (unit, count) in [("samples", BATCH as u64), ("macs", macs)] {
        let mut group = criterion.benchmark_group(name);
        group
            .throughput(Throughput::Elements(count))
            .bench_function(unit, |bencher| bencher.iter(&mut run));
        group.finish();
    }
}

fn executors(criterion: &mut Criterion) {
    let noise = Noise::new(896);
    for (name, schedule) in SCHEDULES {
        let mut executor = float(schedule);
        let (forward, training) = macs(executor.program());
        measure(criterion, &format!("float/{name}/forward"), forward, || {
            black_box(executor.evaluate(noise.batch()));
        });
        measure(
            criterion,
            &format!("float/{name}/training"),
            training,
            || {
                black_box(executor.train(noise.batch()));
            },
        );
        let mut executor = fixed(schedule);
        let mut step = 0;
        let mut train = |executor: &mut FixedExecutor| {
            step += 1;
            black_box(executor.train(
                noise.batch(),
                StepKey {
                    seed: Seed(3),
                    step,
                },
            ));
        };
        // Let the shifts settle.
        (0..20).for_each(|_| train(&mut executor));
        measure(criterion, &format!("fixed/{name}/forward"), forward, || {
            black_box(executor.evaluate(noise.batch()));
        });
        measure(
            criterion,
            &format!("fixed/{name}/training"),
            training,
            || train(&mut executor),
        );
    }
}

/// A square product of contiguous matrices, and one with a transposed left operand, as gradients have.
fn product<T: Element>(criterion: &mut Criterion, name: &str, values: &[T]) {
    const SIDE: u32 = 256;
    let (near, far): (Vec<u32>, Vec<u32>) = (0..SIDE).map(|i| (i, i * SIDE)).unzip();
    let right = Scatter {
        rows: &far,
        cols: &near,
    };
    for (layout, rows, cols) in [("straight", &far, &near), ("transposed", &near, &far)] {
        let left = Scatter { rows, cols };
        let mut packs = Packs::default();
        let mut group = criterion.benchmark_group(format!("gemm/{name}"));
        group.throughput(Throughput::Elements(u64::from(SIDE).pow(3)));
        group.bench_function(layout, |bencher| {
            bencher.iter(|| {
                gemm(
                    &mut packs,
                    (values, left),
                    Factor::Scattered(values, right),
                    |_, _, sums, _| {
                        black_box(sums);
                    },
                );
            });
        });
        group.finish();
    }
}

fn kernels(criterion: &mut Criterion) {
    let stream = Stream::new(Seed(4), 0, 0, 0);
    let bytes: Vec<i16> = (0..256 * 256)
        .map(|i| i16::try_from(stream.below(i, 256)).expect("a byte") - 128)
        .collect();
    let floats: Vec<f32> = bytes
        .iter()
        .map(|&value| f32::from(value) / 128.0)
        .collect();
    product(criterion, "i16", &bytes);
    product(criterion, "f32", &floats);
}

fn settings() -> Criterion {
    let criterion = Criterion::default().sample_size(20);
    criterion
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = all; config = settings(); targets = kernels, executors }
criterion_main!(all);
