//! What a checkpoint can carry beside its run, so that one file holds all that is shown of it: a name, when it was
//! kept, and its curves. A text of the file's metadata; whoever does not know it reads the checkpoint as ever.

use serde::{Deserialize, Serialize};

use super::checkpoint::bad;
use super::error::TrainError;
use super::metrics::{EpochMetrics, StepMetrics};
use super::safetensors;
use crate::json;

/// The metadata's name.
const KEY: &str = "railyard.kept";

/// Beside a run's checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// What its owner calls it.
    pub name: String,
    /// When it was kept, in milliseconds since 1970.
    pub when: f64,
    /// Some of its steps, in order.
    pub steps: Vec<StepMetrics>,
    /// Its epochs, in order.
    pub epochs: Vec<EpochMetrics>,
}

impl Carried {
    /// A checkpoint with this beside it, in the place of what it carried before.
    ///
    /// # Errors
    /// If the bytes are no checkpoint.
    pub fn put_on(&self, checkpoint: &[u8]) -> Result<Vec<u8>, TrainError> {
        safetensors::with_metadata(checkpoint, KEY, json::write(self)).map_err(bad)
    }

    /// What a checkpoint carries; none if it carries nothing, or nothing that can be read.
    #[must_use]
    pub fn of(checkpoint: &[u8]) -> Option<Self> {
        let file = safetensors::SafeTensors::read(checkpoint).ok()?;
        json::read(file.metadata(KEY)?.as_bytes()).ok()
    }
}
