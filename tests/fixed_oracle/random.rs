//! Random shapes, ranks, formats, schedules, batches, parameters and shifts.

use proptest::prelude::*;
use railyard::exec::fixed::{FixedFormats, Shift};
use railyard::numeric::{Rounding, Seed};
use railyard::program::{NetworkShape, compile};
use railyard::tt::TtShape;

use crate::integers::Step;
use crate::networks::{Draws, SCHEDULES, clear, config, margin, networks};
use crate::rig::Rig;

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
    (0..count)
        .map(|_| u8::try_from(draws.below(classes)).unwrap())
        .collect()
}

fn roundings() -> impl Strategy<Value = Rounding> {
    prop::sample::select(vec![
        Rounding::Truncate,
        Rounding::Nearest,
        Rounding::Stochastic,
    ])
}

fn formats() -> impl Strategy<Value = FixedFormats> {
    (2_u8..=8, 4_u8..=8, 4_u8..=16, roundings()).prop_map(
        |(core, activation, gradient, rounding)| FixedFormats {
            core,
            activation,
            gradient,
            rounding,
        },
    )
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
        let smoothing = if seed % 2 == 0 { 0 } else { 30 };
        let mut draws = Draws::new(seed);
        let margin = margin(&mut draws, network.layers[0].inputs());
        let program = compile(&network, schedule, batch).with_label_smoothing(smoothing);
        let mut rig = Rig::with_margin(program, formats, margin);
        for step in 0..steps {
            if step == 0 || draws.below(3) > 0 {
                let style = draws.below(8);
                rig.set_all(|bits| draw(&mut draws, style, bits));
            }
            for train in [false, true] {
                if train || draws.below(2) == 0 {
                    let samples = if draws.below(2) == 0 { batch } else { 1 + draws.below(batch) };
                    let mut pixels = pixels(&mut draws, samples * rig.inputs());
                    clear(margin, rig.inputs(), &mut pixels);
                    let some = if train || draws.below(2) == 0 { samples } else { 0 };
                    let labels = labels(&mut draws, some, network.classes);
                    rig.run(Step { pixels: &pixels, labels: &labels, seed: Seed(seed), number: step, train });
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
        rig.set_all(|bits| draw(&mut draws, 0, bits));
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
            rig.run(Step { pixels: &pixels, labels: &labels, seed: Seed(seed), number: step, train: true });
        }
    }
}

/// Two layers, 3 x 4 to 2 x 3 to 1 x 5, ranks 3 and 2.
fn small() -> NetworkShape {
    let first = TtShape::new([3, 4], [2, 3], [3]).unwrap();
    let second = TtShape::new([2, 3], [1, 5], [2]).unwrap();
    NetworkShape {
        layers: vec![first, second],
        exponents: vec![2, 1],
        classes: 4,
    }
}

#[test]
fn two_steps_of_the_papers_network_equal_the_plain_interpreter() {
    let fc1 = TtShape::new([7, 4, 2, 16], [4, 4, 2, 16], [16, 16, 16]).unwrap();
    let fc2 = TtShape::new([32, 16], [1, 16], [16]).unwrap();
    let network = NetworkShape {
        layers: vec![fc1, fc2],
        exponents: vec![5, 4],
        classes: 10,
    };
    let formats = FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding: Rounding::Stochastic,
    };
    for schedule in SCHEDULES {
        let mut rig = Rig::new(compile(&network, schedule, 5), formats);
        let mut draws = Draws::new(28);
        rig.set_all(|bits| draw(&mut draws, 0, bits));
        for step in 0..2 {
            let pixels: Vec<u8> = (0..5 * rig.inputs()).map(|_| draws.pixel()).collect();
            let labels = labels(&mut draws, 5, 10);
            rig.run(Step {
                pixels: &pixels,
                labels: &labels,
                seed: Seed(1),
                number: step,
                train: true,
            });
        }
    }
}

