//! Training: configuration, trainer, optimisers, rank prior, metrics and checkpoints.

mod adapt;
pub mod carried;
mod checkpoint;
pub mod config;
mod course;
mod engine;
mod error;
#[cfg(feature = "methods")]
mod learner;
pub mod memory;
#[cfg(feature = "methods")]
mod method;
#[cfg(feature = "methods")]
mod method_checkpoint;
#[cfg(feature = "methods")]
mod method_config;
pub mod metrics;
mod model;
#[cfg(not(feature = "methods"))]
mod no_methods;
mod optimiser;
pub mod presets;
mod prior;
pub mod propose;
mod rate;
pub mod record;
mod safetensors;
mod shard;
pub mod speed;
mod step;
mod tensors;
mod trainer;
pub mod update;
mod words;

pub use engine::fixed_executor;
pub use error::{ConfigError, TrainError, check_program};
#[cfg(feature = "methods")]
pub use learner::Learner;
#[cfg(feature = "methods")]
pub use method::MethodTrainer;
pub use model::{Bond, Grid, Layer, Model, Parameter};
pub use optimiser::Moments;
pub use shard::{OpenStep, Replica};
pub use step::{Order, StepSettings};
pub use tensors::{TensorInfo, TensorValues, Tensors};
pub use trainer::{Advance, Trainer, step_program};
pub use words::{BondWords, ParameterWords, StepOrder, TakenStep, Words, digest, shift_is_sound};
