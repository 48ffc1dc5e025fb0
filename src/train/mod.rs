//! Training: configuration, trainer, optimisers, rank prior, metrics and checkpoints.

pub mod config;
pub mod metrics;
pub mod record;
