//! The configuration of a run: one plain value shared by the page, the command line, the URL and
//! the checkpoint.
//!
//! Every field has a default that works; [`RunConfig::validate`] says in one sentence what is wrong
//! and what would be accepted. Field names are the names used on the command line and in JSON.

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
#[cfg(feature = "methods")]
pub use super::method_config::MethodConfig;
#[cfg(feature = "methods")]
use super::method_config::{check_cell, check_method};
#[cfg(not(feature = "methods"))]
pub use super::no_methods::{Cell, MethodConfig};
#[cfg(not(feature = "methods"))]
use super::no_methods::{check_cell, check_method};
use crate::exec::fixed::FixedFormats;
#[cfg(feature = "methods")]
pub use crate::methods::Cell;
use crate::numeric::Rounding;
use crate::program::{BufferId, NetworkShape, Schedule, compile};
use crate::tt::TtShape;

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
    /// The recurrent cell that all layers but the last make up, of a network that reads an image row by
    /// row; its layers take a row and the hidden state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
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
    /// An LSTM of 128 that reads images row by row.
    #[cfg(feature = "methods")]
    Lstm,
    /// A GRU of 128 that reads images row by row.
    #[cfg(feature = "methods")]
    Gru,
    /// An LSTM of 256.
    #[cfg(feature = "methods")]
    #[serde(rename = "lstm-256")]
    Lstm256,
    /// A GRU of 256.
    #[cfg(feature = "methods")]
    #[serde(rename = "gru-256")]
    Gru256,
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
    /// Weight of the penalty `sum |slice|^2 / lambda`, on the loss summed over the training set; not
    /// used with a target.
    pub strength: f32,
    /// Epochs before the prior begins to act.
    pub warmup_epochs: f32,
    /// Epochs over which the strength rises to its full value.
    pub ramp_epochs: f32,
    /// Memory reduction at which pruning stops (292 means 292x); 0 for no target.
    pub target: f32,
    /// Whether a run with a target draws its parameters anew at the ranks it found.
    pub restart: bool,
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
    /// How its matrices are held; none for tensor trains, run as a Program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<MethodConfig>,
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
    /// Share of each training target that is spread over all classes (Szegedy et al., 2016).
    pub label_smoothing: f32,
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

pub(super) fn wrong(field: impl Into<String>, message: impl Into<String>) -> ConfigError {
    ConfigError {
        field: field.into(),
        message: message.into(),
    }
}

