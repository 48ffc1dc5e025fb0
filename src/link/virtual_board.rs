//! A board made of the fixed-point executor and the cycle model, behind the same bytes as a real one.

use serde::{Deserialize, Serialize};

use crate::accel::Device;

/// A virtual board.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VirtualSettings {
    /// The device whose memory it has.
    pub device: Device,
    /// Whether a step takes as long as its cycles at the board's clock, where the executor is faster;
    /// otherwise as long as the executor needs.
    pub paced: bool,
}

impl Default for VirtualSettings {
    fn default() -> Self {
        Self {
            device: Device::Zu3eg,
            paced: true,
        }
    }
}
