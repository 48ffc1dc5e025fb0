//! A plain interpreter of a Program in integers: what the fixed-point executor must equal.
//!
//! One loop per index, sums in `i64`, one operation after the other, one sample after the other, no
//! lanes, no blocks, no tables shared with the library. It follows what the library documents:
//! sums are exact; storing one divides it by `2^shift`, rounds and saturates; the random bits of an
//! element are draw number (its place in its tensor) of the stream (seed, step, sample within the
//! batch, operation), sample 0 for what the whole batch shares.

use railyard::exec::SampleOutcome;
use railyard::exec::fixed::{FixedFormats, Shift};
use railyard::numeric::{Rounding, Seed, Stream};
use railyard::program::{Axis, BufferId, Class, OpKind, Part, Pass, Program, View};

/// The state of an interpreter.
pub struct Reference {
    program: Program,
    formats: FixedFormats,
    /// Every buffer, a sample's for all samples of the batch in a row; exact sums included.
    pub values: Vec<Vec<i64>>,
    /// Bits after the binary point of every buffer.
    pub frac: Vec<i32>,
    /// Shifts of every operation.
    pub shifts: Vec<Shift>,
}

/// One batch.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    pub pixels: &'a [u8],
    pub labels: &'a [u8],
    pub seed: Seed,
    pub number: u64,
    /// Forward and backward, or forward alone.
    pub train: bool,
}

/// What an operation's results held over a batch.
#[derive(Clone, Copy, Default)]
struct Held {
    peak: i64,
    saturated: u64,
}

impl Reference {
    pub fn new(program: &Program, formats: FixedFormats) -> Self {
        let copies = |id: usize| {
            if program.per_sample(BufferId(id)) {
                program.batch
            } else {
                1
            }
        };
        let values = program
            .buffers
            .iter()
            .enumerate()
            .map(|(id, buffer)| vec![0; buffer.len * copies(id)]);
        Self {
            values: values.collect(),
            frac: vec![0; program.buffers.len()],
            shifts: vec![Shift::default(); program.ops.len()],
            formats,
            program: program.clone(),
        }
    }

    /// Whether a run executes an operation.
    pub fn runs(&self, op: usize, train: bool) -> bool {
        train || self.program.ops[op].pass == Pass::Forward
    }

    fn scaled(&self, op: usize) -> bool {
        match self.program.ops[op].kind {
            OpKind::Contract { accumulate, .. } => !accumulate,
            OpKind::Finish { .. } => true,
            _ => false,
        }
    }

    fn bits(&self, id: BufferId) -> u8 {
        self.formats.bits(self.program.buffer(id).class)
    }

    /// One batch: the first shifts where some are unknown, the run, and after training the next
    /// shifts. A forward pass alone leaves all shifts as they were.
    pub fn batch(&mut self, step: Step) -> Vec<SampleOutcome> {
        let before = self.shifts.clone();
        let needed = |op: &usize| self.runs(*op, step.train) && self.scaled(*op);
        if (0..self.program.ops.len())
            .filter(needed)
            .any(|op| !self.shifts[op].known)
        {
            let inputs = self.program.buffer(self.program.input()).len;
            let most = step.pixels.len().min(64 * inputs);
            self.run(
                Step {
                    pixels: &step.pixels[..most],
                    ..step
                },
                true,
            );
        }
        let (outcomes, held) = self.run(step, false);
        if step.train {
            self.adapt(held);
        } else {
            self.shifts = before;
        }
        outcomes
    }

    fn run(&mut self, step: Step, first_shifts: bool) -> (Vec<SampleOutcome>, Vec<Held>) {
        let input = self.program.input();
        let samples = step.pixels.len() / self.program.buffer(input).len;
        let top = (1_i64 << (self.formats.activation - 1)) - 1;
        for (slot, &pixel) in self.values[input.0].iter_mut().zip(step.pixels) {
            // top p / 255 to the nearest; 255 is odd, so there are no halves.
            *slot = (2 * top * i64::from(pixel) + 255).div_euclid(510);
        }
        for id in 0..self.program.buffers.len() {
            let class = self.program.buffers[id].class;
            if matches!(class, Class::Core | Class::Bias) || id == input.0 {
                // Parameters and inputs lie on [-1, 1).
                self.frac[id] = i32::from(self.formats.bits(class)) - 1;
            }
        }
        let mut outcomes = vec![SampleOutcome::default(); samples];
        let mut held = vec![Held::default(); self.program.ops.len()];
        for (op, held) in held.iter_mut().enumerate() {
            if self.runs(op, step.train) {
                let times = if self.program.ops[op].part == Part::Sample {
                    samples
                } else {
                    1
                };
                *held = self.operate(op, times, step, first_shifts, &mut outcomes);
            }
        }
        (outcomes, held)
    }

