//! The trainer of networks whose matrices are held by a [method](crate::methods): the same course, batches,
//! rates, optimiser and metrics as a tensor train's, and layers that know their own constraints.

use super::config::{OptimiserKind, Precision, RunConfig};
use super::course::{Course, Due, Held, Tally, probabilities};
use super::error::{ConfigError, TrainError, check_data};
use super::metrics::{
    CoreSnapshot, EpochMetrics, LayerSnapshot, MemoryCategory, MemoryReport, MemoryStage,
    OperationReport, Snapshot, StepMetrics,
};
use super::model::{Purpose, checksum, stream};
use super::optimiser::{Moments, OptimiserStep};
use super::trainer::{Advance, of_256};
use super::update::corrections;
use crate::data::Dataset;
use crate::exec::Batch;
use crate::methods::{Moment, Network, NetworkSpec, Operator, Storage};
use crate::numeric::Seed;
use std::ops::Range;

/// A run in progress.
#[derive(Clone, Debug)]
pub struct MethodTrainer {
    pub(super) course: Course,
    pub(super) network: Network,
    /// Of each trained tensor, in the network's order.
    pub(super) memories: Vec<Memory>,
}

/// What the optimiser remembers of a tensor.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub moments: Moments,
    /// Step (from 0) at which the moments began: a method may replace a tensor in the middle of a run.
    pub born: u64,
}

impl MethodTrainer {
    /// A fresh network of a configuration, which has a method.
    ///
    /// # Errors
    /// If layers or method are not accepted.
    pub fn network_of(config: &RunConfig, classes: usize) -> Result<Network, ConfigError> {
        let shapes = config.shapes()?;
        let method = config.method.clone().unwrap_or_default();
        let admm = method.admm;
        let (method, knobs) = method.find()?;
        let fixed = config.precision == Precision::Fixed;
        Ok(Network::new(&NetworkSpec {
            method,
            knobs: &knobs,
            admm,
            shapes: &shapes,
            cell: config.network.cell,
            classes,
            bits: fixed.then_some((config.bits.core, config.bits.activation)),
            smoothing: of_256(config.label_smoothing),
            seed: Seed(config.seed),
        }))
    }

    /// A run about to begin.
    ///
    /// # Errors
    /// If the configuration is not valid or does not fit the data.
    pub fn new(config: RunConfig, train: Dataset, test: Dataset) -> Result<Self, TrainError> {
        config.validate()?;
        check_data(&config, &config.shapes()?, &train, &test)?;
        Self::fresh(config, train, test)
    }

    /// A run about to begin, of a configuration that was checked.
    pub(super) fn fresh(
        config: RunConfig,
        train: Dataset,
        test: Dataset,
    ) -> Result<Self, TrainError> {
        let network = Self::network_of(&config, train.classes)?;
        Ok(Self {
            course: Course::new(config, train, test),
            network,
            memories: Vec::new(),
        })
    }

    /// The configuration of the run.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        &self.course.config
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Checksum of all trained tensors, 16 hexadecimal digits.
    #[must_use]
    pub fn checksum(&self) -> String {
        let tensors = self.network.tensors();
        let values = tensors.flat_map(|(_, tensor)| tensor.values.iter().copied());
        format!("{:016x}", checksum(values))
    }

    /// Does the next small piece of work: one training step, or one batch of the evaluation that
    /// follows each epoch.
    pub fn advance(&mut self) -> Advance {
        match self.course.due() {
            Due::Nothing => Advance::Finished,
            Due::Step => {
                let start = self.course.now();
                let metrics = self.step();
                self.course.worked_since(start);
                Advance::Step(metrics)
            }
            Due::Evaluation(images) => self.evaluate(images),
        }
    }

    fn step(&mut self) -> StepMetrics {
        let (pixels, labels) = self.course.batch();
        let mut batch = Tally::default();
        let outcomes = self.network.train(Batch {
            pixels: &pixels,
            labels: &labels,
        });
        batch.add(outcomes, &labels);
        let config = &self.course.config;
        let (step, total_steps) = (self.course.step, self.course.total_steps());
        let rate = config.rate.at(step, total_steps);
        let (seed, settings) = (Seed(config.seed), config.optimiser);
        let moment = Moment {
            step: step + 1,
            steps_per_epoch: self.course.steps_per_epoch(),
            total_steps,
        };
        let forms = (self.network.phases(), self.network.tensors().count());
        let memories = &mut self.memories;
        self.network.step(labels.len(), moment, |number, gradient| {
            let memory = own(memories, number, gradient.len(), (settings.kind, step));
            let drawn = stream(seed, step, Purpose::Moments, number);
            let corrections = corrections(&settings, step.saturating_sub(memory.born));
            let optimiser = OptimiserStep::new(settings, rate, corrections);
            optimiser.apply(&mut memory.moments, gradient, drawn);
        });
        let tensors = self.network.tensors().count();
        if tensors != forms.1 {
            // They are numbered anew.
            self.memories.clear();
        } else if self.network.phases() != forms.0 {
            self.forget_masked();
        }
        self.course.spare = (pixels, labels);
        let metrics = self.course.count(&batch, rate);
        self.course.step += 1;
        metrics
    }

    /// What was remembered of weights that are masked from now on: it would fade for ever, in denormal
    /// numbers, which are slow.
    fn forget_masked(&mut self) {
        for (memory, (_, tensor)) in self.memories.iter_mut().zip(self.network.tensors()) {
            for moments in [&mut memory.moments.first, &mut memory.moments.second] {
                for (moment, &value) in moments.iter_mut().zip(&tensor.values) {
                    if value == 0.0 {
                        *moment = 0.0;
                    }
                }
            }
        }
    }

