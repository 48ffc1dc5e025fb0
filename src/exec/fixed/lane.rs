//! The samples of one thread: their buffers, and the operations that run once per sample.

use super::contract::{OpStats, Product};
use super::{Core, StepKey, align_bias};
use crate::exec::SampleOutcome;
use crate::kernels::Packs;
use crate::program::{BufferId, Class, OpKind, Part, Pass, Program};

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
    /// Labels of the samples; empty without.
    pub labels: &'a [u8],
    /// Place of the first sample within the batch.
    pub start: usize,
    /// Number of samples.
    pub count: usize,
}

impl Work<'_> {
    /// Whether an operation runs once per sample in this run.
    pub fn includes(&self, op: usize) -> bool {
        let op = &self.core.program.ops[op];
        op.part == Part::Sample && (self.train || op.pass == Pass::Forward)
    }

    /// Runs every operation of the sample part.
    pub fn run(&self, lane: &mut Lane) {
        for op in (0..self.core.program.ops.len()).filter(|&op| self.includes(op)) {
            self.op(lane, op);
        }
    }

    /// Largest magnitude of a contraction's sums, nothing stored.
    pub fn peak(&self, lane: &mut Lane, op: usize) -> u64 {
        let Some(plan) = &self.core.plans[op] else {
            return 0;
        };
        let len = lane.values[plan.out.0].len();
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
            let values = if self.core.program.per_sample(id) {
                &lane.values
            } else {
                &self.core.values
            };
            &values[id.0][..]
        };
        let operands = (operand(plan.left), operand(plan.right));
        Product {
            plan,
            samples: self.count,
            operands,
            safe: self.core.safe[op],
        }
    }

    /// Runs one operation.
    pub fn op(&self, lane: &mut Lane, index: usize) {
        let (core, count) = (self.core, self.count);
        match &core.program.ops[index].kind {
            OpKind::Contract { accumulate, .. } => {
                let Some(plan) = &core.plans[index] else {
                    return;
                };
                let mut packs = std::mem::take(&mut lane.packs);
                if *accumulate {
                    let mut out = std::mem::take(&mut lane.sums[plan.out.0]);
                    self.product(lane, index, plan).gather(&mut packs, &mut out);
                    lane.sums[plan.out.0] = out;
                } else {
                    let mut out = std::mem::take(&mut lane.values[plan.out.0]);
                    let stream = |sample: u32| self.key.stream(self.start as u32 + sample, index);
                    let len = core.program.buffer(plan.out).len;
                    let how = core.requantise(index, self.train);
                    lane.stats[index] = self
                        .product(lane, index, plan)
                        .store(&mut packs, how, stream, len, &mut out);
                    lane.values[plan.out.0] = out;
                }
                lane.packs = packs;
            }
            OpKind::Bias { y, bias } => {
                let mut aligned = std::mem::take(&mut lane.aligned);
                lane.stats[index] = self.bias(&mut lane.values[y.0], *y, *bias, &mut aligned);
                lane.aligned = aligned;
            }
            OpKind::Relu { y } => {
                for value in &mut lane.values[y.0] {
                    *value = (*value).max(0);
                }
            }
            OpKind::ReluGradient { y, gradient } => {
                let mut slots = std::mem::take(&mut lane.values[gradient.0]);
                for (slot, &value) in slots.iter_mut().zip(&lane.values[y.0]) {
                    *slot = if value > 0 { *slot } else { 0 };
                }
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
                let rows = lane.values[logits.0]
                    .chunks_exact(len)
                    .zip(slots.chunks_exact_mut(len));
                for (sample, (logits, gradient)) in rows.take(count).enumerate() {
                    gradient.fill(0);
                    let target = self.labels.get(sample).map(|&label| (label, *smoothing));
                    let bits = core.formats.gradient;
                    lane.outcomes[sample] = core.table.gradient(
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
                sums.fill(0);
                for row in lane.values[from.0].chunks_exact(sums.len()).take(count) {
                    for (sum, &value) in sums.iter_mut().zip(row) {
                        *sum += i64::from(value);
                    }
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
        for row in values.chunks_exact_mut(aligned.len()).take(self.count) {
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
