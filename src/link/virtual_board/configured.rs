//! A configured virtual board: a Program, its state, and one training step after another.

use super::super::answer::{Report, Status};
use super::super::command::Settings;
use super::ImageMemory;
use crate::accel::job::{self, Job, candidates};
use crate::accel::{Counters, Machine, OpTiming, fit, time};
use crate::exec::Batch;
use crate::exec::fixed::{FixedExecutor, StepKey};
use crate::numeric::Seed;
use crate::program::{Program, code};
use crate::train::config::RunConfig;
use crate::train::update::{LayerState, index_dies, take_step};
use crate::train::{Bond, Order, Parameter, StepSettings, digest};

/// Tiles of all operations that are timed at most.
const MOST_TILES: usize = 1 << 20;
/// Zero columns at each side of an image's row at most.
const MOST_PADDING: u16 = 64;

/// Why a configuration is refused.
pub(super) type Refusal = (Status, String);

/// A Program with its parameters and what the cycle model says of it.
#[derive(Debug)]
pub(super) struct Configured {
    pub settings: StepSettings,
    /// Rows, columns and zero columns at each side.
    image: [usize; 3],
    pub executor: FixedExecutor,
    /// Parameters and bonds of each layer.
    pub layers: Vec<(Vec<Parameter>, Vec<Bond>)>,
    /// Once per batch, and once per sample.
    cycles: [u64; 2],
    counters: [Counters; 2],
}

/// What a step gave beside its report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub report: Report,
    pub counters: Counters,
    /// Whether an index dies.
    pub dies: bool,
}

fn sums(ops: &[OpTiming]) -> (u64, Counters) {
    let mut counters = Counters::default();
    for op in ops {
        counters.add_times(&op.counters, 1);
    }
    (ops.iter().map(|op| op.cycles).sum(), counters)
}

/// Whether the numbers of a configuration are those that a run can have.
fn check_settings(settings: &Settings) -> Result<(), Refusal> {
    let StepSettings {
        formats,
        optimiser,
        prior,
        ..
    } = settings.training;
    let mut config = RunConfig {
        prior,
        optimiser,
        ..RunConfig::default()
    };
    config.precision = crate::train::config::Precision::Fixed;
    config.bits.core = formats.core;
    config.bits.activation = formats.activation;
    config.bits.gradient = formats.gradient;
    config.bits.master = settings.training.master;
    config
        .validate()
        .map_err(|error| (Status::BadValue, error.to_string()))
}

/// Whether the cycle model can time a Program in little time.
fn check_tiles(
    program: &Program,
    machine: &Machine,
    settings: &StepSettings,
) -> Result<(), Refusal> {
    machine
        .validate()
        .map_err(|error| (Status::BadProgram, format!("machine: {error}")))?;
    job::check(program, machine).map_err(|error| (Status::TooLarge, error.to_string()))?;
    let mut tiles = 0;
    for op in 0..program.ops.len() {
        for job in candidates(program, op, machine, settings.formats) {
            if let Job::Contract(job) = job {
                tiles += job.tiles(machine);
            }
        }
        if tiles > MOST_TILES {
            let message = format!(
                "the step falls into more than {MOST_TILES} tiles on {} x {} multipliers; choose a larger array \
                 or smaller layers",
                machine.lanes, machine.rows
            );
            return Err((Status::TooLarge, message));
        }
    }
    Ok(())
}

impl Configured {
    /// Takes a Program's bytes, a machine and settings; parameters start at zero.
    ///
    /// # Errors
    /// The status to answer with, and a sentence.
    pub fn new(program: &[u8], machine: &Machine, settings: &Settings) -> Result<Self, Refusal> {
        check_settings(settings)?;
        let program =
            code::decode(program).map_err(|error| (Status::BadProgram, error.to_string()))?;
        let [height, width] = settings.size.map(usize::from);
        let padding = usize::from(settings.padding);
        let inputs = height * (width + 2 * padding);
        let wanted = program.buffer(program.input()).len;
        if settings.padding > MOST_PADDING || width == 0 || inputs != wanted {
            let message = format!(
                "images of {height} x {width} with {padding} zero columns on each side make {inputs} inputs; the \
                 Program has {wanted}"
            );
            return Err((Status::BadValue, message));
        }
        let training = settings.training;
        check_tiles(&program, machine, &training)?;
        let model = |error: crate::accel::MachineError| (Status::TooLarge, error.to_string());
        let found = fit(&program, machine, training.formats).map_err(model)?;
        if let Some(overflow) = found.overflow {
            return Err((Status::TooLarge, overflow));
        }
        let timing = time(&program, machine, training.formats).map_err(model)?;
        let [(before, mut once), (sample, each), (after, last)] =
            [&timing.before, &timing.sample, &timing.after].map(|ops| sums(ops));
        once.add_times(&last, 1);
        let ranks = program.bond_ranks();
        let layers = program.layers.iter().zip(ranks).map(|(layer, ranks)| {
            let kind = training.optimiser.kind;
            let zeros = |&id, bias| {
                let len = program.buffer(id).len;
                Parameter::zeros(len, kind, training.grid(bias))
            };
            let cores = layer.cores.iter().map(|core| zeros(core, false));
            let parameters = cores.chain([zeros(&layer.bias, true)]).collect();
            let bonds = ranks.into_iter().map(|rank| Bond {
                variances: vec![0.0; rank],
                ..Bond::new(rank)
            });
            (parameters, bonds.collect())
        });
        Ok(Self {
            settings: training,
            image: [height, width, padding],
            layers: layers.collect(),
            executor: FixedExecutor::new(program, training.formats, 1),
            cycles: [before + after, sample],
            counters: [once, each],
        })
    }

