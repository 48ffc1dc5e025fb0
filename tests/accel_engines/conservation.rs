//! What the tick engine moved is what the Program counts, and no cycle is lost.

use railyard::accel::machine::OuterProduct;
use railyard::accel::timing::{StepTiming, TRACKS};
use railyard::accel::{Machine, TickEngine, published};
use railyard::exec::Batch;
use railyard::exec::fixed::{FixedFormats, StepKey};
use railyard::numeric::{Rounding, Seed};
use railyard::program::{NetworkShape, Program, Schedule, compile};
use railyard::tt::TtShape;

use super::draw::Dice;

fn run(program: &Program, machine: &Machine) -> StepTiming {
    let formats = FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding: Rounding::Nearest,
    };
    let mut engine = TickEngine::new(program, machine, formats).expect("a machine");
    let inputs = program.buffer(program.input()).len;
    let batch = Batch {
        pixels: &vec![100; inputs * program.batch],
        labels: &vec![0; program.batch],
    };
    let key = StepKey {
        seed: Seed(1),
        step: 0,
    };
    engine.train(batch, key, |_, _, _| ())
}

fn check(program: &Program, machine: &Machine) {
    let step = run(program, machine);
    for (ops, _) in step.parts() {
        for timing in ops {
            for tally in &timing.tallies {
                assert_eq!(tally.total(), timing.cycles, "{}", timing.name);
            }
            let Some(op) = timing.op.map(|op| &program.ops[op]) else {
                continue;
            };
            let len = |id| program.buffer(id).len as u64;
            let reads: u64 = op.reads().into_iter().map(len).sum();
            assert_eq!(timing.counters.macs, op.macs(), "{}", op.name);
            assert_eq!(timing.counters.reads, reads, "{}", op.name);
            assert_eq!(timing.counters.writes, len(op.writes()), "{}", op.name);
        }
    }
    let macs: u64 = program
        .counts()
        .iter()
        .flat_map(|layer| [layer.forward, layer.backward])
        .map(|counts| counts.per_batch + counts.per_sample * program.batch as u64)
        .sum();
    assert_eq!(step.counters().macs, macs);
    for (tally, track) in step.tallies().iter().zip(TRACKS) {
        assert_eq!(tally.total(), step.cycles(), "{}", track.name());
    }
}

/// The paper's network.
fn paper() -> NetworkShape {
    let layers = vec![
        TtShape::new([7, 4, 2, 16], [4, 4, 2, 16], [16, 16, 16]).expect("the first layer"),
        TtShape::new([32, 16], [1, 16], [16]).expect("the second layer"),
    ];
    NetworkShape {
        layers,
        exponents: vec![5, 4],
        classes: 10,
    }
}

/// The published table's totals of one sample at 16 x 8, counted cycle by cycle.
#[test]
fn published_totals_are_ticked() {
    let program = published::step(&paper());
    let totals = |machine: Machine| {
        let step = run(&program, &machine);
        // The published step has no loading of the sample.
        let ops = step.sample.iter().filter(|op| op.op.is_some());
        let (cycles, beats) = ops.fold((0, 0), |(cycles, beats), op| {
            (cycles + op.cycles, beats + op.beats)
        });
        (cycles, beats)
    };
    assert_eq!(totals(Machine::published()), (68_306, 58_800));
    assert_eq!(totals(Machine::overlapped()), (61_650, 58_800));
    let array = Machine {
        outer: OuterProduct::Array,
        ..Machine::overlapped()
    };
    assert_eq!(totals(array).0, 36_562);
    for (lanes, rows, cycles) in [
        (4, 4, 346_458),
        (8, 8, 120_546),
        (16, 16, 48_550),
        (32, 16, 44_102),
    ] {
        let machine = Machine::overlapped().with_array(lanes, rows);
        assert_eq!(totals(machine).0, cycles, "{lanes} x {rows}");
    }
}

#[test]
fn counts_are_the_programs() {
    let paper = paper();
    for schedule in [Schedule::Paper, Schedule::Planned] {
        check(&compile(&paper, schedule, 2), &Machine::published());
    }
    let mut dice = Dice::new(31);
    for _ in 0..40 {
        let (program, machine) = (dice.program(), dice.machine());
        if program.training_macs() < 100_000.0 {
            check(&program, &machine);
        }
    }
}
