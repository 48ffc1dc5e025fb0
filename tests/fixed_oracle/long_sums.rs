//! Sums too long for 32 bits: extreme values of one sign, so that a sum taken in 32 bits would wrap.

use railyard::exec::fixed::FixedFormats;
use railyard::kernels::safe_terms;
use railyard::numeric::{Rounding, Seed};
use railyard::program::{NetworkShape, Schedule, compile};
use railyard::tt::TtShape;

use crate::integers::Step;
use crate::networks::SCHEDULES;
use crate::rig::Rig;

const WIDEST: FixedFormats = FixedFormats {
    core: 8,
    activation: 8,
    gradient: 16,
    rounding: Rounding::Stochastic,
};

/// Layers with their constant scales.
fn rig(layers: Vec<(TtShape, i32)>, schedule: Schedule, batch: usize) -> Rig {
    let (layers, exponents) = layers.into_iter().unzip();
    Rig::new(
        compile(
            &NetworkShape {
                layers,
                exponents,
                classes: 2,
            },
            schedule,
            batch,
        ),
        WIDEST,
    )
}

fn dense(inputs: usize, outputs: usize) -> TtShape {
    TtShape::dense(inputs, outputs).unwrap()
}

/// Fills the cores of a layer: with -128 all of them, which an even number of cores makes positive,
/// or the last layer's, whose two outputs get 127 and -128 for every input.
fn fill(rig: &mut Rig, layer: usize) {
    for id in rig.program.layers[layer].cores.clone() {
        let len = rig.program.buffer(id).len;
        let last = layer + 1 == rig.program.layers.len();
        let values: Vec<i16> = (0..len)
            .map(|i| if last && i < len / 2 { 127 } else { -128 })
            .collect();
        rig.set(id, &values);
    }
}

/// Two batches of white samples that are all of the second class, taken for the first.
fn run(rig: &mut Rig) {
    for layer in 0..rig.program.layers.len() {
        fill(rig, layer);
    }
    let pixels = vec![255; rig.program.batch * rig.inputs()];
    let labels = vec![1; rig.program.batch];
    for step in 0..2 {
        rig.run(Step {
            pixels: &pixels,
            labels: &labels,
            seed: Seed(3),
            number: step,
            train: true,
        });
    }
}

/// Largest magnitude that an operation's sums had.
fn peak(rig: &Rig, name: &str) -> u64 {
    let op = rig
        .program
        .ops
        .iter()
        .position(|op| op.name == name)
        .unwrap();
    rig.executors[0].1.shifts()[op].peak
}

#[test]
fn a_forward_sum_of_140_000_terms_is_exact() {
    assert!(140_000 > safe_terms(8, 8));
    let mut rig = rig(vec![(dense(140_000, 2), 12)], Schedule::Chain, 3);
    run(&mut rig);
    // 128 * 127 * 140,000 = 2.276e9, above 2^31 = 2.147e9. (The peak may be more by half a step of
    // what is stored, where the bias was added.)
    assert!(peak(&rig, "fc1.x*G1.forward") >= 128 * 127 * 140_000);
}

#[test]
fn a_weight_gradient_summed_over_1_100_samples_is_exact() {
    assert!(1_100 > safe_terms(16, 8));
    for schedule in SCHEDULES {
        // 4 * 2^6 separates the logits by far more than exp can tell from certainty.
        let mut rig = rig(vec![(dense(4, 2), -6)], schedule, 1_100);
        run(&mut rig);
        let gradient = if schedule == Schedule::Paper {
            "fc1.dW"
        } else {
            "fc1.d(G1)"
        };
        // p - 1[label] is 1 and -1, 2^14 in 16 bits, times a white pixel, 127, in every sample.
        assert_eq!(peak(&rig, gradient), (1 << 14) * 127 * 1_100);
        assert!(peak(&rig, gradient) > 1 << 31);
    }
}

#[test]
fn an_input_gradient_of_1_200_terms_is_exact() {
    assert!(1_200 > safe_terms(16, 8));
    for schedule in SCHEDULES {
        // Two cores each, so that all activations are positive.
        let pair = |n: [usize; 2], m: [usize; 2]| TtShape::new(n, m, [1]).unwrap();
        let first = pair([2, 2], [2, 2]);
        let second = pair([2, 2], [1, 1_200]);
        let mut rig = rig(
            vec![(first, 0), (second, 0), (dense(1_200, 2), -6)],
            schedule,
            3,
        );
        run(&mut rig);
        let ops = &rig.program.ops;
        let long = ops
            .iter()
            .zip(rig.executors[0].1.shifts())
            .filter(|(_, shift)| shift.peak > 1 << 31);
        let names: Vec<&str> = long.map(|(op, _)| op.name.as_str()).collect();
        // 1,200 gradients of 0.45 to 0.9 of 2^15 times 128: at least 2.26e9. Which core is met first
        // depends on the schedule.
        assert!(
            names.iter().any(|name| name.starts_with("fc2.d(x")),
            "{schedule:?}: {names:?}"
        );
    }
}

#[test]
fn a_dense_gradient_contracted_over_2_048_entries_is_exact() {
    assert!(2_048 > safe_terms(16, 8));
    let first = TtShape::new([2, 64], [2, 32], [2]).unwrap();
    let mut rig = rig(vec![(first, 0), (dense(64, 2), -6)], Schedule::Paper, 4);
    run(&mut rig);
    // dW, at least 0.45 of 2^15 everywhere, times 128 at 64 * 32 places: at least 3.8e9.
    assert!(peak(&rig, "fc1.dW(G1).G2") > 1 << 31);
}
