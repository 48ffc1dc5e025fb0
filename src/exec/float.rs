//! The float executor: a Program on batches in `f32`, optionally stored as bfloat16 or half.
//!
//! Sums are made in `f32`; with 16-bit storage every stored value is rounded to it. Gradients are
//! scaled by a constant power of two before storage (loss scaling, Micikevicius et al., 2018) so that
//! halves do not underflow; [`FloatExecutor::gradient`] undoes it.

mod shard;

use super::blank::contractions;
use super::layout::Contraction;
use super::{Batch, Margin, SampleOutcome, arg_max, cut, on_lanes};
use crate::kernels::{Packs, gemm};
use crate::numeric::{Storage, exact};
use crate::program::{BufferId, Class, OpKind, Part, Pass, Program};

/// Runs a Program in floating point.
#[derive(Clone, Debug)]
pub struct FloatExecutor {
    program: Program,
    plans: Vec<Option<Contraction>>,
    storage: Storage,
    loss_scale: f32,
    shared: Vec<Vec<f32>>,
    lanes: Vec<Lane>,
    /// Lanes that hold the samples run last.
    used: usize,
    packs: Packs<f32>,
}

/// Buffers of the samples of one thread.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// Samples' buffers and this lane's sums, by buffer; empty for what is shared.
    own: Vec<Vec<f32>>,
    packs: Packs<f32>,
    outcomes: Vec<SampleOutcome>,
}

impl FloatExecutor {
    /// An executor with `threads` lanes; parameters start at zero.
    #[must_use]
    pub fn new(program: Program, storage: Storage, threads: usize) -> Self {
        let plans = contractions(&program, Margin::default(), true);
        let threads = threads.clamp(1, program.batch.max(1));
        let per_lane = program.batch.div_ceil(threads);
        let shared = (0..program.buffers.len())
            .map(|id| {
                if program.per_sample(BufferId(id)) {
                    Vec::new()
                } else {
                    vec![0.0; program.buffers[id].len]
                }
            })
            .collect();
        let own: Vec<Vec<f32>> = program
            .buffers
            .iter()
            .enumerate()
            .map(
                |(id, buffer)| match (program.per_sample(BufferId(id)), buffer.class) {
                    (true, _) => vec![0.0; buffer.len * per_lane],
                    (false, Class::Accumulator) => vec![0.0; buffer.len],
                    (false, _) => Vec::new(),
                },
            )
            .collect();
        let lane = Lane {
            own,
            ..Lane::default()
        };
        let loss_scale = if storage == Storage::F16 { 64.0 } else { 1.0 };
        Self {
            program,
            plans,
            storage,
            loss_scale,
            shared,
            lanes: vec![lane; threads],
            used: 0,
            packs: Packs::default(),
        }
    }

    /// The same executor for images that have zeros in this margin, whatever their pixels say there.
    #[must_use]
    pub fn with_margin(mut self, margin: Margin) -> Self {
        self.plans = contractions(&self.program, margin, true);
        self
    }

    /// The Program it runs.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// How values are stored.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// Sets a parameter, rounding it to the storage format.
    ///
    /// # Panics
    /// If the length differs from the buffer's.
    pub fn set_parameter(&mut self, id: BufferId, values: &[f32]) {
        self.shared[id.0].copy_from_slice(values);
        self.storage.round_slice(&mut self.shared[id.0]);
    }

    /// A parameter as the contractions see it.
    #[must_use]
    pub fn parameter(&self, id: BufferId) -> &[f32] {
        &self.shared[id.0]
    }

    /// Writes the gradient of a parameter, summed over the last batch, into `out`.
    ///
    /// # Panics
    /// If the length differs from the buffer's.
    pub fn gradient(&self, id: BufferId, out: &mut [f32]) {
        assert_eq!(out.len(), self.shared[id.0].len());
        for (slot, &value) in out.iter_mut().zip(&self.shared[id.0]) {
            *slot = value / self.loss_scale;
        }
    }

    /// Forward and backward on a batch; gradients are then ready. Returns each sample's outcome.
    ///
    /// # Panics
    /// If the batch is larger than the Program's, has labels for some samples only, or a label is not
    /// below the Program's classes.
    pub fn train(&mut self, batch: Batch) -> Vec<SampleOutcome> {
        self.begin();
        self.run_shard(batch);
        self.finish(&[])
    }

