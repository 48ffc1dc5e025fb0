//! Networks and recipes by name.
//!
//! Recipes were chosen on 5,000 held-out training images; docs/RECIPES.md has the runs.

use super::config::{
    BitsConfig, Cell, LayerConfig, MethodConfig, MomentStorage, NetworkConfig, OptimiserConfig,
    OptimiserKind, Precision, Preset, PriorConfig, PriorKind, RateConfig, RateSchedule, RunConfig,
};
#[cfg(feature = "methods")]
use crate::methods::{CellKind, Squash};
use crate::numeric::Rounding;
use crate::program::Schedule;

/// Input modes, output modes and ranks of a layer.
type Modes = (&'static [usize], &'static [usize], &'static [usize]);

impl Preset {
    /// The network of this name.
    #[must_use]
    pub fn network(self) -> NetworkConfig {
        let (pad_columns, layers): (_, &[Modes]) = match self {
            Self::Paper => (
                2,
                &[
                    (&[7, 4, 2, 16], &[4, 4, 2, 16], &[16, 16, 16]),
                    (&[32, 16], &[1, 16], &[16]),
                ],
            ),
            Self::Tiny => (2, &[(&[28, 32], &[8, 8], &[6]), (&[8, 8], &[4, 4], &[6])]),
            Self::Dense => (0, &[(&[784], &[512], &[]), (&[512], &[10], &[])]),
            // A row of 28 + 4 columns and 128 hidden values: 160 = 10 x 16.
            #[cfg(feature = "methods")]
            Self::Lstm => (2, &[(&[10, 16], &[32, 16], &[16]), (&[128], &[16], &[])]),
            #[cfg(feature = "methods")]
            Self::Gru => (
                2,
                &[
                    (&[10, 16], &[16, 16], &[16]),
                    (&[10, 16], &[8, 16], &[16]),
                    (&[128], &[16], &[]),
                ],
            ),
            // 256 hidden values: 288 = 18 x 16.
            #[cfg(feature = "methods")]
            Self::Lstm256 => (2, &[(&[18, 16], &[64, 16], &[16]), (&[256], &[16], &[])]),
            #[cfg(feature = "methods")]
            Self::Gru256 => (
                2,
                &[
                    (&[18, 16], &[32, 16], &[16]),
                    (&[18, 16], &[16, 16], &[16]),
                    (&[256], &[16], &[]),
                ],
            ),
        };
        let layers = layers.iter().map(|(inputs, outputs, ranks)| LayerConfig {
            in_modes: inputs.to_vec(),
            out_modes: outputs.to_vec(),
            ranks: ranks.to_vec(),
        });
        NetworkConfig {
            pad_columns,
            layers: layers.collect(),
            cell: self.cell(),
        }
    }

    /// The cell of this name's network.
    fn cell(self) -> Option<Cell> {
        match self {
            #[cfg(feature = "methods")]
            Self::Lstm | Self::Lstm256 => Some(smooth(CellKind::Lstm)),
            #[cfg(feature = "methods")]
            Self::Gru | Self::Gru256 => Some(smooth(CellKind::Gru)),
            Self::Paper | Self::Tiny | Self::Dense => None,
        }
    }

    /// Samples of a step. A cell of 256 holds more numbers of 64 samples than are accepted.
    fn batch(self) -> usize {
        match self {
            #[cfg(feature = "methods")]
            Self::Lstm256 | Self::Gru256 => 32,
            _ => 64,
        }
    }

    /// The method with which a preset begins.
    fn method(self) -> Option<MethodConfig> {
        match self {
            #[cfg(feature = "methods")]
            Self::Lstm | Self::Gru | Self::Lstm256 | Self::Gru256 => Some(MethodConfig::default()),
            Self::Paper | Self::Tiny | Self::Dense => None,
        }
    }
}

#[cfg(feature = "methods")]
fn smooth(kind: CellKind) -> Cell {
    let squash = Squash::Smooth;
    Cell { kind, squash }
}

impl Default for BitsConfig {
    fn default() -> Self {
        Self {
            core: 4,
            activation: 8,
            gradient: 16,
            master: 8,
        }
    }
}

impl Default for PriorConfig {
    fn default() -> Self {
        Self {
            kind: PriorKind::None,
            strength: 1.0,
            warmup_epochs: 0.5,
            ramp_epochs: 1.5,
            target: 0.0,
            restart: true,
            threshold: 1e-3,
            smoothing: 0.1,
            eta: 0.1,
            shape: 1.0,
            scale: 1e-3,
        }
    }
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            kind: OptimiserKind::Adam,
            momentum: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            moments: MomentStorage::F32,
        }
    }
}

/// Memory reduction from which a network has no capacity to spare, and smoothed labels cost accuracy.
const SCARCE: f32 = 600.0;

/// The label smoothing that suits a precision and a target of memory reduction (0 for none).
#[must_use]
pub fn label_smoothing(precision: Precision, target: f32) -> f32 {
    if precision == Precision::Fixed && target < SCARCE {
        0.1
    } else {
        0.0
    }
}

impl RunConfig {
    /// A preset network with the recipe that suits a precision.
    #[must_use]
    pub fn preset(preset: Preset, precision: Precision) -> Self {
        let peak = match (preset, precision) {
            #[cfg(feature = "methods")]
            (Preset::Lstm | Preset::Gru, _) => 5e-3,
            #[cfg(feature = "methods")]
            (Preset::Lstm256 | Preset::Gru256, _) => 4e-3,
            (_, Precision::Fixed) => 2e-2,
            (Preset::Dense, _) => 1e-3,
            _ => 5e-3,
        };
        // Four-bit cores jump by an eighth; a longer mean of the gradient steadies them.
        let momentum = if precision == Precision::Fixed {
            0.95
        } else {
            0.9
        };
        Self {
            data: "fashion-mnist-subset".into(),
            method: preset.method(),
            network: preset.network(),
            precision,
            bits: BitsConfig::default(),
            rounding: Rounding::Nearest,
            master_rounding: Rounding::Stochastic,
            prior: PriorConfig::default(),
            label_smoothing: label_smoothing(precision, 0.0),
            schedule: Schedule::Planned,
            optimiser: OptimiserConfig {
                momentum,
                ..OptimiserConfig::default()
            },
            rate: RateConfig {
                peak,
                schedule: RateSchedule::Linear,
                warmup_steps: 0,
            },
            epochs: 10,
            batch: preset.batch(),
            seed: 1,
        }
    }
}

impl Default for RunConfig {
    /// What the page opens with: the paper's network in fixed point, shrinking to the published 292x.
    fn default() -> Self {
        let mut config = Self::preset(Preset::Paper, Precision::Fixed);
        config.prior.kind = PriorKind::LogUniform;
        config.prior.target = PUBLISHED_REDUCTION;
        config
    }
}

/// The parameter memory reduction that the paper publishes.
const PUBLISHED_REDUCTION: f32 = 292.0;
