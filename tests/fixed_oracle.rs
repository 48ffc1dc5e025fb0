//! The fixed-point executor equals a plain interpreter in integers: every buffer of every operation,
//! every outcome, every binary point and every shift, on any number of threads, with no difference.

#[path = "support/integers.rs"]
mod integers;
#[path = "support/networks.rs"]
mod networks;

use integers::{Reference, Step};
use networks::{Draws, SCHEDULES, config, networks};
use proptest::prelude::*;
use railyard::exec::fixed::{FixedExecutor, FixedFormats, Shift, StepKey};
use railyard::exec::{Batch, SampleOutcome};
use railyard::numeric::{Rounding, Seed};
use railyard::program::{BufferId, Class, NetworkShape, Program, Scope, compile};
use railyard::tt::TtShape;

/// The interpreter and executors with one, two and three threads, fed alike.
struct Rig {
    program: Program,
    reference: Reference,
    executors: Vec<(usize, FixedExecutor)>,
}

impl Rig {
    fn new(program: Program, formats: FixedFormats) -> Self {
        let executors = (1..=3).map(|threads| (threads, FixedExecutor::new(program.clone(), formats, threads)));
        Self { reference: Reference::new(&program, formats), executors: executors.collect(), program }
    }

    fn inputs(&self) -> usize {
        self.program.buffer(self.program.input()).len
    }

    /// Gives every parameter integers of `bits(class)` bits or fewer, from `draw(width)`.
    fn set_parameters(&mut self, formats: FixedFormats, mut draw: impl FnMut(u8) -> i16) {
        for id in (0..self.program.buffers.len()).map(BufferId) {
            let (Class::Core | Class::Bias) = self.program.buffer(id).class else { continue };
            let bits = formats.bits(self.program.buffer(id).class);
            let values: Vec<i16> = (0..self.program.buffer(id).len).map(|_| draw(bits)).collect();
            for (_, executor) in &mut self.executors {
                executor.set_parameter(id, &values);
            }
            self.reference.values[id.0] = values.into_iter().map(i64::from).collect();
        }
    }

    fn set_shifts(&mut self, shifts: &[Shift]) {
        for (_, executor) in &mut self.executors {
            let place = |name: &str| self.program.ops.iter().position(|op| op.name == name);
            executor.adopt_shifts(|name| place(name).map(|at| shifts[at]));
        }
        self.reference.shifts = shifts.to_vec();
    }

    /// Runs one batch everywhere and compares everything.
    fn run(&mut self, step: Step) {
        let expected = self.reference.batch(step);
        for (threads, executor) in &mut self.executors {
            let batch = Batch { pixels: step.pixels, labels: step.labels };
            let key = StepKey { seed: step.seed, step: step.step };
            let found = if step.train { executor.train(batch, key) } else { executor.evaluate(batch) };
            let at = format!("step {} on {threads} threads", step.step);
            same_outcomes(&found, &expected, &at);
            same_tensors(executor, &self.reference, *threads, step.train, expected.len(), &at);
            for (op, (found, expected)) in executor.shifts().iter().zip(&self.reference.shifts).enumerate() {
                assert_eq!(found, expected, "shift of {} after {at}", self.program.ops[op].name);
            }
        }
    }
}

/// Answers are the same; losses agree to the accuracy of the logarithm in use.
fn same_outcomes(found: &[SampleOutcome], expected: &[SampleOutcome], at: &str) {
    assert_eq!(found.len(), expected.len(), "outcomes at {at}");
    for (sample, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.answer, expected.answer, "answer to sample {sample} at {at}");
        let error = (found.loss - expected.loss).abs();
        assert!(error <= 1e-12 * (1.0 + expected.loss), "loss of sample {sample} at {at}: {found:?}, {expected:?}");
    }
}

