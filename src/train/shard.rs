//! A training step whose samples are run in shards, some of them elsewhere.
//!
//! Whoever runs a shard elsewhere (a [`ShardServer`]) keeps nothing of the run: it is told the Program and
//! the number formats once ([`Trainer::shard_setup`]), and with every shard the parameters, the shifts and
//! the samples ([`Trainer::write_order`]). In fixed point the step's bits do not depend on the cut; in
//! floating point they do.
//!
//! An order, numbers as they lie in memory, without padding: step (8 bytes), seed (4), place of the first sample (4),
//! samples (4), in fixed point each operation's shift (4 each), the parameters layer by layer as the
//! contractions see them (`i16` or `f32`), labels and pixels (1 each).

use std::ops::Range;

use super::engine::Engine;
use super::metrics::StepMetrics;
use super::trainer::Trainer;
use super::words::SHIFTS;
use crate::exec::fixed::{FixedExecutor, FixedFormats, StepKey};
use crate::exec::float::FloatExecutor;
use crate::exec::shard::{BadPartial, Partial, append, numbers};
use crate::exec::{Batch, Margin};
use crate::numeric::{Rounding, Seed, Storage, sort_by_key};
use crate::program::{BufferId, Op, Part, Program, code};

const STORAGES: [Storage; 3] = [Storage::F32, Storage::Bf16, Storage::F16];
const ROUNDINGS: [Rounding; 3] = [Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic];
/// Bytes of a setup that tell the number formats.
const FORMATS: usize = 5;
/// Bytes of a setup before the Program's: formats, columns of the images' margin, columns of a row.
const SETUP: usize = FORMATS + 5;
/// Bytes of an order's fixed part.
const ORDER: usize = 20;

/// A step in progress: its batch, and what its shards found so far.
#[derive(Debug)]
pub struct OpenStep {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    key: StepKey,
    begun: bool,
    /// Samples whose results the trainer's own executor holds.
    own: Range<usize>,
    /// Results of other shards.
    parts: Vec<(Range<usize>, Vec<u8>)>,
}

impl OpenStep {
    /// Samples of the batch.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.labels.len()
    }

    fn batch(&self, samples: &Range<usize>) -> Batch<'_> {
        let inputs = self.pixels.len() / self.labels.len().max(1);
        Batch {
            pixels: &self.pixels[samples.start * inputs..samples.end * inputs],
            labels: &self.labels[samples.clone()],
        }
    }
}

impl Trainer {
    /// Whether [`Self::advance`] takes a step next, and one whose samples can be run in shards: in fixed
    /// point every shift must be known.
    #[must_use]
    pub fn shards_ready(&self) -> bool {
        !self.course.is_over()
            && !self.evaluation_due()
            && match &self.engine {
                Engine::Float(_) => true,
                Engine::Fixed(executor) => executor.ready(),
            }
    }

    /// Whether the bits of a step are the same however its batch is cut.
    #[must_use]
    pub fn any_cut(&self) -> bool {
        matches!(self.engine, Engine::Fixed(_))
    }

    /// Multiply-accumulates of the samples' part of a whole step.
    #[must_use]
    pub fn step_macs(&self) -> u64 {
        let program = self.program();
        let ops = program.ops.iter().filter(|op| op.part == Part::Sample);
        ops.map(Op::macs).sum::<u64>() * program.batch as u64
    }

    /// What a [`ShardServer`] is made from, until ranks change: the number formats and the Program.
    #[must_use]
    pub fn shard_setup(&self) -> Vec<u8> {
        let place = |at: Option<usize>| at.unwrap_or(0) as u8;
        let mut out = match &self.engine {
            Engine::Float(executor) => {
                let storage = executor.storage();
                vec![place(STORAGES.iter().position(|other| *other == storage))]
            }
            Engine::Fixed(executor) => {
                let formats = executor.formats();
                let rounding = ROUNDINGS
                    .iter()
                    .position(|other| *other == formats.rounding);
                vec![
                    STORAGES.len() as u8,
                    formats.core,
                    formats.activation,
                    formats.gradient,
                    place(rounding),
                ]
            }
        };
        out.resize(FORMATS, 0);
        let margin = self.margin();
        out.push(margin.columns as u8);
        out.extend((margin.width as u32).to_le_bytes());
        out.extend(code::encode(self.program()));
        out
    }

    /// Begins the coming step; [`Self::close_step`] takes it. The trainer must not be used for anything
    /// else in between.
    pub fn open_step(&mut self) -> OpenStep {
        let (pixels, labels) = self.course.batch();
        OpenStep {
            pixels,
            labels,
            key: StepKey {
                seed: Seed(self.course.config.seed),
                step: self.course.step,
            },
            begun: false,
            own: 0..0,
            parts: Vec::new(),
        }
    }