    fn operate(
        &mut self,
        op: usize,
        times: usize,
        step: Step,
        first: bool,
        outcomes: &mut [SampleOutcome],
    ) -> Held {
        let kind = self.program.ops[op].kind.clone();
        match &kind {
            OpKind::Contract {
                a,
                b,
                out,
                accumulate,
                exponent,
            } => {
                let point = self.frac[a.buffer.0] + self.frac[b.buffer.0] + exponent;
                if *accumulate {
                    let mut sums = vec![0; self.program.buffer(out.buffer).len];
                    for sample in 0..times {
                        self.products(a, b, out, sample, &mut sums);
                    }
                    self.frac[out.buffer.0] = point;
                    self.values[out.buffer.0] = sums;
                    return Held::default();
                }
                let all = (0..times).map(|sample| {
                    let mut sums = vec![0; self.program.buffer(out.buffer).len];
                    self.products(a, b, out, sample, &mut sums);
                    sums
                });
                let sums = all.collect::<Vec<_>>();
                self.store(op, &sums, out.buffer, point, step, first)
            }
            OpKind::Finish { from, out } => {
                let sums = vec![self.values[from.0].clone()];
                self.store(op, &sums, *out, self.frac[from.0], step, first)
            }
            OpKind::Sum { from, out } => {
                let len = self.program.buffer(*out).len;
                let column = |i: usize| {
                    (0..times)
                        .map(|sample| self.values[from.0][sample * len + i])
                        .sum()
                };
                self.values[out.0] = (0..len).map(column).collect();
                self.frac[out.0] = self.frac[from.0];
                Held::default()
            }
            OpKind::Bias { y, bias } => self.bias(*y, *bias, times),
            OpKind::Relu { y } => {
                let used = self.program.buffer(*y).len * times;
                self.values[y.0][..used]
                    .iter_mut()
                    .for_each(|value| *value = (*value).max(0));
                Held::default()
            }
            OpKind::ReluGradient { y, gradient } => {
                for i in 0..self.program.buffer(*y).len * times {
                    if self.values[y.0][i] <= 0 {
                        self.values[gradient.0][i] = 0;
                    }
                }
                Held::default()
            }
            OpKind::SoftmaxCrossEntropy {
                logits,
                gradient,
                classes,
                smoothing,
            } => {
                let len = self.program.buffer(*logits).len;
                self.frac[gradient.0] = i32::from(self.formats.gradient) - 2;
                for (sample, outcome) in outcomes.iter_mut().enumerate() {
                    let all = &self.values[logits.0][sample * len..][..*classes];
                    let label = step.labels.get(sample).copied();
                    let (mut values, found) =
                        self.softmax(all, self.frac[logits.0], label, *smoothing);
                    values.resize(len, 0);
                    self.values[gradient.0][sample * len..][..len].copy_from_slice(&values);
                    *outcome = found;
                }
                Held::default()
            }
            OpKind::Update { .. } => Held::default(),
        }
    }

    /// Adds a contraction's products on one sample to `sums`: a loop for every index of `a` or `b`.
    fn products(&self, a: &View, b: &View, out: &View, sample: usize, sums: &mut [i64]) {
        let mut axes: Vec<Axis> = a.axes.clone();
        axes.extend(
            b.axes
                .iter()
                .filter(|axis| a.axes.iter().all(|other| other.label != axis.label)),
        );
        let loops: Vec<Loop> = axes
            .iter()
            .map(|axis| Loop {
                size: axis.size,
                strides: [a, b, out].map(|view| stride(view, axis)),
            })
            .collect();
        let (a, b) = (self.tensor(a.buffer, sample), self.tensor(b.buffer, sample));
        nest(&loops, [0; 3], &mut |[at_a, at_b, at_out]| {
            sums[at_out] += a[at_a] * b[at_b];
        });
    }

