//! The trainer: batches in, a smaller network out.

use std::ops::Range;

use super::config::{PriorKind, RunConfig};
use super::engine::Engine;
use super::error::TrainError;
use super::metrics::{
    BondSnapshot, CoreSnapshot, EpochMetrics, LayerSnapshot, Measure, OperationReport, Pruned,
    Snapshot, StepMetrics,
};
use super::model::{Grid, Layer, Model, Purpose, stream};
use super::step::{Order, StepSettings};
use super::update::{corrections, take_step};
use super::{adapt, memory};
use crate::data::Dataset;
use crate::exec::fixed::StepKey;
use crate::exec::{Batch, Margin, SampleOutcome};
use crate::numeric::{Seed, exact};
use crate::program::{Class, Part, Program, compile};

/// What one call of [`Trainer::advance`] did.
#[derive(Clone, Debug, PartialEq)]
pub enum Advance {
    /// One training step.
    Step(StepMetrics),
    /// Part of the evaluation on the test set.
    Evaluating {
        /// Test samples done.
        done: usize,
        /// Test samples in all.
        total: usize,
    },
    /// The evaluation ended, and with it an epoch.
    Epoch(EpochMetrics),
    /// The run is over; nothing was done.
    Finished,
}

/// Sums over the samples of an epoch or of an evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub samples: usize,
    pub loss: f64,
    pub correct: usize,
}

impl Tally {
    fn add(&mut self, outcomes: &[SampleOutcome], labels: &[u8]) {
        self.samples += labels.len();
        for (outcome, &label) in outcomes.iter().zip(labels) {
            self.loss += outcome.loss;
            self.correct += usize::from(outcome.answer == label);
        }
    }

    fn mean_loss(&self) -> f32 {
        (self.loss / self.samples.max(1) as f64) as f32
    }

    fn accuracy(&self) -> f32 {
        self.correct as f32 / self.samples.max(1) as f32
    }
}

/// A run in progress. The same configuration, data and seed give the same bits in fixed point
/// whatever the platform and the number of threads.
#[derive(Clone, Debug)]
pub struct Trainer {
    pub(super) config: RunConfig,
    pub(super) train: Dataset,
    pub(super) test: Dataset,
    pub(super) model: Model,
    pub(super) engine: Engine,
    /// Step at which the parameters were last drawn.
    pub(super) born: u64,
    pub(super) step: u64,
    pub(super) epochs_evaluated: u32,
    pub(super) tally: Tally,
    evaluation: Tally,
    confusion: Vec<u32>,
    pub(super) order: (u64, Vec<u32>),
    threads: usize,
    /// Programs compiled for the run so far.
    programs: u64,
    clock: Option<fn() -> f64>,
    busy_seconds: f64,
    /// Samples of the epoch that were trained on elsewhere.
    pub(super) elsewhere: usize,
    pub(super) spare: Spare,
}

/// Memory kept from step to step, so that a step need not ask for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Spare {
    /// Pixels and labels of a batch.
    pub batch: (Vec<u8>, Vec<u8>),
    /// A parameter's gradient.
    slopes: Vec<f32>,
}

impl Trainer {
    /// A run about to begin, on one thread.
    ///
    /// # Errors
    /// If the configuration is not valid or does not fit the data.
    pub fn new(config: RunConfig, train: Dataset, test: Dataset) -> Result<Self, TrainError> {
        let shapes = config.shapes()?;
        super::error::check_data(&config, &shapes, &train, &test)?;
        let model = Model::new(&config, shapes, train.classes);
        Ok(Self::with_model(config, train, test, model))
    }

    /// A run with these parameters, at its beginning.
    pub(super) fn with_model(
        config: RunConfig,
        train: Dataset,
        test: Dataset,
        model: Model,
    ) -> Self {
        let program = step_program(&config, &model);
        let engine = Engine::new(&config, program, 1, margin(&config, train.width));
        let mut trainer = Self {
            born: 0,
            config,
            train,
            test,
            model,
            engine,
            step: 0,
            epochs_evaluated: 0,
            tally: Tally::default(),
            evaluation: Tally::default(),
            confusion: Vec::new(),
            order: (u64::MAX, Vec::new()),
            threads: 1,
            programs: 1,
            clock: None,
            busy_seconds: 0.0,
            elsewhere: 0,
            spare: Spare::default(),
        };
        trainer.engine.load(&trainer.model);
        trainer
    }

