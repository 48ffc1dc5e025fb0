//! The fixed-point executor: a Program in integers, bit for bit as hardware would run it.
//!
//! A tensor is integers of its class's width with one binary point for all, `value = integer *
//! 2^-frac`. Sums are exact; storing one divides it by `2^shift` ([`Shift`]), rounds and saturates.
//! The binary point of every tensor follows from those of its operands and the shift, so real
//! scales are known without probing. Sums over a batch stay exact until the batch ends, so neither
//! the number of lanes nor their order changes a bit.

mod contract;
mod lane;
mod scaling;
mod shard;
mod softmax;
mod watched;

pub use scaling::Shift;
pub use softmax::Exponentials;

use contract::{OpStats, Product, store_sums};
use lane::{Lane, Work};

use super::blank::contractions;
use super::layout::Contraction;
use super::{Batch, Margin, SampleOutcome, at_once, cut, on_lanes, runs};
use crate::kernels::{self, Kept, Packs, Requantise, safe_terms};
use crate::numeric::{Format, Rounding, Seed, Stream, exact, shift_round};
use crate::program::{BufferId, Class, OpKind, Part, Pass, Program};

/// Widths of the tensor classes in bits, and how results are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedFormats {
    /// Cores, on [-1, 1].
    pub core: u8,
    /// Activations, merged cores, logits; and biases, on [-1, 1).
    pub activation: u8,
    /// Gradients.
    pub gradient: u8,
    /// Rounding of everything that is stored.
    pub rounding: Rounding,
}

impl FixedFormats {
    /// Width of a class; accumulators hold exact sums and have none.
    #[must_use]
    pub fn bits(&self, class: Class) -> u8 {
        match class {
            Class::Core => self.core,
            Class::Bias | Class::Activation => self.activation,
            Class::Gradient | Class::Accumulator => self.gradient,
        }
    }
}

/// Bits that an exact sum over a batch can need, with activations and gradients of these widths: both
/// operands' less one sign, and one for every doubling of the number of terms.
#[must_use]
pub fn sum_bits(program: &Program, [activation, gradient]: [u64; 2], id: BufferId) -> u64 {
    let operand = program
        .ops
        .iter()
        .find(|op| op.part == Part::Sample && op.writes() == id);
    let product = match operand.map(|op| &op.kind) {
        Some(OpKind::Contract { .. }) => gradient + activation - 1,
        _ => gradient,
    };
    let terms = program.sum_terms(id).max(1);
    product + u64::from(64 - (terms - 1).leading_zeros().min(64))
}

/// Where the random bits of a step come from.
#[derive(Clone, Copy, Debug)]
pub struct StepKey {
    /// Seed of the run.
    pub seed: Seed,
    /// Step of the run.
    pub step: u64,
}

impl StepKey {
    /// The stream of one operation on one sample of the batch; sample 0 for what runs once per batch.
    #[must_use]
    pub fn stream(self, sample: u32, op: usize) -> Stream {
        Stream::new(self.seed, self.step, sample, op as u32)
    }
}

/// Runs a Program in fixed point.
#[derive(Clone, Debug)]
pub struct FixedExecutor {
    core: Core,
    shifts: Vec<Shift>,
    sums: Vec<Vec<i64>>,
    /// What each contraction's samples share, packed for a batch.
    kept: Vec<Kept<i16>>,
    lanes: Vec<Lane>,
    /// Samples that a lane runs at a time.
    at_once: usize,
    /// Lanes that hold the samples run last.
    used: usize,
    /// What each operation's results held in the step in progress.
    stats: Vec<OpStats>,
    packs: Packs<i16>,
}

/// What every lane reads while the samples run.
#[derive(Clone, Debug)]
struct Core {
    program: Program,
    plans: Vec<Option<Contraction>>,
    /// Terms of each contraction whose sum is certain to fit 30 bits.
    safe: Vec<usize>,
    formats: FixedFormats,
    /// Tensors of the whole batch.
    values: Vec<Vec<i16>>,
    /// Bits after the binary point of every tensor.
    frac: Vec<i32>,
    /// Shift of every operation.
    shift: Vec<i32>,
    table: Exponentials,
    /// Activation of each pixel value.
    pixels: Vec<i16>,
}

