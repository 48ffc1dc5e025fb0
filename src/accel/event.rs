//! The event engine: every phase boundary of every tile, computed without ticking.
//!
//! A phase's length follows from its tile's loops; its start is the latest of what it waits for. With
//! uniform tiles that overlap fully this is `load + compute + store + (tiles - 1) max(load, compute,
//! store)`.

use super::job::{
    ContractJob, Job, OuterJob, StoreOrder, StreamJob, access, candidates, check, latency,
    load_sample, transfer,
};
use super::machine::{Machine, MachineError, OuterProduct, Transposer};
use super::runs::{coupling, starts_anew, tallies};
use super::timing::{Counters, Element, OpTiming, Phase, Stage, StepTiming, Tally};
use crate::exec::fixed::FixedFormats;
use crate::program::{OpKind, Part, Pass, Program};

/// Cycles of one phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Length {
    beats: u64,
    conflict: u64,
    drain: u32,
}

impl Length {
    fn cycles(self) -> u64 {
        self.beats + self.conflict + u64::from(self.drain)
    }
}

/// Times a whole training step.
///
/// # Errors
/// If the machine is none, or too small for so large a Program.
pub fn time(
    program: &Program,
    machine: &Machine,
    formats: FixedFormats,
) -> Result<StepTiming, MachineError> {
    check(program, machine)?;
    let mut step = StepTiming {
        machine: machine.clone(),
        batch: program.batch,
        before: vec![],
        sample: vec![time_input(program, machine, formats)],
        after: vec![],
    };
    for op in 0..program.ops.len() {
        let (timing, _) = best(program, op, machine, formats);
        match program.ops[op].part {
            Part::Before => step.before.push(timing),
            Part::Sample => step.sample.push(timing),
            Part::After => step.after.push(timing),
        }
    }
    Ok(step)
}

/// The loading of a sample.
fn time_input(program: &Program, machine: &Machine, formats: FixedFormats) -> OpTiming {
    let job = load_sample(program, formats);
    let len = program.buffer(program.input()).len as u64;
    let mut timing = time_job(&job, machine);
    timing.name = input_name(program);
    timing.counters.writes = len;
    timing
}

/// The name of the loading of a sample.
pub(super) fn input_name(program: &Program) -> String {
    format!("{}.load", program.buffer(program.input()).name)
}

/// Says which operation a timing is of.
pub(super) fn describe(timing: &mut OpTiming, program: &Program, op: usize) {
    timing.op = Some(op);
    let op = &program.ops[op];
    timing.name.clone_from(&op.name);
    (timing.part, timing.pass, timing.layer) = (op.part, op.pass, op.layer);
}

/// The way in which the machine runs an operation: the store with fewer cycles, then the order of the
/// operands that is faster; the published one among equals. With its timing.
///
/// # Panics
/// If the machine is none.
#[must_use]
pub fn best(
    program: &Program,
    op: usize,
    machine: &Machine,
    formats: FixedFormats,
) -> (OpTiming, Job) {
    let timed = candidates(program, op, machine, formats)
        .into_iter()
        .map(|job| {
            let job = with_store(job, machine);
            (boundaries(&job, machine), job)
        });
    let (mut timing, job) = timed
        .min_by_key(|(timing, _)| timing.cycles)
        .expect("every operation has a job");
    timing.tallies = tallies(&timing, machine);
    describe(&mut timing, program, op);
    let ops = &program.ops;
    let len = |id| program.buffer(id).len as u64;
    timing.counters.reads = ops[op].reads().into_iter().map(len).sum();
    timing.counters.writes = len(ops[op].writes());
    if let (Job::Stream(_), OpKind::Update { parameter, .. }) = (&job, &ops[op].kind) {
        // Two moments are read and written.
        timing.counters.state = 4 * len(*parameter);
    }
    (timing, job)
}

/// A job with the store that takes fewer cycles over all tiles, the published one of equals.
fn with_store(mut job: Job, machine: &Machine) -> Job {
    if let Job::Contract(job) = &mut job {
        let tiles = job.tiles(machine) as u32;
        let [first, second] = job.stores().map(|store| {
            job.store = store;
            let lengths = Lengths::new(job, machine);
            let of = |tile| lengths.of(tile)[Stage::Store as usize].cycles();
            ((0..tiles).map(of).sum::<u64>(), store)
        });
        job.store = if second.0 < first.0 {
            second.1
        } else {
            first.1
        };
    }
    job
}

