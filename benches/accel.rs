//! Speed of both engines of the accelerator model, in simulated cycles a second.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use railyard::accel::{Machine, TickEngine, time};
use railyard::exec::Batch;
use railyard::exec::fixed::{FixedFormats, StepKey};
use railyard::numeric::{Rounding, Seed, Stream};
use railyard::program::{BufferId, Class, NetworkShape, Part, Program, Schedule, compile};
use railyard::tt::TtShape;

const BATCH: usize = 64;
const FORMATS: FixedFormats = FixedFormats {
    core: 4,
    activation: 8,
    gradient: 16,
    rounding: Rounding::Stochastic,
};
const MACHINES: [&str; 3] = ["published", "overlapped", "streamlined"];

/// The paper's network.
fn paper(schedule: Schedule) -> Program {
    let fc1 =
        TtShape::new([7, 4, 2, 16], [4, 4, 2, 16], [16, 16, 16]).expect("the paper's first layer");
    let fc2 = TtShape::new([32, 16], [1, 16], [16]).expect("the paper's second layer");
    let network = NetworkShape {
        layers: vec![fc1, fc2],
        exponents: vec![5, 4],
        classes: 10,
    };
    compile(&network, schedule, BATCH)
}

/// Noise from 0 to `bound` - 1.
fn noise(salt: usize, count: usize, bound: u32) -> impl Iterator<Item = u32> {
    let salt = u32::try_from(salt).expect("a few streams");
    let stream = Stream::new(Seed(1), 0, 0, salt);
    (0..)
        .map(move |index| stream.below(index, bound))
        .take(count)
}

fn bytes(salt: usize, count: usize, bound: u32) -> Vec<u8> {
    let byte = |value| u8::try_from(value).expect("at most 256");
    noise(salt, count, bound).map(byte).collect()
}

fn engine(program: &Program, machine: &Machine) -> TickEngine {
    let mut engine = TickEngine::new(program, machine, FORMATS).expect("a machine");
    for (id, buffer) in program.buffers.iter().enumerate() {
        if buffer.class == Class::Core {
            // -7 to 7 eighths.
            let word = |value| i16::try_from(value).expect("below 15") - 7;
            let words: Vec<i16> = noise(id, buffer.len, 15).map(word).collect();
            engine.set_parameter(BufferId(id), &words);
        }
    }
    // Half the bits of each sum go.
    engine.set_shifts(&vec![5; program.ops.len()]);
    engine
}

/// One sample, and a whole step, cycle by cycle.
fn tick(criterion: &mut Criterion) {
    let program = paper(Schedule::Paper);
    let inputs = program.buffer(program.input()).len;
    let (pixels, labels) = (bytes(900, inputs * BATCH, 256), bytes(901, BATCH, 10));
    let key = StepKey {
        seed: Seed(3),
        step: 1,
    };
    for name in MACHINES {
        let machine = Machine::preset(name).expect("a preset");
        let mut engine = engine(&program, &machine);
        let batch = Batch {
            pixels: &pixels,
            labels: &labels,
        };
        let step = engine.train(batch, key, |_, _, _| ());
        let sample: Vec<usize> = (0..program.ops.len())
            .filter(|&op| program.ops[op].part == Part::Sample)
            .collect();
        let mut group = criterion.benchmark_group(format!("tick/{name}"));
        group
            .throughput(Throughput::Elements(step.sample_cycles()))
            .bench_function("sample", |bencher| {
                bencher.iter(|| {
                    black_box(engine.load(&pixels[..inputs]));
                    for &op in &sample {
                        black_box(engine.run(op, 0, Some(labels[0])));
                    }
                });
            });
        group
            .throughput(Throughput::Elements(step.cycles()))
            .bench_function("step", |bencher| {
                bencher.iter(|| black_box(engine.train(batch, key, |_, _, _| ())));
            });
        group.finish();
    }
}

/// A whole step, boundary by boundary.
fn event(criterion: &mut Criterion) {
    let program = paper(Schedule::Paper);
    for name in MACHINES {
        let machine = Machine::preset(name).expect("a preset");
        let run = || time(&program, &machine, FORMATS).expect("a machine");
        let mut group = criterion.benchmark_group(format!("event/{name}"));
        group
            .throughput(Throughput::Elements(run().cycles()))
            .bench_function("step", |bencher| bencher.iter(|| black_box(run())));
        group.finish();
    }
}

fn settings() -> Criterion {
    let criterion = Criterion::default().sample_size(10);
    criterion
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = all; config = settings(); targets = tick, event }
criterion_main!(all);
