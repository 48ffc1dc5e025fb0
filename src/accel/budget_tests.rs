//! Fit, energy, roofline and comparison on the published network, against figures computed by hand.

use super::compare::{RASPBERRY_PI_3B, against_measured, compare};
use super::energy::{EnergyTable, TABLES, UPDATE_MULTIPLIES, energy};
use super::event::time;
use super::fit::{Fit, Place, fit};
use super::machine::{Device, Machine, Memory};
use super::roofline::{Bound, roofline};
use super::traffic::{step_traffic, traffic};
use crate::exec::fixed::FixedFormats;
use crate::numeric::Rounding;
use crate::program::{Class, NetworkShape, OpKind, Program, Schedule, compile};
use crate::tt::TtShape;

const FORMATS: FixedFormats = FixedFormats {
    core: 4,
    activation: 8,
    gradient: 16,
    rounding: Rounding::Stochastic,
};

fn program(schedule: Schedule, batch: usize) -> Program {
    let layers = vec![
        TtShape::new([7, 4, 2, 16], [4, 4, 2, 16], [16, 16, 16]).expect("fc1"),
        TtShape::new([32, 16], [1, 16], [16]).expect("fc2"),
    ];
    let network = NetworkShape {
        layers,
        exponents: vec![0; 2],
        classes: 10,
    };
    compile(&network, schedule, batch)
}

fn fitted(schedule: Schedule, machine: &Machine) -> Fit {
    fit(&program(schedule, 64), machine, FORMATS).expect("a machine")
}

fn within(device: Device) -> Machine {
    Machine {
        device,
        ..Machine::published()
    }
}

#[test]
fn memories_by_hand() {
    let found = fitted(Schedule::Paper, &Machine::published());
    let memory = |name: &str| found.memories.iter().find(|m| m.name == name).expect(name);
    // Two samples of 896 values of 8 bits in 16 banks: 112 words, a block each.
    let input = memory("input");
    assert_eq!(
        (input.banks, input.words, input.word_bits, input.blocks),
        (16, 112, 8, 16)
    );
    // 896 x 512 sums of 48 bits in 16 banks, with those of fc2 (512 x 16) and the biases (512, 16):
    // 28,672 + 512 + 32 + 1 words; 6 of 9 x 4,096 bits side by side, 8 deep, against 3 x 15 of 18 x 2,048.
    let sums = memory("accumulators");
    assert_eq!((sums.words, sums.word_bits), (29_217, 48));
    assert_eq!(sums.blocks, 16 * 45);
    // Entries of all cores: (7*4 + 4*4*16 + 2*2*16 + 16*16) * 16 + (32*1 + 16*16) * 16, and the biases.
    let entries = (7 * 4 + 4 * 4 * 16 + 2 * 2 * 16 + 16 * 16 + 32 + 16 * 16) * 16;
    let state = memory("optimiser state");
    assert_eq!((state.words, state.word_bits), (entries + 512 + 16, 96));
    let overflow = found.overflow.expect("dense sums do not fit");
    assert!(overflow.starts_with("fc1.dW"), "{overflow}");
    let beyond = found.blocks_used - 216;
    assert!(overflow.contains(&beyond.to_string()), "{overflow}");
}

#[test]
fn a_chain_fits_where_dense_sums_do_not() {
    let found = fitted(Schedule::Chain, &Machine::published());
    assert!(found.fits(), "{:?}", found.overflow);
    assert_eq!(found.product_bits, [16, 8]);
    assert_eq!(
        (found.multipliers_used, found.multipliers_available),
        (128, 360)
    );
    // The smallest device has neither the blocks nor the multipliers.
    let small = fitted(Schedule::Chain, &within(Device::Ecp5F25));
    let overflow = small.overflow.expect("too large");
    assert!(overflow.contains("block RAM"), "{overflow}");
    assert!(overflow.contains("128 multipliers"), "{overflow}");
}

#[test]
fn buffers_alive_at_once_share_no_word() {
    for schedule in [Schedule::Paper, Schedule::Chain, Schedule::Planned] {
        let program = program(schedule, 64);
        let found = fit(&program, &Machine::published(), FORMATS).expect("a machine");
        let memory = &found.memories[1];
        let spans: Vec<_> = program.liveness();
        let span = |name: &str| {
            let of = |id| program.buffer(id).name == name;
            spans.iter().find(|span| of(span.buffer)).expect("alive")
        };
        let mut shared = 0;
        for (nth, one) in memory.buffers.iter().enumerate() {
            for other in &memory.buffers[nth + 1..] {
                let overlap = one.address < other.address + other.words
                    && other.address < one.address + one.words;
                let (a, b) = (span(&one.name), span(&other.name));
                if a.first <= b.last && b.first <= a.last {
                    assert!(!overlap, "{} and {}", one.name, other.name);
                }
                shared += usize::from(overlap);
            }
        }
        assert!(shared > 0, "dead buffers give their words away");
        let end = memory.buffers.iter().map(|b| b.address + b.words).max();
        assert_eq!(end, Some(memory.words));
    }
}

#[test]
fn external_memory_takes_no_block() {
    let machine = Machine {
        memory: Memory::External {
            bytes_per_cycle: 8,
            latency: 40,
        },
        ..Machine::published()
    };
    let (on_chip, external) = (
        fitted(Schedule::Chain, &Machine::published()),
        fitted(Schedule::Chain, &machine),
    );
    assert!(external.approximate && !on_chip.approximate);
    // Other jobs may be the fastest then, so the weights may lie in other orders.
    assert!(external.blocks_used < on_chip.blocks_used);
    for memory in &external.memories[..2] {
        assert_eq!((memory.place, memory.blocks), (Place::External, 0));
        assert!(memory.words > 0);
    }
    let rest = &external.memories[2..];
    assert!(rest.iter().all(|memory| memory.place != Place::External));
}