/// Times one job. Names, parts and the Program's counts are left to the caller.
#[must_use]
pub fn time_job(job: &Job, machine: &Machine) -> OpTiming {
    let mut timing = boundaries(job, machine);
    timing.tallies = tallies(&timing, machine);
    timing
}

/// All but the tallies.
fn boundaries(job: &Job, machine: &Machine) -> OpTiming {
    let mut timing = blank(job, machine);
    match job {
        Job::Contract(job) => time_contract(job, machine, &mut timing),
        Job::Outer(job) => time_outer(job, machine, &mut timing),
        Job::Stream(job) => time_stream(job, machine, &mut timing),
    }
    timing.cycles = timing
        .phases
        .iter()
        .map(|phase| phase.end)
        .max()
        .unwrap_or(0);
    timing
}

/// What a job is, before anything is timed.
pub(super) fn blank(job: &Job, machine: &Machine) -> OpTiming {
    let (element, shape) = match job {
        Job::Contract(job) => (job.element, job.shape()),
        Job::Outer(job) => (Element::Outer, job.shape()),
        Job::Stream(job) => (job.element, job.shape()),
    };
    let (tiles, group) = match job {
        Job::Contract(job) => (job.tiles(machine) as u32, job.group_tiles() as u32),
        _ => (1, 1),
    };
    OpTiming {
        op: None,
        name: String::new(),
        part: Part::Sample,
        pass: Pass::Forward,
        layer: 0,
        element,
        shape,
        tiles,
        group,
        transposed: matches!(job, Job::Contract(job) if job.store == StoreOrder::Transposed),
        cycles: 0,
        beats: 0,
        phases: vec![],
        tallies: [Tally::default(); 3],
        counters: Counters::default(),
    }
}

fn time_outer(job: &OuterJob, machine: &Machine, timing: &mut OpTiming) {
    timing.beats = job.beats(machine);
    timing.counters.macs = job.macs();
    // The line's operand is read anew for each outer index; the other's value stays in a register.
    timing.counters.rereads = job.macs() + job.outer.len() as u64 - job.values;
    let bits = job.moved();
    let row = |count: usize, width: usize| rows(count, width, |n| transfer(machine, n, bits));
    let conflict = match machine.outer {
        OuterProduct::Line => job.outer.len() as u64 * row(job.line.len(), machine.lanes),
        OuterProduct::Array => row(job.macs() as usize, machine.multipliers()),
    };
    single(
        timing,
        Stage::Compute,
        timing.beats,
        conflict + u64::from(latency(machine)),
        machine.pipeline.elementwise,
    );
}

/// Cycles beyond one each of the accesses to `count` values in a row, `width` at a time.
fn rows(count: usize, width: usize, cycles: impl Fn(usize) -> u32) -> u64 {
    let extra = |n: usize| u64::from(cycles(n).max(1) - 1);
    let rest = count % width;
    extra(width) * (count / width) as u64 + if rest > 0 { extra(rest) } else { 0 }
}

fn time_stream(job: &StreamJob, machine: &Machine, timing: &mut OpTiming) {
    timing.beats = job.beats(machine);
    timing.counters.rereads = ((job.passes - 1) * job.len) as u64;
    let lanes = job.lanes(machine);
    let (stage, conflict, drain) = if job.element == Element::Input {
        // What comes in goes into the banks.
        let cycles = |count: usize| access(machine, 0..count as u32, job.bits);
        let conflict = rows(job.len, lanes, cycles);
        (Stage::Load, conflict, machine.pipeline.load)
    } else {
        let pass = |bits: u32| rows(job.len, lanes, |count| transfer(machine, count, bits));
        let conflict = (job.passes - 1) as u64 * pass(job.moved[0]) + pass(job.moved[1]);
        (Stage::Compute, conflict, machine.pipeline.elementwise)
    };
    let conflict = conflict + u64::from(latency(machine));
    single(timing, stage, timing.beats, conflict, drain);
}

fn single(timing: &mut OpTiming, stage: Stage, beats: u64, conflict: u64, drain: u32) {
    timing.phases.push(Phase {
        stage,
        tile: 0,
        start: 0,
        end: beats + conflict + u64::from(drain),
        conflict: conflict as u32,
        drain,
    });
}

