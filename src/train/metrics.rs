//! What a run reports: per step, per epoch, and the state of cores, bonds and memory.

use serde::{Deserialize, Serialize};

/// Indices removed from one bond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// Layer, from 0.
    pub layer: usize,
    /// Bond within the layer, from 0.
    pub bond: usize,
    /// Positions removed, numbered as the bond was at the start of the run.
    pub indices: Vec<u16>,
}

/// One training step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// Epoch, from 1.
    pub epoch: u32,
    /// Steps taken in the whole run, this one included.
    pub step: u64,
    /// Mean cross-entropy of the batch, in nats.
    pub loss: f32,
    /// Share of the batch classified correctly, 0 to 1.
    pub accuracy: f32,
    /// Learning rate used.
    pub rate: f32,
    /// Indices that died in this step.
    pub pruned: Vec<Pruned>,
}

/// One epoch, with the evaluation on the test set after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Epoch, from 1.
    pub epoch: u32,
    /// Steps taken in the whole run.
    pub step: u64,
    /// Mean cross-entropy over the epoch's batches, in nats.
    pub train_loss: f32,
    /// Accuracy over the epoch's batches, 0 to 1.
    pub train_accuracy: f32,
    /// Mean cross-entropy on the test set, in nats.
    pub test_loss: f32,
    /// Accuracy on the test set, 0 to 1.
    pub test_accuracy: f32,
    /// Alive ranks of each layer's bonds.
    pub ranks: Vec<Vec<usize>>,
    /// Alive core entries of all layers.
    pub core_entries: usize,
    /// Bits of the deployed parameters: cores and biases.
    pub parameter_bits: u64,
    /// Bits of the same network with dense float weights and biases.
    pub dense_bits: u64,
    /// `dense_bits / parameter_bits`.
    pub memory_reduction: f64,
    /// Bytes of the whole training state (see [`MemoryReport::training`]).
    pub training_bytes: u64,
    /// Training samples per second of wall time, measured; 0 where no clock was given.
    pub samples_per_second: f64,
    /// Checksum of all parameters (master copies and biases), 16 hexadecimal digits.
    pub checksum: String,
    /// Test confusion matrix, row-major: row = label, column = answer.
    pub confusion: Vec<u32>,
}

/// One stage of the parameter memory, from dense float to what is deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryStage {
    /// What is held.
    pub name: String,
    /// Bits it takes.
    pub bits: u64,
}

/// One category of the training state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryCategory {
    /// `parameters`, `master copy`, `gradients`, `moments`, `prior`, `partials`, `batch input`, `scratch`.
    pub name: String,
    /// Bytes it takes.
    pub bytes: u64,
}

/// Memory of the network and of its training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// Dense float, tensor-train float, low-bit at full rank, low-bit after pruning.
    pub stages: Vec<MemoryStage>,
    /// The whole training state by category, counted from the Program's buffers.
    pub training: Vec<MemoryCategory>,
}

/// A core's values for drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoreSnapshot {
    /// Shape `(r, m, n, r')`.
    pub shape: [usize; 4],
    /// Values in that order, row-major, as the contractions see them (not scaled).
    pub values: Vec<f32>,
}

/// What decides whether a rank index dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Nothing: ranks stay as they are.
    None,
    /// The variance of its slice under the prior, against a fixed threshold.
    Variance,
    /// Its relevance to the loss per core entry; the least dies next while memory is above schedule.
    Relevance,
}

/// A bond's rank indices and what decides over them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BondSnapshot {
    /// Rank at the start of the run.
    pub initial_rank: usize,
    /// Position at the start of the run of each index still alive.
    pub alive: Vec<u16>,
    /// What the values below are.
    pub measure: Measure,
    /// Variance or relevance of each index still alive; empty where ranks stay as they are.
    pub variances: Vec<f32>,
    /// An index dies when its value falls to this; 0 once the search is over.
    pub threshold: f32,
}

/// A layer as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSnapshot {
    /// `fc1`, `fc2`, ...
    pub name: String,
    /// Input modes.
    pub in_modes: Vec<usize>,
    /// Output modes.
    pub out_modes: Vec<usize>,
    /// The cores.
    pub cores: Vec<CoreSnapshot>,
    /// The bonds between them.
    pub bonds: Vec<BondSnapshot>,
}

/// One operation of the Program as it last ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationReport {
    /// Its name, such as `fc1.forward x*G12`.
    pub name: String,
    /// Multiply-accumulates per sample (per batch operations divided by the batch).
    pub macs_per_sample: f64,
    /// Power-of-two shift applied before storing (fixed point only).
    pub shift: i32,
    /// Stored values that saturated in the last batch.
    pub saturated: u64,
    /// Largest magnitude of the last batch as a share of full scale.
    pub peak: f32,
}

/// The state of a run for drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The layers.
    pub layers: Vec<LayerSnapshot>,
    /// Memory of parameters and of training.
    pub memory: MemoryReport,
    /// Operations with their shifts.
    pub operations: Vec<OperationReport>,
}

impl Snapshot {
    /// Multiply-accumulates of a training step per sample, over all operations of the Program.
    #[must_use]
    pub fn macs_per_sample(&self) -> f64 {
        self.operations
            .iter()
            .map(|operation| operation.macs_per_sample)
            .sum()
    }

    /// Bytes of the whole training state.
    #[must_use]
    pub fn training_bytes(&self) -> u64 {
        self.memory
            .training
            .iter()
            .map(|category| category.bytes)
            .sum()
    }
}
