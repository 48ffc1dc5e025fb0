//! Everything that is not a product: values in a row through the elementwise lanes, pass by pass, and
//! the loading of a sample.

use super::super::job::{StreamJob, latency};
use super::super::machine::Machine;
use super::super::timing::{Counters, OpTiming, Stage};
use super::memory::{Memory, Port, requantise};
use super::single::Single;
use super::stage::Step;
use crate::exec::fixed::{Exponentials, align_bias};
use crate::kernels::Requantise;
use crate::numeric::Stream;
use crate::program::BufferId;

/// What the lanes do with each value.
#[derive(Clone, Copy, Debug)]
pub enum Function<'a> {
    /// Writes a sample's activations.
    Load {
        /// The network's input.
        into: BufferId,
        /// Its values.
        values: &'a [i16],
    },
    /// Adds a bias, brought to the activations' binary point, and saturates.
    Bias {
        /// Activations.
        y: BufferId,
        /// Their bias.
        bias: BufferId,
        /// The bias's binary point minus the activations'.
        shift: i32,
        /// Width of an activation.
        bits: u8,
    },
    /// Replaces what is negative by 0.
    Relu {
        /// Activations.
        y: BufferId,
    },
    /// Replaces a gradient by 0 where the activation is not above 0.
    ReluGradient {
        /// Activations.
        y: BufferId,
        /// Their gradient.
        gradient: BufferId,
    },
    /// Maximum, sum of exponentials, quotient: the gradient of softmax cross-entropy.
    Softmax {
        /// The logits.
        logits: BufferId,
        /// Their gradient.
        gradient: BufferId,
        /// Logits in use.
        classes: usize,
        /// The label, if there is one, and the share of 256 of the target that all classes get.
        target: Option<(u8, u8)>,
        /// Width of a gradient.
        bits: u8,
        /// The table of exponentials.
        table: &'a Exponentials,
    },
    /// Adds to the sums over the batch.
    Sum {
        /// A sample's values.
        from: BufferId,
        /// The sums.
        out: BufferId,
    },
    /// Rounds the sums over the batch.
    Finish {
        /// The sums.
        from: BufferId,
        /// The rounded values.
        out: BufferId,
        /// The shift, the width and the rounding.
        how: Requantise,
        /// Where random bits come from.
        stream: Stream,
    },
    /// Passes a parameter and its gradient by; the new values come from the trainer.
    Update {
        /// The parameter.
        parameter: BufferId,
        /// Its gradient.
        gradient: BufferId,
    },
}

/// Passes of the softmax: maximum, sum, quotient. A machine with fewer does what has no pass of its own
/// before the first quotient; in further ones nothing changes.
const SUM_PASS: usize = 1;

/// The lanes' counters and the softmax's registers.
struct Lanes {
    len: usize,
    passes: usize,
    width: usize,
    // Registers.
    pass: usize,
    at: usize,
    top: i16,
    total: u64,
    counters: Counters,
}

impl Lanes {
    /// One beat; tells whether it was the last, and how many values it moved.
    fn beat(&mut self, function: &Function, memory: &mut Memory) -> (bool, usize) {
        let end = (self.at + self.width).min(self.len);
        let count = end - self.at;
        let (first, last) = (self.pass == 0, self.pass + 1 == self.passes);
        self.apply(function, memory, end, last);
        let moved = count as u64;
        let (reads, further) = match function {
            Function::Load { .. } => (0, 0),
            Function::Relu { .. } | Function::Softmax { .. } | Function::Finish { .. } => (1, 1),
            _ => (2, 1),
        };
        if first {
            self.counters.reads += reads * moved;
        } else {
            self.counters.rereads += further * moved;
        }
        if first && matches!(function, Function::Update { .. }) {
            // Two moments are read and written.
            self.counters.state += 4 * moved;
        }
        if last {
            self.counters.writes += moved;
        }
        self.at = end;
        if end == self.len {
            self.at = 0;
            self.pass += 1;
        }
        (self.pass == self.passes, count)
    }