    fn tensor(&self, id: BufferId, sample: usize) -> &[i64] {
        let len = self.program.buffer(id).len;
        let start = if self.program.per_sample(id) {
            sample * len
        } else {
            0
        };
        &self.values[id.0][start..start + len]
    }

    /// Stores the sums of every sample (of the batch, if it has one for all).
    fn store(
        &mut self,
        op: usize,
        sums: &[Vec<i64>],
        out: BufferId,
        point: i32,
        step: Step,
        first: bool,
    ) -> Held {
        let bits = self.bits(out);
        let peak = sums
            .iter()
            .flatten()
            .map(|sum| sum.abs())
            .max()
            .unwrap_or(0);
        if first && !self.shifts[op].known && peak > 0 {
            // The smallest shift that keeps the largest magnitude within 0.9 of full scale.
            let shift = (-16..=60)
                .find(|&shift| !above(peak, shift, bits, 9))
                .unwrap();
            self.shifts[op] = Shift {
                shift,
                known: true,
                ..Shift::default()
            };
        }
        let shift = self.shifts[op].shift;
        let rounding = if step.train {
            self.formats.rounding
        } else {
            Rounding::Nearest
        };
        let mut saturated = 0;
        for (sample, sums) in sums.iter().enumerate() {
            let stream = Stream::new(step.seed, step.number, index(sample), index(op));
            for (place, &sum) in sums.iter().enumerate() {
                let value = divided(sum, shift, rounding, stream.bits(index(place)));
                let (kept, clipped) = saturate(value, bits);
                saturated += u64::from(clipped);
                self.values[out.0][sample * sums.len() + place] = kept;
            }
        }
        self.frac[out.0] = point - shift;
        Held { peak, saturated }
    }

    /// Adds a bias, rounded to the nearest of the activations' steps.
    fn bias(&mut self, y: BufferId, bias: BufferId, samples: usize) -> Held {
        let len = self.program.buffer(y).len;
        let shift = self.frac[bias.0] - self.frac[y.0];
        let mut held = Held::default();
        for i in 0..len * samples {
            let aligned = divided(self.values[bias.0][i % len], shift, Rounding::Nearest, 0);
            // Anything far beyond the activations' range saturates alike.
            let value = self.values[y.0][i] + aligned.clamp(-(1 << 20), 1 << 20);
            let (kept, clipped) = saturate(value, self.formats.activation);
            held.peak = held.peak.max(value.abs());
            held.saturated += u64::from(clipped);
            self.values[y.0][i] = kept;
        }
        held
    }

    /// Gradient (`bits - 2` bits after the point), loss and answer. A logit's weight is
    /// `exp(logit - top)`, rounded to 15 bits after the point.
    fn softmax(
        &self,
        logits: &[i64],
        frac: i32,
        label: Option<u8>,
        smoothing: u8,
    ) -> (Vec<i64>, SampleOutcome) {
        let top = *logits.iter().max().unwrap();
        let answer = logits.iter().position(|&logit| logit == top).unwrap();
        let real = |logit: i64| f64::from(i32::try_from(logit - top).unwrap()) * 2_f64.powi(-frac);
        let weights: Vec<f64> = logits
            .iter()
            .map(|&logit| (real(logit).exp() * 32768.0).round())
            .collect();
        let total: f64 = weights.iter().sum();
        let one = 2_f64.powi(i32::from(self.formats.gradient) - 2);
        // Weights and their sum are whole; a half goes up, as does floor(x + 1/2).
        let mut gradient: Vec<i64> = weights
            .iter()
            .map(|w| whole((2.0 * w * one + total) / (2.0 * total)))
            .collect();
        let mut loss = 0.0;
        if let Some(label) = label.map(usize::from) {
            let classes = logits.len() as f64;
            let part = whole(one * f64::from(smoothing) / 256.0 / classes + 0.5);
            for value in &mut gradient {
                *value -= part;
            }
            gradient[label] -= whole(one) - part * i64::try_from(logits.len()).unwrap();
            loss = (total / 32768.0).ln() - real(logits[label]);
        }
        (
            gradient,
            SampleOutcome {
                loss,
                answer: u8::try_from(answer).unwrap(),
            },
        )
    }