    /// Appends the order for a shard of the step to `out`.
    pub fn write_order(&self, step: &OpenStep, samples: &Range<usize>, out: &mut Vec<u8>) {
        out.extend(step.key.step.to_le_bytes());
        out.extend(step.key.seed.0.to_le_bytes());
        out.extend((samples.start as u32).to_le_bytes());
        out.extend((samples.len() as u32).to_le_bytes());
        match &self.engine {
            Engine::Float(executor) => {
                for id in parameters(executor.program()) {
                    append(out, executor.parameter(id));
                }
            }
            Engine::Fixed(executor) => {
                let shifts: Vec<i32> = executor.shifts().iter().map(|shift| shift.shift).collect();
                append(out, &shifts);
                for id in parameters(executor.program()) {
                    append(out, executor.integers(id, 0));
                }
            }
        }
        let batch = step.batch(samples);
        out.extend_from_slice(batch.labels);
        out.extend_from_slice(batch.pixels);
    }

    /// Runs a shard of the step here.
    pub fn run_shard(&mut self, step: &mut OpenStep, samples: Range<usize>) {
        self.put_away(step);
        self.begin(step);
        self.engine
            .run_shard(step.batch(&samples), samples.start, step.key);
        step.own = samples;
    }

    /// Gathers the batch of the step after the open one, while others run their shards.
    pub fn look_ahead(&mut self) {
        self.course.look_ahead();
    }

    /// Runs what comes before the samples, once.
    fn begin(&mut self, step: &mut OpenStep) {
        if !std::mem::replace(&mut step.begun, true) {
            self.engine.begin(step.key);
        }
    }

    /// Copies what the executor holds of the step out of it.
    fn put_away(&mut self, step: &mut OpenStep) {
        let own = std::mem::take(&mut step.own);
        if !own.is_empty() {
            let mut bytes = Vec::new();
            self.engine.write_partial(&mut bytes);
            step.parts.push((own, bytes));
        }
        self.engine.forget_shard();
    }

    /// Takes in what a shard run elsewhere found.
    ///
    /// # Errors
    /// If the bytes cannot be what such a shard finds, or some of its samples were run already.
    pub fn take_partial(
        &self,
        step: &mut OpenStep,
        samples: Range<usize>,
        bytes: Vec<u8>,
    ) -> Result<(), BadPartial> {
        let apart = |known: &Range<usize>| known.end <= samples.start || samples.end <= known.start;
        let new = apart(&step.own) && step.parts.iter().all(|(known, _)| apart(known));
        if !new || samples.end > step.samples() {
            return Err(BadPartial);
        }
        self.engine.read_partial(&bytes, samples.len())?;
        step.parts.push((samples, bytes));
        Ok(())
    }

    /// Takes the step: shards of which nothing came back are run here, all are combined in the order of
    /// their samples, and parameters and ranks change.
    pub fn close_step(&mut self, mut step: OpenStep) -> StepMetrics {
        let mut at = 0;
        let mut missing = Vec::new();
        let known = step.parts.iter().map(|(samples, _)| samples);
        let mut known: Vec<Range<usize>> = known.chain([&step.own]).cloned().collect();
        sort_by_key(&mut known, |samples| [samples.start as u64, 0]);
        for samples in known.iter().filter(|samples| !samples.is_empty()) {
            if samples.start > at {
                missing.push(at..samples.start);
            }
            at = samples.end;
        }
        if at < step.samples() {
            missing.push(at..step.samples());
        }
        for samples in missing {
            self.run_shard(&mut step, samples);
        }
        self.begin(&mut step);
        if step.own.start > 0 || step.own.is_empty() {
            // What the executor holds counts, and first in the sum: here it is not the batch's beginning.
            self.put_away(&mut step);
        }
        sort_by_key(&mut step.parts, |(samples, _)| [samples.start as u64, 0]);
        let parts = step.parts.iter();
        let parts: Vec<Partial> = parts
            .filter_map(|(samples, bytes)| self.engine.read_partial(bytes, samples.len()).ok())
            .collect();
        let outcomes = match &mut self.engine {
            Engine::Float(executor) => executor.finish(&parts),
            Engine::Fixed(executor) => executor.finish(step.key, &parts),
        };
        let taken = self.learn(&outcomes, &step.labels);
        self.course.spare = (step.pixels, step.labels);
        self.complete(taken)
    }
}

impl Engine {
    fn begin(&mut self, key: StepKey) {
        match self {
            Self::Float(executor) => executor.begin(),
            Self::Fixed(executor) => executor.begin(key),
        }
    }

    fn run_shard(&mut self, shard: Batch, first: usize, key: StepKey) {
        match self {
            Self::Float(executor) => executor.run_shard(shard),
            Self::Fixed(executor) => executor.run_shard(shard, first, key),
        }
    }

    fn forget_shard(&mut self) {
        match self {
            Self::Float(executor) => executor.forget_shard(),
            Self::Fixed(executor) => executor.forget_shard(),
        }
    }

