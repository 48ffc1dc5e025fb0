//! The trainer: batches in, a smaller network out.

use std::ops::Range;

use super::config::{PriorKind, RunConfig};
use super::course::{Course, Due, Held, Tally, probabilities};
use super::engine::Engine;
use super::error::TrainError;
use super::metrics::{
    BondSnapshot, CoreSnapshot, EpochMetrics, LayerSnapshot, Measure, OperationReport, Pruned,
    Snapshot, StepMetrics,
};
use super::model::{Grid, Layer, Model};
use super::step::{Order, StepSettings};
use super::update::{corrections, take_step};
use super::{adapt, memory};
use crate::data::Dataset;
use crate::exec::fixed::StepKey;
use crate::exec::{Batch, Margin};
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

/// A run in progress. The same configuration, data and seed give the same bits in fixed point
/// whatever the platform and the number of threads.
#[derive(Clone, Debug)]
pub struct Trainer {
    pub(super) course: Course,
    pub(super) model: Model,
    pub(super) engine: Engine,
    /// Step at which the parameters were last drawn.
    pub(super) born: u64,
    threads: usize,
    /// A parameter's gradient, kept so that a step need not ask for memory.
    slopes: Vec<f32>,
}

impl Trainer {
    /// A run about to begin, on one thread.
    ///
    /// # Errors
    /// If the configuration is not valid or does not fit the data.
    pub fn new(config: RunConfig, train: Dataset, test: Dataset) -> Result<Self, TrainError> {
        super::error::check_program(&config)?;
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
            course: Course::new(config, train, test),
            model,
            engine,
            threads: 1,
            slopes: Vec::new(),
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
        self.course.set_clock(clock);
    }