impl Core {
    /// Width of a buffer's elements.
    fn bits(&self, id: BufferId) -> u8 {
        self.formats.bits(self.program.buffer(id).class)
    }

    /// How an operation's sums are stored; a forward pass alone rounds to nearest, so that an
    /// answer does not depend on a step.
    fn requantise(&self, op: usize, train: bool) -> Requantise {
        let rounding = if train {
            self.formats.rounding
        } else {
            Rounding::Nearest
        };
        let bits = self.bits(self.program.ops[op].writes());
        Requantise {
            shift: self.shift[op],
            bits,
            rounding,
        }
    }

    /// A contraction of what the whole batch shares.
    fn shared_product<'a>(&'a self, index: usize, plan: &'a Contraction) -> Product<'a> {
        let operand = |id: BufferId| &self.values[id.0][..];
        Product {
            plan,
            samples: 1,
            operands: (operand(plan.left), operand(plan.right)),
            kept: None,
            safe: self.safe[index],
        }
    }

    /// Follows the binary points through the Program.
    fn resolve(&mut self) {
        self.frac = binary_points(&self.program, self.formats, &self.shift);
        let frac = self.frac[self.program.logits().0];
        if !self.table.fits(frac) {
            self.table = Exponentials::new(self.formats.activation, frac);
        }
    }
}

/// Bits after the binary point of every tensor, when every operation's sums are divided by two to the
/// power of its shift (in the Program's order).
///
/// # Panics
/// If there are fewer shifts than operations.
#[must_use]
pub fn binary_points(program: &Program, formats: FixedFormats, shifts: &[i32]) -> Vec<i32> {
    assert!(shifts.len() >= program.ops.len());
    let parameter = |class| i32::from(formats.bits(class)) - 1;
    let mut frac: Vec<i32> = program
        .buffers
        .iter()
        .map(|buffer| match buffer.class {
            Class::Core | Class::Bias => parameter(buffer.class),
            _ => 0,
        })
        .collect();
    frac[program.input().0] = parameter(Class::Activation);
    for (op, &shift) in program.ops.iter().zip(shifts) {
        match &op.kind {
            OpKind::Contract {
                a,
                b,
                out,
                accumulate,
                exponent,
            } => {
                let shift = if *accumulate { 0 } else { shift };
                frac[out.buffer.0] = frac[a.buffer.0] + frac[b.buffer.0] + exponent - shift;
            }
            OpKind::SoftmaxCrossEntropy { gradient, .. } => {
                frac[gradient.0] = i32::from(formats.gradient) - 2;
            }
            OpKind::Sum { from, out } => frac[out.0] = frac[from.0],
            OpKind::Finish { from, out } => frac[out.0] = frac[from.0] - shift,
            OpKind::Bias { .. }
            | OpKind::Relu { .. }
            | OpKind::ReluGradient { .. }
            | OpKind::Update { .. } => {}
        }
    }
    frac
}

/// The activation of a pixel value in `bits` bits: the largest for 255, rounded to nearest.
#[must_use]
pub fn pixel_activation(bits: u8, pixel: u8) -> i16 {
    let top = Format::unit(bits).max();
    ((2 * top * i32::from(pixel) + 255) / 510) as i16
}

/// A bias brought to the binary point of the activations it is added to: divided by `2^shift`, rounded
/// to nearest.
#[must_use]
pub fn align_bias(bias: i16, shift: i32) -> i32 {
    shift_round(i64::from(bias), shift, Rounding::Nearest, 0).clamp(-(1 << 20), 1 << 20) as i32
}

/// Whether an operation has a shift of its own.
fn scaled(kind: &OpKind) -> bool {
    matches!(
        kind,
        OpKind::Contract {
            accumulate: false,
            ..
        } | OpKind::Finish { .. }
    )
}

impl FixedExecutor {
    /// An executor with `threads` lanes; parameters start at zero, shifts are set by the first batch.
    #[must_use]
    pub fn new(program: Program, formats: FixedFormats, threads: usize) -> Self {
        Self::with_margin(program, formats, threads, Margin::default())
    }

