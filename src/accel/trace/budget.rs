//! How much of a timeline fits into one file.
//!
//! What is counted bounds every format from above: for an operation its slices, four changes of
//! buffer fill per tile (input full, input empty and output full, output empty), and three spans (the
//! operation, and at most once each its sample and its step).

use std::collections::HashMap;
use std::ops::Range;

use super::super::machine::Machine;
use super::super::runs::runs;
use super::super::timeline::Timeline;
use super::super::timing::{OpTiming, Stage, TRACKS};
use crate::numeric::sort_by_key;

/// Most events of a file.
pub const EVENTS: u64 = 1_000_000;

/// Names of tracks and the first values of counters.
const FIXED: u64 = 64;

/// Cycles from the range's first that fit; all of the range's, if they do. The range lies within the
/// timeline.
#[must_use]
pub fn fits(timeline: &Timeline, range: Range<u64>) -> u64 {
    let mut costs: HashMap<*const OpTiming, u64> = HashMap::new();
    let (mut events, mut cycle) = (FIXED, range.start);
    while cycle < range.end {
        let Some(place) = timeline.place(cycle) else {
            break;
        };
        let (op, machine) = (place.op, &place.timing.machine);
        let end = place.op_start + op.cycles;
        let whole = *costs
            .entry(std::ptr::from_ref(op))
            .or_insert_with(|| times(op, machine, 0..op.cycles).len() as u64);
        if end <= range.end && events + whole <= EVENTS {
            events += whole;
            cycle = end;
            continue;
        }
        let inside = cycle - place.op_start..end.min(range.end) - place.op_start;
        let mut times = times(op, machine, inside);
        let left = (EVENTS - events) as usize;
        if times.len() > left {
            sort_by_key(&mut times, |&time| [time, 0]);
            return place.op_start + times[left] - range.start;
        }
        events += times.len() as u64;
        cycle = end;
    }
    range.end - range.start
}

/// When the events of an operation come, in a part of its cycles.
fn times(op: &OpTiming, machine: &Machine, part: Range<u64>) -> Vec<u64> {
    let mut times = vec![part.start; 3];
    for track in TRACKS.iter().filter(|track| track.element == op.element) {
        let runs = runs(op, machine, track.stage);
        let touching = runs
            .iter()
            .filter(|run| run.start < part.end && run.end > part.start);
        times.extend(touching.map(|run| run.start.max(part.start)));
    }
    if op.staged() {
        for phase in &op.phases {
            if part.contains(&phase.end) {
                let changes = 1 + usize::from(phase.stage == Stage::Compute);
                times.extend(std::iter::repeat_n(phase.end, changes));
            }
        }
    }
    times
}
