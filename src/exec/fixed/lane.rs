//! The samples of one thread: their buffers, and the operations that run once per sample.

use std::ops::Range;

use super::contract::{OpStats, Product};
use super::{Core, StepKey, align_bias};
use crate::exec::{SampleOutcome, cut, runs};
use crate::kernels::{self, Kept, Packs};
use crate::program::{BufferId, Class, OpKind, Program};

/// Buffers of the samples of one thread.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    /// Samples' tensors by buffer; empty for what is shared.
    pub values: Vec<Vec<i16>>,
    /// This lane's exact sums over its samples by buffer.
    pub sums: Vec<Vec<i64>>,
    /// Outcome of each sample.
    pub outcomes: Vec<SampleOutcome>,
    /// What each operation's results held.
    pub stats: Vec<OpStats>,
    packs: Packs<i16>,
    /// A bias at the binary point of what it is added to.
    aligned: Vec<i32>,
}

impl Lane {
    /// A lane for at most `samples` samples.
    pub fn new(program: &Program, samples: usize) -> Self {
        let all = || {
            program
                .buffers
                .iter()
                .enumerate()
                .map(|(id, buffer)| (program.per_sample(BufferId(id)), buffer))
        };
        Self {
            values: all()
                .map(|(own, buffer)| vec![0; if own { buffer.len * samples } else { 0 }])
                .collect(),
            sums: all()
                .map(|(own, buffer)| {
                    vec![
                        0;
                        if !own && buffer.class == Class::Accumulator {
                            buffer.len
                        } else {
                            0
                        }
                    ]
                })
                .collect(),
            outcomes: Vec::new(),
            stats: Vec::new(),
            packs: Packs::default(),
            aligned: Vec::new(),
        }
    }

    /// Loads pixels as activations and forgets the last batch.
    pub fn load(&mut self, core: &Core, pixels: &[u8]) {
        for (slot, &pixel) in self.values[core.program.input().0].iter_mut().zip(pixels) {
            *slot = core.pixels[usize::from(pixel)];
        }
        let samples = pixels.len() / core.program.buffer(core.program.input()).len;
        self.outcomes.clear();
        self.outcomes.resize(samples, SampleOutcome::default());
        self.stats.clear();
        self.stats
            .resize(core.program.ops.len(), OpStats::default());
    }
}

/// A run over some of a batch's samples.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub core: &'a Core,
    pub key: StepKey,
    /// Whether the backward pass runs too.
    pub train: bool,
    /// What the samples share of each contraction, if it was packed.
    pub kept: &'a [Kept<i16>],
    /// Labels of the samples; empty without.
    pub labels: &'a [u8],
    /// Place of the first sample within the batch.
    pub start: usize,
    /// Place of the first sample within the lane.
    pub at: usize,
    /// Number of samples.
    pub count: usize,
}