    /// Bytes of an image slot: its label and its pixels.
    pub fn slot(&self) -> usize {
        1 + self.image[0] * self.image[1]
    }

    /// Samples of a step at most.
    pub fn batch(&self) -> usize {
        self.executor.program().batch
    }

    /// Cycles of a step on this many samples.
    pub fn cycles(&self, samples: usize) -> u64 {
        self.cycles[0] + self.cycles[1] * samples as u64
    }

    /// A parameter by its number.
    pub fn parameter(&mut self, number: usize) -> Option<&mut Parameter> {
        let mut all = self.layers.iter_mut().flat_map(|(own, _)| own);
        all.nth(number)
    }

    /// A bond by its number.
    pub fn bond(&mut self, number: usize) -> Option<&mut Bond> {
        let mut all = self.layers.iter_mut().flat_map(|(_, own)| own);
        all.nth(number)
    }

    /// Takes a step on images of these slots; none if a label is not below the classes, or a slot is not
    /// there.
    pub fn step(&mut self, order: &Order, slots: &[u32], images: &ImageMemory) -> Option<Outcome> {
        let [_, width, padding] = self.image;
        let (mut pixels, mut labels) = (vec![], vec![]);
        for &slot in slots {
            let offset = u64::from(slot) * self.slot() as u64;
            let bytes = images.read(offset, self.slot())?;
            let (&label, image) = bytes.split_first()?;
            if usize::from(label) >= self.executor.program().classes {
                return None;
            }
            labels.push(label);
            for row in image.chunks_exact(width) {
                pixels.extend(std::iter::repeat_n(0, padding));
                pixels.extend_from_slice(row);
                pixels.extend(std::iter::repeat_n(0, padding));
            }
        }
        let formats = self.settings.formats;
        let buffers = self.executor.program().layers.clone();
        for (buffers, (parameters, _)) in buffers.iter().zip(&self.layers) {
            for (place, parameter) in parameters.iter().enumerate() {
                let core = buffers.cores.get(place);
                let seen = parameter.seen(core.is_none(), formats);
                self.executor
                    .set_parameter(*core.unwrap_or(&buffers.bias), &seen);
            }
        }
        let key = StepKey {
            seed: Seed(self.settings.seed),
            step: order.step,
        };
        let batch = Batch {
            pixels: &pixels,
            labels: &labels,
        };
        let outcomes = self.executor.train(batch, key);
        let layers = self
            .layers
            .iter_mut()
            .map(|(parameters, bonds)| LayerState { parameters, bonds });
        let executor = &self.executor;
        take_step(
            &self.settings,
            order,
            labels.len(),
            layers,
            |layer, place, out| {
                let gradient = buffers[layer].core_gradients.get(place);
                executor.gradient(*gradient.unwrap_or(&buffers[layer].bias_gradient), out);
            },
            &mut Vec::new(),
        );
        let threshold = self.settings.prior.threshold;
        let mut bonds = self.layers.iter().flat_map(|(_, bonds)| bonds);
        let right = outcomes.iter().zip(&labels);
        let right = right.filter(|(outcome, label)| outcome.answer == **label);
        let shifts = self.executor.shifts();
        let mut counters = self.counters[0];
        counters.add_times(&self.counters[1], labels.len() as u64);
        Some(Outcome {
            report: Report {
                step: order.step + 1,
                loss: outcomes.iter().map(|outcome| outcome.loss).sum(),
                cycles: self.cycles(labels.len()),
                saturated: shifts
                    .iter()
                    .fold(0, |sum: u64, s| sum.saturating_add(s.saturated)),
                correct: right.count() as u32,
                samples: labels.len() as u32,
                digest: digest(self.layers.iter().flat_map(|(own, _)| own)),
            },
            counters,
            dies: order.watch && bonds.any(|bond| index_dies(bond, threshold)),
        })
    }
}