/// Every tensor that the run wrote or read from outside, and its binary point.
fn same_tensors(run: &FixedExecutor, reference: &Reference, threads: usize, train: bool, samples: usize, at: &str) {
    let program = run.program();
    let written = |id: BufferId| {
        let given = matches!(program.buffer(id).class, Class::Core | Class::Bias) || id == program.input();
        given || (0..program.ops.len()).any(|op| program.ops[op].writes() == id && reference.runs(op, train))
    };
    for id in (0..program.buffers.len()).map(BufferId).filter(|&id| written(id)) {
        let buffer = program.buffer(id);
        let found: Vec<i64> = match (buffer.scope, buffer.class) {
            (Scope::Sample, _) => samples_of(run, id, threads, samples),
            (Scope::Batch, Class::Accumulator) => run.sum(id).to_vec(),
            (Scope::Batch, _) => run.integers(id, 0).iter().map(|&value| i64::from(value)).collect(),
        };
        let expected = &reference.values[id.0][..found.len()];
        let differing = found.iter().zip(expected).filter(|(found, expected)| found != expected).count();
        assert_eq!(differing, 0, "{} at {at}: {found:?} instead of {expected:?}", buffer.name);
        assert_eq!(run.frac(id), reference.frac[id.0], "binary point of {} at {at}", buffer.name);
    }
}

/// A tensor of all samples in a row; lane l of L has samples l S / L to (l + 1) S / L of S.
fn samples_of(run: &FixedExecutor, id: BufferId, threads: usize, samples: usize) -> Vec<i64> {
    let len = run.program().buffer(id).len;
    let lanes = threads.min(run.program().batch).min(samples);
    let own = |lane: usize| (lane + 1) * samples / lanes - lane * samples / lanes;
    let all = (0..lanes).flat_map(|lane| run.integers(id, lane)[..own(lane) * len].iter());
    all.map(|&value| i64::from(value)).collect()
}

/// Integers of at most `bits` bits: anything, only the two ends, small ones, or zeros.
fn draw(draws: &mut Draws, style: usize, bits: u8) -> i16 {
    let full = 1_i32 << (bits - 1);
    let any = i32::try_from(draws.below(1 << bits)).unwrap() - full;
    let value = match style {
        0..=3 => any,
        4 => any.signum().max(0) * (2 * full - 1) - full,
        5..=6 => any / 4,
        _ => 0,
    };
    i16::try_from(value).unwrap()
}

fn pixels(draws: &mut Draws, count: usize) -> Vec<u8> {
    let style = draws.below(8);
    (0..count)
        .map(|_| match style {
            0..=4 => draws.pixel(),
            5 => 255,
            6 => draws.pixel() / 16,
            _ => 0,
        })
        .collect()
}

fn labels(draws: &mut Draws, count: usize, classes: usize) -> Vec<u8> {
    (0..count).map(|_| u8::try_from(draws.below(classes)).unwrap()).collect()
}

fn roundings() -> impl Strategy<Value = Rounding> {
    prop::sample::select(vec![Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic])
}

fn formats() -> impl Strategy<Value = FixedFormats> {
    (2_u8..=8, 4_u8..=8, 4_u8..=16, roundings())
        .prop_map(|(core, activation, gradient, rounding)| FixedFormats { core, activation, gradient, rounding })
}

proptest! {
    #![proptest_config(config(1024, 0x0f17))]

    /// Three to five steps, the parameters changing between them so that shifts move, batches of any
    /// size up to the Program's, forward passes alone in between or first.
    #[test]
    fn every_operation_equals_the_plain_interpreter(
        network in networks(3, 4),
        schedule in prop::sample::select(SCHEDULES.to_vec()),
        formats in formats(),
        batch in 1_usize..=9,
        steps in 3_u64..=5,
        seed: u32,
    ) {
        let mut rig = Rig::new(compile(&network, schedule, batch), formats);
        let mut draws = Draws::new(seed);
        for step in 0..steps {
            if step == 0 || draws.below(3) > 0 {
                let style = draws.below(8);
                rig.set_parameters(formats, |bits| draw(&mut draws, style, bits));
            }
            for train in [false, true] {
                if train || draws.below(2) == 0 {
                    let samples = if draws.below(2) == 0 { batch } else { 1 + draws.below(batch) };
                    let pixels = pixels(&mut draws, samples * rig.inputs());
                    let some = if train || draws.below(2) == 0 { samples } else { 0 };
                    let labels = labels(&mut draws, some, network.classes);
                    rig.run(Step { pixels: &pixels, labels: &labels, seed: Seed(seed), step, train });
                }
            }
        }
    }

    /// Shifts far from where they belong, as a checkpoint of another network may bring: left shifts,
    /// saturation, all bits dropped; and counters on both sides of the change of patience.
    #[test]
    fn any_shifts_taken_over_give_the_same_bits(
        network in networks(3, 3),
        schedule in prop::sample::select(SCHEDULES.to_vec()),
        formats in formats(),
        seed: u32,
    ) {
        let mut rig = Rig::new(compile(&network, schedule, 5), formats);
        let mut draws = Draws::new(seed);
        rig.set_parameters(formats, |bits| draw(&mut draws, 0, bits));
        let shifts: Vec<Shift> = (0..rig.program.ops.len())
            .map(|_| Shift {
                shift: i32::try_from(draws.below(16)).unwrap() - 4,
                known: draws.below(8) > 0,
                batches: u32::try_from(17 + draws.below(6)).unwrap(),
                high: u32::try_from(draws.below(5)).unwrap(),
                low: u32::try_from(draws.below(5)).unwrap(),
                ..Shift::default()
            })
            .collect();
        rig.set_shifts(&shifts);
        for step in 0..3 {
            let pixels = pixels(&mut draws, 5 * rig.inputs());
            let labels = labels(&mut draws, 5, network.classes);
            rig.run(Step { pixels: &pixels, labels: &labels, seed: Seed(seed), step, train: true });
        }
    }
}