impl Work<'_> {
    /// Whether an operation runs once per sample in this run.
    pub fn includes(&self, op: usize) -> bool {
        runs(&self.core.program.ops[op], self.train)
    }

    /// Runs every operation of the sample part, on at most so many samples at a time.
    pub fn run(&self, lane: &mut Lane, at_once: usize) {
        // Without samples, sums are still cleared.
        for (first, count) in cut(self.count, self.count.div_ceil(at_once)) {
            let part = Self {
                labels: self.labels.get(first..first + count).unwrap_or(&[]),
                start: self.start + first,
                at: self.at + first,
                count,
                ..*self
            };
            for op in (0..self.core.program.ops.len()).filter(|&op| self.includes(op)) {
                part.op(lane, op);
            }
        }
    }

    /// Where these samples' values of a buffer lie in the lane.
    fn own(&self, id: BufferId) -> Range<usize> {
        let len = self.core.program.buffer(id).len;
        self.at * len..(self.at + self.count) * len
    }

    /// Largest magnitude of a contraction's sums, nothing stored.
    pub fn peak(&self, lane: &mut Lane, op: usize) -> u64 {
        let Some(plan) = &self.core.plans[op] else {
            return 0;
        };
        let len = self
            .core
            .program
            .buffer(plan.out)
            .len
            .max(lane.values[plan.out.0].len());
        let mut packs = std::mem::take(&mut lane.packs);
        let peak = self.product(lane, op, plan).peak(&mut packs, len);
        lane.packs = packs;
        peak
    }

    fn product<'l>(
        &'l self,
        lane: &'l Lane,
        op: usize,
        plan: &'l crate::exec::layout::Contraction,
    ) -> Product<'l> {
        let operand = |id: BufferId| {
            if self.core.program.per_sample(id) {
                &lane.values[id.0][self.own(id)]
            } else {
                &self.core.values[id.0][..]
            }
        };
        let operands = (operand(plan.left), operand(plan.right));
        Product {
            plan,
            samples: self.count,
            operands,
            kept: self.kept.get(op).filter(|kept| !kept.is_empty()),
            safe: self.core.safe[op],
        }
    }

    /// Runs one operation.
    pub fn op(&self, lane: &mut Lane, index: usize) {
        let core = self.core;
        match &core.program.ops[index].kind {
            OpKind::Contract { accumulate, .. } => {
                let Some(plan) = &core.plans[index] else {
                    return;
                };
                let mut packs = std::mem::take(&mut lane.packs);
                if *accumulate {
                    let mut out = std::mem::take(&mut lane.sums[plan.out.0]);
                    let product = self.product(lane, index, plan);
                    product.gather(&mut packs, &mut out, self.at > 0);
                    lane.sums[plan.out.0] = out;
                } else {
                    let mut out = std::mem::take(&mut lane.values[plan.out.0]);
                    let stream = |sample: u32| self.key.stream(self.start as u32 + sample, index);
                    let len = core.program.buffer(plan.out).len;
                    let how = core.requantise(index, self.train);
                    let stats = self.product(lane, index, plan).store(
                        &mut packs,
                        how,
                        stream,
                        len,
                        &mut out[self.own(plan.out)],
                    );
                    lane.stats[index].add(stats);
                    lane.values[plan.out.0] = out;
                }
                lane.packs = packs;
            }
            OpKind::Bias { y, bias } => {
                let mut aligned = std::mem::take(&mut lane.aligned);
                let values = &mut lane.values[y.0][self.own(*y)];
                let stats = self.bias(values, *y, *bias, &mut aligned);
                lane.stats[index].add(stats);
                lane.aligned = aligned;
            }
            OpKind::Relu { y } => {
                kernels::positive_integers(&mut lane.values[y.0][self.own(*y)]);
            }
            OpKind::ReluGradient { y, gradient } => {
                let mut slots = std::mem::take(&mut lane.values[gradient.0]);
                let own = self.own(*y);
                kernels::integers_where_positive(&mut slots[own.clone()], &lane.values[y.0][own]);
                lane.values[gradient.0] = slots;
            }
            OpKind::SoftmaxCrossEntropy {
                logits,
                gradient,
                classes,
                smoothing,
            } => {
                let len = core.program.buffer(*logits).len;
                let mut slots = std::mem::take(&mut lane.values[gradient.0]);
                let own = self.own(*logits);
                let rows = lane.values[logits.0][own.clone()]
                    .chunks_exact(len)
                    .zip(slots[own].chunks_exact_mut(len));
                for (sample, (logits, gradient)) in rows.enumerate() {
                    gradient.fill(0);
                    let target = self.labels.get(sample).map(|&label| (label, *smoothing));
                    let bits = core.formats.gradient;
                    lane.outcomes[self.at + sample] = core.table.gradient(
                        &logits[..*classes],
                        target,
                        bits,
                        &mut gradient[..*classes],
                    );
                }
                lane.values[gradient.0] = slots;
            }
            OpKind::Sum { from, out } => {
                let sums = &mut lane.sums[out.0];
                if self.at == 0 {
                    sums.fill(0);
                }
                for row in lane.values[from.0][self.own(*from)].chunks_exact(sums.len()) {
                    kernels::add_numbers(sums, row);
                }
            }
            OpKind::Finish { .. } | OpKind::Update { .. } => {}
        }
    }

    /// Adds a bias, brought to the activations' binary point, and saturates. The peak is in units of
    /// the stored activations.
    fn bias(
        &self,
        values: &mut [i16],
        y: BufferId,
        bias: BufferId,
        aligned: &mut Vec<i32>,
    ) -> OpStats {
        let core = self.core;
        let shift = core.frac[bias.0] - core.frac[y.0];
        aligned.clear();
        aligned.extend(core.values[bias.0].iter().map(|&b| align_bias(b, shift)));
        let (low, high) = (
            -(1_i32 << (core.formats.activation - 1)),
            (1_i32 << (core.formats.activation - 1)) - 1,
        );
        let (mut peak, mut saturated) = (0_u32, 0_u64);
        for row in values.chunks_exact_mut(aligned.len()) {
            let mut clipped = 0_u32;
            for (slot, &bias) in row.iter_mut().zip(&*aligned) {
                let value = i32::from(*slot) + bias;
                let kept = value.clamp(low, high);
                peak = peak.max(value.unsigned_abs());
                clipped += u32::from(kept != value);
                *slot = kept as i16;
            }
            saturated += u64::from(clipped);
        }
        OpStats {
            peak: u64::from(peak),
            saturated,
        }
    }
}
