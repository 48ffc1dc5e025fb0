//! A Program as bytes: every one comes back, and damaged ones are refused or can be run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use railyard::accel::{Machine, fit, time};
use railyard::exec::Batch;
use railyard::exec::fixed::{FixedExecutor, FixedFormats, StepKey};
use railyard::numeric::{Rounding, Seed, Stream};
use railyard::program::code::{MAX_CODE, decode, encode};
use railyard::program::{
    BufferId, Class, NetworkShape, OpKind, Part, Program, Schedule, Scope, View, compile,
    compile_with_input_gradient,
};
use railyard::train::config::{Precision, Preset, RunConfig};
use railyard::tt::TtShape;

#[path = "support/networks.rs"]
#[allow(dead_code)]
mod networks;
use networks::{SCHEDULES, networks};

fn preset(preset: Preset, schedule: Schedule, batch: usize) -> Program {
    let config = RunConfig::preset(preset, Precision::Fixed);
    let layers = config.shapes().expect("a preset");
    let network = NetworkShape {
        exponents: vec![-3; layers.len()],
        layers,
        classes: 10,
    };
    compile(&network, schedule, batch).with_label_smoothing(26)
}

#[test]
fn every_preset_comes_back() {
    for name in [Preset::Paper, Preset::Tiny, Preset::Dense] {
        for schedule in SCHEDULES {
            for batch in [1, 64, 256] {
                let program = preset(name, schedule, batch);
                let code = encode(&program);
                assert_eq!(decode(&code), Ok(program), "{name:?} {schedule:?} {batch}");
            }
        }
    }
    let paper = encode(&preset(Preset::Paper, Schedule::Planned, 64));
    println!("paper: {} bytes", paper.len());
    assert!(paper.len() < 8192);
}

#[test]
fn the_largest_accepted_network_comes_back() {
    let layer = || TtShape::new([2; 8], [2; 8], [3; 7]).expect("a shape");
    let network = NetworkShape {
        layers: (0..8).map(|_| layer()).collect(),
        exponents: vec![0; 8],
        classes: 10,
    };
    for schedule in SCHEDULES {
        let program = compile(&network, schedule, 4);
        let code = encode(&program);
        assert!(code.len() < railyard::link::virtual_board::PROGRAM_BYTES);
        assert_eq!(decode(&code), Ok(program));
    }
}

#[test]
fn ranks_are_those_of_the_shape() {
    let program = preset(Preset::Paper, Schedule::Paper, 8);
    assert_eq!(program.bond_ranks(), [vec![16, 16, 16], vec![16]]);
    let program = preset(Preset::Dense, Schedule::Planned, 8);
    assert_eq!(program.bond_ranks(), [vec![], Vec::<usize>::new()]);
}

#[test]
fn what_is_no_program_is_refused_in_a_sentence() {
    let program = preset(Preset::Tiny, Schedule::Chain, 8);
    let code = encode(&program);
    let refused = |bytes: &[u8], says: &str| {
        let error = decode(bytes).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    };
    for end in 0..code.len() {
        assert!(decode(&code[..end]).is_err(), "cut at {end}");
    }
    refused(&vec![0; MAX_CODE + 1], "more than");
    refused(b"RYP0", "begin with RYP1");
    refused(&[&code[..], &[0]].concat(), "1 bytes follow");
    let changed = |change: &dyn Fn(&mut Program)| {
        let mut program = program.clone();
        change(&mut program);
        encode(&program)
    };
    refused(&changed(&|p| p.batch = 1025), "1,024");
    refused(&changed(&|p| p.classes = 17), "more classes than logits");
    refused(&changed(&|p| p.ops.swap(0, 1)), "before it is written");
    refused(
        &changed(&|p| {
            let after = p.ops.iter().position(|op| op.part == Part::After);
            let after = after.expect("an operation");
            p.ops.swap(after - 1, after);
        }),
        "earlier part",
    );
    refused(
        &changed(&|p| p.buffers[0].len += 1),
        "do not make its length",
    );
    refused(&changed(&|p| p.buffers[0].len = 1 << 27), "at most");
    refused(
        &changed(&|p| {
            p.ops.pop();
        }),
        "updated once each",
    );
    refused(
        &changed(&|p| p.ops[1].name = p.ops[0].name.clone()),
        "not unique",
    );
    refused(
        &changed(&|p| p.ops[0].name = "a\nb".into()),
        "control character",
    );
    refused(&changed(&|p| p.ops[0].layer = 2), "no such layer");
    refused(
        &changed(&|p| {
            if let OpKind::Contract { exponent, .. } = &mut p.ops[0].kind {
                *exponent = 65;
            }
        }),
        "-64 to 64",
    );
}

