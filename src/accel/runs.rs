//! Why a stage stood still: the cycles of one stage of one operation, cut into runs of one cause each.
//!
//! Between two phases a stage waits for the first condition that does not hold yet:
//!
//! | stage | waits for | cause |
//! | --- | --- | --- |
//! | load | the store of the tile before, if they do not overlap | store-bound |
//! | load | a free input buffer | compute-bound |
//! | load | the shared port | port-conflict |
//! | compute | its tile loaded | load-bound |
//! | compute | a free output buffer | store-bound |
//! | store | its tile computed | compute-bound |
//! | store | the shared port | port-conflict |
//!
//! Before its first phase and after its last a stage fills and drains.

use super::machine::{Coupling, Machine, Overlap};
use super::timing::{Cause, Element, OpTiming, Phase, Stage, Tally};

/// Some cycles in a row in which a stage did one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First cycle.
    pub start: u64,
    /// The cycle after the last.
    pub end: u64,
    /// What it did.
    pub cause: Cause,
    /// The tile it worked on or waited for; none before the first and after the last.
    pub tile: Option<u32>,
}

/// Whether a tile may not be loaded before the one before it is stored.
#[must_use]
pub fn starts_anew(coupling: &Coupling, group: u32, tile: u32) -> bool {
    match coupling.overlap {
        Overlap::None => true,
        Overlap::Groups => tile.is_multiple_of(group),
        Overlap::Full => false,
    }
}

/// The coupling of an element's stages; elements with one stage have none.
#[must_use]
pub fn coupling(machine: &Machine, element: Element) -> Option<&Coupling> {
    match element {
        Element::Last => Some(&machine.last),
        Element::Middle => Some(&machine.middle),
        Element::Input | Element::Outer | Element::Elementwise => None,
    }
}

/// The runs of one stage, from the operation's first cycle to its last. Times count from the first.
#[must_use]
pub fn runs(op: &OpTiming, machine: &Machine, stage: Stage) -> Vec<Run> {
    let mut found = vec![];
    walk(op, machine, stage, |run| found.push(run));
    found
}

/// Calls `found` with each run of a stage, in order.
fn walk(op: &OpTiming, machine: &Machine, stage: Stage, found: impl FnMut(Run)) {
    let mut runs = Runs { found, now: 0 };
    let coupling = coupling(machine, op.element);
    let count = if coupling.is_some() { op.tiles } else { 1 };
    for tile in 0..count {
        let Some(phase) = op.phase(stage, tile) else {
            break;
        };
        if let (Some(coupling), true) = (coupling, tile > 0) {
            let end = |stage, tile: u32| op.phase(stage, tile).map_or(0, |phase| phase.end);
            let freed = |stage, buffers: usize| {
                let buffers = buffers as u32;
                if tile >= buffers {
                    end(stage, tile - buffers)
                } else {
                    0
                }
            };
            let waits: [(u64, Cause); 2] = match stage {
                Stage::Load => [
                    (
                        if starts_anew(coupling, op.group, tile) {
                            end(Stage::Store, tile - 1)
                        } else {
                            0
                        },
                        Cause::StoreBound,
                    ),
                    (
                        freed(Stage::Compute, coupling.input_buffers),
                        Cause::ComputeBound,
                    ),
                ],
                Stage::Compute => [
                    (end(Stage::Load, tile), Cause::LoadBound),
                    (
                        freed(Stage::Store, coupling.output_buffers),
                        Cause::StoreBound,
                    ),
                ],
                Stage::Store => [
                    (end(Stage::Compute, tile), Cause::ComputeBound),
                    (0, Cause::Busy),
                ],
            };
            for (until, cause) in waits {
                runs.until(until.min(phase.start), cause, Some(tile));
            }
            runs.until(phase.start, Cause::PortConflict, Some(tile));
        } else {
            runs.until(phase.start, Cause::FillDrain, None);
        }
        runs.phase(phase);
    }
    runs.until(op.cycles, Cause::FillDrain, None);
}

/// Where the cycles of each stage went.
#[must_use]
pub fn tallies(op: &OpTiming, machine: &Machine) -> [Tally; 3] {
    [Stage::Load, Stage::Compute, Stage::Store].map(|stage| {
        let mut tally = Tally::default();
        walk(op, machine, stage, |run| {
            tally.add(run.cause, run.end - run.start);
        });
        tally
    })
}

struct Runs<F> {
    found: F,
    now: u64,
}

impl<F: FnMut(Run)> Runs<F> {
    /// The stage did this until then; nothing if that is over already.
    fn until(&mut self, end: u64, cause: Cause, tile: Option<u32>) {
        if end > self.now {
            (self.found)(Run {
                start: self.now,
                end,
                cause,
                tile,
            });
            self.now = end;
        }
    }

    /// A phase: its beats, then the cycles beyond one each, then the pipeline.
    fn phase(&mut self, phase: &Phase) {
        let tile = Some(phase.tile);
        let drain = phase.end - u64::from(phase.drain);
        self.until(drain - u64::from(phase.conflict), Cause::Busy, tile);
        self.until(drain, Cause::PortConflict, tile);
        self.until(phase.end, Cause::FillDrain, tile);
    }
}
