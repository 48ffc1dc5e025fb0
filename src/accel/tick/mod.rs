//! The tick engine: a machine that is advanced cycle by cycle and moves real values.
//!
//! It is the reference for a gateware: each module is one piece of hardware, a struct of parameters,
//! counters and registers with a `clock` that is one cycle. Within a cycle everything sees the
//! registers as the last clock edge left them. Nothing here knows how long anything takes; lengths,
//! waits and causes are counted as they happen, and [`super::event`] must say the same.
//!
//! | module | hardware |
//! | --- | --- |
//! | `memory` | banks, ports, the unit that rounds and writes |
//! | `plan` | loop bounds and address tables, weight memories |
//! | `stage` | the state machine of a stage |
//! | `load`, `array`, `store` | the datapaths of the contraction elements, with their buffers |
//! | `contract` | the flags and the port between the stages |
//! | `outer`, `elementwise`, `single` | the elements with one stage |
//! | `sequencer` | one operation after another, a whole training step |
//!
//! Within a phase beats and the rest of accesses alternate as they happen; [`super::runs`] puts all beats
//! first. Simplifications: the array reads its weights through a port of its own; adding to a sum over
//! the batch is one access; outer products and elementwise lanes wait for external memory only.

mod array;
mod contract;
mod elementwise;
mod load;
mod memory;
mod outer;
mod plan;
mod sequencer;
mod single;
mod stage;
mod store;

pub use elementwise::Function;
pub use memory::{Memory, StoreRule};
pub use sequencer::TickEngine;

use super::event::blank;
use super::job::{ContractJob, Job, OuterJob, StreamJob};
use super::machine::Machine;
use super::timing::OpTiming;
use crate::program::BufferId;
use array::Weights;
use memory::Target;
use plan::Plan;

/// A job with what becomes of its values.
#[derive(Clone, Copy, Debug)]
pub enum Work<'a> {
    /// A sum of products.
    Contract(&'a ContractJob, StoreRule),
    /// Products.
    Outer(&'a OuterJob, StoreRule),
    /// Values in a row.
    Stream(&'a StreamJob, Function<'a>),
}

/// Runs one job on a machine. Phases, tallies and counters are counted while it runs; names, parts and
/// passes are left to the caller.
///
/// # Panics
/// If the machine is none, or the memory lacks a place that the job addresses.
#[must_use]
pub fn run_job(work: &Work, machine: &Machine, memory: &mut Memory) -> OpTiming {
    match *work {
        Work::Contract(job, rule) => {
            let plan = Plan::new(job, machine);
            let packed = plan
                .packed
                .then(|| plan.pack(&memory.values[job.weights.0]));
            run_contract((job, &plan), packed.as_deref(), rule, machine, memory)
        }
        Work::Outer(job, rule) => {
            let mut timing = blank(&Job::Outer(job.clone()), machine);
            with_target(job.out, rule, memory, |memory, target| {
                let operands = job.operands.map(|id| &memory.values[id.0][..]);
                outer::run(job, machine, operands, target, &mut timing);
            });
            timing
        }
        Work::Stream(job, function) => {
            let mut timing = blank(&Job::Stream(*job), machine);
            elementwise::run(job, machine, &function, memory, &mut timing);
            timing
        }
    }
}

/// Runs a contraction whose plan and weight memory are there.
fn run_contract(
    (job, plan): (&ContractJob, &Plan),
    packed: Option<&[i16]>,
    rule: StoreRule,
    machine: &Machine,
    memory: &mut Memory,
) -> OpTiming {
    let mut timing = blank(&Job::Contract(job.clone()), machine);
    with_target(job.out, rule, memory, |memory, target| {
        let words = &memory.values[job.weights.0];
        let weights = packed.map_or(Weights::Scattered(words), Weights::Packed);
        let operands = (&memory.values[job.input.0][..], weights, words.len());
        contract::run(plan, machine, operands, target, &mut timing);
    });
    timing
}

/// Takes a result's memory out of the rest while something runs.
fn with_target(
    out: BufferId,
    rule: StoreRule,
    memory: &mut Memory,
    run: impl FnOnce(&Memory, Target),
) {
    match rule {
        StoreRule::Requantise { how, stream } => {
            let mut words = std::mem::take(&mut memory.values[out.0]);
            let target = Target::Words {
                how,
                stream,
                words: &mut words,
            };
            run(memory, target);
            memory.values[out.0] = words;
        }
        StoreRule::Accumulate => {
            let mut sums = std::mem::take(&mut memory.sums[out.0]);
            run(memory, Target::Sums(&mut sums));
            memory.sums[out.0] = sums;
        }
    }
}
