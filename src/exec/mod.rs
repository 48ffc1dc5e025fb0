//! The executors: the same Program in floating point and in fixed point.
//!
//! Both cut a batch into lanes, one per thread; a lane holds the samples' buffers and its own sums.
//! What all samples share (cores, merged cores) is written before the samples and only read by
//! them. In fixed point every sum is an exact integer, so the cut changes no bit.

mod blank;
pub mod fixed;
pub mod float;
mod layout;
pub mod shard;
mod softmax;

pub use blank::Margin;
pub use softmax::softmax_cross_entropy;

use crate::program::{BufferId, Op, Part, Pass, Program};

/// Padded input pixels and labels of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Pixels, one network input per sample, sample after sample.
    pub pixels: &'a [u8],
    /// Labels; empty for a forward pass alone.
    pub labels: &'a [u8],
}

/// What one sample's forward pass found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SampleOutcome {
    /// Cross-entropy in nats (0 without a label).
    pub loss: f64,
    /// The class with the largest logit, the first of equals.
    pub answer: u8,
}

/// Splits `samples` into at most `lanes` runs of nearly equal length: `(start, length)`.
fn cut(samples: usize, lanes: usize) -> Vec<(usize, usize)> {
    let lanes = lanes.clamp(1, samples.max(1));
    (0..lanes)
        .map(|lane| {
            let (start, end) = (lane * samples / lanes, (lane + 1) * samples / lanes);
            (start, end - start)
        })
        .collect()
}

/// Bytes of samples' buffers that stay in the second-level cache.
const CACHED: usize = 1 << 20;

/// Samples that a lane runs at a time, given the bytes of an element: more than one cache holds would pay
/// for each pass over them in memory traffic.
fn at_once(program: &Program, bytes: usize) -> usize {
    let buffers = program.buffers.iter().enumerate();
    let own = buffers.filter(|(id, _)| program.per_sample(BufferId(*id)));
    let elements: usize = own.map(|(_, buffer)| buffer.len).sum();
    (CACHED / bytes / elements.max(1)).max(8)
}

/// Whether an operation runs once per sample in training, or in a forward pass.
fn runs(op: &Op, train: bool) -> bool {
    op.part == Part::Sample && (train || op.pass == Pass::Forward)
}

/// Runs `work` on every lane, side by side where there is more than one.
fn on_lanes<L: Send>(lanes: &mut [L], work: impl Fn(usize, &mut L) + Sync) {
    if let [lane] = lanes {
        work(0, lane);
        return;
    }
    std::thread::scope(|scope| {
        for (index, lane) in lanes.iter_mut().enumerate() {
            let work = &work;
            scope.spawn(move || work(index, lane));
        }
    });
}

/// Index of the largest value, the first of equals.
fn arg_max<T: PartialOrd>(values: &[T]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}
