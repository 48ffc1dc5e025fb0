//! A training step whose samples are run in shards, some of them elsewhere.
//!
//! Whoever runs shards elsewhere is a [`Replica`] of the trainer. It is made from a checkpoint
//! ([`Trainer::replica_setup`]), is told the samples of its shard ([`Trainer::write_order`]), and gives and
//! takes what shards found ([`Trainer::write_part`]). With all parts of a step both take it alike, so that no
//! parameter travels. In fixed point the step's bits do not depend on the cut; in floating point they do.
//!
//! Numbers as they lie in memory, without padding:
//!
//! | setup | bytes |
//! | --- | --- |
//! | rows and columns of the images | 4 each |
//! | checkpoint | rest |
//!
//! | order | bytes |
//! | --- | --- |
//! | step | 8 |
//! | samples of the batch, place of the shard's first, samples of the shard | 4 each |
//! | labels, padded pixels | rest |
//!
//! | part | bytes |
//! | --- | --- |
//! | step | 8 |
//! | place of the first sample, samples | 4 each |
//! | fingerprint of the parameters that they were run with ([`Model::fingerprint`]) | 4 |
//! | partial result (`exec::shard`) | rest |
//!
//! [`Model::fingerprint`]: super::Model::fingerprint

use std::ops::Range;

use super::course::Tally;
use super::engine::Engine;
use super::metrics::StepMetrics;
use super::trainer::Trainer;
use crate::exec::Batch;
use crate::exec::fixed::StepKey;
use crate::exec::shard::{BadPartial, Partial, word};
use crate::numeric::{Seed, sort_by_key};
use crate::program::{Op, Part};

/// Bytes of a setup before the checkpoint.
const SETUP: usize = 8;
/// Bytes of an order before the labels.
const ORDER: usize = 20;
/// Bytes of a part before the partial result.
const PART: usize = 20;

/// A step in progress: its batch, and what its shards found so far.
#[derive(Clone, Debug)]
pub struct OpenStep {
    /// Samples of the batch.
    samples: usize,
    /// Place in the batch of the first sample whose pixels and labels are here.
    first: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
    key: StepKey,
    /// Of the parameters.
    fingerprint: u32,
    begun: bool,
    /// Samples whose results the trainer's own executor holds.
    own: Range<usize>,
    /// Other shards' parts.
    parts: Vec<(Range<usize>, Vec<u8>)>,
}

impl OpenStep {
    /// Samples of the batch.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    fn batch(&self, samples: &Range<usize>) -> Batch<'_> {
        let here = samples.start - self.first..samples.end - self.first;
        some((&self.pixels, &self.labels), here)
    }

    /// Samples whose results are known, and of which none is another's.
    fn known(&self) -> usize {
        self.own.len()
            + self
                .parts
                .iter()
                .map(|(samples, _)| samples.len())
                .sum::<usize>()
    }
}

/// Some samples of pixels and labels.
fn some<'a>((pixels, labels): (&'a [u8], &'a [u8]), samples: Range<usize>) -> Batch<'a> {
    let inputs = pixels.len() / labels.len().max(1);
    Batch {
        pixels: &pixels[samples.start * inputs..samples.end * inputs],
        labels: &labels[samples],
    }
}

/// The step that the head of an order or of a part names.
fn step_of(head: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*head.first_chunk()?))
}

