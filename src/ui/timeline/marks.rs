//! What a picture is made of: bars with their fills, outlines, labels.

use crate::accel::timing::{Cause, Element, Stage, Track};

/// How a bar is filled. Stalls are hatched, each in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fill {
    /// Beats of the array and the elementwise lanes.
    Compute,
    /// Beats of loads and stores.
    Move,
    /// Beats of the outer product.
    Outer,
    /// Waiting for a load.
    LoadBound,
    /// Waiting for the array.
    ComputeBound,
    /// Waiting for a store.
    StoreBound,
    /// A pipeline fills or drains.
    FillDrain,
    /// Several values in one bank, or a port that is taken.
    Conflict,
    /// Nothing to do.
    Idle,
    /// A step, sample or operation.
    Span,
    /// Tiles in a buffer.
    Held,
    /// A fine line.
    Grid,
    /// The ground, over something else.
    Ground,
}

/// All fills.
pub const FILLS: [Fill; 13] = [
    Fill::Compute,
    Fill::Move,
    Fill::Outer,
    Fill::LoadBound,
    Fill::ComputeBound,
    Fill::StoreBound,
    Fill::FillDrain,
    Fill::Conflict,
    Fill::Idle,
    Fill::Span,
    Fill::Held,
    Fill::Grid,
    Fill::Ground,
];

impl Fill {
    /// Of a track's cycles.
    #[must_use]
    pub fn of(track: Track, cause: Cause) -> Self {
        match cause {
            Cause::Busy if track.element == Element::Outer => Self::Outer,
            Cause::Busy if track.stage == Stage::Compute => Self::Compute,
            Cause::Busy => Self::Move,
            Cause::LoadBound => Self::LoadBound,
            Cause::ComputeBound => Self::ComputeBound,
            Cause::StoreBound => Self::StoreBound,
            Cause::FillDrain => Self::FillDrain,
            Cause::PortConflict => Self::Conflict,
            Cause::Idle => Self::Idle,
        }
    }
}

/// A filled rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Left edge.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// How it is filled.
    pub fill: Fill,
}

/// Colour of a line or a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As text.
    Ink,
    /// As secondary text.
    Soft,
    /// As text on a bar of colour.
    On,
}

/// A text, left-aligned at its foot.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Left edge.
    pub x: f64,
    /// Foot.
    pub y: f64,
    /// The text.
    pub text: String,
    /// Its colour.
    pub tone: Tone,
}

/// An outline; of no width it is an upright line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outline {
    /// Left edge.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Its colour.
    pub tone: Tone,
}
