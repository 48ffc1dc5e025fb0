//! The float executor: a Program on batches in `f32`, optionally stored as bfloat16 or half.
//!
//! Sums are made in `f32`; with 16-bit storage every stored value is rounded to it. Gradients are
//! scaled by a constant power of two before storage (loss scaling, Micikevicius et al., 2018) so that
//! halves do not underflow; [`FloatExecutor::gradient`] undoes it.

mod shard;

use super::blank::contractions;
use super::layout::Contraction;
use super::{Batch, Margin, SampleOutcome, at_once, cut, on_lanes, runs, softmax_cross_entropy};
use crate::kernels::{self, Factor, Kept, Lines, Packs, gemm, gemm_into};
use crate::numeric::{Storage, exact};
use crate::program::{BufferId, Class, OpKind, Part, Pass, Program};

/// Runs a Program in floating point.
#[derive(Clone, Debug)]
pub struct FloatExecutor {
    program: Program,
    plans: Vec<Option<Contraction>>,
    storage: Storage,
    loss_scale: f32,
    shared: Vec<Lines<f32>>,
    /// What each contraction's samples share, packed for a batch.
    kept: Vec<Kept<f32>>,
    lanes: Vec<Lane>,
    /// Samples that a lane holds at a time.
    at_once: usize,
    /// Lanes that ran the last samples.
    used: usize,
    packs: Packs<f32>,
}

/// Buffers of the samples of one thread.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// Samples' buffers and this lane's sums, by buffer; empty for what is shared.
    own: Vec<Lines<f32>>,
    packs: Packs<f32>,
    outcomes: Vec<SampleOutcome>,
}

impl FloatExecutor {
    /// An executor with `threads` lanes; parameters start at zero.
    #[must_use]
    pub fn new(program: Program, storage: Storage, threads: usize) -> Self {
        Self::with_margin(program, storage, threads, Margin::default())
    }

    /// An executor for images whose pixels are zero in this margin.
    #[must_use]
    pub fn with_margin(program: Program, storage: Storage, threads: usize, margin: Margin) -> Self {
        let plans = contractions(&program, margin, true);
        let threads = threads.clamp(1, program.batch.max(1));
        let at_once = at_once(&program, size_of::<f32>()).min(program.batch.div_ceil(threads));
        let shared = (0..program.buffers.len())
            .map(|id| {
                if program.per_sample(BufferId(id)) {
                    Lines::default()
                } else {
                    Lines::zeros(program.buffers[id].len)
                }
            })
            .collect();
        let own: Vec<Lines<f32>> = program
            .buffers
            .iter()
            .enumerate()
            .map(
                |(id, buffer)| match (program.per_sample(BufferId(id)), buffer.class) {
                    (true, _) => Lines::zeros(buffer.len * at_once),
                    (false, Class::Accumulator) => Lines::zeros(buffer.len),
                    (false, _) => Lines::default(),
                },
            )
            .collect();
        let lane = Lane {
            own,
            ..Lane::default()
        };
        let loss_scale = if storage == Storage::F16 { 64.0 } else { 1.0 };
        Self {
            plans,
            storage,
            loss_scale,
            shared,
            kept: vec![Kept::default(); program.ops.len()],
            lanes: vec![lane; threads],
            at_once,
            used: 0,
            packs: Packs::default(),
            program,
        }
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
        kernels::scaled(out, &self.shared[id.0], 1.0 / self.loss_scale);
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

    /// Logits of the last batch, if it was of one sample.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        &self.lanes[0].own[self.program.logits().0][..self.program.classes]
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
                    Product {
                        plan,
                        samples: 1,
                        left: operands.0,
                        right: Factor::Scattered(operands.1, plan.right_at(0, plan.term_count(1))),
                        scale: exact::pow2(-exponent),
                        add: false,
                    }
                    .run(&mut self.packs, &mut out);
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
        for ((op, plan), kept) in self.program.ops.iter().zip(&self.plans).zip(&mut self.kept) {
            let shared = |plan: &&Contraction| !self.program.per_sample(plan.right);
            if let (true, Some(plan)) = (runs(op, train), plan.as_ref().filter(shared)) {
                let at = plan.right_at(0, plan.term_count(1));
                kept.pack(&self.shared[plan.right.0], at);
            }
        }
        let work = Work {
            program: &self.program,
            plans: &self.plans,
            shared: &self.shared,
            kept: &self.kept,
            at_once: self.at_once,
            storage: self.storage,
            loss_scale: self.loss_scale,
            train,
        };
        on_lanes(&mut self.lanes[..cuts.len()], |index, lane| {
            let (start, count) = cuts[index];
            let pixels = &batch.pixels[start * inputs..(start + count) * inputs];
            let labels = batch.labels.get(start..start + count).unwrap_or(&[]);
            work.run(lane, pixels, labels);
        });
    }
}