    fn evaluate(&mut self, images: Range<usize>) -> Advance {
        let (done, total) = (images.end, self.course.test.len());
        let pixels = self.course.test_pixels(images.clone());
        let outcomes = self.network.evaluate(Batch {
            pixels: &pixels,
            labels: &self.course.test.labels[images],
        });
        let Some(evaluation) = self.course.evaluated(outcomes) else {
            return Advance::Evaluating { done, total };
        };
        Advance::Epoch(self.epoch(&evaluation))
    }

    fn epoch(&mut self, evaluation: &Tally) -> EpochMetrics {
        let storage = self.network.storage();
        let training = self.memory(storage).training;
        let held = Held {
            ranks: self.ranks(),
            entries: storage.values as usize,
            parameter_bits: storage.bits(),
            dense_bits: self.network.dense_bits(),
            training_bytes: training.iter().map(|category| category.bytes).sum(),
            checksum: self.checksum(),
        };
        self.course.epoch_metrics(evaluation, held)
    }

    /// Ranks by layer, of a method that has them.
    fn ranks(&self) -> Vec<Vec<usize>> {
        let ranks = self.network.operators().map(Operator::ranks);
        let ranks: Vec<_> = ranks.collect();
        if ranks.iter().all(Vec::is_empty) {
            return Vec::new();
        }
        ranks
    }

    /// Class probabilities for one image of the data's size; none for an image of another size.
    #[must_use]
    pub fn predict(&mut self, image: &[u8]) -> Vec<f32> {
        let Some(pixels) = self.course.padded(image) else {
            return Vec::new();
        };
        self.network.evaluate(Batch {
            pixels: &pixels,
            labels: &[],
        });
        probabilities(self.network.logits())
    }

    /// Time steps of a recurrent network: rows of an image.
    #[must_use]
    pub fn time_steps(&self) -> u64 {
        self.course.test.height as u64
    }

    /// Memory of the network and of its training: the network held once, `f32` for whatever is only needed
    /// to train, one sample at a time.
    fn memory(&self, storage: Storage) -> MemoryReport {
        let stage = |name: &str, bits: u64| MemoryStage {
            name: name.into(),
            bits,
        };
        let category = |name: &str, bits: u64| MemoryCategory {
            name: name.into(),
            bytes: bits.div_ceil(8),
        };
        let config = &self.course.config;
        let trained: usize = self
            .network
            .tensors()
            .map(|(_, tensor)| tensor.values.len())
            .sum();
        let floats = 32 * trained as u64;
        let master = if config.precision == Precision::Fixed {
            floats
        } else {
            0
        };
        let moments = match config.optimiser.kind {
            OptimiserKind::Adam => 2 * floats,
            OptimiserKind::Sgd => floats,
        };
        let rows = self.time_steps();
        let partials = 32 * self.network.activations(rows);
        MemoryReport {
            stages: vec![
                stage("dense, 32-bit float", self.network.dense_bits()),
                stage("in the method's form", storage.bits()),
            ],
            training: vec![
                category("parameters", storage.bits()),
                category("master copy", master),
                category("gradients", floats),
                category("moments", moments),
                category("partials", partials),
            ],
        }
    }

    /// The state of tensors, memory and operations, for drawing.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let shapes = self.course.config.shapes().unwrap_or_default();
        let core = |layer: usize| {
            let tensors = self.network.tensors();
            let own = tensors.filter(move |(at, tensor)| *at == layer && tensor.shape.len() > 1);
            own.map(|(_, tensor)| CoreSnapshot {
                shape: as_core(&tensor.shape),
                values: tensor.values.clone(),
            })
            .collect()
        };
        let layers = shapes
            .iter()
            .enumerate()
            .map(|(index, shape)| LayerSnapshot {
                name: format!("fc{}", index + 1),
                in_modes: shape.in_modes().to_vec(),
                out_modes: shape.out_modes().to_vec(),
                cores: core(index),
                bonds: Vec::new(),
            });
        let operators = self.network.timed(self.time_steps()).enumerate();
        let operations = operators.map(|(index, (times, operator))| OperationReport {
            name: format!("fc{}.forward", index + 1),
            macs_per_sample: operator.work().times(times).multiplies as f64,
            shift: 0,
            saturated: 0,
            peak: 0.0,
        });
        Snapshot {
            layers: layers.collect(),
            memory: self.memory(self.network.storage()),
            operations: operations.collect(),
        }
    }
}

/// A tensor's sides as those of a core (r, m, n, r'): of fewer sides the outer are 1, of more the last are
/// taken together.
fn as_core(shape: &[usize]) -> [usize; 4] {
    match *shape {
        [m, n] => [1, m, n, 1],
        [r, m, n] => [r, m, n, 1],
        [r, m, n, ref rest @ ..] => [r, m, n, rest.iter().product()],
        _ => [1, 1, shape.iter().product(), 1],
    }
}

/// What is remembered of tensor `number`; anew from this step on where the tensor is of another length
/// than before.
fn own(
    memories: &mut Vec<Memory>,
    number: usize,
    len: usize,
    (kind, step): (OptimiserKind, u64),
) -> &mut Memory {
    if memories.len() <= number {
        memories.resize(number + 1, Memory::default());
    }
    let own = &mut memories[number];
    if own.moments.first.len() != len {
        *own = Memory {
            moments: Moments::new(kind, len),
            born: step,
        };
    }
    own
}
