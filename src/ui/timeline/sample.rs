//! A training step for tests.

use std::rc::Rc;

use crate::accel::{Machine, StepTiming, Timeline, time};
use crate::exec::fixed::FixedFormats;
use crate::numeric::Rounding;
use crate::program::{NetworkShape, Program, Schedule, compile};
use crate::tt::TtShape;

/// Machines that differ where it matters for lengths.
pub fn machines() -> Vec<Machine> {
    let mut slow = Machine::overlapped().with_array(4, 4);
    slow.pipeline.load = 2;
    slow.pipeline.compute = 3;
    slow.ports.width = 2;
    vec![
        Machine::published(),
        Machine::streamlined(),
        Machine::published().with_array(8, 4),
        slow,
    ]
}

/// The network.
pub fn program() -> Program {
    let layers = vec![
        TtShape::new([7, 4, 2, 16], [4, 4, 2, 16], [16, 9, 5]).expect("fc1"),
        TtShape::new([32, 16], [1, 16], [16]).expect("fc2"),
    ];
    let network = NetworkShape {
        layers,
        exponents: vec![0; 2],
        classes: 10,
    };
    compile(&network, Schedule::Paper, 64)
}

/// A step on a machine.
pub fn step_on(machine: &Machine) -> StepTiming {
    let formats = FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding: Rounding::Stochastic,
    };
    time(&program(), machine, formats).expect("a machine")
}

/// An epoch of 900 equal steps.
pub fn epoch() -> Rc<Timeline> {
    let step = Rc::new(step_on(&Machine::published()));
    Rc::new(Timeline::new(&[(step, 900)]))
}
