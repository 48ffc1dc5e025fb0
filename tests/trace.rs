//! Written traces, read back by programs that are not this one: `serde_json`, Perfetto's trace
//! processor, `wellen`, and parsers written here from the formats' descriptions.

#![cfg(not(target_arch = "wasm32"))]

#[path = "trace/chrome.rs"]
mod chrome;
#[path = "trace/kanata.rs"]
mod kanata;
#[path = "trace/limits.rs"]
mod limits;
#[path = "trace/processor.rs"]
mod processor;
#[path = "trace/table.rs"]
mod table;
#[path = "trace/vcd.rs"]
mod vcd;

use std::ops::Range;
use std::rc::Rc;

use railyard::accel::timeline::{Buffer, Slice};
use railyard::accel::trace::{Format, write};
use railyard::accel::{Cause, Element, Machine, StepTiming, Timeline, Track, time};
use railyard::exec::fixed::FixedFormats;
use railyard::numeric::Rounding;
use railyard::program::{NetworkShape, Schedule, compile};
use railyard::tt::TtShape;

/// The buffers that have counters, by their counters' names.
const BUFFERS: [(&str, Element, Buffer); 4] = [
    ("PE1.input_buffer", Element::Last, Buffer::Input),
    ("PE1.output_buffer", Element::Last, Buffer::Output),
    ("PE2.input_buffer", Element::Middle, Buffer::Input),
    ("PE2.output_buffer", Element::Middle, Buffer::Output),
];

fn network(layers: [(&[usize], &[usize], &[usize]); 2]) -> NetworkShape {
    let layers = layers.map(|(inputs, outputs, ranks)| {
        TtShape::new(inputs.to_vec(), outputs.to_vec(), ranks.to_vec()).expect("a shape")
    });
    NetworkShape {
        layers: layers.to_vec(),
        exponents: vec![0; 2],
        classes: 10,
    }
}

/// 896 -> 512 -> 16, the paper's.
fn paper() -> NetworkShape {
    network([
        (&[7, 4, 2, 16], &[4, 4, 2, 16], &[16, 16, 16]),
        (&[32, 16], &[1, 16], &[16]),
    ])
}

/// 896 -> 64 -> 16, the smallest preset.
fn tiny() -> NetworkShape {
    network([(&[28, 32], &[8, 8], &[6]), (&[8, 8], &[4, 4], &[6])])
}

/// A step of the published schedule.
fn step(network: &NetworkShape, machine: &Machine, batch: usize) -> Rc<StepTiming> {
    scheduled(Schedule::Paper, network, machine, batch)
}

/// A step in the published formats.
fn scheduled(
    schedule: Schedule,
    network: &NetworkShape,
    machine: &Machine,
    batch: usize,
) -> Rc<StepTiming> {
    let program = compile(network, schedule, batch);
    let formats = FixedFormats {
        core: 4,
        activation: 8,
        gradient: 16,
        rounding: Rounding::Stochastic,
    };
    Rc::new(time(&program, machine, formats).expect("a machine"))
}

/// Steps of the overlapped machine, pipelines not empty.
fn machine() -> Machine {
    let mut machine = Machine::overlapped();
    machine.pipeline.load = 2;
    machine.pipeline.compute = 3;
    machine.pipeline.store = 1;
    machine.pipeline.elementwise = 2;
    machine
}

/// Three steps of the tiny network, two of the paper's, of two samples each.
fn timelines() -> [Timeline; 2] {
    [(tiny(), 3), (paper(), 2)]
        .map(|(network, steps)| Timeline::new(&[(step(&network, &machine(), 2), steps)]))
}

/// A trace that must be accepted.
fn written(timeline: &Timeline, range: Range<u64>, format: Format) -> Vec<u8> {
    write(timeline, range, format).unwrap_or_else(|error| panic!("{error}"))
}

/// A trace of letters.
fn text(timeline: &Timeline, range: Range<u64>, format: Format) -> String {
    String::from_utf8(written(timeline, range, format)).expect("text")
}

/// Slices of a track in which its element worked, cut at the range's edges.
fn work(timeline: &Timeline, track: Track, range: Range<u64>) -> Vec<Slice<'_>> {
    let slices = timeline.slices(track, range.clone(), usize::MAX);
    slices
        .expect("no limit")
        .into_iter()
        .filter(|slice| slice.cause != Cause::Idle)
        .map(|slice| Slice {
            start: slice.start.max(range.start),
            end: slice.end.min(range.end),
            ..slice
        })
        .collect()
}

/// Some cycles of a range in which buffers change: ends of slices, and those before and after.
fn moments(timeline: &Timeline, range: &Range<u64>, tracks: &[Track]) -> Vec<u64> {
    let ends = tracks
        .iter()
        .flat_map(|&track| work(timeline, track, range.clone()))
        .flat_map(|slice| [slice.end - 1, slice.end, slice.end + 1]);
    ends.filter(|cycle| range.contains(cycle)).collect()
}
