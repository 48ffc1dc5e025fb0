//! The course of a run, whatever is trained: which images come when, sums over epochs and evaluations.

use std::ops::Range;

use super::config::RunConfig;
use super::metrics::{EpochMetrics, StepMetrics};
use super::model::{Purpose, stream};
use crate::data::Dataset;
use crate::exec::SampleOutcome;
use crate::numeric::Seed;

/// What comes next in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A training step.
    Step,
    /// Evaluation of these test images.
    Evaluation(Range<usize>),
    /// Nothing: the run is over.
    Nothing,
}

/// Sums over the samples of an epoch or of an evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub samples: usize,
    pub loss: f64,
    pub correct: usize,
}

impl Tally {
    /// Sums over a batch.
    pub fn of(outcomes: &[SampleOutcome], labels: &[u8]) -> Self {
        let mut tally = Self::default();
        tally.add(outcomes, labels);
        tally
    }

    /// Counts samples with their outcomes.
    pub fn add(&mut self, outcomes: &[SampleOutcome], labels: &[u8]) {
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

/// What a network holds at the end of an epoch.
pub(super) struct Held {
    pub ranks: Vec<Vec<usize>>,
    pub entries: usize,
    pub parameter_bits: u64,
    pub dense_bits: u64,
    pub training_bytes: u64,
    pub checksum: String,
}

/// Padded pixels and labels of a batch.
type Gathered = (Vec<u8>, Vec<u8>);

/// A run's data and where it stands in them.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub config: RunConfig,
    pub train: Dataset,
    pub test: Dataset,
    /// Steps taken.
    pub step: u64,
    pub epochs_evaluated: u32,
    pub tally: Tally,
    evaluation: Tally,
    confusion: Vec<u32>,
    /// An epoch and the order of its images.
    pub order: (u64, Vec<u32>),
    clock: Option<fn() -> f64>,
    busy_seconds: f64,
    /// Samples of the epoch that were trained on elsewhere.
    pub elsewhere: usize,
    /// A batch gathered before its step, which is told.
    ahead: Option<(u64, Gathered)>,
    /// Pixels and labels of the last batch, kept so that a step need not ask for memory.
    pub spare: Gathered,
}

impl Course {
    /// A run at its beginning.
    pub fn new(config: RunConfig, train: Dataset, test: Dataset) -> Self {
        Self {
            config,
            train,
            test,
            step: 0,
            epochs_evaluated: 0,
            tally: Tally::default(),
            evaluation: Tally::default(),
            confusion: Vec::new(),
            order: (u64::MAX, Vec::new()),
            clock: None,
            busy_seconds: 0.0,
            elsewhere: 0,
            ahead: None,
            spare: (Vec::new(), Vec::new()),
        }
    }

    /// Gives a clock in seconds, for [`EpochMetrics::samples_per_second`].
    pub fn set_clock(&mut self, clock: fn() -> f64) {
        self.clock = Some(clock);
    }

    /// The time now; 0 without a clock.
    pub fn now(&self) -> f64 {
        self.clock.map_or(0.0, |clock| clock())
    }

    /// Counts time since `start` as spent on training.
    pub fn worked_since(&mut self, start: f64) {
        self.busy_seconds += self.now() - start;
    }

    /// Steps of an epoch; the last batch may be smaller.
    pub fn steps_per_epoch(&self) -> u64 {
        self.train.len().div_ceil(self.config.batch) as u64
    }

    /// Steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        self.steps_per_epoch() * u64::from(self.config.epochs)
    }

    /// Epoch in progress, from 1; the last one when the run is over.
    pub fn epoch(&self) -> u32 {
        (self.epochs_evaluated + 1).min(self.config.epochs)
    }

    /// Epochs done once a step (from 0) is taken.
    pub fn epochs_after(&self, step: u64) -> f32 {
        ((step + 1) as f64 / self.steps_per_epoch() as f64) as f32
    }

    /// Whether every epoch was trained and evaluated.
    pub fn is_over(&self) -> bool {
        self.epochs_evaluated >= self.config.epochs
    }

    /// Steps taken when the epoch in progress ends.
    pub fn epoch_end(&self) -> u64 {
        u64::from(self.epochs_evaluated + 1) * self.steps_per_epoch()
    }

    /// What comes next.
    pub fn due(&self) -> Due {
        if self.is_over() {
            return Due::Nothing;
        }
        if self.step < self.epoch_end() {
            return Due::Step;
        }
        let first = self.evaluation.samples;
        Due::Evaluation(first..(first + self.config.batch).min(self.test.len()))
    }

    /// The images of the epoch in progress in the order in which they are trained on.
    pub fn epoch_order(&mut self) -> &[u32] {
        let epoch = self.step / self.steps_per_epoch();
        if self.order.0 != epoch {
            self.order = (epoch, self.shuffled(epoch));
        }
        &self.order.1
    }

    /// An epoch's images in the order in which they are trained on.
    pub fn shuffled(&self, epoch: u64) -> Vec<u32> {
        let shuffle = stream(Seed(self.config.seed), epoch, Purpose::Shuffle, 0);
        shuffle.permutation(self.train.len())
    }

    /// Places within the epoch's order of the images of a step.
    pub fn places(&self, step: u64) -> Range<usize> {
        let first = (step % self.steps_per_epoch()) as usize * self.config.batch;
        first..(first + self.config.batch).min(self.train.len())
    }