/// Runs all that takes a decoded Program on small ones.
fn run(program: &Program, rounding: Rounding) {
    let formats = FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding,
    };
    let stream = Stream::new(Seed(3), 0, 0, 0);
    let mut executor = FixedExecutor::new(program.clone(), formats, 1);
    for layer in &program.layers {
        for &id in layer.cores.iter().chain([&layer.bias]) {
            let len = program.buffer(id).len as u32;
            let values: Vec<i16> = (0..len).map(|i| stream.below(i, 15) as i16 - 7).collect();
            executor.set_parameter(id, &values);
        }
    }
    let inputs = program.buffer(program.input()).len as u32;
    let batch = program.batch as u32;
    let pixels: Vec<u8> = (0..inputs * batch)
        .map(|i| stream.below(i, 256) as u8)
        .collect();
    let labels: Vec<u8> = (0..batch)
        .map(|i| stream.below(i, program.classes as u32) as u8)
        .collect();
    for step in 0..2 {
        let key = StepKey {
            seed: Seed(1),
            step,
        };
        executor.train(
            Batch {
                pixels: &pixels,
                labels: &labels,
            },
            key,
        );
    }
    for name in ["published", "streamlined"] {
        let machine = Machine::preset(name).expect("a preset");
        let _ = time(program, &machine, formats);
        let _ = fit(program, &machine, formats);
    }
}

proptest! {
    #![proptest_config(networks::config(300, 41))]

    #[test]
    fn random_networks_come_back(
        network in networks(4, 5),
        schedule in 0_usize..3,
        batch in 1_usize..20,
        to_input in any::<bool>(),
        smoothing in any::<u8>(),
    ) {
        let compiled = if to_input { compile_with_input_gradient } else { compile };
        let program = compiled(&network, SCHEDULES[schedule], batch);
        let program = program.with_label_smoothing(smoothing);
        prop_assert_eq!(decode(&encode(&program)), Ok(program));
    }

    /// A few changed bytes: refused, or a Program that everything runs.
    #[test]
    fn damaged_ones_are_refused_or_run(
        network in networks(3, 3),
        schedule in 0_usize..3,
        batch in 1_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
    ) {
        let mut code = encode(&compile(&network, SCHEDULES[schedule], batch));
        // Names say nothing to an executor; most changes go before them.
        let names = code.len() / 2;
        for (place, value, small) in &changes {
            let at = place.index(names);
            code[at] = if *small { code[at] ^ (1 << (value % 3)) } else { *value };
        }
        if let Ok(program) = decode(&code) {
            let elements: usize = program.buffers.iter().map(|buffer| buffer.len).sum();
            if elements * program.batch < 200_000 {
                let ran = catch_unwind(AssertUnwindSafe(|| run(&program, Rounding::Stochastic)));
                prop_assert!(ran.is_ok(), "{program:?}");
            }
        }
    }
}

/// The tensors that an operation names, in the order of its fields.
fn named(kind: &mut OpKind) -> Vec<&mut BufferId> {
    match kind {
        OpKind::Contract { a, b, out, .. } => {
            vec![&mut a.buffer, &mut b.buffer, &mut out.buffer]
        }
        OpKind::Bias { y, bias } => vec![y, bias],
        OpKind::Relu { y } => vec![y],
        OpKind::ReluGradient { y, gradient } => vec![y, gradient],
        OpKind::SoftmaxCrossEntropy {
            logits, gradient, ..
        } => vec![logits, gradient],
        OpKind::Sum { from, out } | OpKind::Finish { from, out } => vec![from, out],
        OpKind::Update {
            parameter,
            gradient,
        } => vec![parameter, gradient],
    }
}

