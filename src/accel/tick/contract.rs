//! A contraction on its element: load, compute and store side by side, joined by the full and empty
//! flags of the slots between them, and by the shared port.
//!
//! In every cycle each stage sees the flags as the last clock edge left them; what ends with a cycle is
//! seen from the next one on. Only the grant of a shared port is decided within the cycle: to the
//! store, if both ask.

use super::super::machine::Machine;
use super::super::runs::starts_anew;
use super::super::timing::{Cause, OpTiming, Stage};
use super::array::{Array, Weights};
use super::load::Load;
use super::memory::{Port, Target};
use super::plan::Plan;
use super::stage::{Control, Parameters};
use super::store::{Output, Store};

/// Most slots that a buffer may have.
const SLOTS: usize = 8;

/// The registers between the stages.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// Slots of the input buffer that hold a tile.
    input_full: [bool; SLOTS],
    /// Slots of the output buffer that hold results.
    output_full: [bool; SLOTS],
    /// Whether a phase holds the shared port.
    port_held: bool,
}

/// Runs a contraction from its first cycle to its last and writes what happened into `timing`.
pub(super) fn run(
    plan: &Plan,
    machine: &Machine,
    (input, weights, weight_count): (&[i16], Weights, usize),
    mut target: Target,
    timing: &mut OpTiming,
) {
    let control = |stage: Stage| {
        Control::new(Parameters {
            stage,
            tiles: plan.tiles as u32,
            latency: plan.latencies[stage as usize],
            depth: plan.depths[stage as usize],
        })
    };
    let [mut load, mut compute, mut store] =
        [Stage::Load, Stage::Compute, Stage::Store].map(control);
    let mut loader = Load::new(plan, Port::new(machine), input.len());
    let mut array = Array::new(plan, Port::new(machine), weight_count);
    let mut storer = Store::new(plan, Port::new(machine));
    let (inputs, outputs) = (plan.coupling.input_buffers, plan.coupling.output_buffers);
    let mut flags = Flags::default();
    let mut now = 0;
    while !store.done() {
        let (into, from) = (load.tile as usize % inputs, compute.tile as usize % inputs);
        let (out, back) = (
            compute.tile as usize % outputs,
            store.tile as usize % outputs,
        );
        let load_waits = blocked(&load, || {
            let anew = load.tile > 0
                && starts_anew(&plan.coupling, plan.group_tiles as u32, load.tile)
                && store.tile < load.tile;
            first(&[
                (anew, Cause::StoreBound),
                (flags.input_full[into], Cause::ComputeBound),
                (flags.port_held, Cause::PortConflict),
            ])
        });
        let compute_waits = blocked(&compute, || {
            first(&[
                (!flags.input_full[from], Cause::LoadBound),
                (flags.output_full[out], Cause::StoreBound),
            ])
        });
        let store_waits = blocked(&store, || {
            first(&[
                (!flags.output_full[back], Cause::ComputeBound),
                (flags.port_held, Cause::PortConflict),
            ])
        });
        let of_store = store.clock(now, store_waits, |tile| {
            let mut output = Output {
                slots: &array.slots,
                target: &mut target,
            };
            storer.clock(plan, &mut output, tile)
        });
        // A store that begins takes the port before the load's eyes.
        let load_waits =
            load_waits.or((machine.ports.shared && of_store.began).then_some(Cause::PortConflict));
        let of_load = load.clock(now, load_waits, |tile| loader.clock(plan, input, tile));
        let of_compute = compute.clock(now, compute_waits, |tile| {
            array.clock(plan, &loader.slots, weights, tile)
        });
        // The clock edge.
        flags.input_full[into] |= of_load.ended;
        flags.input_full[from] &= !of_compute.ended;
        flags.output_full[out] |= of_compute.ended;
        flags.output_full[back] &= !of_store.ended;
        if machine.ports.shared {
            flags.port_held |= of_load.began || of_store.began;
            flags.port_held &= !(of_load.ended || of_store.ended);
        }
        now += 1;
    }
    timing.beats = compute.tally.of(Cause::Busy);
    timing.cycles = now;
    timing.tallies = [load.tally, compute.tally, store.tally];
    timing.phases = (0..plan.tiles)
        .flat_map(|tile| [&load, &compute, &store].map(|stage| stage.phases[tile]))
        .collect();
    timing.counters.macs = array.macs;
    timing.counters.reads = loader.reads.first + array.reads.first + storer.reads;
    timing.counters.rereads = loader.reads.further + array.reads.further;
    timing.counters.writes = storer.writes;
}

/// What a stage waits for, if it waits.
#[inline]
fn blocked(stage: &Control, why: impl FnOnce() -> Option<Cause>) -> Option<Cause> {
    if stage.waits() { why() } else { None }
}

/// The first condition that holds.
#[inline]
fn first(conditions: &[(bool, Cause)]) -> Option<Cause> {
    let holds = conditions.iter().find(|(holds, _)| *holds);
    holds.map(|(_, cause)| *cause)
}
