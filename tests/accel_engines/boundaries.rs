//! Random jobs on random machines: both engines say the same of every tile, and what the tick engine
//! writes is what the operation's definition says.

use railyard::accel::event::time_job;
use railyard::accel::job::{Job, candidates};
use railyard::accel::tick::{Memory, StoreRule, Work, run_job};
use railyard::accel::{Machine, TickEngine, time};
use railyard::exec::Batch;
use railyard::exec::fixed::{FixedFormats, StepKey};
use railyard::kernels::Requantise;
use railyard::numeric::{Seed, Stream, shift_round};
use railyard::program::{Axis, BufferId, Class, OpKind, Program, View};

use super::draw::Dice;

/// Cycles of the longest job that a test has the time for.
const LONGEST: u64 = 20_000;

/// A memory of noise.
fn noise(dice: &mut Dice, program: &Program, formats: FixedFormats) -> Memory {
    let mut memory = Memory::new(program);
    for (words, buffer) in memory.values.iter_mut().zip(&program.buffers) {
        let count = words.len();
        *words = dice.words(count, formats.bits(buffer.class));
    }
    memory
}

/// The exact sums of a contraction, index by index.
fn sums(a: &View, b: &View, out: &View, memory: &Memory) -> Vec<i64> {
    let mut axes: Vec<Axis> = a.axes.clone();
    axes.extend(b.axes.iter().filter(|axis| !a.axes.contains(axis)));
    let offset = |view: &View, place: &[usize]| {
        view.axes.iter().fold(0, |offset, axis| {
            let at = axes
                .iter()
                .position(|other| other == axis)
                .expect("an index");
            offset * axis.size + place[at]
        })
    };
    let mut sums = vec![0; out.axes.iter().map(|axis| axis.size).product()];
    let mut place = vec![0; axes.len()];
    loop {
        let value = |view: &View| i64::from(memory.values[view.buffer.0][offset(view, &place)]);
        sums[offset(out, &place)] += value(a) * value(b);
        let Some(at) = (0..axes.len())
            .rev()
            .find(|&at| place[at] + 1 < axes[at].size)
        else {
            return sums;
        };
        place[at] += 1;
        place[at + 1..].fill(0);
    }
}

#[derive(Default)]
struct Compared {
    cases: usize,
    staged: usize,
    boundaries: usize,
    cycles: u64,
    conflicts: u64,
}

impl Compared {
    /// Runs a job in both engines and compares everything.
    fn compare(
        &mut self,
        job: &Job,
        rule: StoreRule,
        machine: &Machine,
        memory: &mut Memory,
    ) -> bool {
        let work = match job {
            Job::Contract(job) => Work::Contract(job, rule),
            Job::Outer(job) => Work::Outer(job, rule),
            Job::Stream(_) => return false,
        };
        let mut expected = time_job(job, machine);
        if expected.cycles > LONGEST {
            return false;
        }
        let found = run_job(&work, machine, memory);
        for (found, expected) in found.phases.iter().zip(&expected.phases) {
            assert_eq!(found, expected, "{job:?} on {machine:?}");
        }
        // The Program's counts are no part of a job; another test compares them.
        expected.counters.reads = found.counters.reads;
        expected.counters.writes = found.counters.writes;
        assert_eq!(found, expected, "{job:?} on {machine:?}");
        for tally in &found.tallies {
            assert_eq!(tally.total(), found.cycles);
        }
        self.cases += 1;
        self.staged += usize::from(found.staged());
        self.boundaries += 2 * found.phases.len();
        self.cycles += found.cycles;
        self.conflicts += found
            .phases
            .iter()
            .map(|p| u64::from(p.conflict))
            .sum::<u64>();
        true
    }
}

#[test]
fn every_boundary_of_random_jobs_is_equal() {
    let mut dice = Dice::new(11);
    let mut compared = Compared::default();
    while compared.staged < 6000 {
        let (program, formats) = (dice.program(), dice.formats());
        let start = noise(&mut dice, &program, formats);
        for (index, op) in program.ops.iter().enumerate() {
            let OpKind::Contract {
                a,
                b,
                out,
                accumulate,
                ..
            } = &op.kind
            else {
                continue;
            };
            if op.macs() > 60_000 {
                continue;
            }
            let exact = sums(a, b, out, &start);
            let how = Requantise {
                shift: dice.within(0, 20) as i32 - 2,
                bits: formats.bits(program.buffer(out.buffer).class),
                rounding: formats.rounding,
            };
            let stream = Stream::new(Seed(5), 1, 2, index as u32);
            let rule = if *accumulate {
                StoreRule::Accumulate
            } else {
                StoreRule::Requantise { how, stream }
            };
            let machine = dice.machine();
            for job in candidates(&program, index, &machine, formats) {
                let mut memory = start.clone();
                if !compared.compare(&job, rule, &machine, &mut memory) {
                    continue;
                }
                if *accumulate {
                    assert_eq!(memory.sums[out.buffer.0], exact);
                } else {
                    let full = 1_i64 << (how.bits - 1);
                    let stored = exact.iter().enumerate().map(|(place, &sum)| {
                        let random = stream.bits(place as u32);
                        let value = shift_round(sum, how.shift, how.rounding, random);
                        value.clamp(-full, full - 1) as i16
                    });
                    assert_eq!(memory.values[out.buffer.0], stored.collect::<Vec<i16>>());
                }
            }
        }
    }
    let Compared {
        cases,
        staged,
        boundaries,
        cycles,
        conflicts,
    } = compared;
    println!(
        "{cases} jobs ({staged} with three stages), {boundaries} boundaries, {cycles} cycles \
         ({conflicts} in conflicts): 0 differences"
    );
}

#[test]
fn whole_steps_of_random_programs_are_equal() {
    let mut dice = Dice::new(12);
    let (mut steps, mut ops, mut boundaries) = (0, 0, 0);
    while steps < 200 {
        let (program, formats, machine) = (dice.program(), dice.formats(), dice.machine());
        let expected = time(&program, &machine, formats).expect("a machine");
        if expected.cycles() > 10 * LONGEST {
            continue;
        }
        let mut engine = TickEngine::new(&program, &machine, formats).expect("a machine");
        for (id, buffer) in program.buffers.iter().enumerate() {
            if matches!(buffer.class, Class::Core | Class::Bias) {
                let words = dice.words(buffer.len, formats.bits(buffer.class));
                engine.set_parameter(BufferId(id), &words);
            }
        }
        let inputs = program.buffer(program.input()).len;
        let pixels: Vec<u8> = (0..inputs * program.batch)
            .map(|_| dice.within(0, 255) as u8)
            .collect();
        let labels: Vec<u8> = (0..program.batch)
            .map(|_| dice.within(0, program.classes - 1) as u8)
            .collect();
        let batch = Batch {
            pixels: &pixels,
            labels: &labels,
        };
        let key = StepKey {
            seed: Seed(1),
            step: 3,
        };
        let found = engine.train(batch, key, |_, _, _| ());
        for ((found, _), (expected, _)) in found.parts().into_iter().zip(expected.parts()) {
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found, expected, "{machine:?}");
                boundaries += 2 * found.phases.len();
                ops += 1;
            }
        }
        assert_eq!(found, expected);
        steps += 1;
    }
    println!("{steps} steps, {ops} operations, {boundaries} boundaries: 0 differences");
}
