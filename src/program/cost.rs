//! What a Program costs: multiply-accumulates, bytes, and the peak of what is alive at once.

use serde::{Deserialize, Serialize};

use super::tree::contraction_macs;
use super::{BufferId, Op, OpKind, Part, Pass, Program, Scope};

/// Multiply-accumulates by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Once per batch (before and after).
    pub per_batch: u64,
    /// Once per sample.
    pub per_sample: u64,
}

impl Counts {
    /// Multiply-accumulates per sample with the per-batch share of `batch` samples.
    #[must_use]
    pub fn amortised(self, batch: usize) -> f64 {
        self.per_sample as f64 + self.per_batch as f64 / batch as f64
    }

    fn add(&mut self, op: &Op, macs: u64) {
        match op.part {
            Part::Sample => self.per_sample += macs,
            Part::Before | Part::After => self.per_batch += macs,
        }
    }
}

/// Multiply-accumulates of one layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerCounts {
    /// The forward pass.
    pub forward: Counts,
    /// Gradients.
    pub backward: Counts,
}

impl Op {
    /// Multiply-accumulates of the operation: of one sample, or of the whole batch if it runs once
    /// per batch. Elementwise operations count none.
    #[must_use]
    pub fn macs(&self) -> u64 {
        match &self.kind {
            OpKind::Contract { a, b, .. } => contraction_macs(&a.axes, &b.axes),
            _ => 0,
        }
    }

    /// Buffers the operation reads.
    #[must_use]
    pub fn reads(&self) -> Vec<BufferId> {
        match &self.kind {
            OpKind::Contract { a, b, out, accumulate, .. } => {
                let mut reads = vec![a.buffer, b.buffer];
                if *accumulate {
                    reads.push(out.buffer);
                }
                reads
            }
            OpKind::Bias { y, bias } => vec![*y, *bias],
            OpKind::Relu { y } => vec![*y],
            OpKind::ReluGradient { y, gradient } => vec![*y, *gradient],
            OpKind::SoftmaxCrossEntropy { logits, .. } => vec![*logits],
            OpKind::Sum { from, out } => vec![*from, *out],
            OpKind::Finish { from, .. } => vec![*from],
            OpKind::Update { parameter, gradient } => vec![*parameter, *gradient],
        }
    }

    /// The buffer the operation writes.
    #[must_use]
    pub fn writes(&self) -> BufferId {
        match &self.kind {
            OpKind::Contract { out, .. } => out.buffer,
            OpKind::Bias { y, .. } | OpKind::Relu { y } => *y,
            OpKind::ReluGradient { gradient, .. } | OpKind::SoftmaxCrossEntropy { gradient, .. } => *gradient,
            OpKind::Sum { out, .. } | OpKind::Finish { out, .. } => *out,
            OpKind::Update { parameter, .. } => *parameter,
        }
    }
}

/// When a buffer is alive: from its first write to its last use, as positions in [`Program::ops`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// The buffer.
    pub buffer: BufferId,
    /// First operation that touches it.
    pub first: usize,
    /// Last operation that touches it.
    pub last: usize,
    /// Whether a backward operation reads what a forward one wrote: a stored partial result.
    pub stored: bool,
}

impl Program {
    /// Multiply-accumulates of each layer.
    #[must_use]
    pub fn counts(&self) -> Vec<LayerCounts> {
        let mut layers = vec![LayerCounts::default(); self.layers.len()];
        for op in &self.ops {
            let layer = &mut layers[op.layer];
            match op.pass {
                Pass::Forward => layer.forward.add(op, op.macs()),
                Pass::Backward | Pass::Update => layer.backward.add(op, op.macs()),
            }
        }
        layers
    }

    /// Multiply-accumulates of a training step per sample, per-batch work shared by the batch.
    #[must_use]
    pub fn training_macs(&self) -> f64 {
        self.counts().iter().map(|c| c.forward.amortised(self.batch) + c.backward.amortised(self.batch)).sum()
    }

    /// Multiply-accumulates of a forward pass per sample, merges shared by the batch.
    #[must_use]
    pub fn forward_macs(&self) -> f64 {
        self.counts().iter().map(|c| c.forward.amortised(self.batch)).sum()
    }

    /// When each buffer is alive; unused buffers are left out.
    #[must_use]
    pub fn liveness(&self) -> Vec<Liveness> {
        let mut spans: Vec<Option<Liveness>> = vec![None; self.buffers.len()];
        let mut written_forward = vec![false; self.buffers.len()];
        for (at, op) in self.ops.iter().enumerate() {
            for id in op.reads() {
                let span = spans[id.0].get_or_insert(Liveness { buffer: id, first: at, last: at, stored: false });
                span.last = at;
                span.stored |= op.pass == Pass::Backward && written_forward[id.0];
            }
            let id = op.writes();
            let span = spans[id.0].get_or_insert(Liveness { buffer: id, first: at, last: at, stored: false });
            span.last = at;
            // The loss writes a gradient, not an activation to be kept.
            let loss = matches!(op.kind, OpKind::SoftmaxCrossEntropy { .. });
            written_forward[id.0] |= op.pass == Pass::Forward && !loss;
        }
        spans.into_iter().flatten().collect()
    }

    /// Most bits alive at once among the buffers that `include` accepts, each of `width(buffer)`
    /// bits an element.
    #[must_use]
    pub fn peak_bits(&self, include: impl Fn(&Liveness) -> bool, width: impl Fn(BufferId) -> u64) -> u64 {
        let spans: Vec<_> = self.liveness().into_iter().filter(|span| include(span)).collect();
        (0..self.ops.len())
            .map(|at| {
                let alive = spans.iter().filter(|span| span.first <= at && at <= span.last);
                alive.map(|span| self.buffer(span.buffer).len as u64 * width(span.buffer)).sum()
            })
            .max()
            .unwrap_or(0)
    }

    /// Terms that an accumulator's sum over the batch has, per element.
    #[must_use]
    pub fn sum_terms(&self, accumulator: BufferId) -> u64 {
        let per_sample = self.ops.iter().find(|op| op.part == Part::Sample && op.writes() == accumulator);
        let terms = per_sample.map_or(1, |op| match &op.kind {
            OpKind::Contract { out, .. } => op.macs() / self.buffer(out.buffer).len.max(1) as u64,
            _ => 1,
        });
        terms * self.batch as u64
    }

    /// Whether a buffer has one copy per sample.
    #[must_use]
    pub fn per_sample(&self, id: BufferId) -> bool {
        self.buffer(id).scope == Scope::Sample
    }
}
