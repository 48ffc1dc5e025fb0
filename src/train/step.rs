//! What one training step needs beside the network and its samples: settings that stay for a run, and
//! an order for the step. Whoever has both, the parameters and the samples can take the step, be it
//! the trainer or a board.

use super::config::{OptimiserConfig, PriorConfig, RunConfig};
use crate::exec::fixed::FixedFormats;
use crate::numeric::Rounding;

/// What stays for a run in fixed point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepSettings {
    /// Seed of every random choice.
    pub seed: u32,
    /// Widths of the tensors and how they are rounded.
    pub formats: FixedFormats,
    /// Width of the cores' master copies; that of biases is the activations'.
    pub master: u8,
    /// Rounding of the master copies.
    pub master_rounding: Rounding,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// The prior: its kind, its parameters, the step of the variances and the threshold. How it acts over
    /// the run is in the orders; the fields for that are at their defaults.
    pub prior: PriorConfig,
}

/// What is told about one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// Its number, from 0.
    pub step: u64,
    /// Learning rate.
    pub rate: f32,
    /// Bias corrections of Adam's moments, `1 - beta^t`; 1 for gradient descent.
    pub corrections: [f32; 2],
    /// Weight of the prior's penalty on the mean loss; 0 for none.
    pub penalty: f32,
    /// Whether training stops after the step if a variance of a bond of rank 2 or more is at or below
    /// the threshold.
    pub watch: bool,
}

impl StepSettings {
    /// Those of a configuration.
    #[must_use]
    pub fn of(config: &RunConfig) -> Self {
        Self {
            seed: config.seed,
            formats: config.fixed_formats(),
            master: config.bits.master,
            master_rounding: config.master_rounding,
            optimiser: config.optimiser,
            prior: PriorConfig {
                kind: config.prior.kind,
                threshold: config.prior.threshold,
                smoothing: config.prior.smoothing,
                eta: config.prior.eta,
                shape: config.prior.shape,
                scale: config.prior.scale,
                ..PriorConfig::default()
            },
        }
    }
}
