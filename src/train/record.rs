//! A finished run, kept for showing: what the page draws before anyone presses a button.

use std::fmt;
use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use super::config::RunConfig;
use super::metrics::{EpochMetrics, Snapshot, StepMetrics};
use crate::json;

/// Bytes a record may take once inflated.
const MAX_INFLATED: u64 = 64 << 20;

/// A test image with the recorded network's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedSample {
    /// Its position in the test set.
    pub index: u32,
    /// What it is.
    pub label: u8,
    /// Its pixels, row-major.
    pub pixels: Vec<u8>,
    /// Class probabilities at the end of the run.
    pub probabilities: Vec<f32>,
}

/// The state of a recorded run after one epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedSnapshot {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Cores, bonds and memory.
    pub snapshot: Snapshot,
}

/// A whole run as recorded by `railyard train --record`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its configuration.
    pub config: RunConfig,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Training images.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// Rows per image.
    pub height: usize,
    /// Columns per image.
    pub width: usize,
    /// Steps per epoch.
    pub steps_per_epoch: u64,
    /// Some of its steps, evenly thinned (a few hundred are enough for a curve).
    pub steps: Vec<StepMetrics>,
    /// Its epochs.
    pub epochs: Vec<EpochMetrics>,
    /// Its state after some of the epochs, the last among them.
    pub snapshots: Vec<RecordedSnapshot>,
    /// Some test images.
    pub samples: Vec<RecordedSample>,
    /// File beside the record that holds the run's last checkpoint, where there is one: the
    /// network that answers drawings.
    pub checkpoint: Option<String>,
}

/// Why a record could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError(String);

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this is not a recorded run (JSON, plain or gzipped): {}",
            self.0
        )
    }
}

impl std::error::Error for RecordError {}

impl RunRecord {
    /// Read a record from JSON, plain or gzipped (servers differ in which of the two arrives).
    ///
    /// # Errors
    /// If the bytes are not such a record or inflate beyond 64 MiB.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut inflated = Vec::new();
        let text = if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::read::GzDecoder::new(bytes)
                .take(MAX_INFLATED)
                .read_to_end(&mut inflated)
                .map_err(|e| RecordError(e.to_string()))?;
            inflated.as_slice()
        } else {
            bytes
        };
        json::read(text).map_err(|e| RecordError(e.to_string()))
    }

    /// The record as gzipped JSON.
    ///
    /// # Errors
    /// If a value cannot be written as JSON.
    pub fn write(&self) -> Result<Vec<u8>, RecordError> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder
            .write_all(json::write(self).as_bytes())
            .map_err(|e| RecordError(e.to_string()))?;
        encoder.finish().map_err(|e| RecordError(e.to_string()))
    }
}