#[test]
fn forty_steps_through_the_change_of_patience_equal_the_plain_interpreter() {
    for schedule in SCHEDULES {
        let formats = FixedFormats {
            core: 4,
            activation: 8,
            gradient: 16,
            rounding: Rounding::Stochastic,
        };
        let mut rig = Rig::new(compile(&small(), schedule, 6), formats);
        let mut draws = Draws::new(40);
        for step in 0..40 {
            // Three different sizes of parameters, ten steps each, drive shifts down and up again.
            let style = [0, 5, 4, 5][usize::try_from(step / 10).unwrap()];
            rig.set_all(|bits| draw(&mut draws, style, bits));
            let pixels: Vec<u8> = (0..6 * rig.inputs()).map(|_| draws.pixel()).collect();
            let labels = labels(&mut draws, 6, 4);
            rig.run(Step {
                pixels: &pixels,
                labels: &labels,
                seed: Seed(9),
                number: step,
                train: true,
            });
        }
        assert!(rig.reference.shifts.iter().any(|shift| shift.batches == 40));
    }
}

#[test]
fn the_first_sixty_four_samples_set_the_first_shifts_on_any_number_of_threads() {
    let formats = FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding: Rounding::Nearest,
    };
    for schedule in SCHEDULES {
        let mut rig = Rig::new(compile(&small(), schedule, 70), formats);
        let mut draws = Draws::new(64);
        rig.set_all(|bits| draw(&mut draws, 0, bits));
        // Dark samples set the shifts; the last six are bright and saturate.
        let inputs = rig.inputs();
        let mut pixels: Vec<u8> = (0..64 * inputs).map(|_| draws.pixel() / 32).collect();
        pixels.resize(70 * inputs, 255);
        let labels = labels(&mut draws, 70, 4);
        rig.run(Step {
            pixels: &pixels,
            labels: &labels,
            seed: Seed(1),
            number: 0,
            train: true,
        });
        assert!(rig.reference.shifts.iter().any(|shift| shift.saturated > 0));
    }
}

#[test]
fn a_look_at_the_network_before_training_does_not_change_the_training() {
    let formats = FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding: Rounding::Stochastic,
    };
    for schedule in SCHEDULES {
        let train = |look: bool| {
            let mut rig = Rig::new(compile(&small(), schedule, 4), formats);
            let mut draws = Draws::new(2);
            rig.set_all(|bits| draw(&mut draws, 0, bits));
            let white = vec![255; 4 * rig.inputs()];
            for step in 0..3 {
                let pixels: Vec<u8> = (0..4 * rig.inputs()).map(|_| draws.pixel() / 16).collect();
                if look {
                    rig.run(Step {
                        pixels: &white,
                        labels: &[],
                        seed: Seed(5),
                        number: step,
                        train: false,
                    });
                }
                rig.run(Step {
                    pixels: &pixels,
                    labels: &[0, 1, 2, 3],
                    seed: Seed(5),
                    number: step,
                    train: true,
                });
            }
            (rig.reference.shifts, rig.reference.values)
        };
        assert!(train(true) == train(false), "{schedule:?}");
    }
}

#[test]
fn an_empty_batch_has_no_outcomes_and_zero_gradients() {
    let formats = FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding: Rounding::Nearest,
    };
    let mut rig = Rig::new(compile(&small(), SCHEDULES[1], 4), formats);
    let mut draws = Draws::new(1);
    rig.set_all(|bits| draw(&mut draws, 0, bits));
    let white = vec![255; 4 * rig.inputs()];
    for pixels in [&[][..], &white, &[]] {
        let labels = vec![0; pixels.len() / rig.inputs()];
        rig.run(Step {
            pixels,
            labels: &labels,
            seed: Seed(0),
            number: 0,
            train: true,
        });
        let zero = |values: &[i16]| values.iter().all(|&value| value == 0);
        let gradient = rig.program.layers[1].core_gradients[0];
        assert_eq!(
            zero(rig.executors[0].1.integers(gradient, 0)),
            pixels.is_empty()
        );
    }
}
