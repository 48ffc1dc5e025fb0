//! A simulated serial line: it has a speed and a delay, and loses, damages, doubles and reorders
//! frames as asked.

use serde::{Deserialize, Serialize};

/// What goes wrong on a line, as shares of the frames, in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    /// Frames of which some bits are flipped.
    pub corrupt: f32,
    /// Frames that are lost.
    pub drop: f32,
    /// Frames that arrive twice.
    pub duplicate: f32,
    /// Frames that arrive after one that was sent later.
    pub reorder: f32,
    /// Frames after which random bytes arrive.
    pub garbage: f32,
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineSettings {
    /// Bits per second, ten for a byte; 0 for a line that takes no time.
    pub baud: u32,
    /// Milliseconds from the last bit sent to the byte's arrival.
    pub delay: f32,
    /// What goes wrong.
    pub faults: Faults,
    /// Seed of what goes wrong.
    pub seed: u32,
}

impl Default for LineSettings {
    fn default() -> Self {
        Self {
            baud: 1_000_000,
            delay: 1.0,
            faults: Faults::default(),
            seed: 1,
        }
    }
}
