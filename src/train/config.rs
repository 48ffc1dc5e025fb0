//! The configuration of a run: one plain value shared by the page, the command line, the URL and
//! the checkpoint.
//!
//! Every field has a default that works; [`RunConfig::validate`] says in one sentence what is wrong
//! and what would be accepted. Field names are the names used on the command line and in JSON.

use serde::{Deserialize, Serialize};

use crate::numeric::Rounding;
use crate::program::Schedule;

/// One layer `y = W x + b`, with `W` a tensor-train matrix; one mode on each side is a dense layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerConfig {
    /// Input modes `n_1..n_d`, slowest first; their product is the layer's input width.
    pub in_modes: Vec<usize>,
    /// Output modes `m_1..m_d`, slowest first; their product is the layer's output width.
    pub out_modes: Vec<usize>,
    /// Ranks of the `d - 1` bonds at the start of training.
    pub ranks: Vec<usize>,
}

/// The network: how an image becomes a vector, and the layers with `ReLU` between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Zero columns added on the left and on the right of every image row.
    pub pad_columns: usize,
    /// The layers, first to last. The last one's outputs are the logits.
    pub layers: Vec<LayerConfig>,
}

/// Networks by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The paper's network: 28 x 32 = 896 -> 512 -> 16 with ranks of 16.
    Paper,
    /// A small tensor-train network that trains in seconds: 896 -> 64 -> 16 with ranks of 6.
    Tiny,
    /// The dense baseline 784 -> 512 -> 10.
    Dense,
}

/// How numbers are held while training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32-bit floating point throughout.
    Float,
    /// Parameters, activations and gradients stored as bfloat16; sums in f32, master copy in f32.
    Bf16,
    /// Parameters, activations and gradients stored as IEEE half; sums in f32, master copy in f32.
    F16,
    /// Fixed point with the formats of [`BitsConfig`], integer arithmetic throughout.
    Fixed,
}

/// Widths in bits of the fixed-point tensor classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BitsConfig {
    /// Cores as the contractions see them (2 to 8).
    pub core: u8,
    /// Activations, merged cores, logits and biases (4 to 8).
    pub activation: u8,
    /// Gradients (4 to 16).
    pub gradient: u8,
    /// Master copy of the cores that the optimiser updates (`core` to 16).
    pub master: u8,
}

/// The prior on each bond's variances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorKind {
    /// No prior: ranks stay as they are.
    None,
    /// Log-uniform on the standard deviation.
    LogUniform,
    /// Half-Cauchy with scale `eta` on the standard deviation.
    HalfCauchy,
    /// Inverse-gamma with shape `a` and scale `b` on the variance.
    InverseGamma,
}

/// The learning rate over the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateSchedule {
    /// The same rate throughout.
    Constant,
    /// Falls linearly to zero at the end of the run.
    Linear,
    /// Falls to zero along half a cosine.
    Cosine,
}

/// The optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimiserKind {
    /// Adam (Kingma and Ba, 2015) with bias correction.
    Adam,
    /// Stochastic gradient descent with momentum.
    Sgd,
}

/// How the optimiser's moments are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MomentStorage {
    /// 32-bit floating point.
    F32,
    /// bfloat16, rounded stochastically so that small changes are kept on average.
    Bf16,
}

/// Settings of the rank prior.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorConfig {
    /// Which prior, or none.
    pub kind: PriorKind,
    /// Weight of the penalty `sum |slice|^2 / lambda`, on the loss summed over the training set.
    pub strength: f32,
    /// Epochs before the prior begins to act.
    pub warmup_epochs: f32,
    /// Epochs over which the strength rises to its full value.
    pub ramp_epochs: f32,
    /// Memory reduction at which pruning stops (292 means 292x); 0 for no target.
    pub target: f32,
    /// An index is alive while its variance is above this threshold.
    pub threshold: f32,
    /// Step of the variances toward their update target, once per batch.
    pub smoothing: f32,
    /// Scale `eta` of the half-Cauchy prior.
    pub eta: f32,
    /// Shape `a` of the inverse-gamma prior.
    pub shape: f32,
    /// Scale `b` of the inverse-gamma prior.
    pub scale: f32,
}

/// Settings of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimiserConfig {
    /// Which optimiser.
    pub kind: OptimiserKind,
    /// Adam's `beta1`, or the momentum of gradient descent.
    pub momentum: f32,
    /// Adam's `beta2`.
    pub beta2: f32,
    /// Added to the root of Adam's second moment.
    pub epsilon: f32,
    /// How the moments are stored.
    pub moments: MomentStorage,
}

/// Settings of the learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateConfig {
    /// The highest rate of the run.
    pub peak: f32,
    /// How it falls.
    pub schedule: RateSchedule,
    /// Steps over which it first rises linearly from zero.
    pub warmup_steps: u32,
}

/// A whole run: data, network, precision, prior, optimiser and seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Name of the data set (`fashion-mnist`, `fashion-mnist-subset`, `mnist`, or the visitor's).
    pub data: String,
    /// The network.
    pub network: NetworkConfig,
    /// How numbers are held.
    pub precision: Precision,
    /// Widths of the fixed-point classes (used when `precision` is `fixed`).
    pub bits: BitsConfig,
    /// Rounding of activations and gradients in fixed point.
    pub rounding: Rounding,
    /// Rounding of the master copy in fixed point.
    pub master_rounding: Rounding,
    /// The rank prior.
    pub prior: PriorConfig,
    /// Order of the contractions.
    pub schedule: Schedule,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// The learning rate.
    pub rate: RateConfig,
    /// Passes over the training set.
    pub epochs: u32,
    /// Samples per step.
    pub batch: usize,
    /// Seed of every random choice of the run.
    pub seed: u32,
}