    /// What the lanes do with the values `self.at..end`; results are written in the last pass.
    fn apply(&mut self, function: &Function, memory: &mut Memory, end: usize, last: bool) {
        let Memory { values, sums } = memory;
        let range = self.at..end;
        if let Function::Softmax {
            logits,
            gradient,
            classes,
            target,
            bits,
            table,
        } = *function
        {
            let [logits, gradient] = pair(values, logits, gradient);
            return self.softmax(
                (&logits[..classes], gradient),
                (target, bits, table),
                end,
                last,
            );
        }
        if !last {
            return;
        }
        match *function {
            Function::Load {
                into,
                values: loaded,
            } => values[into.0][range.clone()].copy_from_slice(&loaded[range]),
            Function::Bias {
                y,
                bias,
                shift,
                bits,
            } => {
                let (low, high) = (-(1_i32 << (bits - 1)), (1_i32 << (bits - 1)) - 1);
                let [y, bias] = pair(values, y, bias);
                for (slot, &bias) in y[range.clone()].iter_mut().zip(&bias[range]) {
                    let value = i32::from(*slot) + align_bias(bias, shift);
                    *slot = value.clamp(low, high) as i16;
                }
            }
            Function::Relu { y } => {
                for slot in &mut values[y.0][range] {
                    *slot = (*slot).max(0);
                }
            }
            Function::ReluGradient { y, gradient } => {
                let [y, gradient] = pair(values, y, gradient);
                for (slot, &value) in gradient[range.clone()].iter_mut().zip(&y[range]) {
                    *slot = if value > 0 { *slot } else { 0 };
                }
            }
            Function::Sum { from, out } => {
                let terms = &values[from.0][range.clone()];
                for (sum, &value) in sums[out.0][range].iter_mut().zip(terms) {
                    *sum += i64::from(value);
                }
            }
            Function::Finish {
                from,
                out,
                how,
                stream,
            } => {
                for place in range {
                    let sum = sums[from.0][place];
                    values[out.0][place] = requantise(how, stream, place as u32, sum);
                }
            }
            Function::Update { .. } | Function::Softmax { .. } => {}
        }
    }

    fn softmax(
        &mut self,
        (logits, gradient): (&[i16], &mut [i16]),
        (target, bits, table): (Option<(u8, u8)>, u8, &Exponentials),
        end: usize,
        last: bool,
    ) {
        let classes = logits.len();
        let used = self.at.min(classes)..end.min(classes);
        if self.pass == 0 {
            for &logit in &logits[used.clone()] {
                self.top = self.top.max(logit);
            }
        }
        if self.pass == SUM_PASS && !last {
            self.total += self.weights(table, &logits[used.clone()]);
        }
        if !last {
            return;
        }
        if self.at == 0 && self.passes <= SUM_PASS + 1 {
            self.top = logits.iter().copied().max().unwrap_or(self.top);
            self.total = self.weights(table, logits);
        }
        gradient[self.at..end].fill(0);
        for class in used {
            let weight = table.weight(self.distance(logits[class]));
            let mut value = Exponentials::probability(weight, self.total, bits);
            if let Some((label, smoothing)) = target {
                let (other, own) = Exponentials::targets(classes, smoothing, bits);
                value -= if class == usize::from(label) {
                    own
                } else {
                    other
                };
            }
            gradient[class] = value;
        }
    }

    /// How far a logit lies below the largest.
    fn distance(&self, logit: i16) -> u32 {
        (i32::from(self.top) - i32::from(logit)) as u32
    }

    fn weights(&self, table: &Exponentials, logits: &[i16]) -> u64 {
        let weight = |&logit: &i16| table.weight(self.distance(logit));
        logits.iter().map(weight).sum()
    }
}

/// Two buffers at once.
fn pair(values: &mut [Vec<i16>], first: BufferId, second: BufferId) -> [&mut [i16]; 2] {
    values
        .get_disjoint_mut([first.0, second.0])
        .expect("an operation's operands are different buffers")
        .map(Vec::as_mut_slice)
}

/// Runs a stream and writes what happened into `timing`.
pub(super) fn run(
    job: &StreamJob,
    machine: &Machine,
    function: &Function,
    memory: &mut Memory,
    timing: &mut OpTiming,
) {
    let load = matches!(function, Function::Load { .. });
    let mut lanes = Lanes {
        len: job.len,
        passes: job.passes,
        width: job.lanes(machine),
        pass: 0,
        at: 0,
        top: i16::MIN,
        total: 0,
        counters: Counters::default(),
    };
    let (stage, depth) = if load {
        (Stage::Load, machine.pipeline.load)
    } else {
        (Stage::Compute, machine.pipeline.elementwise)
    };
    let mut single = Single::new(stage, latency(machine), depth);
    let mut port = Port::new(machine);
    // Banks of neighbours, counted from the first's.
    let banks: Vec<u16> = (0..lanes.width)
        .map(|lane| (lane % machine.ports.banks) as u16)
        .collect();
    let mut ends = false;
    while single.runs() {
        single.clock(|| {
            let beat = !port.pending();
            if beat {
                let at = lanes.at as u32;
                let moved = job.moved[usize::from(lanes.pass + 1 == job.passes)];
                let (last, count) = lanes.beat(function, memory);
                ends = last;
                if load {
                    port.request(at, &banks[..count], job.bits);
                } else {
                    port.stream(count as u32 * moved);
                }
            } else {
                port.serve();
            }
            Step {
                beat,
                last: ends && !port.pending(),
            }
        });
    }
    single.report(timing);
    timing.counters = lanes.counters;
}
