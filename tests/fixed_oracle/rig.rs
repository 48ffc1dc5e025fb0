//! The executor on one, two and three threads beside the plain interpreter.

use railyard::exec::fixed::{FixedExecutor, FixedFormats, Shift, StepKey};
use railyard::exec::{Batch, Margin, SampleOutcome};
use railyard::program::{BufferId, Class, Program, Scope};

use crate::integers::{Reference, Step};

/// The interpreter and executors with one, two and three threads, fed alike.
pub struct Rig {
    pub program: Program,
    pub formats: FixedFormats,
    pub reference: Reference,
    pub executors: Vec<(usize, FixedExecutor)>,
}

impl Rig {
    pub fn new(program: Program, formats: FixedFormats) -> Self {
        Self::with_margin(program, formats, Margin::default())
    }

    /// With executors that know of a margin.
    pub fn with_margin(program: Program, formats: FixedFormats, margin: Margin) -> Self {
        let executors = (1..=3).map(|threads| {
            (
                threads,
                FixedExecutor::with_margin(program.clone(), formats, threads, margin),
            )
        });
        Self {
            reference: Reference::new(&program, formats),
            executors: executors.collect(),
            formats,
            program,
        }
    }

    pub fn inputs(&self) -> usize {
        self.program.buffer(self.program.input()).len
    }

    /// Gives a parameter integers everywhere.
    pub fn set(&mut self, id: BufferId, values: &[i16]) {
        for (_, executor) in &mut self.executors {
            executor.set_parameter(id, values);
        }
        self.reference.values[id.0] = values.iter().copied().map(i64::from).collect();
    }

    /// Gives every parameter integers of its class's width, from `draw(bits)`.
    pub fn set_all(&mut self, mut draw: impl FnMut(u8) -> i16) {
        for id in (0..self.program.buffers.len()).map(BufferId) {
            let buffer = self.program.buffer(id);
            if matches!(buffer.class, Class::Core | Class::Bias) {
                let bits = self.formats.bits(buffer.class);
                let values: Vec<i16> = (0..buffer.len).map(|_| draw(bits)).collect();
                self.set(id, &values);
            }
        }
    }

    pub fn set_shifts(&mut self, shifts: &[Shift]) {
        for (_, executor) in &mut self.executors {
            let place = |name: &str| self.program.ops.iter().position(|op| op.name == name);
            executor.adopt_shifts(|name| place(name).map(|at| shifts[at]));
        }
        self.reference.shifts = shifts.to_vec();
    }

    /// Runs one batch everywhere and compares everything.
    pub fn run(&mut self, step: Step) {
        let expected = self.reference.batch(step);
        for (threads, executor) in &mut self.executors {
            let batch = Batch {
                pixels: step.pixels,
                labels: step.labels,
            };
            let key = StepKey {
                seed: step.seed,
                step: step.number,
            };
            let found = if step.train {
                executor.train(batch, key)
            } else {
                executor.evaluate(batch)
            };
            let at = format!("step {} on {threads} threads", step.number);
            same_outcomes(&found, &expected, &at);
            same_tensors(
                executor,
                &self.reference,
                *threads,
                step.train,
                expected.len(),
                &at,
            );
            for (op, (found, expected)) in executor
                .shifts()
                .iter()
                .zip(&self.reference.shifts)
                .enumerate()
            {
                assert_eq!(
                    found, expected,
                    "shift of {} after {at}",
                    self.program.ops[op].name
                );
            }
        }
    }
}

/// Answers are the same; losses agree to the accuracy of the logarithm in use.
fn same_outcomes(found: &[SampleOutcome], expected: &[SampleOutcome], at: &str) {
    assert_eq!(found.len(), expected.len(), "outcomes at {at}");
    for (sample, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(
            found.answer, expected.answer,
            "answer to sample {sample} at {at}"
        );
        let error = (found.loss - expected.loss).abs();
        assert!(
            error <= 1e-12 * (1.0 + expected.loss),
            "loss of sample {sample} at {at}: {found:?}, {expected:?}"
        );
    }
}

/// Every tensor that the run wrote or read from outside, and its binary point.
fn same_tensors(
    run: &FixedExecutor,
    reference: &Reference,
    threads: usize,
    train: bool,
    samples: usize,
    at: &str,
) {
    let program = run.program();
    let written = |id: BufferId| {
        let given =
            matches!(program.buffer(id).class, Class::Core | Class::Bias) || id == program.input();
        given
            || (0..program.ops.len())
                .any(|op| program.ops[op].writes() == id && reference.runs(op, train))
    };
    for id in (0..program.buffers.len())
        .map(BufferId)
        .filter(|&id| written(id))
    {
        let buffer = program.buffer(id);
        let found: Vec<i64> = match (buffer.scope, buffer.class) {
            (Scope::Sample, _) => samples_of(run, id, threads, samples),
            (Scope::Batch, Class::Accumulator) => run.sum(id).to_vec(),
            (Scope::Batch, _) => run
                .integers(id, 0)
                .iter()
                .map(|&value| i64::from(value))
                .collect(),
        };
        let expected = &reference.values[id.0][..found.len()];
        let differing = found
            .iter()
            .zip(expected)
            .filter(|(found, expected)| found != expected)
            .count();
        assert_eq!(
            differing, 0,
            "{} at {at}: {found:?} instead of {expected:?}",
            buffer.name
        );
        assert_eq!(
            run.frac(id),
            reference.frac[id.0],
            "binary point of {} at {at}",
            buffer.name
        );
    }
}

/// A tensor of all samples in a row; lane l of L has samples l S / L to (l + 1) S / L of S.
fn samples_of(run: &FixedExecutor, id: BufferId, threads: usize, samples: usize) -> Vec<i64> {
    let len = run.program().buffer(id).len;
    let lanes = threads.min(run.program().batch).min(samples).max(1);
    let own = |lane: usize| (lane + 1) * samples / lanes - lane * samples / lanes;
    let all = (0..lanes).flat_map(|lane| run.integers(id, lane)[..own(lane) * len].iter());
    all.map(|&value| i64::from(value)).collect()
}
