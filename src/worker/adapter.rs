//! The one place where the worker touches the trainer and the data readers.

use crate::data::{TrainTest, pack, table, upload};
pub use crate::train::Advance;
use crate::train::config::{Precision, Preset, RunConfig};
use crate::train::metrics::Snapshot;
use crate::train::speed::{Measurement, Speed, configuration, measure};
use crate::train::{TrainError, Trainer};

use super::message::Source;

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
        Self {
            field: None,
            message,
        }
    }
}

impl From<TrainError> for Refusal {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Config(error) => Self {
                field: Some(error.field),
                message: error.message,
            },
            TrainError::Data(message)
            | TrainError::Checkpoint(message)
            | TrainError::Words(message) => Self::plain(message),
        }
    }
}

/// Read a data set from its files, and say how they were understood where that is not plain.
pub fn read(source: &Source, files: &[Vec<u8>]) -> Result<(TrainTest, String), String> {
    let first = files.first().map_or(&[][..], Vec::as_slice);
    let plain = |sets| (sets, String::new());
    match source {
        Source::Pack => pack::read(first).map(plain).map_err(|e| e.to_string()),
        Source::Idx(names) => {
            let pairs: Vec<(&String, &Vec<u8>)> = names.iter().zip(files).collect();
            let read = upload::train_and_test(&pairs).map(plain);
            read.map_err(|e| e.to_string())
        }
        Source::Table => {
            let read = table::read(first).map(|table| (table.sets, table.said));
            read.map_err(|e| e.to_string())
        }
        Source::Pictures {
            classes,
            height,
            width,
            said,
        } => {
            let labels = files.get(1).map_or(&[][..], Vec::as_slice);
            let size = (*height as usize, *width as usize);
            let sets = upload::pictures(classes.clone(), size, first, labels);
            sets.map(|sets| (sets, said.clone()))
                .map_err(|e| e.to_string())
        }
    }
}

/// How fast configurations train, each given as the fields that differ from a preset; without any,
/// preset `paper` in floating and in fixed point.
pub fn speeds(
    configs: &[String],
    how: Measurement,
    now: fn() -> f64,
) -> Result<Vec<Speed>, String> {
    let configs = if configs.is_empty() {
        [Precision::Float, Precision::Fixed]
            .map(|precision| RunConfig::preset(Preset::Paper, precision))
            .to_vec()
    } else {
        let parsed: Result<_, _> = configs.iter().map(|config| configuration(config)).collect();
        parsed.map_err(|error| error.to_string())?
    };
    measure(&configs, how, now).map_err(|error| error.to_string())
}

/// A trainer and what the worker needs to know beside it.
pub struct Learner {
    trainer: Trainer,
}

impl Learner {
    /// An untrained network.
    pub fn new(config: RunConfig, sets: &TrainTest) -> Result<Self, Refusal> {
        config.validate().map_err(TrainError::from)?;
        let trainer = Trainer::new(config, sets.train.clone(), sets.test.clone())?;
        Ok(Self { trainer })
    }

    /// A network from a checkpoint.
    pub fn resume(bytes: &[u8], sets: &TrainTest) -> Result<Self, Refusal> {
        let trainer = Trainer::resume(bytes, sets.train.clone(), sets.test.clone())?;
        Ok(Self { trainer })
    }

    /// A network from a checkpoint that only answers images of this size.
    pub fn answering(bytes: &[u8], height: usize, width: usize) -> Result<Self, Refusal> {
        let trainer = Trainer::answering(bytes, height, width)?;
        Ok(Self { trainer })
    }

    /// The trainer, for a board's run to train on.
    pub fn trainer(&mut self) -> &mut Trainer {
        &mut self.trainer
    }

    /// The trainer as it stands.
    pub fn trainer_as_it_is(&self) -> &Trainer {
        &self.trainer
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
    pub fn predict(&mut self, image: &[u8]) -> Vec<f32> {
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

    /// Epoch being trained, from 1; 0 before the first step.
    pub fn epoch(&self) -> u32 {
        if self.step() == 0 {
            0
        } else {
            self.trainer.epoch()
        }
    }

    /// Steps per epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.trainer.steps_per_epoch()
    }

    /// Whether every step of the run has been taken.
    pub fn finished(&self) -> bool {
        self.step() >= self.trainer.total_steps()
    }
}
