//! Runs side by side: what the trainer measured and what the accelerator's model says of the same network,
//! one row for each configuration, over several seeds.
//!
//! A [`Comparison`] is what `railyard compare` writes and what the page shows beside its own runs.

mod contender;
pub mod hardware;
mod inference;
pub mod message;
pub mod race;

pub use contender::{Contender, HIDDEN, Recurrent, Task, contenders};
pub use inference::{Inference, Pipeline, Stage, inference, unit_cycles};

use serde::{Deserialize, Serialize};

use crate::accel::Machine;
use crate::accel::energy::EnergyTable;
use crate::methods::{Knobs, Network, NetworkSpec, Work, method};
use crate::numeric::Seed;
use crate::train::config::{Precision, RunConfig};
use crate::train::memory::Widths;
use crate::train::metrics::EpochMetrics;
use crate::train::{ConfigError, Learner, MethodTrainer};
use crate::tt::TtShape;

/// Version of the file.
pub const VERSION: u32 = 1;

/// An epoch of a run, as much as a chart needs. Measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Mean cross-entropy over the epoch's batches, in nats.
    pub train_loss: f32,
    /// Accuracy on the test set, 0 to 1.
    pub test_accuracy: f32,
    /// Bits of the deployed parameters.
    pub parameter_bits: u64,
}

impl From<&EpochMetrics> for Point {
    fn from(epoch: &EpochMetrics) -> Self {
        Self {
            train_loss: epoch.train_loss,
            test_accuracy: epoch.test_accuracy,
            parameter_bits: epoch.parameter_bits,
        }
    }
}

/// A configuration trained with one seed. Measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedRun {
    /// The seed.
    pub seed: u32,
    /// Its epochs.
    pub epochs: Vec<Point>,
    /// Checksum of all parameters at the end, 16 hexadecimal digits.
    pub checksum: String,
}

impl SeedRun {
    /// Accuracy on the test set after the last epoch.
    #[must_use]
    pub fn accuracy(&self) -> f32 {
        self.epochs.last().map_or(0.0, |epoch| epoch.test_accuracy)
    }
}

/// What a network takes: counted, and on a machine modelled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Values stored for the matrices.
    pub values: u64,
    /// Bits of all deployed parameters.
    pub parameter_bits: u64,
    /// Bits of the same network, dense and in 32-bit float.
    pub dense_bits: u64,
    /// Operations of one sample's forward pass.
    pub work: Work,
    /// One sample's forward pass on the machine.
    pub inference: Inference,
}

/// One configuration with its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name in the table.
    pub label: String,
    /// The options it was made with.
    pub options: String,
    /// The configuration, of the first seed.
    pub config: RunConfig,
    /// Its runs, by seed.
    pub runs: Vec<SeedRun>,
    /// What the network takes at the end of the first run.
    pub cost: Cost,
}

/// Mean, least and greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The mean.
    pub mean: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Row {
    /// Test accuracy over the seeds; nothing without runs.
    #[must_use]
    pub fn accuracy(&self) -> Option<Range> {
        let each = self.runs.iter().map(|run| f64::from(run.accuracy()));
        let (count, sum) = (self.runs.len(), each.clone().sum::<f64>());
        Some(Range {
            mean: sum / count as f64,
            least: each.clone().reduce(f64::min)?,
            greatest: each.reduce(f64::max)?,
        })
    }
}

/// Rows on the same data, costs on the same machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// [`VERSION`].
    pub version: u32,
    /// The data.
    pub data: String,
    /// The machine's name.
    pub machine: String,
    /// The energy table's name.
    pub energy_table: String,
    /// The rows.
    pub rows: Vec<Row>,
}

/// The method whose costs stand for a tensor train run as a Program.
const TENSOR_TRAIN: &str = "tensor-train";

/// The images that a network reads, as far as its cost depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Images {
    /// Rows, which are the time steps of a recurrent network.
    pub rows: usize,
    /// Classes to tell apart.
    pub classes: usize,
}

impl Images {
    /// Those of MNIST and Fashion-MNIST.
    pub const MNIST: Self = Self {
        rows: 28,
        classes: 10,
    };
}