    /// Padded pixels and labels of the step in progress.
    pub fn batch(&mut self) -> Gathered {
        match self.ahead.take() {
            Some((step, batch)) if step == self.step => batch,
            _ => self.gather(self.step),
        }
    }

    /// Gathers the batch of the step after the one in progress, if that is of the same epoch.
    pub fn look_ahead(&mut self) {
        let next = self.step + 1;
        if next < self.epoch_end() && next / self.steps_per_epoch() == self.order.0 {
            self.ahead = Some((next, self.gather(next)));
        }
    }

    /// The batch gathered ahead, and its step.
    pub fn ahead(&self) -> Option<&(u64, Gathered)> {
        self.ahead.as_ref()
    }

    /// Padded pixels and labels of a step of the epoch in progress.
    fn gather(&mut self, step: u64) -> Gathered {
        let places = self.places(step);
        self.epoch_order();
        let (mut pixels, mut labels) = std::mem::take(&mut self.spare);
        labels.clear();
        // Beside the images there are zeros since the buffer was made.
        let columns = self.config.network.pad_columns;
        let inputs = self.train.height * (self.train.width + 2 * columns);
        pixels.resize(places.len() * inputs, 0);
        let order = &self.order.1[places];
        for (&index, slots) in order.iter().zip(pixels.chunks_exact_mut(inputs)) {
            let image = self.train.image(index as usize);
            place(image, self.train.width, columns, slots);
            labels.push(self.train.labels[index as usize]);
        }
        (pixels, labels)
    }

    /// Counts a step's batch toward its epoch, before the step is.
    pub fn count(&mut self, batch: &Tally, rate: f32) -> StepMetrics {
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

    /// Padded pixels of test images.
    pub fn test_pixels(&self, images: Range<usize>) -> Vec<u8> {
        let mut pixels = Vec::new();
        for index in images {
            let image = self.test.image(index);
            pad(&self.config, self.test.width, image, &mut pixels);
        }
        pixels
    }

    /// Counts test images, the next that were due, with their outcomes. Gives the sums over the whole set
    /// once it is through, and the epoch with it.
    pub fn evaluated(&mut self, outcomes: &[SampleOutcome]) -> Option<Tally> {
        let classes = self.train.classes;
        let first = self.evaluation.samples;
        if first == 0 {
            self.confusion = vec![0; classes * classes];
        }
        let labels = &self.test.labels[first..first + outcomes.len()];
        self.evaluation.add(outcomes, labels);
        for (outcome, &label) in outcomes.iter().zip(labels) {
            self.confusion[usize::from(label) * classes + usize::from(outcome.answer)] += 1;
        }
        if self.evaluation.samples < self.test.len() {
            return None;
        }
        self.epochs_evaluated += 1;
        Some(std::mem::take(&mut self.evaluation))
    }

    /// The metrics of the epoch that an evaluation ended.
    pub fn epoch_metrics(&mut self, evaluation: &Tally, held: Held) -> EpochMetrics {
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
            ranks: held.ranks,
            core_entries: held.entries,
            parameter_bits: held.parameter_bits,
            dense_bits: held.dense_bits,
            memory_reduction: held.dense_bits as f64 / held.parameter_bits as f64,
            training_bytes: held.training_bytes,
            samples_per_second: speed,
            checksum: held.checksum,
            confusion: std::mem::take(&mut self.confusion),
        }
    }

    /// Padded pixels of one image of the data's size; none for an image of another size.
    pub fn padded(&self, image: &[u8]) -> Option<Vec<u8>> {
        if image.len() != self.test.height * self.test.width {
            return None;
        }
        let mut pixels = Vec::new();
        pad(&self.config, self.test.width, image, &mut pixels);
        Some(pixels)
    }
}

/// Appends an image with the network's zero columns on both sides of each row.
fn pad(config: &RunConfig, width: usize, image: &[u8], out: &mut Vec<u8>) {
    let columns = config.network.pad_columns;
    let start = out.len();
    out.resize(start + image.len() / width * (width + 2 * columns), 0);
    place(image, width, columns, &mut out[start..]);
}

/// Puts an image's rows between so many columns on either side.
fn place(image: &[u8], width: usize, columns: usize, out: &mut [u8]) {
    if columns == 0 {
        out.copy_from_slice(image);
        return;
    }
    let rows = out.chunks_exact_mut(width + 2 * columns);
    for (slots, row) in rows.zip(image.chunks_exact(width)) {
        copy_row(&mut slots[columns..columns + width], row);
    }
}

/// Copies a few numbers, which are not worth a call: whole vectors, the last of them over the one before.
fn copy_row(out: &mut [u8], row: &[u8]) {
    const LANES: usize = 16;
    let (Some(&last), true) = (row.last_chunk::<LANES>(), out.len() == row.len()) else {
        out.copy_from_slice(row);
        return;
    };
    let (slots, _) = out.as_chunks_mut::<LANES>();
    for (slot, pixels) in slots.iter_mut().zip(row.as_chunks().0) {
        *slot = *pixels;
    }
    if let Some(slot) = out.last_chunk_mut::<LANES>() {
        *slot = last;
    }
}

/// The probabilities that logits stand for (softmax).
pub(super) fn probabilities(logits: &[f32]) -> Vec<f32> {
    use crate::numeric::exact;
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits
        .iter()
        .map(|&logit| exact::exp(f64::from(logit - top)))
        .collect();
    let total: f64 = weights.iter().sum();
    let shares = weights.iter().map(|weight| (weight / total) as f32);
    shares.collect()
}