    /// The configuration of the run.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        &self.course.config
    }

    /// Steps taken.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.course.step
    }

    /// Epoch in progress, from 1; the last one when the run is over.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.course.epoch()
    }

    /// Steps of an epoch; the last batch may be smaller.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        self.course.steps_per_epoch()
    }

    /// Steps of the whole run.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.course.total_steps()
    }

    /// The Program at the present ranks.
    #[must_use]
    pub fn program(&self) -> &Program {
        self.engine.program()
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
        match self.course.due() {
            Due::Nothing => Advance::Finished,
            Due::Step => {
                let start = self.course.now();
                let metrics = self.train_step();
                self.course.worked_since(start);
                Advance::Step(metrics)
            }
            Due::Evaluation(images) => self.evaluate(images),
        }
    }

    /// Class probabilities for one image of the data's size; none for an image of another size.
    #[must_use]
    pub fn predict(&mut self, image: &[u8]) -> Vec<f32> {
        let Some(pixels) = self.course.padded(image) else {
            return Vec::new();
        };
        self.engine.evaluate(Batch {
            pixels: &pixels,
            labels: &[],
        });
        probabilities(&self.engine.logits())
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
                        let (measure, variances, threshold) = match (
                            self.course.config.prior.kind,
                            self.course.config.prior.target,
                        ) {
                            (PriorKind::None, _) => (Measure::None, Vec::new(), 0.0),
                            (_, target) if target > 0.0 => {
                                let relevance =
                                    bond.relevance.iter().map(|value| value / entries).collect();
                                (Measure::Relevance, relevance, next_to_die)
                            }
                            _ => (
                                Measure::Variance,
                                bond.variances.clone(),
                                self.course.config.prior.threshold,
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
            memory: memory::report(&self.course.config, &self.model, self.program()),
            operations: self.operations(),
        }
    }

    /// A core as the contractions see it.
    fn seen(&self, parameter: &super::model::Parameter) -> Vec<f32> {
        let bits = self.course.config.bits.core;
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
                Class::Core => self.course.config.bits.core,
                Class::Activation | Class::Bias => self.course.config.bits.activation,
                Class::Gradient | Class::Accumulator => self.course.config.bits.gradient,
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

    /// The order for a step.
    pub(super) fn order_of(&self, step: u64) -> Order {
        let since = step - self.born;
        let penalty = self.penalty((step as f64 / self.steps_per_epoch() as f64) as f32);
        let may_die = self.course.config.prior.kind != PriorKind::None && self.born == 0;
        Order {
            step,
            rate: self
                .course
                .config
                .rate
                .at(since, self.total_steps() - self.born),
            corrections: corrections(&self.course.config.optimiser, since),
            penalty,
            watch: may_die && adapt::watches(&self.course.config, self.course.epochs_after(step)),
        }
    }

    fn train_step(&mut self) -> StepMetrics {
        let taken = self.take();
        self.complete(taken)
    }

    /// Counts a step taken up to the decision about ranks, and decides.
    pub(super) fn complete(&mut self, (batch, rate): (Tally, f32)) -> StepMetrics {
        let mut metrics = self.course.count(&batch, rate);
        metrics.pruned = self.adapt_ranks();
        self.engine.load(&self.model);
        self.course.step += 1;
        metrics
    }

    /// Takes the step in progress up to the decision about ranks: its batch and its rate.
    pub(super) fn take(&mut self) -> (Tally, f32) {
        let (pixels, labels) = self.course.batch();
        let key = StepKey {
            seed: Seed(self.course.config.seed),
            step: self.course.step,
        };
        let outcomes = self.engine.train(
            Batch {
                pixels: &pixels,
                labels: &labels,
            },
            key,
        );
        let rate = self.learn(labels.len());
        let batch = Tally::of(&outcomes, &labels);
        self.course.spare = (pixels, labels);
        (batch, rate)
    }

    /// Changes the parameters by the gradients of a batch of so many samples. Gives the rate.
    pub(super) fn learn(&mut self, samples: usize) -> f32 {
        let order = self.order_of(self.course.step);
        let layers = self.model.layers.iter_mut().map(Layer::state);
        let engine = &self.engine;
        take_step(
            &StepSettings::of(&self.course.config),
            &order,
            samples,
            layers,
            |layer, place, out| {
                let buffers = &engine.program().layers[layer];
                let gradient = buffers.core_gradients.get(place);
                engine.gradient(*gradient.unwrap_or(&buffers.bias_gradient), out);
            },
            &mut self.slopes,
        );
        order.rate
    }

    /// Weight of the prior's penalty on the mean loss; with a target the schedule shrinks the network
    /// and no penalty is needed.
    fn penalty(&self, epochs_done: f32) -> f32 {
        let prior = &self.course.config.prior;
        if prior.kind == PriorKind::None || prior.target > 0.0 {
            return 0.0;
        }
        prior.strength * prior.ramp(epochs_done) / self.course.train.len() as f32
    }

    /// Removes what died in the step in progress; the Program shrinks with the ranks. A search with a
    /// target ends with parameters drawn anew.
    pub(super) fn adapt_ranks(&mut self) -> Vec<Pruned> {
        let prior = &self.course.config.prior;
        if prior.kind == PriorKind::None || self.born > 0 {
            // Without a prior, and once the search is over, ranks stay.
            return Vec::new();
        }
        let epochs_done = self.course.epochs_after(self.course.step);
        let pruned = adapt::prune(
            &self.course.config,
            &mut self.model,
            self.course.step,
            epochs_done,
        );
        let restart = prior.restart && adapt::search_is_over(&self.course.config, epochs_done);
        if restart {
            self.born = self.course.step + 1;
            self.model.draw(&self.course.config, self.born);
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
        let program = step_program(&self.course.config, &self.model);
        self.engine = Engine::new(&self.course.config, program, self.threads, self.margin());
    }

    /// The zeros beside the images.
    pub(super) fn margin(&self) -> Margin {
        margin(&self.course.config, self.course.train.width)
    }

    fn evaluate(&mut self, images: Range<usize>) -> Advance {
        let (done, total) = (images.end, self.course.test.len());
        let pixels = self.course.test_pixels(images.clone());
        let outcomes = self.engine.evaluate(Batch {
            pixels: &pixels,
            labels: &self.course.test.labels[images],
        });
        let Some(evaluation) = self.course.evaluated(&outcomes) else {
            return Advance::Evaluating { done, total };
        };
        let entries = self.model.core_entries();
        let config = &self.course.config;
        let training = memory::report(config, &self.model, self.program()).training;
        let held = Held {
            ranks: self.model.ranks(),
            entries,
            parameter_bits: memory::parameter_bits(config, entries, self.model.biases()),
            dense_bits: memory::dense_bits(&self.model),
            training_bytes: training.iter().map(|category| category.bytes).sum(),
            checksum: self.checksum(),
        };
        Advance::Epoch(self.course.epoch_metrics(&evaluation, held))
    }
}

/// The Program of a training step at the model's present ranks.
#[must_use]
pub fn step_program(config: &RunConfig, model: &Model) -> Program {
    compile(&model.network_shape(), config.schedule, config.batch)
        .with_label_smoothing(of_256(config.label_smoothing))
}

/// A share as a number of 256ths.
pub(super) fn of_256(share: f32) -> u8 {
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
