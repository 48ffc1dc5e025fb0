//! Every memory word after every operation of a whole training step.

use railyard::accel::{Machine, TickEngine};
use railyard::exec::Batch;
use railyard::exec::fixed::{FixedExecutor, FixedFormats, StepKey};
use railyard::numeric::{Rounding, Seed};
use railyard::program::{BufferId, Class, NetworkShape, Program, Schedule, compile};
use railyard::train::config::{Precision, Preset, RunConfig};
use railyard::tt::TtShape;

use super::draw::Dice;

const KEY: StepKey = StepKey {
    seed: Seed(1),
    step: 7,
};

/// A preset's Program.
fn program(preset: Preset, schedule: Schedule, batch: usize) -> Program {
    let config = RunConfig::preset(preset, Precision::Fixed);
    let layers = config.network.layers.iter().map(|layer| {
        let (input, out) = (layer.in_modes.clone(), layer.out_modes.clone());
        TtShape::new(input, out, layer.ranks.clone()).expect("a preset")
    });
    let network = NetworkShape {
        layers: layers.collect(),
        exponents: match preset {
            Preset::Paper => vec![5, 4],
            _ => vec![3, 3],
        },
        classes: 10,
    };
    // A tenth of the target is spread over all classes.
    compile(&network, schedule, batch).with_label_smoothing(26)
}

fn formats(rounding: Rounding) -> FixedFormats {
    FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding,
    }
}

/// An executor with random parameters.
fn executor(dice: &mut Dice, program: &Program, formats: FixedFormats) -> FixedExecutor {
    let mut executor = FixedExecutor::new(program.clone(), formats, 1);
    for (id, buffer) in program.buffers.iter().enumerate() {
        if matches!(buffer.class, Class::Core | Class::Bias) {
            let words = dice.words(buffer.len, formats.bits(buffer.class));
            executor.set_parameter(BufferId(id), &words);
        }
    }
    executor
}

fn batch(dice: &mut Dice, program: &Program) -> (Vec<u8>, Vec<u8>) {
    let inputs = program.buffer(program.input()).len;
    let mut bytes = |count, high| -> Vec<u8> {
        let byte = |_| dice.within(0, high) as u8;
        (0..count).map(byte).collect()
    };
    (
        bytes(inputs * program.batch, 255),
        bytes(program.batch, program.classes - 1),
    )
}

/// Runs a step operation by operation on the executor and on a machine, and compares what each wrote.
fn compare(program: &Program, formats: FixedFormats, machine: &Machine) {
    let mut dice = Dice::new(21);
    let mut executor = executor(&mut dice, program, formats);
    let (pixels, labels) = batch(&mut dice, program);
    let batch = Batch {
        pixels: &pixels,
        labels: &labels,
    };
    let mut engine = TickEngine::new(program, machine, formats).expect("a machine");
    let inputs = program.buffer(program.input()).len;
    let (mut begun, mut loaded) = (false, None);
    let (mut operations, mut words, mut distinct) = (0_u64, 0_u64, 0_u64);
    executor.train_watched(batch, KEY, |op, sample, executor| {
        if !begun {
            engine.adopt(executor);
            engine.begin(KEY);
            begun = true;
        }
        let sample_op = program.per_sample_op(op);
        if sample_op && loaded != Some(sample) {
            engine.load(&pixels[sample * inputs..(sample + 1) * inputs]);
            loaded = Some(sample);
            let id = program.input();
            let found = &engine.memory().values[id.0];
            assert_eq!(
                *found,
                executor.integers(id, 0)[..inputs],
                "sample {sample}"
            );
        }
        engine.run(op, sample, sample_op.then(|| labels[sample]));
        let out = program.ops[op].writes();
        let name = &program.ops[op].name;
        let len = program.buffer(out).len;
        if program.buffer(out).class == Class::Accumulator {
            let found = &engine.memory().sums[out.0];
            assert!(found == executor.sum(out), "{name} of sample {sample}");
            distinct += u64::from(found.iter().any(|&sum| sum != found[0]));
        } else {
            let found = &engine.memory().values[out.0];
            let expected = &executor.integers(out, 0)[..len];
            assert!(found == expected, "{name} of sample {sample}");
            distinct += u64::from(found.iter().any(|&word| word != found[0]));
        }
        operations += 1;
        words += len as u64;
    });
    // Words that are all alike would prove little.
    assert!(distinct * 10 > operations * 8, "{distinct} of {operations}");
    println!("{operations} operations, {words} words: 0 differences");
}

