//! Tracks, causes, tiles and times in words.

use crate::accel::machine::Machine;
use crate::accel::timing::{Cause, Element, OpTiming, Stage};
use crate::program::Part;
use crate::ui::format;

/// An element in words.
#[must_use]
pub fn element(element: Element) -> &'static str {
    match element {
        Element::Input => "sample",
        Element::Last => "last index",
        Element::Middle => "middle index",
        Element::Outer => "outer product",
        Element::Elementwise => "the rest",
    }
}

/// What an element does, as a clause.
#[must_use]
pub fn element_does(element: Element) -> &'static str {
    match element {
        Element::Input => "brings a sample's values in",
        Element::Last => "PE1, contracts the last index: its lanes are summed",
        Element::Middle => "PE2, contracts middle indices: its lanes run along a free one",
        Element::Outer => "PE3, outer products",
        Element::Elementwise => "bias, ReLU, softmax, sums, rounding, updates",
    }
}

/// A cause in words.
#[must_use]
pub fn cause(cause: Cause, stage: Stage) -> &'static str {
    match (cause, stage) {
        (Cause::Busy, Stage::Load) => "busy: a beat of its load in every cycle",
        (Cause::Busy, Stage::Compute) => "busy: a beat of products in every cycle",
        (Cause::Busy, Stage::Store) => "busy: a beat of its store in every cycle",
        (Cause::LoadBound, _) => "load-bound: waits for its tile to be loaded",
        (Cause::ComputeBound, Stage::Load) => "compute-bound: waits for a free input buffer",
        (Cause::ComputeBound, _) => "compute-bound: waits for its tile's results",
        (Cause::StoreBound, Stage::Load) => {
            "store-bound: waits until the tile before is stored (no overlap)"
        }
        (Cause::StoreBound, _) => "store-bound: waits for a free output buffer",
        (Cause::FillDrain, _) => "fill-drain: a pipeline fills before the first tile or drains",
        (Cause::PortConflict, _) => {
            "port-conflict: an access takes several cycles, or another stage holds the port"
        }
        (Cause::Idle, _) => "idle: another element's operation runs",
    }
}

/// A part of a step.
#[must_use]
pub fn part(part: Part) -> &'static str {
    match part {
        Part::Before => "once per batch, before the samples",
        Part::Sample => "once per sample",
        Part::After => "once per batch, after the samples",
    }
}

/// The loops of a contraction, from its shape in words.
#[must_use]
pub fn loops(shape: &str) -> Option<[usize; 4]> {
    let mut words = shape.split(' ');
    let mut sizes = [0; 4];
    for (slot, name) in sizes.iter_mut().zip(["A", "B", "C", "D"]) {
        if words.next() != Some(name) {
            return None;
        }
        *slot = words.next()?.parse().ok()?;
    }
    Some(sizes)
}

/// What a tile of an operation holds.
#[must_use]
pub fn tile(op: &OpTiming, machine: &Machine, tile: u32) -> Option<String> {
    let [a, _, c, _] = loops(&op.shape)?;
    let tile = tile as usize;
    let through = |first: usize, count: usize, of: usize, what: &str| {
        let last = (first + count).min(of).saturating_sub(1);
        if last == first {
            format!("{what} {first} of {of}")
        } else {
            format!("{what}s {first} to {last} of {of}")
        }
    };
    match op.element {
        Element::Last => Some(through(tile * machine.rows, machine.rows, a, "row")),
        Element::Middle => {
            let (group, row) = (tile / a.max(1), tile % a.max(1));
            let lanes = through(group * machine.lanes, machine.lanes, c, "lane");
            Some(format!("row {row} of {a}, {lanes}"))
        }
        Element::Input | Element::Outer | Element::Elementwise => None,
    }
}

/// Seconds of some cycles.
#[must_use]
pub fn seconds(cycles: f64, clock_mhz: f64) -> f64 {
    cycles / (clock_mhz.max(1e-3) * 1e6)
}

/// A length of time: `12.3 ms`.
#[must_use]
pub fn time(seconds: f64) -> String {
    let (factor, unit) = unit(seconds);
    format!("{} {unit}", format::significant(seconds * factor))
}

/// A moment, as fine as steps of `step` seconds ask for: `37.12345678 s`.
#[must_use]
pub fn moment(seconds: f64, step: f64) -> String {
    let (factor, unit) = unit(seconds.max(step));
    let digits = (-(step * factor).log10()).ceil().clamp(0.0, 12.0) as usize;
    format!("{:.digits$} {unit}", seconds * factor)
}

fn unit(seconds: f64) -> (f64, &'static str) {
    match seconds.abs() {
        s if s >= 0.9995 => (1.0, "s"),
        s if s >= 0.9995e-3 => (1e3, "ms"),
        s if s >= 0.9995e-6 => (1e6, "µs"),
        _ => (1e9, "ns"),
    }
}

/// A share as percent: `41.3 %`, and nothing as a dash.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "–".into();
    }
    format!("{:.1} %", 100.0 * part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_in_their_unit() {
        assert_eq!(time(37.0), "37.0 s");
        assert_eq!(time(1e-8), "10.0 ns");
        assert_eq!(time(0.000_683), "683 µs");
        assert_eq!(moment(37.123_456_78, 1e-8), "37.12345678 s");
        assert_eq!(moment(0.0, 1e-8), "0 ns");
        assert_eq!(moment(0.0005, 1e-4), "500 µs");
    }

    #[test]
    fn loops_are_read_off_the_shape() {
        assert_eq!(loops("A 28 B 32 C 16 D 32"), Some([28, 32, 16, 32]));
        assert_eq!(loops("512 values"), None);
        assert_eq!(loops("48 values, 3 passes"), None);
    }
}
