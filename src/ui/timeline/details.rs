//! What there is to say about the selected slice.

use std::fmt::Write;

use super::formula::{formulas, moving};
use super::state::State;
use super::words;
use crate::accel::timing::{CAUSES, Stage};
use crate::program::Program;
use crate::ui::format;

/// A slice in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Operation and track.
    pub title: String,
    /// One sentence for those who do not see the picture.
    pub spoken: String,
    /// Terms with what they are.
    pub facts: Vec<(&'static str, String)>,
}

/// A length in cycles and time.
#[must_use]
pub fn length(cycles: u64, clock_mhz: f64) -> String {
    let time = words::time(words::seconds(cycles as f64, clock_mhz));
    let unit = if cycles == 1 { "cycle" } else { "cycles" };
    format!("{} {unit} · {time}", format::count(cycles))
}

/// The selected slice; the Program names the tensors.
#[must_use]
pub fn details(state: &State, program: Option<&Program>) -> Option<Details> {
    let slice = state.slice()?;
    let track = state.picked?.track;
    let place = state.timeline.place(slice.start)?;
    let (op, machine) = (slice.op, &place.timing.machine);
    let clock = machine.clock_mhz;
    let cycles = slice.end - slice.start;
    let cause = words::cause(slice.cause, track.stage);
    let mut facts = vec![(
        "track",
        format!("{} · {}", track.name(), words::element_does(op.element)),
    )];
    facts.push(("state", cause.into()));
    let sample = place.sample.map_or(String::new(), |sample| {
        format!(" · sample {}", format::count(sample))
    });
    facts.push((
        "when",
        format!(
            "step {}{sample} · {}",
            format::count(place.step),
            words::part(op.part)
        ),
    ));
    facts.push((
        "cycles",
        format!(
            "{} to {} · {}",
            format::count(slice.start),
            format::count(slice.end),
            length(cycles, clock)
        ),
    ));
    let pass = format!("{:?}", op.pass).to_ascii_lowercase();
    facts.push((
        "operation",
        format!(
            "{pass} · layer {} · {} · {}",
            op.layer + 1,
            op.shape,
            length(op.cycles, clock)
        ),
    ));
    if let Some(tile) = slice.tile.filter(|_| op.staged()) {
        let what = words::tile(op, machine, tile).unwrap_or_default();
        facts.push(("tile", format!("{tile} of {} · {what}", op.tiles)));
    }
    for formula in formulas(op, machine) {
        let name = match formula.stage {
            Stage::Load => "load",
            Stage::Compute => "compute",
            Stage::Store => "store",
        };
        let mut text = format!(
            "{} = {} = {} beats",
            formula.symbols, formula.numbers, formula.beats
        );
        if let Some(phase) = op.phase(formula.stage, slice.tile.unwrap_or(0)) {
            let conflict = moving(phase) - formula.beats;
            for (cycles, what) in [(conflict, "conflict"), (u64::from(phase.drain), "pipeline")] {
                if cycles > 0 {
                    let _ = write!(text, " + {cycles} {what}");
                }
            }
        }
        facts.push((name, text));
    }
    if let Some(program) = program {
        tensors(op.op, program, &mut facts);
    }
    if op.staged() {
        for (name, tally) in ["all loads", "all computing", "all stores"]
            .into_iter()
            .zip(&op.tallies)
        {
            let parts: Vec<String> = CAUSES
                .iter()
                .filter(|cause| tally.of(**cause) > 0)
                .map(|cause| {
                    let share = words::percent(tally.of(*cause), op.cycles);
                    format!("{} {share}", cause.name())
                })
                .collect();
            facts.push((name, parts.join(" · ")));
        }
    }
    let tile = slice
        .tile
        .filter(|_| op.staged())
        .map_or(String::new(), |tile| format!(", tile {tile}"));
    Some(Details {
        title: op.name.clone(),
        spoken: format!(
            "{}: {}{tile}, {cause}, {} cycles from cycle {}.",
            track.name(),
            op.name,
            format::count(cycles),
            format::count(slice.start)
        ),
        facts,
    })
}

/// What an operation reads and writes.
fn tensors(op: Option<usize>, program: &Program, facts: &mut Vec<(&'static str, String)>) {
    let named = |id| {
        let buffer = program.buffer(id);
        format!("{} ({})", buffer.name, format::count(buffer.len as u64))
    };
    match op.map(|op| program.ops.get(op)) {
        Some(Some(op)) => {
            let reads: Vec<String> = op.reads().into_iter().map(named).collect();
            facts.push(("reads", reads.join(" · ")));
            facts.push(("writes", named(op.writes())));
        }
        // The loading of a sample is no operation of the Program.
        None => facts.push(("writes", named(program.input()))),
        Some(None) => {}
    }
}