    /// The forward pass on a batch of at most the Program's size.
    ///
    /// # Panics
    /// As [`Self::train`].
    pub fn evaluate(&mut self, batch: Batch) -> Vec<SampleOutcome> {
        self.run_shared(Part::Before, true);
        self.run_samples(batch, false);
        self.outcomes(&[])
    }

    /// Logits of one sample of the last batch, if it was run in the first lane.
    #[must_use]
    pub fn logits(&self, sample: usize) -> &[f32] {
        let id = self.program.logits();
        let len = self.program.buffer(id).len;
        &self.lanes[0].own[id.0][sample * len..(sample + 1) * len][..self.program.classes]
    }

    /// Runs the operations of one part that work on what the batch shares.
    fn run_shared(&mut self, part: Part, forward_only: bool) {
        for (op, plan) in self.program.ops.iter().zip(&self.plans) {
            if op.part != part || (forward_only && op.pass != Pass::Forward) {
                continue;
            }
            match (&op.kind, plan) {
                (OpKind::Contract { exponent, .. }, Some(plan)) => {
                    let mut out = std::mem::take(&mut self.shared[plan.out.0]);
                    let operands = (
                        &self.shared[plan.left.0][..],
                        &self.shared[plan.right.0][..],
                    );
                    contract(
                        &mut self.packs,
                        plan,
                        1,
                        operands,
                        &mut out,
                        exact::pow2(-exponent),
                    );
                    self.storage.round_slice(&mut out);
                    self.shared[plan.out.0] = out;
                }
                (OpKind::Finish { from, out }, _) => {
                    // Nothing else reads the sum, and the next batch makes it anew.
                    self.shared.swap(from.0, out.0);
                    self.storage.round_slice(&mut self.shared[out.0]);
                }
                _ => {}
            }
        }
    }

    /// Runs samples on this executor's lanes.
    fn run_samples(&mut self, batch: Batch, train: bool) {
        let inputs = self.program.buffer(self.program.input()).len;
        let samples = batch.pixels.len() / inputs;
        let cuts = cut(samples, self.lanes.len());
        self.used = cuts.len();
        let work = Work {
            program: &self.program,
            plans: &self.plans,
            shared: &self.shared,
            storage: self.storage,
            loss_scale: self.loss_scale,
            train,
        };
        on_lanes(&mut self.lanes[..cuts.len()], |index, lane| {
            let (start, count) = cuts[index];
            let labels = if batch.labels.is_empty() {
                &[]
            } else {
                &batch.labels[start..start + count]
            };
            work.run(
                lane,
                &batch.pixels[start * inputs..(start + count) * inputs],
                labels,
                count,
            );
        });
    }
}

/// What the lanes read.
struct Work<'a> {
    program: &'a Program,
    plans: &'a [Option<Contraction>],
    shared: &'a [Vec<f32>],
    storage: Storage,
    loss_scale: f32,
    train: bool,
}

