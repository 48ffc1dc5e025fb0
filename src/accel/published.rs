//! The published training step, as it was counted: one sample's thirteen contractions and three
//! elementwise operations.
//!
//! Next to the trainer's step of schedule `paper` it has the gradient of the network's input, which a
//! first layer does not need; it lacks the last layer's outer product, the biases and their
//! gradients' sums, and the loading of the sample. Pipeline depths are 0.

use serde::{Deserialize, Serialize};

use super::event::best;
use super::machine::{Machine, MachineError, OuterProduct, Pipeline};
use super::timing::{Element, OpTiming};
use crate::exec::fixed::FixedFormats;
use crate::program::{
    NetworkShape, Op, OpKind, Part, Program, Schedule, compile_with_input_gradient,
};

/// The published step's operations.
#[must_use]
pub fn step(network: &NetworkShape) -> Program {
    let mut program = compile_with_input_gradient(network, Schedule::Paper, 1);
    let last = network.layers.len() - 1;
    let counted = |op: &Op| {
        op.part == Part::Sample
            && match &op.kind {
                OpKind::Contract { accumulate, .. } => !accumulate || op.layer < last,
                OpKind::Relu { .. }
                | OpKind::ReluGradient { .. }
                | OpKind::SoftmaxCrossEntropy { .. } => true,
                _ => false,
            }
    };
    program.ops.retain(counted);
    program
}

/// What the published step costs on an array.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Multiply-accumulates per multiplier: the least cycles there could be.
    pub macs_per_multiplier: f64,
    /// Beats of array and elementwise lanes: computing without a wait.
    pub compute_beats: u64,
    /// Cycles with full ping-pong.
    pub ping_pong: u64,
    /// Cycles with the published overlap.
    pub published_overlap: u64,
}

/// The rows of the published step's table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Values per beat.
    pub lanes: usize,
    /// Rows of the array.
    pub rows: usize,
    /// Thirteen contractions and three elementwise operations.
    pub whole: Count,
    /// Without the outer product.
    pub without_outer: Count,
    /// With the outer product on the whole array.
    pub outer_on_array: Count,
}

/// Counts the published step on an array.
///
/// # Errors
/// If no machine has such an array.
pub fn table(
    network: &NetworkShape,
    lanes: usize,
    rows: usize,
    formats: FixedFormats,
) -> Result<Table, MachineError> {
    let program = step(network);
    let published = bare(Machine::published().with_array(lanes, rows));
    let ping_pong = bare(Machine::overlapped().with_array(lanes, rows));
    published.validate()?;
    let ops = |machine: &Machine| -> Vec<OpTiming> {
        (0..program.ops.len())
            .map(|op| best(&program, op, machine, formats).0)
            .collect()
    };
    let on_array = |machine: &Machine| Machine {
        outer: OuterProduct::Array,
        ..machine.clone()
    };
    let count = |published: &[OpTiming], ping_pong: &[OpTiming], outer: bool| {
        let sum = |ops: &[OpTiming], of: fn(&OpTiming) -> u64| -> u64 {
            ops.iter()
                .filter(|op| outer || op.element != Element::Outer)
                .map(of)
                .sum()
        };
        let macs = sum(ping_pong, |op| op.counters.macs);
        Count {
            macs,
            macs_per_multiplier: macs as f64 / (lanes * rows) as f64,
            compute_beats: sum(ping_pong, |op| op.beats),
            ping_pong: sum(ping_pong, |op| op.cycles),
            published_overlap: sum(published, |op| op.cycles),
        }
    };
    let line = (ops(&published), ops(&ping_pong));
    let array = (ops(&on_array(&published)), ops(&on_array(&ping_pong)));
    Ok(Table {
        lanes,
        rows,
        whole: count(&line.0, &line.1, true),
        without_outer: count(&line.0, &line.1, false),
        outer_on_array: count(&array.0, &array.1, true),
    })
}

/// Without pipeline depths.
fn bare(machine: Machine) -> Machine {
    Machine {
        pipeline: Pipeline::default(),
        ..machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rounding;
    use crate::tt::TtShape;

    fn network() -> NetworkShape {
        let layers = vec![
            TtShape::new([7, 4, 2, 16], [4, 4, 2, 16], [16, 16, 16]).expect("fc1"),
            TtShape::new([32, 16], [1, 16], [16]).expect("fc2"),
        ];
        NetworkShape {
            layers,
            exponents: vec![0; 2],
            classes: 10,
        }
    }

    fn counts(lanes: usize, rows: usize) -> Table {
        let formats = FixedFormats {
            core: 4,
            activation: 8,
            gradient: 16,
            rounding: Rounding::Stochastic,
        };
        table(&network(), lanes, rows, formats).expect("a machine")
    }

    /// The published machine's table, from its own formulas.
    #[test]
    fn one_sample_at_16_x_8() {
        let Table {
            whole,
            without_outer,
            outer_on_array,
            ..
        } = counts(16, 8);
        let figures = |count: Count| {
            (
                count.macs,
                count.macs_per_multiplier,
                count.compute_beats,
                count.ping_pong,
                count.published_overlap,
            )
        };
        assert_eq!(
            figures(whole),
            (4_063_232, 31_744.0, 58_800, 61_650, 68_306)
        );
        assert_eq!(
            figures(without_outer),
            (3_604_480, 28_160.0, 30_128, 32_978, 39_634)
        );
        assert_eq!(outer_on_array.ping_pong, 36_562);
    }

    #[test]
    fn other_arrays() {
        let cycles = |lanes, rows| {
            let table = counts(lanes, rows);
            (table.whole.ping_pong, table.outer_on_array.ping_pong)
        };
        assert_eq!(cycles(4, 4), (346_458, 260_442));
        assert_eq!(cycles(8, 8), (120_546, 70_370));
        assert_eq!(cycles(16, 16), (48_550, 21_670));
        assert_eq!(cycles(32, 16), (44_102, 16_326));
    }
}
