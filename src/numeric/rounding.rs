//! Rounding of integers by a power of two.

use serde::{Deserialize, Serialize};

/// How the bits below the stored unit are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Drop them: toward minus infinity, a bias of half a step.
    Truncate,
    /// To the nearest, halves upward.
    Nearest,
    /// Up with a probability equal to the dropped part: unbiased.
    Stochastic,
}