trait PerSample {
    fn per_sample_op(&self, op: usize) -> bool;
}

impl PerSample for Program {
    fn per_sample_op(&self, op: usize) -> bool {
        self.ops[op].part == railyard::program::Part::Sample
    }
}

#[test]
fn tiny_in_every_schedule() {
    for schedule in [Schedule::Paper, Schedule::Chain, Schedule::Planned] {
        for name in ["published", "overlapped", "streamlined"] {
            let machine = Machine::preset(name).expect("a preset");
            compare(
                &program(Preset::Tiny, schedule, 64),
                formats(Rounding::Nearest),
                &machine,
            );
        }
    }
}

#[test]
fn tiny_in_every_rounding() {
    for rounding in [Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic] {
        let program = program(Preset::Tiny, Schedule::Planned, 16);
        compare(&program, formats(rounding), &Machine::published());
    }
}

#[test]
fn tiny_on_random_machines_and_formats() {
    let mut dice = Dice::new(22);
    for _ in 0..30 {
        let program = program(Preset::Tiny, Schedule::Paper, 2);
        compare(&program, dice.formats(), &dice.machine());
    }
}

#[test]
fn paper_in_its_own_schedule() {
    compare(
        &program(Preset::Paper, Schedule::Paper, 64),
        formats(Rounding::Stochastic),
        &Machine::published(),
    );
}

#[test]
fn paper_as_planned() {
    compare(
        &program(Preset::Paper, Schedule::Planned, 64),
        formats(Rounding::Stochastic),
        &Machine::overlapped(),
    );
}

#[test]
fn watching_a_step_changes_nothing() {
    let mut dice = Dice::new(23);
    let program = program(Preset::Tiny, Schedule::Chain, 64);
    let formats = formats(Rounding::Stochastic);
    let mut plain = executor(&mut dice, &program, formats);
    let (pixels, labels) = batch(&mut dice, &program);
    let batch = Batch {
        pixels: &pixels,
        labels: &labels,
    };
    let mut watched = plain.clone();
    for step in 0..3 {
        let key = StepKey {
            seed: Seed(4),
            step,
        };
        let mut seen = 0;
        let found = watched.train_watched(batch, key, |_, _, _| seen += 1);
        assert_eq!(found, plain.train(batch, key));
        let per_sample = (0..program.ops.len()).filter(|&op| program.per_sample_op(op));
        let per_sample = per_sample.count();
        assert_eq!(seen, per_sample * 64 + program.ops.len() - per_sample);
        assert_eq!(watched.shifts(), plain.shifts());
        for (id, buffer) in program.buffers.iter().enumerate() {
            let id = BufferId(id);
            assert_eq!(watched.sum(id), plain.sum(id), "{}", buffer.name);
            if !program.per_sample(id) {
                let (found, expected) = (watched.integers(id, 0), plain.integers(id, 0));
                assert_eq!(found, expected, "{}", buffer.name);
            }
        }
    }
}

#[test]
fn a_whole_step_repeats_what_the_executor_trains() {
    let mut dice = Dice::new(24);
    let program = program(Preset::Tiny, Schedule::Planned, 8);
    let formats = formats(Rounding::Stochastic);
    let mut executor = executor(&mut dice, &program, formats);
    let (pixels, labels) = batch(&mut dice, &program);
    let batch = Batch {
        pixels: &pixels,
        labels: &labels,
    };
    // The first step sets every shift.
    executor.train(batch, KEY);
    let machine = Machine::streamlined();
    let mut engine = TickEngine::new(&program, &machine, formats).expect("a machine");
    engine.adopt(&executor);
    let mut watched = 0;
    let step = engine.train(batch, KEY, |_, _, _| watched += 1);
    executor.train(batch, KEY);
    let ops = step.before.len() + (step.sample.len() - 1) * 8 + step.after.len();
    assert_eq!(watched, ops);
    for (id, buffer) in program.buffers.iter().enumerate() {
        let memory = engine.memory();
        assert_eq!(
            memory.sums[id],
            executor.sum(BufferId(id)),
            "{}",
            buffer.name
        );
        let words = executor.integers(BufferId(id), 0);
        // Of what each sample has, the last sample's is there.
        let last = words.len() - memory.values[id].len();
        assert_eq!(memory.values[id], words[last..], "{}", buffer.name);
    }
}