/// What the lanes read.
struct Work<'a> {
    program: &'a Program,
    plans: &'a [Option<Contraction>],
    shared: &'a [Lines<f32>],
    kept: &'a [Kept<f32>],
    at_once: usize,
    storage: Storage,
    loss_scale: f32,
    train: bool,
}

/// Some samples of a lane's.
#[derive(Clone, Copy)]
struct Run<'a> {
    /// Place of the first among the lane's.
    start: usize,
    count: usize,
    /// Their labels; empty without.
    labels: &'a [u8],
}

impl Work<'_> {
    /// Runs a lane's samples, as many at a time as its buffers hold.
    fn run(&self, lane: &mut Lane, pixels: &[u8], labels: &[u8]) {
        let input = self.program.input();
        let inputs = self.program.buffer(input).len;
        let samples = pixels.len() / inputs;
        lane.outcomes.clear();
        lane.outcomes.resize(samples, SampleOutcome::default());
        // Without samples, sums are still cleared.
        for (start, count) in cut(samples, samples.div_ceil(self.at_once)) {
            let pixels = &pixels[start * inputs..(start + count) * inputs];
            let slots = &mut lane.own[input.0][..pixels.len()];
            kernels::scaled_bytes(slots, pixels, 1.0 / 255.0);
            self.storage.round_slice(slots);
            let run = Run {
                start,
                count,
                labels: labels.get(start..start + count).unwrap_or(&[]),
            };
            for (index, op) in self.program.ops.iter().enumerate() {
                if runs(op, self.train) {
                    self.op(lane, index, run);
                }
            }
        }
    }

    fn op(&self, lane: &mut Lane, index: usize, run: Run) {
        let count = run.count;
        match &self.program.ops[index].kind {
            OpKind::Contract {
                accumulate,
                exponent,
                ..
            } => {
                let Some(plan) = &self.plans[index] else {
                    return;
                };
                let mut out = std::mem::take(&mut lane.own[plan.out.0]);
                let operand = |id: BufferId| {
                    if self.program.per_sample(id) {
                        &lane.own[id.0][..]
                    } else {
                        &self.shared[id.0][..]
                    }
                };
                let right = if self.program.per_sample(plan.right) {
                    let at = plan.right_at(0, plan.term_count(count));
                    Factor::Scattered(operand(plan.right), at)
                } else {
                    Factor::Kept(&self.kept[index])
                };
                let used = if *accumulate {
                    &mut out[..]
                } else {
                    &mut out[..self.program.buffer(plan.out).len * count]
                };
                Product {
                    plan,
                    samples: count,
                    left: operand(plan.left),
                    right,
                    scale: exact::pow2(-exponent),
                    add: *accumulate && run.start > 0,
                }
                .run(&mut lane.packs, used);
                if !accumulate {
                    self.storage.round_slice(used);
                }
                lane.own[plan.out.0] = out;
            }
            OpKind::Bias { y, bias } => {
                let bias = &self.shared[bias.0];
                for row in lane.own[y.0].chunks_exact_mut(bias.len()).take(count) {
                    kernels::add(row, bias);
                    self.storage.round_slice(row);
                }
            }
            OpKind::Relu { y } => {
                kernels::positive(&mut lane.own[y.0]);
            }
            OpKind::ReluGradient { y, gradient } => {
                let mut slots = std::mem::take(&mut lane.own[gradient.0]);
                kernels::where_positive(&mut slots, &lane.own[y.0]);
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
                    let target = run.labels.get(sample).map(|&label| (label, *smoothing));
                    lane.outcomes[run.start + sample] =
                        softmax_cross_entropy(logits, target, &mut gradient[..*classes]);
                    for value in gradient.iter_mut() {
                        *value *= self.loss_scale;
                    }
                }
                self.storage.round_slice(&mut slots[..len * count]);
                lane.own[gradient.0] = slots;
            }
            OpKind::Sum { from, out } => {
                let mut sums = std::mem::take(&mut lane.own[out.0]);
                if run.start == 0 {
                    sums.fill(0.0);
                }
                for row in lane.own[from.0].chunks_exact(sums.len()).take(count) {
                    kernels::add(&mut sums, row);
                }
                lane.own[out.0] = sums;
            }
            OpKind::Finish { .. } | OpKind::Update { .. } => {}
        }
    }
}