    /// The next shifts: up after `patience` batches in a row above 0.9 of full scale, down after as
    /// many below 0.3; patience 1 for 20 batches, then 5. A batch of zeros counts for nothing.
    fn adapt(&mut self, mut held: Vec<Held>) {
        for op in 0..held.len() {
            // A bias counts toward the shift of what it is added to, in that one's unit.
            if let OpKind::Bias { y, .. } = self.program.ops[op].kind {
                let producer = (0..op)
                    .rfind(|&before| self.program.ops[before].writes() == y)
                    .unwrap();
                let shift = self.shifts[producer].shift;
                let peak = divided(held[op].peak, -shift, Rounding::Truncate, 0);
                held[producer].peak = held[producer].peak.max(peak);
                held[producer].saturated += held[op].saturated;
            }
        }
        for (op, held) in held.iter().enumerate() {
            if !self.scaled(op) {
                continue;
            }
            let bits = self.bits(self.program.ops[op].writes());
            let state = &mut self.shifts[op];
            state.peak = held.peak.unsigned_abs();
            state.saturated = held.saturated;
            if held.peak == 0 {
                continue;
            }
            state.batches += 1;
            let patience = if state.batches <= 20 { 1 } else { 5 };
            state.high = if above(held.peak, state.shift, bits, 9) {
                state.high + 1
            } else {
                0
            };
            state.low = if above(held.peak, state.shift, bits, 3) {
                0
            } else {
                state.low + 1
            };
            if state.high >= patience {
                (state.shift, state.high) = (state.shift + 1, 0);
            } else if state.low >= patience {
                (state.shift, state.low) = ((state.shift - 1).max(-16), 0);
            }
        }
    }
}

/// One loop of a contraction: its steps in the two operands and the result.
struct Loop {
    size: usize,
    strides: [usize; 3],
}

/// Nested loops, the first outermost; `body` gets the places in the two operands and the result.
fn nest(loops: &[Loop], at: [usize; 3], body: &mut impl FnMut([usize; 3])) {
    let Some((outer, inner)) = loops.split_first() else {
        return body(at);
    };
    for i in 0..outer.size {
        nest(
            inner,
            std::array::from_fn(|tensor| at[tensor] + i * outer.strides[tensor]),
            body,
        );
    }
}

/// How far apart neighbours along an axis lie in a view; 0 if it lacks the axis.
fn stride(view: &View, axis: &Axis) -> usize {
    let place = view.axes.iter().position(|other| other.label == axis.label);
    place.map_or(0, |place| {
        view.axes[place + 1..]
            .iter()
            .map(|axis| axis.size)
            .product()
    })
}

/// Whether `peak / 2^shift` is above `tenths` tenths of full scale, `2^(bits - 1)`.
fn above(peak: i64, shift: i32, bits: u8, tenths: i128) -> bool {
    let (up, down) = (
        u32::try_from(shift.max(0)).unwrap(),
        u32::try_from((-shift).max(0)).unwrap(),
    );
    (10 * i128::from(peak)) << down > (tenths << (bits - 1)) << up
}

/// `sum / 2^shift`, rounded: the floor of (sum + what the rounding adds) / step.
fn divided(sum: i64, shift: i32, rounding: Rounding, random: u32) -> i64 {
    if shift <= 0 {
        let wide = i128::from(sum) << (-shift).min(64);
        return i64::try_from(wide.clamp(i64::MIN.into(), i64::MAX.into())).unwrap();
    }
    let step = 1_i128 << shift.min(90);
    let added = match rounding {
        Rounding::Truncate => 0,
        Rounding::Nearest => step / 2,
        // Of more dropped bits than are drawn, the lowest count as zero.
        Rounding::Stochastic if shift > 32 => i128::from(random) * (step >> 32),
        Rounding::Stochastic => i128::from(random) % step,
    };
    i64::try_from((i128::from(sum) + added).div_euclid(step)).unwrap()
}

/// The nearest value that `bits` bits hold, and whether it is another one.
fn saturate(value: i64, bits: u8) -> (i64, bool) {
    let full = 1_i64 << (bits - 1);
    let kept = value.clamp(-full, full - 1);
    (kept, kept != value)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the floor of a small number is what is asked for"
)]
fn whole(value: f64) -> i64 {
    value.floor() as i64
}

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap()
}