impl Trainer {
    /// Whether [`Self::advance`] takes a step next, and one whose samples can be run in shards: in fixed
    /// point every shift must be known.
    #[must_use]
    pub fn shards_ready(&self) -> bool {
        !self.course.is_over() && !self.evaluation_due() && self.engine.shards_ready()
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

    /// What a [`Replica`] is made from, to stand where the run stands.
    #[must_use]
    pub fn replica_setup(&self) -> Vec<u8> {
        let size = self
            .image_size()
            .map(|length| (length as u32).to_le_bytes());
        [size.as_flattened(), &self.checkpoint()].concat()
    }

    /// Begins the coming step; [`Self::close_step`] takes it. The trainer must not be used for anything
    /// else in between.
    pub fn open_step(&mut self) -> OpenStep {
        let (pixels, labels) = self.course.batch();
        self.opened(labels.len(), 0, pixels, labels)
    }

    /// The coming step, of which these samples are here.
    fn opened(&self, samples: usize, first: usize, pixels: Vec<u8>, labels: Vec<u8>) -> OpenStep {
        OpenStep {
            samples,
            first,
            pixels,
            labels,
            key: StepKey {
                seed: Seed(self.course.config.seed),
                step: self.course.step,
            },
            fingerprint: self.model.fingerprint(),
            begun: false,
            own: 0..0,
            parts: Vec::new(),
        }
    }

    /// Gathers the batch of the step after the open one, if that is of the same epoch: the number of its
    /// samples.
    pub fn look_ahead(&mut self) -> Option<usize> {
        self.course.look_ahead();
        self.course.ahead().map(|(_, (_, labels))| labels.len())
    }

    /// Appends the order for a shard of the step to `out`.
    pub fn write_order(&self, step: &OpenStep, samples: &Range<usize>, out: &mut Vec<u8>) {
        write_order(step.key.step, (&step.pixels, &step.labels), samples, out);
    }

    /// Appends the order for a shard of the step that [`Self::look_ahead`] gathered to `out`.
    pub fn write_order_ahead(&self, samples: &Range<usize>, out: &mut Vec<u8>) {
        if let Some((step, (pixels, labels))) = self.course.ahead() {
            write_order(*step, (pixels, labels), samples, out);
        }
    }

    /// Runs a shard of the step here.
    pub fn run_shard(&mut self, step: &mut OpenStep, samples: Range<usize>) {
        self.put_away(step);
        self.begin(step);
        self.engine
            .run_shard(step.batch(&samples), samples.start, step.key);
        step.own = samples;
    }

    /// Appends what the shard that was run here last found to `out`.
    pub fn write_part(&self, step: &OpenStep, out: &mut Vec<u8>) {
        out.extend(step.key.step.to_le_bytes());
        out.extend((step.own.start as u32).to_le_bytes());
        out.extend((step.own.len() as u32).to_le_bytes());
        out.extend(step.fingerprint.to_le_bytes());
        self.engine.write_partial(out);
    }

    /// Runs what comes before the samples, once.
    fn begin(&mut self, step: &mut OpenStep) {
        if !std::mem::replace(&mut step.begun, true) {
            self.engine.begin(step.key);
        }
    }

    /// Copies what the executor holds of the step out of it.
    fn put_away(&mut self, step: &mut OpenStep) {
        if !step.own.is_empty() {
            let mut part = Vec::new();
            self.write_part(step, &mut part);
            step.parts.push((std::mem::take(&mut step.own), part));
        }
        self.engine.forget_shard();
    }

    /// Takes in what a shard run elsewhere found.
    ///
    /// # Errors
    /// If the bytes cannot be what such a shard finds with these parameters, or some of its samples were run
    /// already.
    pub fn take_part(&self, step: &mut OpenStep, part: Vec<u8>) -> Result<(), BadPartial> {
        let (head, partial) = part.split_first_chunk::<PART>().ok_or(BadPartial)?;
        let samples = samples_of(step, head).ok_or(BadPartial)?;
        let apart = |known: &Range<usize>| known.end <= samples.start || samples.end <= known.start;
        if !apart(&step.own) || !step.parts.iter().all(|(known, _)| apart(known)) {
            return Err(BadPartial);
        }
        self.engine.read_partial(partial, samples.len())?;
        step.parts.push((samples, part));
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
        if at < step.samples {
            missing.push(at..step.samples);
        }
        for samples in missing {
            self.run_shard(&mut step, samples);
        }
        self.begin(&mut step);
        // A replica counts no outcomes, and exact sums have no order.
        let in_order = step.own.start == 0 || step.first > 0 && self.any_cut();
        if step.own.is_empty() || !in_order {
            // What the executor holds counts, and first in the sum: here it is not the batch's beginning.
            self.put_away(&mut step);
        }
        sort_by_key(&mut step.parts, |(samples, _)| [samples.start as u64, 0]);
        let parts = step.parts.iter();
        let parts: Vec<Partial> = parts
            .filter_map(|(samples, part)| {
                let partial = part.get(PART..)?;
                self.engine.read_partial(partial, samples.len()).ok()
            })
            .collect();
        let outcomes = match &mut self.engine {
            Engine::Float(executor) => executor.finish(&parts),
            Engine::Fixed(executor) => executor.finish(step.key, &parts),
        };
        let rate = self.learn(step.samples);
        let tally = Tally::of(&outcomes, &step.labels);
        self.course.spare = (step.pixels, step.labels);
        self.complete((tally, rate))
    }
}

/// Appends the order for a shard of a step with these pixels and labels.
fn write_order(step: u64, of: (&[u8], &[u8]), samples: &Range<usize>, out: &mut Vec<u8>) {
    out.extend(step.to_le_bytes());
    for number in [of.1.len(), samples.start, samples.len()] {
        out.extend((number as u32).to_le_bytes());
    }
    let batch = some(of, samples.clone());
    out.extend_from_slice(batch.labels);
    out.extend_from_slice(batch.pixels);
}

/// The samples that a part is of, if it is one of this step and made with its parameters.
fn samples_of(step: &OpenStep, head: &[u8; PART]) -> Option<Range<usize>> {
    let (first, samples) = (word(head, 8) as usize, word(head, 12) as usize);
    let end = first.checked_add(samples)?;
    let fits = step_of(head) == Some(step.key.step)
        && word(head, 16) == step.fingerprint
        && samples > 0
        && end <= step.samples;
    fits.then_some(first..end)
}

impl Engine {
    fn shards_ready(&self) -> bool {
        match self {
            Self::Float(_) => true,
            Self::Fixed(executor) => executor.ready(),
        }
    }

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

/// A trainer's run once more, elsewhere and without its images: it runs shards, and takes every step with the
/// trainer.
#[derive(Clone, Debug)]
pub struct Replica {
    trainer: Trainer,
    step: Option<OpenStep>,
}

impl Replica {
    /// A replica for a setup; none if the bytes are no setup.
    #[must_use]
    pub fn new(setup: &[u8]) -> Option<Self> {
        let (size, checkpoint) = setup.split_first_chunk::<SETUP>()?;
        let size = [0, 4].map(|at| word(size, at) as usize);
        let trainer = Trainer::without_images(checkpoint, size).ok()?;
        Some(Self {
            trainer,
            step: None,
        })
    }