#[test]
fn traffic_counts_what_the_program_counts() {
    for schedule in [Schedule::Paper, Schedule::Chain, Schedule::Planned] {
        let program = program(schedule, 64);
        let step = time(&program, &Machine::streamlined(), FORMATS).expect("a machine");
        for op in step.parts().into_iter().flat_map(|(ops, _)| ops) {
            let Some(index) = op.op else { continue };
            let bits = |id| u64::from(super::job::width(&program, FORMATS, id));
            let len = |id| program.buffer(id).len as u64 * bits(id);
            let operation = &program.ops[index];
            let once: u64 =
                operation.reads().into_iter().map(len).sum::<u64>() + len(operation.writes());
            let moved = traffic(&program, op, &step.machine, FORMATS);
            if op.counters.rereads == 0 && op.counters.state == 0 {
                assert_eq!(moved.total(), once, "{}", op.name);
            } else {
                assert!(moved.total() > once, "{}", op.name);
            }
        }
        let input = program.buffer(program.input()).len as u64;
        let all = step_traffic(&program, &step, FORMATS);
        assert_eq!(all.outside, 64 * 8 * input);
    }
}

#[test]
fn energy_by_hand() {
    let program = program(Schedule::Paper, 64);
    let step = time(&program, &Machine::published(), FORMATS).expect("a machine");
    let table = EnergyTable::named("horowitz-45nm").expect("a table");
    // 8 x 8 bits cost 0.2 pJ in the table's own row for bytes.
    assert!((table.multiply([8, 8]) - 0.2).abs() < 0.01);
    let plain = energy(&step, &program, FORMATS, table, false);
    let mut expected = 0.0;
    for (ops, times) in step.parts() {
        for op in ops {
            match op.op.map(|index| &program.ops[index].kind) {
                Some(OpKind::Contract { a, b, .. }) => {
                    let bits = |id| match program.buffer(id).class {
                        Class::Core => 4.0,
                        Class::Activation => 8.0,
                        _ => 16.0,
                    };
                    let product = bits(a.buffer) * bits(b.buffer) / 1024.0;
                    expected += 3.1 * product * (op.counters.macs * times) as f64;
                }
                Some(OpKind::Update { parameter, .. }) => {
                    expected +=
                        3.1 * (UPDATE_MULTIPLIES as usize * program.buffer(*parameter).len) as f64;
                }
                _ => {}
            }
        }
    }
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
    assert!(close(plain.multiply, expected * 1e-12));
    // 64 samples of 896 bytes at 1.3 nJ for 8 of them.
    assert!(close(plain.dram.low, 64.0 * 896.0 / 8.0 * 1.3e-9));
    assert!(close(plain.dram.high, 2.0 * plain.dram.low));
    assert!(close(plain.static_, 0.3 * step.cycles() as f64 / 1e8));
    assert!(close(
        plain.total.high,
        plain.multiply + plain.add + plain.sram + plain.dram.high + plain.static_
    ));
    let scaled = energy(&step, &program, FORMATS, table, true);
    assert!(close(scaled.sram, 14.0 * plain.sram) && close(scaled.add, 14.0 * plain.add));
    assert!(close(scaled.dram.high, plain.dram.high) && close(scaled.static_, plain.static_));
    let other = energy(&step, &program, FORMATS, TABLES[1], false);
    assert!(close(other.multiply, plain.multiply * 8.63 / 3.1));
    assert!(close(other.add, plain.add * 2.1));
    assert!(EnergyTable::named("unknown").is_none());
}

#[test]
fn published_ratios_follow_from_what_they_imply() {
    let program = program(Schedule::Paper, 64);
    let step = time(&program, &Machine::published(), FORMATS).expect("a machine");
    let watts = RASPBERRY_PI_3B.implied_board_watts();
    assert!((RASPBERRY_PI_3B.loaded_watts / watts - 2.085).abs() < 0.001);
    let first = compare(&step, RASPBERRY_PI_3B, 0.1, watts).expect("fine");
    let macs = step.counters().macs as f64 / 64.0;
    assert!((first.processor_seconds - macs / 9.6e8).abs() < 1e-12);
    let again = compare(&step, RASPBERRY_PI_3B, first.implied_efficiency, watts).expect("fine");
    assert!((again.speed_ratio - 59.0).abs() < 1e-9);
    assert!((again.energy_ratio - 123.0).abs() < 1e-9);
    for (efficiency, watts) in [
        (0.0, 1.0),
        (1.5, 1.0),
        (f64::NAN, 1.0),
        (0.1, 0.0),
        (0.1, f64::INFINITY),
    ] {
        assert!(compare(&step, RASPBERRY_PI_3B, efficiency, watts).is_err());
    }
    let speed = 64.0 / step.seconds();
    assert!((against_measured(&step, speed / 2.0) - 2.0).abs() < 1e-12);
}

#[test]
fn nothing_runs_above_the_array() {
    for schedule in [Schedule::Paper, Schedule::Chain] {
        let program = program(schedule, 64);
        let step = time(&program, &Machine::streamlined(), FORMATS).expect("a machine");
        let roof = roofline(&step, &program, FORMATS);
        // 16 values of 2 bytes in and as many out.
        assert!((roof.bytes_per_cycle - 64.0).abs() < 1e-12);
        assert!((roof.ridge - 2.0).abs() < 1e-12);
        for op in &roof.ops {
            assert!(op.macs_per_cycle <= roof.peak_macs_per_cycle, "{}", op.name);
            assert_eq!(op.bound == Bound::Memory, op.roof < 128.0, "{}", op.name);
        }
        assert_eq!(roof.whole.macs, step.counters().macs);
    }
}
