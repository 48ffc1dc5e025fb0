//! A whole training step on the tick engine, compared as it goes: every boundary with the event
//! engine's, every memory word with the fixed-point executor's.

use serde::Serialize;

use crate::accel::{Machine, OpTiming, StepTiming, TickEngine};
use crate::exec::Batch;
use crate::exec::fixed::{FixedExecutor, StepKey};
use crate::numeric::{Seed, Stream};
use crate::program::{Class, Part};

/// What was compared, and what it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Ticked {
    /// Cycles advanced: all samples of the step.
    pub cycles: u64,
    /// Seconds spent advancing them.
    pub seconds: f64,
    /// Simulated cycles per second.
    pub cycles_per_second: f64,
    /// Starts and ends of phases compared with the event engine's.
    pub boundaries: u64,
    /// Those that differ.
    pub boundary_differences: u64,
    /// Operations on samples whose results were compared with the fixed-point executor's.
    pub operations: u64,
    /// Memory words compared.
    pub words: u64,
    /// Those that differ.
    pub word_differences: u64,
}

/// A clock in seconds.
pub type Clock = fn() -> f64;

/// Runs one training step on random images (no cycle depends on them) and compares it.
///
/// # Errors
/// If the step does not run on the machine.
pub fn run(
    mut executor: FixedExecutor,
    machine: &Machine,
    seed: u32,
    event: &StepTiming,
    clock: Clock,
) -> Result<(StepTiming, Ticked), String> {
    let program = executor.program().clone();
    let mut engine = TickEngine::new(&program, machine, executor.formats())
        .map_err(|error| error.to_string())?;
    let inputs = program.buffer(program.input()).len;
    let images = Stream::new(Seed(seed), 0, 0, 0);
    let pixels: Vec<u8> = (0..inputs * program.batch)
        .map(|place| images.bits(place as u32) as u8)
        .collect();
    let classes = Stream::new(Seed(seed), 0, 0, 1);
    let labels: Vec<u8> = (0..program.batch)
        .map(|sample| (classes.bits(sample as u32) as usize % program.classes) as u8)
        .collect();
    let batch = Batch {
        pixels: &pixels,
        labels: &labels,
    };
    let key = StepKey {
        seed: Seed(seed),
        step: 0,
    };
    let mut found = Ticked::default();
    let mut step = StepTiming {
        before: vec![],
        sample: vec![],
        after: vec![],
        ..event.clone()
    };
    let (mut begun, mut loaded, mut spent) = (false, None, 0.0);
    executor.train_watched(batch, key, |op, sample, executor| {
        if !begun {
            engine.adopt(executor);
            engine.begin(key);
            begun = true;
        }
        let mut timed = |timing: OpTiming, part: Part| {
            let place = match part {
                Part::Before => (&mut step.before, &event.before),
                Part::Sample => (&mut step.sample, &event.sample),
                Part::After => (&mut step.after, &event.after),
            };
            found.cycles += timing.cycles;
            if sample == 0 {
                let expected = place.1.get(place.0.len());
                found.compare(&timing, expected);
                place.0.push(timing);
            } else {
                let name = &timing.name;
                found.compare(&timing, place.1.iter().find(|other| other.name == *name));
            }
        };
        let part = program.ops[op].part;
        let start = clock();
        if part == Part::Sample && loaded != Some(sample) {
            loaded = Some(sample);
            timed(engine.load(&pixels[sample * inputs..][..inputs]), part);
        }
        let label = (part == Part::Sample).then(|| labels[sample]);
        timed(engine.run(op, sample, label), part);
        spent += clock() - start;
        let out = program.ops[op].writes();
        let len = program.buffer(out).len;
        let memory = engine.memory();
        found.operations += 1;
        found.words += len as u64;
        found.word_differences += if program.buffer(out).class == Class::Accumulator {
            differences(&memory.sums[out.0], executor.sum(out))
        } else {
            differences(&memory.values[out.0], &executor.integers(out, 0)[..len])
        };
    });
    found.seconds = spent;
    found.cycles_per_second = found.cycles as f64 / found.seconds.max(1e-9);
    Ok((step, found))
}

impl Ticked {
    fn compare(&mut self, found: &OpTiming, expected: Option<&OpTiming>) {
        let other = expected.map_or(&[][..], |timing| &timing.phases);
        for place in 0..found.phases.len().max(other.len()) {
            let (one, two) = (found.phases.get(place), other.get(place));
            self.boundaries += 2;
            self.boundary_differences += u64::from(one.map(|p| p.start) != two.map(|p| p.start))
                + u64::from(one.map(|p| p.end) != two.map(|p| p.end));
        }
    }
}

fn differences<T: PartialEq>(found: &[T], expected: &[T]) -> u64 {
    found.iter().zip(expected).filter(|(a, b)| a != b).count() as u64
}