    /// An executor for images whose pixels are zero in this margin: it gives the bits of any other.
    #[must_use]
    pub fn with_margin(
        program: Program,
        formats: FixedFormats,
        threads: usize,
        margin: Margin,
    ) -> Self {
        // Shifts follow results that nothing reads, too.
        let plans = contractions(&program, margin, false);
        let threads = threads.clamp(1, program.batch.max(1));
        let lanes = vec![Lane::new(&program, program.batch.div_ceil(threads)); threads];
        let batch_len = |id: usize, accumulator: bool| {
            let buffer = &program.buffers[id];
            let wanted = !program.per_sample(BufferId(id))
                && (buffer.class == Class::Accumulator) == accumulator;
            if wanted { buffer.len } else { 0 }
        };
        let all = 0..program.buffers.len();
        let values = all
            .clone()
            .map(|id| vec![0; batch_len(id, false)])
            .collect();
        let sums = all.map(|id| vec![0; batch_len(id, true)]).collect();
        let bits = |id: BufferId| formats.bits(program.buffer(id).class);
        let safe = program.ops.iter().map(|op| match &op.kind {
            OpKind::Contract { a, b, .. } => safe_terms(bits(a.buffer), bits(b.buffer)),
            _ => 0,
        });
        let core = Core {
            plans,
            safe: safe.collect(),
            formats,
            values,
            frac: vec![0; program.buffers.len()],
            shift: vec![0; program.ops.len()],
            table: Exponentials::new(formats.activation, i32::from(formats.activation) - 1),
            pixels: (0..=255)
                .map(|pixel| pixel_activation(formats.activation, pixel))
                .collect(),
            program,
        };
        let shifts = vec![Shift::default(); core.program.ops.len()];
        Self {
            stats: vec![OpStats::default(); core.program.ops.len()],
            shifts,
            sums,
            kept: vec![Kept::default(); core.program.ops.len()],
            at_once: at_once(&core.program, size_of::<i16>()),
            core,
            lanes,
            used: 0,
            packs: Packs::default(),
        }
    }

