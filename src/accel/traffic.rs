//! Which bits an operation moves in which memory.
//!
//! The counters of a timing say how many values were read and written; here they are given to memories
//! and multiplied by their widths. A value that a stage passes on through its ping-pong buffer is not
//! counted again.

use serde::{Deserialize, Serialize};

use super::event::best;
use super::job::{Job, width};
use super::machine::Machine;
use super::timing::{OpTiming, StepTiming};
use crate::exec::fixed::FixedFormats;
use crate::program::{BufferId, Class, OpKind, Program};

/// Width in bits of a value of the optimiser's state.
pub const STATE_BITS: u32 = 32;

/// Bits moved in each memory, reads and writes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Cores, and what else the batch shares, as the array reads it.
    pub weights: u64,
    /// Activations and gradients; also a sample's pixels once they are in.
    pub activations: u64,
    /// Exact sums over the batch.
    pub accumulators: u64,
    /// Biases.
    pub biases: u64,
    /// Moments of the optimiser.
    pub state: u64,
    /// Pixels from outside.
    pub outside: u64,
}

impl Traffic {
    /// Adds others `times` times.
    pub fn add_times(&mut self, other: &Self, times: u64) {
        self.weights += other.weights * times;
        self.activations += other.activations * times;
        self.accumulators += other.accumulators * times;
        self.biases += other.biases * times;
        self.state += other.state * times;
        self.outside += other.outside * times;
    }

    /// Bits in all memories.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self {
            weights,
            activations,
            accumulators,
            biases,
            state,
            outside,
        } = self;
        weights + activations + accumulators + biases + state + outside
    }

    fn of(&mut self, program: &Program, id: BufferId) -> &mut u64 {
        match program.buffer(id).class {
            Class::Core => &mut self.weights,
            Class::Bias => &mut self.biases,
            Class::Accumulator => &mut self.accumulators,
            Class::Activation | Class::Gradient => &mut self.activations,
        }
    }
}

/// The operand of a contraction that the array reads as weights, if it lies in a weight memory.
#[must_use]
pub fn packed_weights(
    program: &Program,
    op: usize,
    machine: &Machine,
    formats: FixedFormats,
) -> Option<BufferId> {
    let OpKind::Contract { a, b, .. } = &program.ops[op].kind else {
        return None;
    };
    let shares = |axis: &crate::program::Axis| b.axes.iter().any(|other| other.label == axis.label);
    if !a.axes.iter().any(shares) {
        return None;
    }
    match (program.per_sample(a.buffer), program.per_sample(b.buffer)) {
        (true, false) => Some(b.buffer),
        (false, true) => Some(a.buffer),
        (true, true) => None,
        (false, false) => match best(program, op, machine, formats).1 {
            Job::Contract(job) => Some(job.weights),
            _ => None,
        },
    }
}

/// What an operation moves once.
#[must_use]
pub fn traffic(
    program: &Program,
    timing: &OpTiming,
    machine: &Machine,
    formats: FixedFormats,
) -> Traffic {
    let mut found = Traffic::default();
    let bits = |id: BufferId| u64::from(width(program, formats, id));
    let Some(op) = timing.op else {
        let input = program.input();
        let moved = timing.counters.writes * bits(input);
        (found.outside, found.activations) = (moved, moved);
        return found;
    };
    let whole = |id: BufferId| program.buffer(id).len as u64 * bits(id);
    let weights = packed_weights(program, op, machine, formats);
    let operation = &program.ops[op];
    for id in operation.reads() {
        let slot = if weights == Some(id) {
            &mut found.weights
        } else {
            found.of(program, id)
        };
        *slot += whole(id);
    }
    *found.of(program, operation.writes()) += whole(operation.writes());
    // What is read again: the weights for each tile, an outer product's line, a stream's values.
    let again = match &operation.kind {
        OpKind::Contract { a, b, .. } => {
            weights.unwrap_or(match best(program, op, machine, formats).1 {
                Job::Contract(job) => job.weights,
                Job::Outer(_) if bits(b.buffer) > bits(a.buffer) => b.buffer,
                _ => a.buffer,
            })
        }
        OpKind::SoftmaxCrossEntropy { logits, .. } => *logits,
        OpKind::Update { parameter, .. } => *parameter,
        _ => operation.writes(),
    };
    let slot = if weights == Some(again) {
        &mut found.weights
    } else {
        found.of(program, again)
    };
    *slot += timing.counters.rereads * bits(again);
    found.state = timing.counters.state * u64::from(STATE_BITS);
    found
}

/// What a whole step moves.
#[must_use]
pub fn step_traffic(program: &Program, step: &StepTiming, formats: FixedFormats) -> Traffic {
    let mut all = Traffic::default();
    for (ops, times) in step.parts() {
        for op in ops {
            all.add_times(&traffic(program, op, &step.machine, formats), times);
        }
    }
    all
}