    /// Runs each batch on this many threads from now on.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads.max(1);
        self.rebuild();
    }

    /// Gives a clock in seconds, for [`EpochMetrics::samples_per_second`].
    pub fn set_clock(&mut self, clock: fn() -> f64) {
        self.clock = Some(clock);
    }

    /// The configuration of the run.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Steps taken.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Epoch in progress, from 1; the last one when the run is over.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        (self.epochs_evaluated + 1).min(self.config.epochs)
    }

    /// Steps of an epoch; the last batch may be smaller.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        self.train.len().div_ceil(self.config.batch) as u64
    }

    /// Steps of the whole run.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.steps_per_epoch() * u64::from(self.config.epochs)
    }

    /// The Program at the present ranks.
    #[must_use]
    pub fn program(&self) -> &Program {
        self.engine.program()
    }

    /// A number that changes whenever the Program does.
    #[must_use]
    pub fn program_number(&self) -> u64 {
        self.programs
    }

    /// The parameters.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Checksum of all parameters, 16 hexadecimal digits.
    #[must_use]
    pub fn checksum(&self) -> String {
        format!("{:016x}", self.model.checksum())
    }

    /// Does the next small piece of work: one training step, or one batch of the evaluation that
    /// follows each epoch.
    pub fn advance(&mut self) -> Advance {
        if self.epochs_evaluated >= self.config.epochs {
            return Advance::Finished;
        }
        if self.step < u64::from(self.epochs_evaluated + 1) * self.steps_per_epoch() {
            let start = self.clock.map(|clock| clock());
            let metrics = self.train_step();
            if let (Some(start), Some(clock)) = (start, self.clock) {
                self.busy_seconds += clock() - start;
            }
            return Advance::Step(metrics);
        }
        self.evaluate_some()
    }

    /// Class probabilities for one image of the data's size; none for an image of another size.
    #[must_use]
    pub fn predict(&mut self, image: &[u8]) -> Vec<f32> {
        if image.len() != self.test.height * self.test.width {
            return Vec::new();
        }
        let mut pixels = Vec::new();
        pad(&self.config, self.test.width, image, &mut pixels);
        self.engine.evaluate(Batch {
            pixels: &pixels,
            labels: &[],
        });
        let logits = self.engine.logits();
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> = logits
            .iter()
            .map(|&logit| exact::exp(f64::from(logit - top)))
            .collect();
        let total: f64 = weights.iter().sum();
        weights
            .iter()
            .map(|weight| (weight / total) as f32)
            .collect()
    }

    /// The state of cores, bonds, memory and operations, for drawing.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let next_to_die = if self.born == 0 {
            adapt::least_relevance(&self.model)
        } else {
            0.0
        };
        let layers = self
            .model
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| LayerSnapshot {
                name: format!("fc{}", index + 1),
                in_modes: layer.shape.in_modes().to_vec(),
                out_modes: layer.shape.out_modes().to_vec(),
                cores: layer
                    .shape
                    .core_shapes()
                    .zip(&layer.parameters)
                    .map(|(shape, parameter)| CoreSnapshot {
                        shape,
                        values: self.seen(parameter),
                    })
                    .collect(),
                bonds: layer
                    .bonds
                    .iter()
                    .enumerate()
                    .map(|(at, bond)| {
                        let entries = layer.index_entries(at) as f32;
                        let (measure, variances, threshold) =
                            match (self.config.prior.kind, self.config.prior.target) {
                                (PriorKind::None, _) => (Measure::None, Vec::new(), 0.0),
                                (_, target) if target > 0.0 => {
                                    let relevance = bond
                                        .relevance
                                        .iter()
                                        .map(|value| value / entries)
                                        .collect();
                                    (Measure::Relevance, relevance, next_to_die)
                                }
                                _ => (
                                    Measure::Variance,
                                    bond.variances.clone(),
                                    self.config.prior.threshold,
                                ),
                            };
                        let (initial_rank, alive) = (bond.initial_rank, bond.alive.clone());
                        BondSnapshot {
                            initial_rank,
                            alive,
                            measure,
                            variances,
                            threshold,
                        }
                    })
                    .collect(),
            });
        Snapshot {
            layers: layers.collect(),
            memory: memory::report(&self.config, &self.model, self.program()),
            operations: self.operations(),
        }
    }

    /// A core as the contractions see it.
    fn seen(&self, parameter: &super::model::Parameter) -> Vec<f32> {
        let bits = self.config.bits.core;
        if parameter.grid.is_none() {
            return parameter.master.clone();
        }
        let unit = exact::pow2(1 - i32::from(bits));
        let mut integers = vec![0; parameter.master.len()];
        Grid::view(&mut integers, &parameter.master, bits);
        integers
            .iter()
            .map(|&value| f32::from(value) * unit)
            .collect()
    }

    fn operations(&self) -> Vec<OperationReport> {
        let program = self.program();
        let shifts = self.engine.shifts();
        let report = |(index, op): (usize, &crate::program::Op)| {
            let shift = shifts
                .get(index)
                .map(|(_, shift)| *shift)
                .unwrap_or_default();
            let bits = match program.buffer(op.writes()).class {
                Class::Core => self.config.bits.core,
                Class::Activation | Class::Bias => self.config.bits.activation,
                Class::Gradient | Class::Accumulator => self.config.bits.gradient,
            };
            let share = if op.part == Part::Sample {
                1.0
            } else {
                program.batch as f64
            };
            OperationReport {
                name: op.name.clone(),
                macs_per_sample: op.macs() as f64 / share,
                shift: shift.shift,
                saturated: shift.saturated,
                peak: shift.share(bits),
            }
        };
        program.ops.iter().enumerate().map(report).collect()
    }

    /// The images of the epoch in progress in the order in which they are trained on.
    pub(super) fn epoch_order(&mut self) -> &[u32] {
        let epoch = self.step / self.steps_per_epoch();
        if self.order.0 != epoch {
            self.order = (epoch, self.shuffled(epoch));
        }
        &self.order.1
    }

    /// An epoch's images in the order in which they are trained on.
    pub(super) fn shuffled(&self, epoch: u64) -> Vec<u32> {
        let shuffle = stream(Seed(self.config.seed), epoch, Purpose::Shuffle, 0);
        shuffle.permutation(self.train.len())
    }

    /// Places within the epoch's order of the images of a step.
    pub(super) fn places(&self, step: u64) -> Range<usize> {
        let first = (step % self.steps_per_epoch()) as usize * self.config.batch;
        first..(first + self.config.batch).min(self.train.len())
    }

    /// The order for a step.
    pub(super) fn order_of(&self, step: u64) -> Order {
        let since = step - self.born;
        let penalty = self.penalty((step as f64 / self.steps_per_epoch() as f64) as f32);
        let may_die = self.config.prior.kind != PriorKind::None && self.born == 0;
        Order {
            step,
            rate: self.config.rate.at(since, self.total_steps() - self.born),
            corrections: corrections(&self.config.optimiser, since),
            penalty,
            watch: may_die && adapt::watches(&self.config, self.epochs_after(step)),
        }
    }

    /// Epochs done once a step (from 0) is taken.
    pub(super) fn epochs_after(&self, step: u64) -> f32 {
        ((step + 1) as f64 / self.steps_per_epoch() as f64) as f32
    }

    fn train_step(&mut self) -> StepMetrics {
        let taken = self.take();
        self.complete(taken)
    }

    /// Counts a step taken up to the decision about ranks, and decides.
    pub(super) fn complete(&mut self, (batch, rate): (Tally, f32)) -> StepMetrics {
        let mut metrics = self.count(&batch, rate);
        metrics.pruned = self.adapt_ranks();
        self.engine.load(&self.model);
        self.step += 1;
        metrics
    }

    /// Padded pixels and labels of the step in progress.
    pub(super) fn batch(&mut self) -> (Vec<u8>, Vec<u8>) {
        let places = self.places(self.step);
        self.epoch_order();
        let (mut pixels, mut labels) = std::mem::take(&mut self.spare.batch);
        pixels.clear();
        labels.clear();
        for &index in &self.order.1[places] {
            let image = self.train.image(index as usize);
            pad(&self.config, self.train.width, image, &mut pixels);
            labels.push(self.train.labels[index as usize]);
        }
        (pixels, labels)
    }

    /// Takes the step in progress up to the decision about ranks: its batch and its rate.
    pub(super) fn take(&mut self) -> (Tally, f32) {
        let (pixels, labels) = self.batch();
        let key = StepKey {
            seed: Seed(self.config.seed),
            step: self.step,
        };
        let outcomes = self.engine.train(
            Batch {
                pixels: &pixels,
                labels: &labels,
            },
            key,
        );
        let taken = self.learn(&outcomes, &labels);
        self.spare.batch = (pixels, labels);
        taken
    }

    /// Changes the parameters by the gradients of a batch with these outcomes: the batch and its rate.
    pub(super) fn learn(&mut self, outcomes: &[SampleOutcome], labels: &[u8]) -> (Tally, f32) {
        let mut batch = Tally::default();
        batch.add(outcomes, labels);
        let order = self.order_of(self.step);
        let layers = self.model.layers.iter_mut().map(Layer::state);
        let engine = &self.engine;
        take_step(
            &StepSettings::of(&self.config),
            &order,
            labels.len(),
            layers,
            |layer, place, out| {
                let buffers = &engine.program().layers[layer];
                let gradient = buffers.core_gradients.get(place);
                engine.gradient(*gradient.unwrap_or(&buffers.bias_gradient), out);
            },
            &mut self.spare.slopes,
        );
        (batch, order.rate)
    }

    /// Counts a step's batch toward its epoch, before the step is.
    pub(super) fn count(&mut self, batch: &Tally, rate: f32) -> StepMetrics {
        let per_epoch = self.steps_per_epoch();
        if self.step.is_multiple_of(per_epoch) {
            self.tally = Tally::default();
            self.busy_seconds = 0.0;
            self.elsewhere = 0;
        }
        self.tally.samples += batch.samples;
        self.tally.loss += batch.loss;
        self.tally.correct += batch.correct;
        StepMetrics {
            epoch: (self.step / per_epoch) as u32 + 1,
            step: self.step + 1,
            loss: batch.mean_loss(),
            accuracy: batch.accuracy(),
            rate,
            pruned: Vec::new(),
        }
    }

    /// Weight of the prior's penalty on the mean loss; with a target the schedule shrinks the network
    /// and no penalty is needed.
    fn penalty(&self, epochs_done: f32) -> f32 {
        let prior = &self.config.prior;
        if prior.kind == PriorKind::None || prior.target > 0.0 {
            return 0.0;
        }
        prior.strength * prior.ramp(epochs_done) / self.train.len() as f32
    }

    /// Removes what died in the step in progress; the Program shrinks with the ranks. A search with a
    /// target ends with parameters drawn anew.
    pub(super) fn adapt_ranks(&mut self) -> Vec<Pruned> {
        let prior = &self.config.prior;
        if prior.kind == PriorKind::None || self.born > 0 {
            // Without a prior, and once the search is over, ranks stay.
            return Vec::new();
        }
        let epochs_done = self.epochs_after(self.step);
        let pruned = adapt::prune(&self.config, &mut self.model, self.step, epochs_done);
        let restart = prior.restart && adapt::search_is_over(&self.config, epochs_done);
        if restart {
            self.born = self.step + 1;
            self.model.draw(&self.config, self.born);
            self.compile();
        } else if !pruned.is_empty() {
            self.rebuild();
        }
        pruned
    }

    /// Compiles the Program anew; shifts are kept by the operations' names.
    pub(super) fn rebuild(&mut self) {
        let shifts = self.engine.shifts();
        self.compile();
        self.engine.adopt_shifts(&shifts);
        self.engine.load(&self.model);
    }

    /// A new executor for the present ranks, without parameters or shifts.
    fn compile(&mut self) {
        let program = step_program(&self.config, &self.model);
        self.engine = Engine::new(&self.config, program, self.threads, self.margin());
        self.programs += 1;
    }

    /// The zeros beside the images.
    pub(super) fn margin(&self) -> Margin {
        margin(&self.config, self.train.width)
    }

    fn evaluate_some(&mut self) -> Advance {
        let classes = self.model.classes;
        if self.evaluation.samples == 0 {
            self.confusion = vec![0; classes * classes];
        }
        let first = self.evaluation.samples;
        let last = (first + self.config.batch).min(self.test.len());
        let mut pixels = Vec::new();
        for index in first..last {
            pad(
                &self.config,
                self.test.width,
                self.test.image(index),
                &mut pixels,
            );
        }
        let labels = &self.test.labels[first..last];
        let outcomes = self.engine.evaluate(Batch {
            pixels: &pixels,
            labels,
        });
        self.evaluation.add(&outcomes, labels);
        for (outcome, &label) in outcomes.iter().zip(labels) {
            self.confusion[usize::from(label) * classes + usize::from(outcome.answer)] += 1;
        }
        if last < self.test.len() {
            return Advance::Evaluating {
                done: last,
                total: self.test.len(),
            };
        }
        let evaluation = std::mem::take(&mut self.evaluation);
        self.epochs_evaluated += 1;
        Advance::Epoch(self.epoch_metrics(&evaluation))
    }

    fn epoch_metrics(&mut self, evaluation: &Tally) -> EpochMetrics {
        let entries = self.model.core_entries();
        let parameter_bits = memory::parameter_bits(&self.config, entries, self.model.biases());
        let dense_bits = memory::dense_bits(&self.model);
        let training = memory::report(&self.config, &self.model, self.program()).training;
        let speed = if self.busy_seconds > 0.0 {
            self.tally.samples.saturating_sub(self.elsewhere) as f64 / self.busy_seconds
        } else {
            0.0
        };
        EpochMetrics {
            epoch: self.epochs_evaluated,
            step: self.step,
            train_loss: self.tally.mean_loss(),
            train_accuracy: self.tally.accuracy(),
            test_loss: evaluation.mean_loss(),
            test_accuracy: evaluation.accuracy(),
            ranks: self.model.ranks(),
            core_entries: entries,
            parameter_bits,
            dense_bits,
            memory_reduction: dense_bits as f64 / parameter_bits as f64,
            training_bytes: training.iter().map(|category| category.bytes).sum(),
            samples_per_second: speed,
            checksum: self.checksum(),
            confusion: std::mem::take(&mut self.confusion),
        }
    }
}

/// The Program of a training step at the model's present ranks.
#[must_use]
pub fn step_program(config: &RunConfig, model: &Model) -> Program {
    compile(&model.network_shape(), config.schedule, config.batch)
        .with_label_smoothing(of_256(config.label_smoothing))
}

/// A share as a number of 256ths.
fn of_256(share: f32) -> u8 {
    (share * 256.0 + 0.5) as u8
}

/// The zeros beside images of `width` columns.
fn margin(config: &RunConfig, width: usize) -> Margin {
    let columns = config.network.pad_columns;
    Margin {
        columns,
        width: width + 2 * columns,
    }
}

/// Appends an image with the network's zero columns on both sides of each row.
fn pad(config: &RunConfig, width: usize, image: &[u8], out: &mut Vec<u8>) {
    let columns = config.network.pad_columns;
    let (start, padded) = (out.len(), width + 2 * columns);
    out.resize(start + image.len() / width * padded, 0);
    let rows = out[start..].chunks_exact_mut(padded);
    for (slots, row) in rows.zip(image.chunks_exact(width)) {
        slots[columns..columns + width].copy_from_slice(row);
    }
}
