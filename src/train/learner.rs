//! A run of either kind: a tensor train run as a Program, or a network held by a method.

use super::config::RunConfig;
use super::error::{ConfigError, TrainError, check_program};
use super::method::MethodTrainer;
use super::metrics::Snapshot;
use super::trainer::{Advance, Trainer};
use crate::data::Dataset;

/// A run in progress, whatever holds its matrices.
#[derive(Clone, Debug)]
pub enum Learner {
    /// Tensor trains, run as a Program.
    Program(Box<Trainer>),
    /// A network held by a method.
    Method(Box<MethodTrainer>),
}

/// Calls one method of whichever trainer it is.
macro_rules! either {
    ($learner:expr, $trainer:ident => $what:expr) => {
        match $learner {
            Learner::Program($trainer) => $what,
            Learner::Method($trainer) => $what,
        }
    };
}

impl Learner {
    /// A run about to begin.
    ///
    /// # Errors
    /// If the configuration is not valid or does not fit the data.
    pub fn new(config: RunConfig, train: Dataset, test: Dataset) -> Result<Self, TrainError> {
        config.validate()?;
        Ok(if config.method.is_some() {
            Self::Method(Box::new(MethodTrainer::new(config, train, test)?))
        } else {
            Self::Program(Box::new(Trainer::new(config, train, test)?))
        })
    }

    /// The run that a checkpoint holds, on the data it was made with.
    ///
    /// # Errors
    /// If the bytes are no checkpoint, or the data are of another size.
    pub fn resume(bytes: &[u8], train: Dataset, test: Dataset) -> Result<Self, TrainError> {
        Ok(if Trainer::peek(bytes)?.method.is_some() {
            Self::Method(Box::new(MethodTrainer::resume(bytes, train, test)?))
        } else {
            Self::Program(Box::new(Trainer::resume(bytes, train, test)?))
        })
    }

    /// The network that a checkpoint holds, without its data: it answers images of this size by
    /// [`Self::predict`] and has nothing left to train.
    ///
    /// # Errors
    /// If the bytes are no checkpoint, or images of this size do not fit its network.
    pub fn answering(bytes: &[u8], height: usize, width: usize) -> Result<Self, TrainError> {
        Ok(if Trainer::peek(bytes)?.method.is_some() {
            Self::Method(Box::new(MethodTrainer::answering(bytes, height, width)?))
        } else {
            Self::Program(Box::new(Trainer::answering(bytes, height, width)?))
        })
    }

    /// The trainer of a Program, for whoever needs one.
    #[must_use]
    pub fn program(&self) -> Option<&Trainer> {
        match self {
            Self::Program(trainer) => Some(trainer),
            Self::Method(_) => None,
        }
    }

    /// The trainer of a Program, to be changed.
    #[must_use]
    pub fn program_mut(&mut self) -> Option<&mut Trainer> {
        match self {
            Self::Program(trainer) => Some(trainer),
            Self::Method(_) => None,
        }
    }

    /// The trainer of a Program.
    ///
    /// # Errors
    /// If a method holds the network.
    pub fn into_program(self) -> Result<Trainer, ConfigError> {
        check_program(self.config())?;
        match self {
            Self::Program(trainer) => Ok(*trainer),
            Self::Method(_) => unreachable!("a method's run has a method"),
        }
    }

    /// Gives a clock in seconds, for [`EpochMetrics::samples_per_second`].
    ///
    /// [`EpochMetrics::samples_per_second`]: super::metrics::EpochMetrics::samples_per_second
    pub fn set_clock(&mut self, clock: fn() -> f64) {
        either!(self, trainer => trainer.course.set_clock(clock));
    }

    /// The configuration of the run.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        either!(self, trainer => &trainer.course.config)
    }

    /// Steps taken.
    #[must_use]
    pub fn step(&self) -> u64 {
        either!(self, trainer => trainer.course.step)
    }

    /// Epoch in progress, from 1; the last one when the run is over.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        either!(self, trainer => trainer.course.epoch())
    }

    /// Steps of an epoch; the last batch may be smaller.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        either!(self, trainer => trainer.course.steps_per_epoch())
    }

    /// Steps of the whole run.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        either!(self, trainer => trainer.course.total_steps())
    }

    /// Checksum of all parameters, 16 hexadecimal digits.
    #[must_use]
    pub fn checksum(&self) -> String {
        either!(self, trainer => trainer.checksum())
    }

    /// Does the next small piece of work: one training step, or one batch of the evaluation that
    /// follows each epoch.
    pub fn advance(&mut self) -> Advance {
        either!(self, trainer => trainer.advance())
    }

    /// Class probabilities for one image of the data's size; none for an image of another size.
    #[must_use]
    pub fn predict(&mut self, image: &[u8]) -> Vec<f32> {
        either!(self, trainer => trainer.predict(image))
    }

    /// The state for drawing.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        either!(self, trainer => trainer.snapshot())
    }

    /// The whole state of the run, as safetensors.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        either!(self, trainer => trainer.checkpoint())
    }
}