    fn write_partial(&self, out: &mut Vec<u8>) {
        match self {
            Self::Float(executor) => executor.write_partial(out),
            Self::Fixed(executor) => executor.write_partial(out),
        }
    }

    fn read_partial<'a>(&self, bytes: &'a [u8], samples: usize) -> Result<Partial<'a>, BadPartial> {
        match self {
            Self::Float(executor) => executor.read_partial(bytes, samples),
            Self::Fixed(executor) => executor.read_partial(bytes, samples),
        }
    }
}

/// Buffers of all parameters: each layer's cores, then its bias.
fn parameters(program: &Program) -> impl Iterator<Item = BufferId> + '_ {
    let layers = program.layers.iter();
    layers.flat_map(|layer| layer.cores.iter().copied().chain([layer.bias]))
}

/// Runs shards for a trainer elsewhere. It keeps nothing from one shard to the next.
pub struct ShardServer {
    engine: Engine,
    classes: usize,
    inputs: usize,
}

impl ShardServer {
    /// A server for a setup; none if the bytes are no setup.
    #[must_use]
    pub fn new(setup: &[u8]) -> Option<Self> {
        let (head, program) = setup.split_first_chunk::<SETUP>()?;
        let program = code::decode(program).ok()?;
        let (classes, inputs) = (program.classes, program.buffer(program.input()).len);
        let &[
            kind,
            core,
            activation,
            gradient,
            rounding,
            columns,
            ref width @ ..,
        ] = head;
        let margin = Margin {
            columns: usize::from(columns),
            width: u32::from_le_bytes(*width) as usize,
        };
        if !margin.fits(inputs) {
            return None;
        }
        let engine = if let Some(&storage) = STORAGES.get(usize::from(kind)) {
            Engine::Float(FloatExecutor::with_margin(program, storage, 1, margin))
        } else {
            let sound = usize::from(kind) == STORAGES.len()
                && (2..=8).contains(&core)
                && (4..=8).contains(&activation)
                && (4..=16).contains(&gradient);
            let formats = FixedFormats {
                core,
                activation,
                gradient,
                rounding: *ROUNDINGS.get(usize::from(rounding))?,
            };
            if !sound {
                return None;
            }
            Engine::Fixed(FixedExecutor::with_margin(program, formats, 1, margin))
        };
        Some(Self {
            engine,
            classes,
            inputs,
        })
    }

    /// Runs the shard of an order and appends what it found to `out`. False, with nothing appended, if the
    /// bytes are no order for this setup.
    pub fn run(&mut self, order: &[u8], out: &mut Vec<u8>) -> bool {
        self.try_run(order, out).is_some()
    }

    fn try_run(&mut self, order: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (head, mut rest) = order.split_first_chunk::<ORDER>()?;
        let word = |at: usize| {
            let bytes = head[at..at + 4].try_into().unwrap_or_default();
            u32::from_le_bytes(bytes)
        };
        let key = StepKey {
            step: u64::from(word(0)) | u64::from(word(4)) << 32,
            seed: Seed(word(8)),
        };
        let (first, samples) = (word(12) as usize, word(16) as usize);
        let batch = self.engine.program().batch;
        if samples == 0 || first.checked_add(samples)? > batch {
            return None;
        }
        match &mut self.engine {
            Engine::Float(executor) => {
                let ids: Vec<BufferId> = parameters(executor.program()).collect();
                for id in ids {
                    let bytes = take(&mut rest, executor.program().buffer(id).len * 4)?;
                    executor.set_parameter(id, &numbers(bytes));
                }
            }
            Engine::Fixed(executor) => {
                let bytes = take(&mut rest, executor.program().ops.len() * 4)?;
                let shifts: Vec<i32> = numbers(bytes);
                if shifts.iter().any(|shift| !SHIFTS.contains(shift)) {
                    return None;
                }
                executor.follow(shifts.into_iter());
                let ids: Vec<BufferId> = parameters(executor.program()).collect();
                for id in ids {
                    let buffer = executor.program().buffer(id);
                    let full = 1_i32 << (executor.formats().bits(buffer.class) - 1);
                    let bytes = take(&mut rest, buffer.len * 2)?;
                    let values: Vec<i16> = numbers(bytes);
                    let fits = |&value: &i16| (-full..full).contains(&i32::from(value));
                    if !values.iter().all(fits) {
                        return None;
                    }
                    executor.set_parameter(id, &values);
                }
            }
        }
        let labels = take(&mut rest, samples)?;
        if labels
            .iter()
            .any(|&label| usize::from(label) >= self.classes)
            || rest.len() != samples * self.inputs
        {
            return None;
        }
        self.engine.begin(key);
        let pixels = rest;
        self.engine.run_shard(Batch { pixels, labels }, first, key);
        self.engine.write_partial(out);
        Some(())
    }
}

/// Cuts `count` bytes off the front.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}