/// The network of a Program with layers of these shapes, as the method holds it: its memory and its
/// operations are the same, its values are not.
fn as_method(config: &RunConfig, shapes: &[TtShape], classes: usize) -> Option<Network> {
    let method = method(TENSOR_TRAIN)?;
    let widths = Widths::of(config);
    let low = config.precision != Precision::Float;
    Some(Network::new(&NetworkSpec {
        method,
        knobs: &Knobs::new(method.knobs(), []).ok()?,
        admm: None,
        shapes,
        cell: None,
        classes,
        bits: low.then_some((widths.core as u8, widths.activation as u8)),
        smoothing: 0,
        seed: Seed(0),
    }))
}

/// A configuration's network in the form that it has at the end of its run, at its first ranks, and its
/// time steps.
fn deployed(config: &RunConfig, images: Images) -> Result<(Network, u64), ConfigError> {
    config.validate()?;
    let built = match &config.method {
        None => as_method(config, &config.shapes()?, images.classes),
        Some(_) => None,
    };
    let network = match built {
        Some(network) => network,
        None => MethodTrainer::network_of(config, images.classes)?.deployed(),
    };
    let steps = match config.network.cell {
        None => 1,
        Some(_) => images.rows as u64,
    };
    Ok((network, steps))
}

impl Cost {
    /// What a run's network takes as it stands, and its hardware; nothing for a tensor train where the
    /// method of that name is not built in.
    #[must_use]
    pub fn of(
        learner: &Learner,
        machine: &Machine,
        table: EnergyTable,
    ) -> Option<(Self, Pipeline)> {
        let config = learner.config();
        match learner {
            Learner::Program(trainer) => {
                let model = trainer.model();
                let shapes: Vec<_> = model
                    .layers
                    .iter()
                    .map(|layer| layer.shape.clone())
                    .collect();
                let network = as_method(config, &shapes, model.classes)?;
                Some(Self::new(config, (&network, 1), machine, table))
            }
            Learner::Method(trainer) => {
                let network = (trainer.network(), trainer.time_steps());
                Some(Self::new(config, network, machine, table))
            }
        }
    }

    /// What a configuration's network takes when it is deployed, and its hardware: in the form that it has
    /// at the end of its run, at its first ranks.
    ///
    /// # Errors
    /// If the configuration is not valid.
    pub fn deployed(
        config: &RunConfig,
        images: Images,
        machine: &Machine,
        table: EnergyTable,
    ) -> Result<(Self, Pipeline), ConfigError> {
        let (network, steps) = deployed(config, images)?;
        Ok(Self::new(config, (&network, steps), machine, table))
    }

    fn new(
        config: &RunConfig,
        (network, steps): (&Network, u64),
        machine: &Machine,
        table: EnergyTable,
    ) -> (Self, Pipeline) {
        let widths = match config.precision {
            Precision::Fixed => [config.bits.core, config.bits.activation].map(u32::from),
            Precision::Bf16 | Precision::F16 => [16; 2],
            Precision::Float => [32; 2],
        };
        let storage = network.storage();
        let cost = Self {
            values: storage.values,
            parameter_bits: storage.bits(),
            dense_bits: network.dense_bits(),
            work: network.work(steps),
            inference: inference(network, steps, widths, machine, table),
        };
        (cost, Pipeline::new(network, steps, machine))
    }
}

/// Which of some points no other beats: none is at least as good in both and better in one. Accuracy is
/// better when greater, cost when smaller.
#[must_use]
pub fn front(points: &[(f64, f64)]) -> Vec<bool> {
    let beaten = |&(accuracy, cost): &(f64, f64)| {
        points.iter().any(|&(other, price)| {
            other >= accuracy && price <= cost && (other > accuracy || price < cost)
        })
    };
    points.iter().map(|point| !beaten(point)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_no_other_point_beats() {
        let points = [(0.8, 1.0), (0.9, 2.0), (0.85, 2.0), (0.9, 3.0), (0.95, 9.0)];
        assert_eq!(front(&points), [true, true, false, false, true]);
        // Two alike beat each other in nothing.
        assert_eq!(front(&[(0.5, 1.0), (0.5, 1.0)]), [true, true]);
    }
}