impl RunConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is wrong, with what would be accepted.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.shapes()?;
        check_method(self)?;
        let fixed = self.precision == Precision::Fixed;
        let bits = self.bits;
        // What a method holds is rounded in the forward pass alone, to any width.
        let most = if self.method.is_some() { 16 } else { 8 };
        let widths = [
            ("core", bits.core, 2, most),
            ("activation", bits.activation, 4, most),
            ("gradient", bits.gradient, 4, 16),
        ];
        for (name, value, low, high) in widths {
            if fixed && !(low..=high).contains(&value) {
                return Err(wrong(
                    format!("bits.{name}"),
                    format!("{value} bits; accepted are {low} to {high}"),
                ));
            }
        }
        if fixed && !(bits.core..=16).contains(&bits.master) {
            let accepted = format!(
                "{} bits; accepted are {} (the cores' width) to 16",
                bits.master, bits.core
            );
            return Err(wrong("bits.master", accepted));
        }
        let between = |field: &str, value: f32, low: f32, high: f32| {
            if value.is_finite() && (low..=high).contains(&value) {
                return Ok(());
            }
            Err(wrong(
                field,
                format!("{value} is not accepted; choose a number from {low} to {high}"),
            ))
        };
        let prior = &self.prior;
        between("prior.strength", prior.strength, 0.0, 1e6)?;
        between("prior.warmup_epochs", prior.warmup_epochs, 0.0, 1000.0)?;
        between("prior.ramp_epochs", prior.ramp_epochs, 0.0, 1000.0)?;
        between("prior.target", prior.target, 0.0, 1e6)?;
        between("prior.threshold", prior.threshold, 0.0, 1.0)?;
        between("prior.smoothing", prior.smoothing, 1e-6, 1.0)?;
        between("prior.eta", prior.eta, 1e-6, 1e3)?;
        between("prior.shape", prior.shape, 0.0, 1e3)?;
        between("prior.scale", prior.scale, 0.0, 1e3)?;
        between("optimiser.momentum", self.optimiser.momentum, 0.0, 0.9999)?;
        between("optimiser.beta2", self.optimiser.beta2, 0.0, 0.999_999)?;
        between("optimiser.epsilon", self.optimiser.epsilon, 1e-12, 1.0)?;
        between("label_smoothing", self.label_smoothing, 0.0, 0.9)?;
        between("rate.peak", self.rate.peak, 1e-8, 10.0)?;
        if self.rate.warmup_steps > 1_000_000 {
            return Err(wrong(
                "rate.warmup_steps",
                "more than 1,000,000 steps; choose 0 to 1,000,000",
            ));
        }
        if !(1..=1000).contains(&self.epochs) {
            return Err(wrong(
                "epochs",
                format!("{} epochs; choose 1 to 1,000", self.epochs),
            ));
        }
        if !(1..=1024).contains(&self.batch) {
            return Err(wrong(
                "batch",
                format!("{} samples a batch; choose 1 to 1,024", self.batch),
            ));
        }
        self.check_size()?;
        if self.data.is_empty() || self.data.len() > 200 {
            return Err(wrong("data", "a data set's name has 1 to 200 characters"));
        }
        Ok(())
    }

    /// Whether the training step's tensors fit a browser tab.
    fn check_size(&self) -> Result<(), ConfigError> {
        let layers = self.shapes()?;
        if self.method.is_some() {
            // Each sample's activations and gates, over as many rows as an image may have.
            let rows = if self.network.cell.is_some() { 256 } else { 1 };
            let sides = layers.iter().map(|layer| layer.inputs() + layer.outputs());
            let entries: usize = layers.iter().map(TtShape::dense_entries).sum();
            let elements = (sides.sum::<usize>() * 4 * self.batch * rows + entries) as u64;
            return self.within(elements);
        }
        let exponents = vec![0; layers.len()];
        let network = NetworkShape {
            layers,
            exponents,
            classes: 1,
        };
        let program = compile(&network, self.schedule, self.batch);
        let copies = |id: usize| {
            if program.per_sample(BufferId(id)) {
                self.batch as u64
            } else {
                1
            }
        };
        let elements: u64 = program
            .buffers
            .iter()
            .enumerate()
            .map(|(id, buffer)| buffer.len as u64 * copies(id))
            .sum();
        self.within(elements)
    }

    /// Whether so many numbers of a training step fit a browser tab.
    fn within(&self, elements: u64) -> Result<(), ConfigError> {
        if elements > MAX_ELEMENTS {
            let message = format!(
                "a training step of this network on {} samples holds {elements} numbers; at most {MAX_ELEMENTS} are \
                 accepted: choose smaller layers or ranks, a smaller batch, or another schedule",
                self.batch
            );
            return Err(wrong("network", message));
        }
        Ok(())
    }

    /// The widths in which it is run in fixed point.
    #[must_use]
    pub fn fixed_formats(&self) -> FixedFormats {
        FixedFormats {
            core: self.bits.core,
            activation: self.bits.activation,
            gradient: self.bits.gradient,
            rounding: self.rounding,
        }
    }

    /// The layers' shapes.
    ///
    /// # Errors
    /// If a layer's modes or ranks are wrong, or consecutive layers do not fit.
    pub fn shapes(&self) -> Result<Vec<TtShape>, ConfigError> {
        let layers = &self.network.layers;
        if layers.is_empty() || layers.len() > MAX_LAYERS {
            let message = format!("{} layers; a network has 1 to {MAX_LAYERS}", layers.len());
            return Err(wrong("network.layers", message));
        }
        if self.network.pad_columns > 64 {
            return Err(wrong(
                "network.pad_columns",
                "more than 64 zero columns; choose 0 to 64",
            ));
        }
        let mut shapes: Vec<TtShape> = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let field = format!("network.layers.{index}");
            let shape = TtShape::new(
                layer.in_modes.clone(),
                layer.out_modes.clone(),
                layer.ranks.clone(),
            )
            .map_err(|error| wrong(field.clone(), error.to_string()))?;
            if shape.depth() > MAX_DEPTH || shape.ranks().iter().any(|&rank| rank > 1024) {
                let message =
                    format!("a layer has at most {MAX_DEPTH} cores and ranks of at most 1,024");
                return Err(wrong(field, message));
            }
            // Work per sample is bounded so that a typing error cannot freeze a page.
            if shape.inputs() > MAX_WIDTH
                || shape.outputs() > MAX_WIDTH
                || shape.core_entries() > MAX_ENTRIES
            {
                let message = format!(
                    "{} inputs, {} outputs and {} core entries; at most {MAX_WIDTH} inputs and outputs and \
                     {MAX_ENTRIES} entries are accepted",
                    shape.inputs(),
                    shape.outputs(),
                    shape.core_entries()
                );
                return Err(wrong(field, message));
            }
            let chained = self.network.cell.is_none();
            if let Some(before) = shapes
                .last()
                .filter(|before| chained && before.outputs() != shape.inputs())
            {
                let message = format!(
                    "the layer before has {} outputs, but the input modes multiply to {}; both must be equal",
                    before.outputs(),
                    shape.inputs()
                );
                return Err(wrong(format!("{field}.in_modes"), message));
            }
            shapes.push(shape);
        }
        if let Some(cell) = self.network.cell {
            check_cell(cell, &shapes)?;
        }
        Ok(shapes)
    }
}

/// Most numbers that the tensors of a training step may hold together.
const MAX_ELEMENTS: u64 = 64 << 20;
/// Most layers of a network.
const MAX_LAYERS: usize = 8;
/// Most cores of a layer.
const MAX_DEPTH: usize = 8;
/// Most inputs or outputs of a layer.
const MAX_WIDTH: usize = 16_384;
/// Most core entries of a layer.
const MAX_ENTRIES: usize = 4 << 20;
