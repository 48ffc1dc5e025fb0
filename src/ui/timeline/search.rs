//! Finding operations by name, in the step that is seen.

use std::ops::Range;

use super::state::State;
use crate::program::Part;

/// An operation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its name.
    pub name: String,
    /// The element's name, such as `PE1`.
    pub element: &'static str,
    /// Its part of the step.
    pub part: Part,
    /// Its place in the part.
    pub index: usize,
    /// Its cycles.
    pub cycles: u64,
}

/// Operations of the step in the middle of the window whose name holds `text`, upper and lower case
/// alike, at most `limit`.
#[must_use]
pub fn search(state: &State, text: &str, limit: usize) -> Vec<Hit> {
    let text = text.trim().to_ascii_lowercase();
    let middle = middle(state);
    let Some(place) = state.timeline.place(middle) else {
        return vec![];
    };
    if text.is_empty() {
        return vec![];
    }
    let parts = [Part::Before, Part::Sample, Part::After];
    let ops = parts.into_iter().zip(place.timing.parts());
    ops.flat_map(|(part, (ops, _))| ops.iter().enumerate().map(move |(k, op)| (part, k, op)))
        .filter(|(_, _, op)| op.name.to_ascii_lowercase().contains(&text))
        .take(limit)
        .map(|(part, index, op)| Hit {
            name: op.name.clone(),
            element: op
                .tracks()
                .next()
                .and_then(|(track, _)| track.name().split('.').next())
                .unwrap_or(""),
            part,
            index,
            cycles: op.cycles,
        })
        .collect()
}

/// Where a hit lies: in the sample that is seen, or the first of the step.
#[must_use]
pub fn locate(state: &State, hit: &Hit) -> Option<Range<u64>> {
    state.timeline.op_near(middle(state), hit.part, hit.index)
}

fn middle(state: &State) -> u64 {
    let last = state.timeline.cycles().saturating_sub(1);
    (state.goal().at(0.5) as u64).min(last)
}
