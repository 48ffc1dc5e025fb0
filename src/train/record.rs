//! A finished run, kept for showing: what the page draws before anyone presses a button.
//!
//! A file is `RYRN`, its version, and then the record as `postcard` encodes it, deflated: it is
//! fetched before the first picture, so it is made small and quick to read.

use std::fmt;

use miniz_oxide::deflate::compress_to_vec;
use serde::{Deserialize, Serialize};

use super::config::RunConfig;
use super::metrics::{EpochMetrics, Snapshot, StepMetrics};
use crate::data::inflate::{Deflated, read_up_to};

/// What a file begins with; the last byte is its version.
const MAGIC: [u8; 5] = *b"RYRN\x01";
/// Bytes a record may take once inflated.
const MAX_INFLATED: usize = 64 << 20;

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
    #[serde(with = "crate::json::text")]
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
        write!(f, "this is not a recorded run: {}", self.0)
    }
}

impl std::error::Error for RecordError {}

impl RunRecord {
    /// Read a record.
    ///
    /// # Errors
    /// If the bytes are not such a record, are of another version, or inflate beyond 64 MiB.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let fault = |what: &str| RecordError(what.into());
        let Some(packed) = bytes.strip_prefix(&MAGIC) else {
            return Err(fault("it does not begin with `RYRN` and version 1"));
        };
        let mut body = Vec::new();
        read_up_to(&mut Deflated::new(packed), MAX_INFLATED + 1, &mut body)
            .map_err(|_| fault("it is damaged or cut short"))?;
        if body.len() > MAX_INFLATED {
            return Err(fault("it holds more than 64 MiB"));
        }
        postcard::from_bytes(&body).map_err(|error| RecordError(error.to_string()))
    }

    /// The record as a file.
    ///
    /// # Errors
    /// If a value cannot be written.
    pub fn write(&self) -> Result<Vec<u8>, RecordError> {
        let body = postcard::to_stdvec(self).map_err(|error| RecordError(error.to_string()))?;
        Ok([&MAGIC[..], &compress_to_vec(&body, 9)].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Vec<u8> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/example-run.ryrn");
        std::fs::read(file).expect("the page's example")
    }

    #[test]
    fn the_pages_example_comes_back_as_it_was_written() {
        let record = RunRecord::read(&example()).expect("a record");
        assert!(record.config.validate().is_ok());
        assert_eq!(record.epochs.len(), record.config.epochs as usize);
        assert_eq!(record.classes.len(), 10);
        let written = record.write().expect("writes");
        assert_eq!(RunRecord::read(&written), Ok(record));
    }

    #[test]
    fn what_is_no_record_is_refused_in_a_sentence() {
        let whole = example();
        for (bytes, why) in [
            (&b"{\"config\":{}}"[..], "does not begin with `RYRN`"),
            (&whole[..whole.len() / 2], "damaged or cut short"),
            (&[&MAGIC[..], &compress_to_vec(&[1], 9)].concat(), ""),
        ] {
            let error = RunRecord::read(bytes).expect_err("no record").to_string();
            assert!(error.starts_with("this is not a recorded run: "), "{error}");
            assert!(error.contains(why), "{error}");
        }
    }
}
