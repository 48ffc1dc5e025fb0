//! Rows of the picture: which there are, where they lie, what they are called.

use super::words;
use crate::accel::timeline::{Buffer, Level};
use crate::accel::timing::{Element, Stage, TRACKS, Track};

/// Height of the axis over the rows: cycles, time, markers.
pub const AXIS: f64 = 44.0;
/// Room between two rows.
const GAP: f64 = 3.0;
/// Further room between two groups of rows.
const GROUP: f64 = 7.0;

/// A port of a memory, as contractions use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Loads from the memory of activations and gradients.
    Read,
    /// Stores to it.
    Write,
    /// Weights that the array reads.
    Weights,
}

impl Port {
    /// The tracks whose phases use it.
    #[must_use]
    pub fn tracks(self) -> [usize; 2] {
        let stage = match self {
            Self::Read => Stage::Load,
            Self::Write => Stage::Store,
            Self::Weights => Stage::Compute,
        };
        [Element::Last, Element::Middle].map(|element| Track::new(element, stage).index())
    }
}

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Steps, samples or operations.
    Spans(Level),
    /// A stage of an element, by its place in [`TRACKS`].
    Track(usize),
    /// A port of a memory.
    Port(Port),
    /// Tiles in a buffer.
    Held(Element, Buffer),
}

impl Row {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spans(Level::Step) => "steps",
            Self::Spans(Level::Sample) => "samples",
            Self::Spans(Level::Op) => "operations",
            Self::Track(track) => TRACKS[track].name(),
            Self::Port(Port::Read) => "act.read",
            Self::Port(Port::Write) => "act.write",
            Self::Port(Port::Weights) => "weights",
            Self::Held(Element::Last, Buffer::Input) => "PE1.in",
            Self::Held(Element::Last, Buffer::Output) => "PE1.out",
            Self::Held(_, Buffer::Input) => "PE2.in",
            Self::Held(_, Buffer::Output) => "PE2.out",
        }
    }

    /// What the first row of a group says of the group.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::Track(track) => {
                let first = track == 0 || TRACKS[track - 1].element != TRACKS[track].element;
                if first {
                    words::element(TRACKS[track].element)
                } else {
                    ""
                }
            }
            Self::Port(Port::Read) => "ports",
            Self::Held(Element::Last, Buffer::Input) => "buffers",
            _ => "",
        }
    }

    fn height(self) -> f64 {
        match self {
            Self::Spans(_) => 17.0,
            Self::Track(_) => 20.0,
            Self::Port(_) => 12.0,
            Self::Held(..) => 14.0,
        }
    }
}

/// All rows with whether a group begins.
fn rows() -> Vec<(Row, bool)> {
    let spans = [Level::Step, Level::Sample, Level::Op].map(|level| (Row::Spans(level), false));
    let tracks = (0..TRACKS.len()).map(|track| (Row::Track(track), track == 0));
    let ports = [Port::Read, Port::Write, Port::Weights];
    let ports = ports.map(|port| (Row::Port(port), port == Port::Read));
    let held = [
        (Element::Last, Buffer::Input),
        (Element::Last, Buffer::Output),
        (Element::Middle, Buffer::Input),
        (Element::Middle, Buffer::Output),
    ];
    let held = held
        .into_iter()
        .enumerate()
        .map(|(k, (element, buffer))| (Row::Held(element, buffer), k == 0));
    spans
        .into_iter()
        .chain(tracks)
        .chain(ports)
        .chain(held)
        .collect()
}

/// A row with its place in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// What it shows.
    pub row: Row,
    /// Its top.
    pub top: f64,
    /// Its height.
    pub height: f64,
}

/// Where everything lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Where the names end and cycles begin.
    pub left: f64,
    /// Width of the cycles.
    pub width: f64,
    /// Foot of the last row.
    pub foot: f64,
    /// The rows.
    pub rows: Vec<Place>,
}

impl Layout {
    /// For a picture of a size in CSS pixels; rows share the height.
    #[must_use]
    pub fn new(width: f64, height: f64) -> Self {
        let left = Self::names(width);
        let all = rows();
        let groups = all.iter().filter(|(_, begins)| *begins).count() as f64;
        let gaps = GAP * all.len() as f64 + GROUP * groups;
        let natural: f64 = all.iter().map(|(row, _)| row.height()).sum();
        let scale = ((height - AXIS - gaps) / natural).clamp(0.6, 2.0);
        let mut top = AXIS;
        let mut places = Vec::with_capacity(all.len());
        for (row, begins) in all {
            if begins {
                top += GROUP;
            }
            let height = (row.height() * scale).floor();
            places.push(Place { row, top, height });
            top += height + GAP;
        }
        Self {
            left,
            width: (width - left).max(1.0),
            foot: top - GAP,
            rows: places,
        }
    }

    /// Width of the names in a picture of some width.
    #[must_use]
    pub fn names(width: f64) -> f64 {
        if width >= 640.0 { 186.0 } else { 86.0 }
    }

    /// Whether there is room for more than names.
    #[must_use]
    pub fn roomy(&self) -> bool {
        self.left > 100.0
    }

    /// The row at a height.
    #[must_use]
    pub fn row_at(&self, y: f64) -> Option<Row> {
        let below = |place: &&Place| y >= place.top - GAP && y < place.top + place.height;
        self.rows.iter().find(below).map(|place| place.row)
    }

    /// The share of the width at which a pixel lies, from 0 to 1.
    #[must_use]
    pub fn share(&self, x: f64) -> f64 {
        ((x - self.left) / self.width).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_below_each_other_and_within_the_picture() {
        let layout = Layout::new(1100.0, 440.0);
        assert_eq!(layout.rows.len(), 3 + 9 + 3 + 4);
        for pair in layout.rows.windows(2) {
            assert!(pair[0].top + pair[0].height < pair[1].top);
        }
        assert!(layout.foot <= 440.0, "{}", layout.foot);
        for place in &layout.rows {
            assert_eq!(layout.row_at(place.top + 1.0), Some(place.row));
        }
        assert_eq!(layout.row_at(2.0), None);
    }
}
