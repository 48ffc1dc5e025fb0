//! The one place where the worker touches the trainer and the data readers.

use crate::data::Dataset;
use crate::train::config::RunConfig;
use crate::train::metrics::Snapshot;
use crate::train::trainer::Trainer;
pub use crate::train::trainer::Advance;

use super::message::Source;

/// A loaded data set.
pub struct Sets {
    /// Training images.
    pub train: Dataset,
    /// Test images.
    pub test: Dataset,
    /// Names of the classes.
    pub classes: Vec<String>,
}

/// Why a run was not built.
pub struct Refusal {
    /// The field of the configuration at fault, where there is one.
    pub field: Option<String>,
    /// What was wrong and what is accepted.
    pub message: String,
}

impl Refusal {
    /// A refusal that concerns no single field.
    pub fn plain(message: String) -> Self {
        Self { field: None, message }
    }
}

/// Read a data set from its files.
pub fn read(source: &Source, files: &[Vec<u8>]) -> Result<Sets, String> {
    match source {
        Source::Pack => {
            let bytes = files.first().map_or(&[][..], Vec::as_slice);
            let (train, test, classes) =
                crate::data::pack::read(bytes).map_err(|e| e.to_string())?;
            Ok(Sets { train, test, classes })
        }
        Source::Idx(names) => {
            let named: Vec<(&str, &[u8])> =
                names.iter().map(String::as_str).zip(files.iter().map(Vec::as_slice)).collect();
            let (train, test) = crate::data::idx::pair(&named).map_err(|e| e.to_string())?;
            let classes = (0..train.classes).map(|c| c.to_string()).collect();
            Ok(Sets { train, test, classes })
        }
    }
}

/// A trainer and what the worker needs to know beside it.
pub struct Learner {
    trainer: Trainer,
}

impl Learner {
    /// An untrained network.
    pub fn new(config: RunConfig, sets: &Sets) -> Result<Self, Refusal> {
        if let Err(error) = config.validate() {
            return Err(Refusal { field: Some(error.field.into()), message: error.message });
        }
        Trainer::new(config, sets.train.clone(), sets.test.clone())
            .map(|trainer| Self { trainer })
            .map_err(|e| Refusal::plain(e.to_string()))
    }

    /// A network from a checkpoint.
    pub fn resume(bytes: &[u8], sets: &Sets) -> Result<Self, Refusal> {
        Trainer::resume(bytes, sets.train.clone(), sets.test.clone())
            .map(|trainer| Self { trainer })
            .map_err(|e| Refusal::plain(e.to_string()))
    }

    /// One small unit of work.
    pub fn advance(&mut self) -> Advance {
        self.trainer.advance()
    }

    /// The state for drawing.
    pub fn snapshot(&self) -> Snapshot {
        self.trainer.snapshot()
    }

    /// The run as safetensors.
    pub fn checkpoint(&self) -> Vec<u8> {
        self.trainer.checkpoint()
    }

    /// Class probabilities of one image.
    pub fn predict(&self, image: &[u8]) -> Vec<f32> {
        self.trainer.predict(image)
    }

    /// Checksum of all parameters.
    pub fn checksum(&self) -> String {
        self.trainer.checksum()
    }

    /// The configuration.
    pub fn config(&self) -> &RunConfig {
        self.trainer.config()
    }

    /// Steps taken.
    pub fn step(&self) -> u64 {
        self.trainer.step()
    }

    /// Epoch being trained, from 1.
    pub fn epoch(&self) -> u32 {
        self.trainer.epoch()
    }

    /// Steps per epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.trainer.steps_per_epoch()
    }

    /// Whether every step of the run has been taken.
    pub fn finished(&self) -> bool {
        self.step() >= self.steps_per_epoch() * u64::from(self.config().epochs)
    }
}
