//! The Program of a training step: buffers, operations, schedules, planner and cost counts.

use serde::{Deserialize, Serialize};

/// Order of the contractions of a training step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The published order: right-to-left sweeps, dense `dW` contracted into core gradients.
    Paper,
    /// Right-to-left sweeps, core gradients from stored partials, no dense `dW`.
    Chain,
    /// The order with the fewest multiply-accumulates that a search finds for this batch.
    Planned,
}