impl Work<'_> {
    fn run(&self, lane: &mut Lane, pixels: &[u8], labels: &[u8], count: usize) {
        let input = self.program.input();
        for (slot, &pixel) in lane.own[input.0].iter_mut().zip(pixels) {
            *slot = f32::from(pixel) * (1.0 / 255.0);
        }
        self.storage
            .round_slice(&mut lane.own[input.0][..pixels.len()]);
        lane.outcomes.clear();
        lane.outcomes.resize(count, SampleOutcome::default());
        for (op, plan) in self.program.ops.iter().zip(self.plans) {
            if op.part == Part::Sample && (self.train || op.pass == Pass::Forward) {
                self.op(lane, &op.kind, plan.as_ref(), labels, count);
            }
        }
    }

    fn op(
        &self,
        lane: &mut Lane,
        kind: &OpKind,
        plan: Option<&Contraction>,
        labels: &[u8],
        count: usize,
    ) {
        match kind {
            OpKind::Contract {
                accumulate,
                exponent,
                ..
            } => {
                let Some(plan) = plan else { return };
                let mut out = std::mem::take(&mut lane.own[plan.out.0]);
                let operand = |id: BufferId| {
                    if self.program.per_sample(id) {
                        &lane.own[id.0][..]
                    } else {
                        &self.shared[id.0][..]
                    }
                };
                let operands = (operand(plan.left), operand(plan.right));
                contract(
                    &mut lane.packs,
                    plan,
                    count,
                    operands,
                    &mut out,
                    exact::pow2(-exponent),
                );
                if !accumulate {
                    let used = self.program.buffer(plan.out).len * count;
                    self.storage.round_slice(&mut out[..used]);
                }
                lane.own[plan.out.0] = out;
            }
            OpKind::Bias { y, bias } => {
                let bias = &self.shared[bias.0];
                for row in lane.own[y.0].chunks_exact_mut(bias.len()).take(count) {
                    for (value, bias) in row.iter_mut().zip(bias) {
                        *value += bias;
                    }
                    self.storage.round_slice(row);
                }
            }
            OpKind::Relu { y } => {
                for value in &mut lane.own[y.0] {
                    *value = value.max(0.0);
                }
            }
            OpKind::ReluGradient { y, gradient } => {
                let mut slots = std::mem::take(&mut lane.own[gradient.0]);
                for (slot, &value) in slots.iter_mut().zip(&lane.own[y.0]) {
                    *slot = if value > 0.0 { *slot } else { 0.0 };
                }
                lane.own[gradient.0] = slots;
            }
            OpKind::SoftmaxCrossEntropy {
                logits,
                gradient,
                classes,
                smoothing,
            } => {
                let len = self.program.buffer(*logits).len;
                let mut slots = std::mem::take(&mut lane.own[gradient.0]);
                for sample in 0..count {
                    let logits = &lane.own[logits.0][sample * len..sample * len + classes];
                    let gradient = &mut slots[sample * len..(sample + 1) * len];
                    gradient.fill(0.0);
                    let target = labels.get(sample).map(|&label| (label, *smoothing));
                    lane.outcomes[sample] = softmax(logits, target, &mut gradient[..*classes]);
                    for value in gradient.iter_mut() {
                        *value *= self.loss_scale;
                    }
                }
                self.storage.round_slice(&mut slots[..len * count]);
                lane.own[gradient.0] = slots;
            }
            OpKind::Sum { from, out } => {
                let mut sums = std::mem::take(&mut lane.own[out.0]);
                sums.fill(0.0);
                for row in lane.own[from.0].chunks_exact(sums.len()).take(count) {
                    for (sum, value) in sums.iter_mut().zip(row) {
                        *sum += value;
                    }
                }
                lane.own[out.0] = sums;
            }
            OpKind::Finish { .. } | OpKind::Update { .. } => {}
        }
    }
}

/// One contraction on `samples` samples; `out` is overwritten.
fn contract(
    packs: &mut Packs<f32>,
    plan: &Contraction,
    samples: usize,
    (left, right): (&[f32], &[f32]),
    out: &mut [f32],
    scale: f32,
) {
    let terms = plan.term_count(samples);
    gemm(
        packs,
        (left, plan.left_at(samples, 0, terms)),
        (right, plan.right_at(0, terms)),
        |first, columns, sums, stride| {
            for (i, sums) in sums.chunks_exact(stride).enumerate() {
                let base = plan.out_row(first + i) as usize;
                for (at, offset) in plan.runs(columns.clone()) {
                    let start = base + offset;
                    for (slot, sum) in out[start..start + at.len()].iter_mut().zip(&sums[at]) {
                        *slot = sum * scale;
                    }
                }
            }
        },
    );
}

/// Softmax and cross-entropy of one sample; `gradient` becomes `p - t` for a label with the share of
/// it, of 256, that is spread over all classes.
fn softmax(logits: &[f32], target: Option<(u8, u8)>, gradient: &mut [f32]) -> SampleOutcome {
    let answer = arg_max(logits);
    let top = logits[answer];
    let mut total = 0.0_f64;
    for (slot, &logit) in gradient.iter_mut().zip(logits) {
        let weight = exact::exp(f64::from(logit - top));
        total += weight;
        *slot = weight as f32;
    }
    for slot in gradient.iter_mut() {
        *slot /= total as f32;
    }
    let mut loss = 0.0;
    if let Some((label, smoothing)) = target {
        let share = f32::from(smoothing) / 256.0;
        let label = usize::from(label);
        loss = exact::ln(total) - f64::from(logits[label] - top);
        for slot in gradient.iter_mut() {
            *slot -= share / logits.len() as f32;
        }
        gradient[label] -= 1.0 - share;
    }
    SampleOutcome {
        loss,
        answer: answer as u8,
    }
}