fn time_contract(job: &ContractJob, machine: &Machine, timing: &mut OpTiming) {
    timing.counters.macs = job.macs();
    let weights = (job.b.len() * job.d.len()) as u64;
    let per_tile = match job.element {
        Element::Last => weights * job.c.len() as u64,
        _ => weights,
    };
    timing.counters.rereads = per_tile * u64::from(timing.tiles - 1);
    let lengths = Lengths::new(job, machine);
    timing.beats = (0..timing.tiles)
        .map(|tile| lengths.of(tile)[1].beats)
        .sum();
    schedule(&lengths, machine, timing);
}

/// The lengths of every tile's phases: equal within a group of lanes (`middle`), or over all tiles
/// (`last`), except for direct stores of the last rows.
struct Lengths {
    /// Tiles that share an entry; the next take the next entry.
    run: u32,
    kinds: Vec<[Length; 3]>,
}

impl Lengths {
    fn of(&self, tile: u32) -> &[Length; 3] {
        &self.kinds[(tile / self.run) as usize]
    }

    fn new(job: &ContractJob, machine: &Machine) -> Self {
        match job.element {
            Element::Last => Self::last(job, machine),
            _ => Self::middle(job, machine),
        }
    }

    fn last(job: &ContractJob, machine: &Machine) -> Self {
        let rows = machine.rows as u64;
        let (terms, columns) = (job.b.len() as u64, job.d.len() as u64);
        let (mut load, mut compute) = (Length::default(), Length::default());
        for lanes in job.c.chunks(machine.lanes) {
            load.beats += rows * terms;
            load.conflict +=
                rows * terms * (extra(machine, lanes.iter().map(|c| c[0]), job.bits[0]));
            compute.beats += columns * terms;
            if !job.packed_weights {
                compute.conflict +=
                    columns * terms * extra(machine, lanes.iter().map(|c| c[1]), job.bits[1]);
            }
        }
        let (load, compute) = (
            ends(load, machine.pipeline.load, machine),
            drained(compute, machine),
        );
        let kinds: Vec<[Length; 3]> = match job.store {
            StoreOrder::Transposed => {
                vec![[
                    load,
                    compute,
                    transposed(job, machine, machine.rows, machine.last.transposer),
                ]]
            }
            StoreOrder::Direct => job
                .a
                .chunks(machine.rows)
                .map(|rows| {
                    let store = Length {
                        beats: columns,
                        conflict: columns
                            * extra(machine, rows.iter().map(|a| a[1]), job.stored_bits()),
                        drain: 0,
                    };
                    [load, compute, stored(store, job, machine)]
                })
                .collect(),
        };
        let run = if kinds.len() == 1 { u32::MAX } else { 1 };
        Self { run, kinds }
    }

    fn middle(job: &ContractJob, machine: &Machine) -> Self {
        let (terms, columns) = (job.b.len() as u64, job.d.len() as u64);
        let mut compute = Length::default();
        for columns in job.d.chunks(machine.rows) {
            compute.beats += terms;
            if !job.packed_weights {
                compute.conflict +=
                    terms * extra(machine, columns.iter().map(|d| d[0]), job.bits[1]);
            }
        }
        let compute = drained(compute, machine);
        let kinds = job.c.chunks(machine.lanes).map(|lanes| {
            let load = Length {
                beats: terms,
                conflict: terms * extra(machine, lanes.iter().map(|c| c[0]), job.bits[0]),
                drain: 0,
            };
            let store = match job.store {
                StoreOrder::Transposed => {
                    transposed(job, machine, machine.lanes, machine.middle.transposer)
                }
                StoreOrder::Direct => {
                    let store = Length {
                        beats: columns,
                        conflict: columns
                            * extra(machine, lanes.iter().map(|c| c[1]), job.stored_bits()),
                        drain: 0,
                    };
                    stored(store, job, machine)
                }
            };
            [ends(load, machine.pipeline.load, machine), compute, store]
        });
        Self {
            run: job.a.len() as u32,
            kinds: kinds.collect(),
        }
    }
}

/// Cycles of an access beyond its one beat.
fn extra(machine: &Machine, offsets: impl ExactSizeIterator<Item = u32>, bits: u32) -> u64 {
    u64::from(access(machine, offsets, bits) - 1)
}

/// A phase that goes to memory: its latency and its pipeline.
fn ends(length: Length, drain: u32, machine: &Machine) -> Length {
    Length {
        conflict: length.conflict + u64::from(latency(machine)),
        drain,
        ..length
    }
}