    /// The Program it runs.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.core.program
    }

    /// The formats it runs in.
    #[must_use]
    pub fn formats(&self) -> FixedFormats {
        self.core.formats
    }

    /// Sets a parameter's integers.
    ///
    /// # Panics
    /// If the length differs from the buffer's.
    pub fn set_parameter(&mut self, id: BufferId, values: &[i16]) {
        self.core.values[id.0].copy_from_slice(values);
    }

    /// A parameter's integers, to be written.
    pub fn parameter_mut(&mut self, id: BufferId) -> &mut [i16] {
        &mut self.core.values[id.0]
    }

    /// Shifts of all operations, in the Program's order.
    #[must_use]
    pub fn shifts(&self) -> &[Shift] {
        &self.shifts
    }

    /// Takes over shifts by operation name, as after a change of ranks or from a checkpoint.
    pub fn adopt_shifts(&mut self, from: impl Fn(&str) -> Option<Shift>) {
        for (op, shift) in self.core.program.ops.iter().zip(&mut self.shifts) {
            if let Some(old) = from(&op.name) {
                *shift = old;
            }
        }
        self.refresh();
    }

    /// A tensor's integers: the batch's, or those of a lane's samples in a row.
    #[must_use]
    pub fn integers(&self, id: BufferId, lane: usize) -> &[i16] {
        let per_sample = self.core.program.per_sample(id);
        if per_sample {
            &self.lanes[lane].values[id.0]
        } else {
            &self.core.values[id.0]
        }
    }

    /// The exact sum over the last batch.
    #[must_use]
    pub fn sum(&self, id: BufferId) -> &[i64] {
        &self.sums[id.0]
    }

    /// Bits after the binary point of a tensor in the last batch.
    #[must_use]
    pub fn frac(&self, id: BufferId) -> i32 {
        self.core.frac[id.0]
    }

    /// Writes the real-valued gradient of a parameter, summed over the last batch, into `out`.
    ///
    /// # Panics
    /// If the length differs from the buffer's.
    pub fn gradient(&self, id: BufferId, out: &mut [f32]) {
        let values = &self.core.values[id.0];
        assert_eq!(out.len(), values.len());
        let unit = exact::pow2(-self.frac(id));
        kernels::scaled_numbers(out, values, unit);
    }

    /// Logits of one sample of the last batch in real scale, if it was run in the first lane.
    #[must_use]
    pub fn logits(&self, sample: usize) -> Vec<f32> {
        let program = &self.core.program;
        let id = program.logits();
        let len = program.buffer(id).len;
        let unit = exact::pow2(-self.frac(id));
        let logits = &self.lanes[0].values[id.0][sample * len..][..program.classes];
        logits
            .iter()
            .map(|&value| f32::from(value) * unit)
            .collect()
    }

    /// Forward and backward on a batch; gradients are then ready and shifts adapted.
    ///
    /// # Panics
    /// If the batch is larger than the Program's, has labels for some samples only, or a label is not
    /// below the Program's classes.
    pub fn train(&mut self, batch: Batch, key: StepKey) -> Vec<SampleOutcome> {
        if self.unknown(true) {
            self.calibrate(batch, key, true);
        }
        self.begin(key);
        self.run_shard(batch, 0, key);
        self.finish(key, &[])
    }

    /// The forward pass on a batch, rounding to nearest; shifts stay as they are, so that looking at
    /// a network does not change its training. Unknown ones are set from this batch for this batch.
    ///
    /// # Panics
    /// As [`Self::train`].
    pub fn evaluate(&mut self, batch: Batch) -> Vec<SampleOutcome> {
        let key = StepKey {
            seed: Seed(0),
            step: 0,
        };
        let before = self.shifts.clone();
        if self.unknown(false) {
            self.calibrate(batch, key, false);
        }
        self.before(key, false);
        self.samples(batch, 0, key, false);
        let outcomes = self.outcomes(&[]);
        self.shifts = before;
        outcomes
    }

    /// Whether a shift that a run needs was never set.
    fn unknown(&self, train: bool) -> bool {
        let ops = self.core.program.ops.iter().zip(&self.shifts);
        ops.filter(|(op, _)| train || op.pass == Pass::Forward)
            .any(|(op, shift)| scaled(&op.kind) && !shift.known)
    }

    /// Copies the shifts to where the lanes read them and follows the binary points.
    fn refresh(&mut self) {
        for (slot, shift) in self.core.shift.iter_mut().zip(&self.shifts) {
            *slot = shift.shift;
        }
        self.core.resolve();
    }

    /// Runs the batch's first samples operation by operation, setting each unknown shift from what
    /// the operation's exact sums hold before it stores them.
    fn calibrate(&mut self, batch: Batch, key: StepKey, train: bool) {
        self.refresh();
        let inputs = self.core.program.buffer(self.core.program.input()).len;
        // As many samples whatever the number of lanes.
        let count = (batch.pixels.len() / inputs).min(CALIBRATION);
        let mut lane = Lane::new(&self.core.program, count);
        lane.load(&self.core, &batch.pixels[..count * inputs]);
        let labels = if batch.labels.is_empty() {
            &[]
        } else {
            &batch.labels[..count]
        };
        for index in 0..self.core.program.ops.len() {
            let op = &self.core.program.ops[index];
            let unknown = scaled(&op.kind) && !self.shifts[index].known;
            let bits = self.core.bits(op.writes());
            if op.part == Part::Sample {
                let work = Work {
                    core: &self.core,
                    key,
                    train,
                    kept: &[],
                    labels,
                    start: 0,
                    at: 0,
                    count,
                };
                if !work.includes(index) {
                    continue;
                }
                if unknown {
                    self.shifts[index].calibrate(work.peak(&mut lane, index), bits);
                    self.refresh();
                }
                let work = Work {
                    core: &self.core,
                    key,
                    train,
                    kept: &[],
                    labels,
                    start: 0,
                    at: 0,
                    count,
                };
                work.op(&mut lane, index);
                if let Some(sums) = self.sums.get_mut(self.core.program.ops[index].writes().0) {
                    sums.copy_from_slice(&lane.sums[self.core.program.ops[index].writes().0]);
                }
            } else if train || op.pass == Pass::Forward {
                if unknown {
                    let peak = self.shared_peak(index);
                    self.shifts[index].calibrate(peak, bits);
                    self.refresh();
                }
                self.shared_op(index, key, train);
            }
        }
    }

    /// What runs once per batch before the samples.
    fn before(&mut self, key: StepKey, train: bool) {
        self.refresh();
        self.stats.fill(OpStats::default());
        self.shared_part(Part::Before, key, train);
    }

    /// Runs samples on this executor's lanes; `first` is the place of the first within the batch.
    fn samples(&mut self, batch: Batch, first: usize, key: StepKey, train: bool) {
        let inputs = self.core.program.buffer(self.core.program.input()).len;
        let cuts = cut(batch.pixels.len() / inputs, self.lanes.len());
        self.used = cuts.len();
        let core = &self.core;
        let ops = core.program.ops.iter().zip(&core.plans).zip(&core.safe);
        for (((op, plan), &safe), kept) in ops.zip(&mut self.kept) {
            let shared = |plan: &&Contraction| {
                !core.program.per_sample(plan.right) && plan.term_count(1) <= safe
            };
            if let (true, Some(plan)) = (runs(op, train), plan.as_ref().filter(shared)) {
                let at = plan.right_at(0, plan.term_count(1));
                kept.pack(&core.values[plan.right.0], at);
            }
        }
        let (kept, at_once) = (&self.kept[..], self.at_once);
        on_lanes(&mut self.lanes[..cuts.len()], |index, lane| {
            let (start, count) = cuts[index];
            lane.load(
                core,
                &batch.pixels[start * inputs..(start + count) * inputs],
            );
            Work {
                core,
                key,
                train,
                kept,
                labels: batch.labels.get(start..start + count).unwrap_or(&[]),
                start: first + start,
                at: 0,
                count,
            }
            .run(lane, at_once);
        });
    }

    fn shared_part(&mut self, part: Part, key: StepKey, train: bool) {
        for index in 0..self.stats.len() {
            let op = &self.core.program.ops[index];
            if op.part == part && (train || op.pass == Pass::Forward) {
                self.stats[index] = self.shared_op(index, key, train);
            }
        }
    }

    /// One operation on what the whole batch shares.
    fn shared_op(&mut self, index: usize, key: StepKey, train: bool) -> OpStats {
        let core = &mut self.core;
        let how = core.requantise(index, train);
        let out_id = core.program.ops[index].writes();
        let mut out = std::mem::take(&mut core.values[out_id.0]);
        let stats = match (&core.program.ops[index].kind, &core.plans[index]) {
            (OpKind::Contract { .. }, Some(plan)) => {
                let product = core.shared_product(index, plan);
                let len = out.len();
                product.store(
                    &mut self.packs,
                    how,
                    |_| key.stream(0, index),
                    len,
                    &mut out,
                )
            }
            (OpKind::Finish { from, .. }, _) => {
                store_sums(how, &self.sums[from.0], &mut out, key.stream(0, index))
            }
            _ => OpStats::default(),
        };
        core.values[out_id.0] = out;
        stats
    }

    /// Largest magnitude of what a shared operation is about to store.
    fn shared_peak(&mut self, index: usize) -> u64 {
        let core = &self.core;
        match (&core.program.ops[index].kind, &core.plans[index]) {
            (OpKind::Contract { .. }, Some(plan)) => {
                let product = core.shared_product(index, plan);
                product.peak(&mut self.packs, core.values[plan.out.0].len())
            }
            (OpKind::Finish { from, .. }, _) => self.sums[from.0]
                .iter()
                .map(|s| s.unsigned_abs())
                .max()
                .unwrap_or(0),
            _ => 0,
        }
    }

    /// Adapts every shift to what a batch held. A bias added to a result counts toward the shift of
    /// the contraction that stored it.
    fn adapt(&mut self, stats: &[OpStats]) {
        let ops = &self.core.program.ops;
        let mut peaks: Vec<OpStats> = stats.to_vec();
        for (index, op) in ops.iter().enumerate() {
            let OpKind::Bias { y, .. } = op.kind else {
                continue;
            };
            let Some(producer) = ops[..index].iter().rposition(|op| op.writes() == y) else {
                continue;
            };
            let shift = self.shifts[producer].shift;
            let peak = if shift >= 0 {
                stats[index].peak << shift.min(40)
            } else {
                stats[index].peak >> -shift
            };
            peaks[producer].add(OpStats {
                peak,
                saturated: stats[index].saturated,
            });
        }
        for ((op, shift), stats) in ops.iter().zip(&mut self.shifts).zip(&peaks) {
            if scaled(&op.kind) {
                shift.adapt(
                    stats.peak,
                    stats.saturated,
                    self.core
                        .formats
                        .bits(self.core.program.buffer(op.writes()).class),
                );
            }
        }
    }
}

/// Samples of the first batch that set an operation's first shift.
const CALIBRATION: usize = 64;