/// Two layers, 3 x 4 to 2 x 3 to 1 x 5, ranks 3 and 2.
fn small() -> NetworkShape {
    let first = TtShape::new([3, 4], [2, 3], [3]).unwrap();
    let second = TtShape::new([2, 3], [1, 5], [2]).unwrap();
    NetworkShape { layers: vec![first, second], exponents: vec![2, 1], classes: 4 }
}

#[test]
fn forty_steps_through_the_change_of_patience_equal_the_plain_interpreter() {
    for schedule in SCHEDULES {
        let formats = FixedFormats { core: 4, activation: 8, gradient: 16, rounding: Rounding::Stochastic };
        let mut rig = Rig::new(compile(&small(), schedule, 6), formats);
        let mut draws = Draws::new(40);
        for step in 0..40 {
            // Three different sizes of parameters, ten steps each, drive shifts down and up again.
            let style = [0, 5, 4, 5][usize::try_from(step / 10).unwrap()];
            rig.set_parameters(formats, |bits| draw(&mut draws, style, bits));
            let pixels: Vec<u8> = (0..6 * rig.inputs()).map(|_| draws.pixel()).collect();
            let labels = labels(&mut draws, 6, 4);
            rig.run(Step { pixels: &pixels, labels: &labels, seed: Seed(9), step, train: true });
        }
        assert!(rig.reference.shifts.iter().any(|shift| shift.batches == 40));
    }
}

#[test]
fn the_first_sixty_four_samples_set_the_first_shifts_on_any_number_of_threads() {
    let formats = FixedFormats { core: 4, activation: 8, gradient: 16, rounding: Rounding::Nearest };
    for schedule in SCHEDULES {
        let mut rig = Rig::new(compile(&small(), schedule, 70), formats);
        let mut draws = Draws::new(64);
        rig.set_parameters(formats, |bits| draw(&mut draws, 0, bits));
        // Dark samples set the shifts; the last six are bright and saturate.
        let inputs = rig.inputs();
        let pixels: Vec<u8> = (0..70 * inputs).map(|i| if i < 64 * inputs { draws.pixel() / 32 } else { 255 }).collect();
        let labels = labels(&mut draws, 70, 4);
        rig.run(Step { pixels: &pixels, labels: &labels, seed: Seed(1), step: 0, train: true });
        assert!(rig.reference.shifts.iter().any(|shift| shift.saturated > 0));
    }
}

#[test]
fn an_empty_batch_leaves_zero_gradients_and_the_shifts_alone() {
    let formats = FixedFormats { core: 4, activation: 8, gradient: 16, rounding: Rounding::Nearest };
    let mut executor = FixedExecutor::new(compile(&small(), SCHEDULES[1], 4), formats, 2);
    let key = StepKey { seed: Seed(0), step: 0 };
    assert!(executor.train(Batch { pixels: &[], labels: &[] }, key).is_empty());
    let layer = executor.program().layers[0].clone();
    assert!(executor.integers(layer.core_gradients[0], 0).iter().all(|&value| value == 0));
    assert!(executor.shifts().iter().all(|shift| !shift.known || shift.batches <= 1));
}