/// A store; sums over the batch are on chip.
fn stored(length: Length, job: &ContractJob, machine: &Machine) -> Length {
    let drain = machine.pipeline.store;
    if job.accumulate {
        Length { drain, ..length }
    } else {
        ends(length, drain, machine)
    }
}

fn drained(length: Length, machine: &Machine) -> Length {
    Length {
        drain: machine.pipeline.compute,
        ..length
    }
}

/// A store through the transposer: for each `lanes` neighbours along D one square, filled in `lanes`
/// beats and drained row by row. Of two squares one is drained while the other is filled; a cycle in
/// which a column is filled or a row's access begins is a beat.
fn transposed(job: &ContractJob, machine: &Machine, rows: usize, kind: Transposer) -> Length {
    let (lanes, rows) = (machine.lanes as u64, rows as u64);
    let mut store = Length::default();
    for columns in job.d.chunks(machine.lanes) {
        let row = 1 + extra(machine, columns.iter().map(|d| d[1]), job.stored_bits());
        let (beats, cycles) = match kind {
            Transposer::Single => (lanes + rows, lanes + rows * row),
            Transposer::Double => (
                lanes + rows.saturating_sub(lanes.div_ceil(row)),
                lanes.max(rows * row),
            ),
        };
        store.beats += beats;
        store.conflict += cycles - beats;
    }
    stored(store, job, machine)
}

/// Sets every phase's start: the latest of what it waits for.
fn schedule(lengths: &Lengths, machine: &Machine, timing: &mut OpTiming) {
    let Some(coupling) = coupling(machine, timing.element) else {
        return;
    };
    let tiles = timing.tiles as usize;
    // Ends of each tile's load, compute and store.
    let mut ends = vec![[0_u64; 3]; tiles];
    let phase = |stage: Stage, tile: usize, start: u64| {
        let length = lengths.of(tile as u32)[stage as usize];
        Phase {
            stage,
            tile: tile as u32,
            start,
            end: start + length.cycles(),
            conflict: length.conflict as u32,
            drain: length.drain,
        }
    };
    let mut phases = vec![phase(Stage::Load, 0, 0); 3 * tiles];
    let end = |ends: &[[u64; 3]], stage: Stage, tile: usize, back: usize| {
        if tile >= back {
            ends[tile - back][stage as usize]
        } else {
            0
        }
    };
    let (mut loaded, mut computed, mut stored, mut port) = (0, 0, 0, 0);
    while stored < tiles {
        // What each next phase waits for is known once the phases that it waits for are placed.
        let anew = loaded > 0 && starts_anew(coupling, timing.group, loaded as u32);
        let load = (loaded < tiles
            && (loaded < coupling.input_buffers || loaded - coupling.input_buffers < computed)
            && (!anew || loaded <= stored))
            .then(|| {
                let before = if anew {
                    end(&ends, Stage::Store, loaded, 1)
                } else {
                    0
                };
                end(&ends, Stage::Load, loaded, 1)
                    .max(end(&ends, Stage::Compute, loaded, coupling.input_buffers))
                    .max(before)
                    .max(port)
            });
        let store = (stored < computed).then(|| {
            ends[stored][Stage::Compute as usize]
                .max(end(&ends, Stage::Store, stored, 1))
                .max(port)
        });
        // Of two that ask for a shared port in one cycle, the store goes first.
        let (stage, tile, start) = match (load, store) {
            (Some(load), Some(store)) if load < store => (Stage::Load, loaded, load),
            (_, Some(store)) => (Stage::Store, stored, store),
            (Some(load), None) => (Stage::Load, loaded, load),
            (None, None) => break,
        };
        let place = phase(stage, tile, start);
        ends[tile][stage as usize] = place.end;
        phases[3 * tile + stage as usize] = place;
        if machine.ports.shared {
            port = place.end;
        }
        if stage == Stage::Load {
            loaded += 1;
        } else {
            stored += 1;
        }
        while computed < loaded
            && (computed < coupling.output_buffers || computed - coupling.output_buffers < stored)
        {
            let start = ends[computed][Stage::Load as usize]
                .max(end(&ends, Stage::Compute, computed, 1))
                .max(end(&ends, Stage::Store, computed, coupling.output_buffers));
            let place = phase(Stage::Compute, computed, start);
            ends[computed][Stage::Compute as usize] = place.end;
            phases[3 * computed + Stage::Compute as usize] = place;
            computed += 1;
        }
    }
    timing.phases = phases;
}