    /// Steps taken.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.trainer.step()
    }

    /// Whether parts of a step are awaited.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.step.is_some()
    }

    /// Checksum of all parameters, as [`Trainer::checksum`].
    #[must_use]
    pub fn checksum(&self) -> String {
        self.trainer.checksum()
    }

    /// Runs the shard of an order for the coming step and appends its part to `out`. False, with nothing
    /// appended, if the bytes are no such order or the step is one that only the whole trainer can take.
    pub fn run(&mut self, order: &[u8], out: &mut Vec<u8>) -> bool {
        self.try_run(order, out).is_some()
    }

    fn try_run(&mut self, order: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let trainer = &mut self.trainer;
        let (head, rest) = order.split_first_chunk::<ORDER>()?;
        let [total, first, samples] = [8, 12, 16].map(|at| word(head, at) as usize);
        let program = trainer.program();
        let inputs = program.buffer(program.input()).len;
        let (labels, pixels) = rest.split_at_checked(samples)?;
        let classes = program.classes;
        let sound = step_of(head) == Some(trainer.step())
            && trainer.step() < trainer.total_steps()
            && trainer.engine.shards_ready()
            && samples > 0
            && total <= program.batch
            && first.checked_add(samples)? <= total
            && labels.iter().all(|&label| usize::from(label) < classes)
            && pixels.len() == samples * inputs;
        if self.step.is_some() || !sound {
            return None;
        }
        let mut step = trainer.opened(total, first, pixels.to_vec(), labels.to_vec());
        trainer.run_shard(&mut step, first..first + samples);
        trainer.write_part(&step, out);
        self.step = Some(step);
        self.close_if_complete();
        Some(())
    }

    /// Takes in another shard's part of the step in progress, and the step once all are there. False if the
    /// bytes are no such part.
    pub fn take(&mut self, part: Vec<u8>) -> bool {
        let Some(step) = &mut self.step else {
            return false;
        };
        let taken = self.trainer.take_part(step, part).is_ok();
        self.close_if_complete();
        taken
    }

    fn close_if_complete(&mut self) {
        if let Some(step) = self.step.take_if(|step| step.known() == step.samples) {
            self.trainer.close_step(step);
        }
    }
}
