//! A step's operations as CSV and JSON.

use std::fmt::Write;

use serde::Serialize;

use super::timed::Timed;
use crate::accel::timing::CAUSES;
use crate::accel::{Element, Machine, OpTiming, Tally};
use crate::json::write as json_text;
use crate::program::Schedule;
use crate::report::part;

/// An operation as it is written.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    part: &'static str,
    element: Element,
    loops: &'a str,
    tiles: u32,
    runs: u64,
    macs: u64,
    cycles: u64,
    beats: u64,
    reads: u64,
    rereads: u64,
    writes: u64,
    state: u64,
    /// Cycles by cause of load, compute and store, in the order of [`CAUSES`].
    #[serde(skip)]
    tallies: &'a [Tally; 3],
}

/// A step as it is written.
#[derive(Serialize)]
struct Listing<'a> {
    machine: &'a Machine,
    schedule: Schedule,
    batch: usize,
    cycles_per_sample: u64,
    cycles_per_step: u64,
    operations: Vec<Row<'a>>,
}

fn rows(timed: &Timed) -> Vec<Row<'_>> {
    let parts = timed.timing.parts().into_iter();
    let all = parts.flat_map(|(ops, runs)| ops.iter().map(move |op| (op, runs)));
    all.map(|(op, runs): (&OpTiming, u64)| Row {
        name: &op.name,
        part: part(op.part),
        element: op.element,
        loops: &op.shape,
        tiles: op.tiles,
        runs,
        macs: op.counters.macs,
        cycles: op.cycles,
        beats: op.beats,
        reads: op.counters.reads,
        rereads: op.counters.rereads,
        writes: op.counters.writes,
        state: op.counters.state,
        tallies: &op.tallies,
    })
    .collect()
}

const HEAD: &str =
    "name,part,element,loops,tiles,runs,macs,cycles,beats,reads,rereads,writes,state";

/// One line per operation; cycles by cause of load, compute and store at its end.
#[must_use]
pub fn csv(timed: &Timed) -> String {
    let mut text = HEAD.to_string();
    for stage in ["load", "compute", "store"] {
        for cause in CAUSES {
            let _ = write!(text, ",{stage}.{}", cause.name());
        }
    }
    for row in rows(timed) {
        let element = json_text(&row.element);
        let _ = write!(
            text,
            "\n\"{}\",{},{},\"{}\",{},{},{},{},{},{},{},{},{}",
            row.name,
            row.part,
            element.trim_matches('"'),
            row.loops,
            row.tiles,
            row.runs,
            row.macs,
            row.cycles,
            row.beats,
            row.reads,
            row.rereads,
            row.writes,
            row.state
        );
        for cycles in row.tallies.iter().flat_map(|tally| tally.0) {
            let _ = write!(text, ",{cycles}");
        }
    }
    text.push('\n');
    text
}

/// The machine, the step's totals and its operations.
#[must_use]
pub fn json(timed: &Timed) -> String {
    let timing = &timed.timing;
    json_text(&Listing {
        machine: &timing.machine,
        schedule: timed.schedule,
        batch: timing.batch,
        cycles_per_sample: timing.sample_cycles(),
        cycles_per_step: timing.cycles(),
        operations: rows(timed),
    })
}