/// A contraction on some samples, ready to run.
struct Product<'a> {
    plan: &'a Contraction,
    samples: usize,
    left: &'a [f32],
    right: Factor<'a, f32>,
    scale: f32,
    /// Whether it is added to the result, instead of replacing it.
    add: bool,
}

impl Product<'_> {
    fn run(&self, packs: &mut Packs<f32>, out: &mut [f32]) {
        let Self {
            plan,
            samples,
            scale,
            ..
        } = *self;
        let left = (
            self.left,
            plan.left_at(samples, 0, plan.term_count(samples)),
        );
        let at = plan.out_at(samples);
        #[expect(clippy::float_cmp, reason = "a power of two, exactly")]
        let plain = scale == 1.0;
        // Sums that replace the result can be scaled afterwards.
        if (plain || !self.add) && gemm_into(packs, left, self.right, (&mut *out, at), self.add) {
            if !plain {
                kernels::scale(out, scale);
            }
            return;
        }
        gemm(packs, left, self.right, |first, columns, sums, stride| {
            let rows = &at.rows[first..first + sums.len() / stride];
            let put = |slot: &mut f32, sum: f32| {
                *slot = if self.add { *slot } else { 0.0 } + sum * scale;
            };
            if plan.run_from(columns.start) > 1 {
                for (sums, &row) in sums.chunks_exact(stride).zip(rows) {
                    for (at, offset) in plan.runs(columns.clone()) {
                        let slots = &mut out[row as usize + offset..][..at.len()];
                        for (slot, &sum) in slots.iter_mut().zip(&sums[at]) {
                            put(slot, sum);
                        }
                    }
                }
                return;
            }
            // Down the columns: rows lie together where columns do not.
            for (sums, rows) in sums.chunks(stride * ROWS).zip(rows.chunks(ROWS)) {
                let together =
                    rows.len() == ROWS && rows.windows(2).all(|pair| pair[1] == pair[0] + 1);
                if together {
                    let (upper, lower) = sums.split_at(2 * stride);
                    let ((a, b), (c, d)) = (upper.split_at(stride), lower.split_at(stride));
                    let sums = a.iter().zip(b).zip(c.iter().zip(d));
                    for (&col, ((a, b), (c, d))) in at.cols[columns.clone()].iter().zip(sums) {
                        let slots = &mut out[(rows[0] + col) as usize..][..ROWS];
                        if let [first, second, third, fourth] = slots {
                            put(first, *a);
                            put(second, *b);
                            put(third, *c);
                            put(fourth, *d);
                        }
                    }
                    continue;
                }
                for (sums, &row) in sums.chunks_exact(stride).zip(rows) {
                    for (&sum, &col) in sums.iter().zip(&at.cols[columns.clone()]) {
                        put(&mut out[(row + col) as usize], sum);
                    }
                }
            }
        });
    }
}

/// Rows whose sums are put down the columns together.
const ROWS: usize = 4;
