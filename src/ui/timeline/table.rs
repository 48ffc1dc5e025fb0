//! What is seen as a table, for the keyboard, the screen reader and the CSV file: the slices if they
//! are few, else each track's shares by cause.

use std::ops::Range;

use super::state::State;
use super::words;
use crate::accel::timing::{CAUSES, Cause, TRACKS};
use crate::ui::format;

/// Most slices that are listed.
pub const FEW: usize = 200;

/// A table with a caption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Heads of the columns.
    pub head: Vec<&'static str>,
    /// Cells, row by row; the first names the row.
    pub rows: Vec<Vec<String>>,
}

/// The slices of a range, or the shares.
#[must_use]
pub fn seen(state: &State) -> Table {
    let range = clipped(state, state.goal().range());
    slices(state, &range).unwrap_or_else(|| shares(state, &range))
}

/// Slices that are not idle, by track; nothing if they are many.
fn slices(state: &State, range: &Range<u64>) -> Option<Table> {
    let mut rows = vec![];
    for track in TRACKS {
        // Idle cycles are slices too, yet not listed.
        let slices = state.timeline.slices(track, range.clone(), 3 * FEW)?;
        for slice in slices.iter().filter(|slice| slice.cause != Cause::Idle) {
            if rows.len() == FEW {
                return None;
            }
            let staged = slice.op.staged();
            let tile = slice.tile.filter(|_| staged);
            rows.push(vec![
                track.name().into(),
                slice.op.name.clone(),
                tile.map_or("–".into(), |tile| tile.to_string()),
                slice.cause.name().into(),
                slice.start.to_string(),
                slice.end.to_string(),
                (slice.end - slice.start).to_string(),
            ]);
        }
    }
    let head = vec![
        "Track",
        "Operation",
        "Tile",
        "Cause",
        "Start",
        "End",
        "Cycles",
    ];
    let caption = format!("{} slices of {}", rows.len(), stretch(range));
    Some(Table {
        caption,
        head,
        rows,
    })
}

/// Each track's cycles by cause, and the share that is busy.
#[must_use]
pub fn shares(state: &State, range: &Range<u64>) -> Table {
    let head: Vec<&str> = ["Track"]
        .into_iter()
        .chain(CAUSES.map(Cause::name))
        .collect();
    let rows = TRACKS.map(|track| {
        let tally = state.timeline.tally(track, range.clone());
        let name = [track.name().to_string()].into_iter();
        let shares = CAUSES.map(|cause| words::percent(tally.of(cause), tally.total()));
        name.chain(shares).collect()
    });
    Table {
        caption: format!("Shares of {}", stretch(range)),
        head,
        rows: rows.into(),
    }
}

/// A range that ends with the timeline.
#[must_use]
pub fn clipped(state: &State, range: Range<u64>) -> Range<u64> {
    range.start..range.end.min(state.timeline.cycles())
}

/// A range in words.
#[must_use]
pub fn stretch(range: &Range<u64>) -> String {
    format!(
        "cycles {} to {}",
        format::count(range.start),
        format::count(range.end)
    )
}

/// The table as CSV; the shares with cycles in place of percentages.
#[must_use]
pub fn csv(state: &State) -> String {
    let range = clipped(state, state.goal().range());
    let table = slices(state, &range).unwrap_or_else(|| {
        let mut table = shares(state, &range);
        for (row, track) in table.rows.iter_mut().zip(TRACKS) {
            let tally = state.timeline.tally(track, range.clone());
            row.truncate(1);
            row.extend(CAUSES.map(|cause| tally.of(cause).to_string()));
        }
        table
    });
    let mut text = table.head.join(",").to_ascii_lowercase();
    text.push('\n');
    for row in &table.rows {
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text
}
