//! What can be wrong with a run before it starts.

use std::fmt;

use super::config::{RunConfig, wrong};
use crate::data::Dataset;
use crate::tt::TtShape;

/// A configuration that cannot be run: which field, what is wrong, what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The field, by its path, such as `prior.strength` or `network.layers.0.ranks`.
    pub field: String,
    /// What is wrong and what would be accepted.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for ConfigError {}

/// A run that cannot start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrainError {
    /// The configuration is not valid.
    Config(ConfigError),
    /// The data do not suit the configuration.
    Data(String),
    /// The checkpoint cannot be read.
    Checkpoint(String),
    /// Steps taken elsewhere, or the words after them, cannot be taken over.
    Words(String),
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Data(message) | Self::Checkpoint(message) | Self::Words(message) => {
                f.write_str(message)
            }
        }
    }
}

impl std::error::Error for TrainError {}

impl From<ConfigError> for TrainError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// Whether the network runs as a Program: whoever plans, times or drives one needs that.
///
/// # Errors
/// If a method holds it.
pub fn check_program(config: &RunConfig) -> Result<(), ConfigError> {
    match &config.method {
        None => Ok(()),
        Some(method) => Err(wrong(
            "method",
            format!(
                "the network is held by the method `{}`, and only tensor trains without a method run as a Program",
                method.name()
            ),
        )),
    }
}

/// Whether images of this size fit the network.
pub(super) fn check_size(
    config: &RunConfig,
    shapes: &[TtShape],
    height: usize,
    width: usize,
) -> Result<(), TrainError> {
    let columns = config.network.pad_columns;
    let wanted = shapes.first().map_or(0, TtShape::inputs);
    if config.network.cell.is_some() {
        let hidden = shapes.last().map_or(0, TtShape::inputs);
        let row = width + 2 * columns;
        if row + hidden == wanted {
            return Ok(());
        }
        return Err(TrainError::Data(format!(
            "rows of {width} with {columns} zero columns on each side and {hidden} hidden values make {} inputs, but \
             the cell's input modes multiply to {wanted}",
            row + hidden
        )));
    }
    let inputs = height * (width + 2 * columns);
    if inputs == wanted {
        return Ok(());
    }
    Err(TrainError::Data(format!(
        "images of {height} x {width} with {columns} zero columns on each side make {inputs} inputs, but the first \
         layer's input modes multiply to {wanted}"
    )))
}

/// Whether the data fit the network.
pub(super) fn check_data(
    config: &RunConfig,
    shapes: &[TtShape],
    train: &Dataset,
    test: &Dataset,
) -> Result<(), TrainError> {
    let wrong = |message: String| Err(TrainError::Data(message));
    if train.is_empty() || test.is_empty() {
        return wrong("training and test set must each hold at least one image".into());
    }
    if (train.height, train.width) != (test.height, test.width) {
        return wrong(format!(
            "training images are {} x {} and test images {} x {}; both must have one size",
            train.height, train.width, test.height, test.width
        ));
    }
    check_size(config, shapes, train.height, train.width)?;
    let outputs = shapes.last().map_or(0, TtShape::outputs);
    let classes = train.classes.max(test.classes);
    if classes > outputs || train.classes != classes {
        return wrong(format!(
            "the data have {classes} classes, but the last layer has {outputs} outputs; at least {classes} are needed"
        ));
    }
    let highest = train
        .labels
        .iter()
        .chain(test.labels.iter())
        .max()
        .copied()
        .unwrap_or(0);
    if usize::from(highest) >= train.classes {
        return wrong(format!(
            "a label is {highest}, but labels must be below {}",
            train.classes
        ));
    }
    Ok(())
}