/// Changes something that could still make sense.
fn change(program: &mut Program, what: usize, [first, second, third]: [usize; 3]) {
    let (ops, buffers) = (program.ops.len(), program.buffers.len());
    let op = first % ops;
    match what {
        0 => {
            let mut names = named(&mut program.ops[op].kind);
            let count = names.len();
            *names[second % count] = BufferId(third % buffers);
        }
        1 => program.ops.swap(op, (op + 1 + second % 3) % ops),
        2 => {
            let classes = [Class::Activation, Class::Gradient, Class::Accumulator];
            program.buffers[second % buffers].class = classes[third % 3];
        }
        3 => {
            let buffer = &mut program.buffers[second % buffers];
            buffer.scope = match buffer.scope {
                Scope::Batch => Scope::Sample,
                Scope::Sample => Scope::Batch,
            };
        }
        4 | 5 => {
            if let OpKind::Contract { a, b, out, .. } = &mut program.ops[op].kind {
                let views: [&mut View; 3] = [a, b, out];
                let view = &mut views.into_iter().nth(second % 3).expect("a view").axes;
                let count = view.len().max(1);
                if what == 4 && !view.is_empty() {
                    view.swap(third % count, (third + 1) % count);
                } else if let Some(axis) = view.get_mut(third % count) {
                    axis.size = 1 + (third + second) % 4;
                }
            }
        }
        6 => {
            if let OpKind::Contract {
                accumulate,
                exponent,
                ..
            } = &mut program.ops[op].kind
            {
                *accumulate ^= second % 4 == 0;
                *exponent = third as i32 % 129 - 64;
            }
        }
        7 => {
            let parts = [Part::Before, Part::Sample, Part::After];
            program.ops[op].part = parts[second % 3];
        }
        8 => {
            program.ops.remove(op);
        }
        9 => program.batch = 1 + second % 5,
        _ => program.classes = 1 + second % 5,
    }
}

#[test]
fn changed_programs_are_refused_or_run() {
    let stream = Stream::new(Seed(8), 0, 0, 0);
    let (mut next, mut accepted, mut different) = (0, 0, 0);
    let mut draw = |bound: u32| {
        next += 1;
        stream.below(next, bound) as usize
    };
    for case in 0..6000 {
        let layer = |ins: [usize; 2], outs: [usize; 2]| {
            TtShape::new(ins, outs, [1 + case % 3]).expect("a shape")
        };
        let network = NetworkShape {
            layers: vec![layer([2, 3], [2, 2]), layer([2, 2], [2, 2])],
            exponents: vec![1, 2],
            classes: 3,
        };
        let whole = compile(&network, SCHEDULES[draw(3)], 2);
        let mut program = whole.clone();
        for _ in 0..=draw(2) {
            change(&mut program, draw(11), [draw(1000), draw(1000), draw(1000)]);
        }
        let Ok(program) = decode(&encode(&program)) else {
            continue;
        };
        accepted += 1;
        different += usize::from(program != whole);
        let ran = catch_unwind(AssertUnwindSafe(|| run(&program, Rounding::Stochastic)));
        assert!(ran.is_ok(), "{program:?}");
    }
    println!("{accepted} accepted, {different} of them changed");
    assert!(different > 1000);
}

proptest! {
    #![proptest_config(networks::config(3000, 43))]

    /// Single fields of a small Program, changed to any value.
    #[test]
    fn any_field_may_be_anything(
        schedule in 0_usize..3,
        place in any::<prop::sample::Index>(),
        value in 0_u8..9,
    ) {
        let layer = |ins: [usize; 2], outs: [usize; 2]| TtShape::new(ins, outs, [2]).expect("a shape");
        let network = NetworkShape {
            layers: vec![layer([2, 3], [2, 2]), layer([2, 2], [2, 2])],
            exponents: vec![1, 2],
            classes: 3,
        };
        let mut code = encode(&compile(&network, SCHEDULES[schedule], 2));
        let at = place.index(code.len());
        code[at] = value;
        if let Ok(program) = decode(&code) {
            let elements: usize = program.buffers.iter().map(|buffer| buffer.len).sum();
            if elements * program.batch < 20_000 {
                let ran = catch_unwind(AssertUnwindSafe(|| run(&program, Rounding::Nearest)));
                prop_assert!(ran.is_ok(), "{program:?}");
            }
        }
    }
}
