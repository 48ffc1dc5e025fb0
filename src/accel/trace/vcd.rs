//! Value change dumps: for each track its state (the cause, by its place in the list of causes) and
//! its tile, the fill of each buffer, and step, sample and operation. Times are integers.

use std::fmt::Write;

use super::super::timeline::Level;
use super::super::timing::{CAUSES, TRACKS};
use super::window::{BUFFERS, Window};
use crate::numeric::sort_by_key;

/// How cycles become times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    /// Time units of a cycle.
    pub units: u64,
    /// Picoseconds of a time unit, a power of ten.
    picoseconds: u64,
    /// Whether a cycle is as long as the clock's.
    exact: bool,
}

impl Time {
    /// A cycle is the clock's period if that is whole picoseconds, else 1 ns.
    pub fn new(clock_mhz: f64) -> Self {
        let period = 1e6 / clock_mhz;
        let exact = period >= 1.0 && period.fract() == 0.0;
        let (mut units, mut picoseconds) = (if exact { period as u64 } else { 1000 }, 1);
        while units.is_multiple_of(10) && picoseconds < 1_000_000 {
            units /= 10;
            picoseconds *= 10;
        }
        Self {
            units,
            picoseconds,
            exact,
        }
    }

    /// The length of a cycle.
    pub fn cycle(&self) -> String {
        length(self.units * self.picoseconds)
    }
}

/// Picoseconds in the largest unit in which they are whole.
fn length(picoseconds: u64) -> String {
    for (unit, scale) in [("us", 1_000_000), ("ns", 1000)] {
        if picoseconds.is_multiple_of(scale) {
            return format!("{} {unit}", picoseconds / scale);
        }
    }
    format!("{picoseconds} ps")
}

/// A value of a variable.
#[derive(Clone, Copy, PartialEq)]
enum Value<'a> {
    Number(u64),
    Unknown,
    Text(&'a str),
}

/// Bits of a tile's, an operation's, a sample's and a step's number.
const WIDE: usize = 32;
const STATE_BITS: usize = 3;
const FILL_BITS: usize = 4;

/// Variables after the two of each track.
const FILLS: usize = 2 * TRACKS.len();
const STEP: usize = FILLS + BUFFERS.len();
const SAMPLE: usize = STEP + 1;
const OPERATION: usize = STEP + 2;
const NAME: usize = STEP + 3;
const VARIABLES: usize = STEP + 4;

/// The whole file.
pub fn write(window: &Window) -> String {
    let scale = Time::new(window.machine.clock_mhz);
    let mut out = header(window, &scale);
    let mut changes: Vec<(u64, u8, Value)> = Vec::new();
    for (index, track) in TRACKS.into_iter().enumerate() {
        for piece in window.pieces(track) {
            let state = Value::Number(piece.cause as u64);
            let tile = piece
                .tile
                .map_or(Value::Unknown, |tile| Value::Number(u64::from(tile)));
            changes.push((piece.start, 2 * index as u8, state));
            changes.push((piece.start, 2 * index as u8 + 1, tile));
        }
    }
    for (index, (element, buffer, _)) in BUFFERS.into_iter().enumerate() {
        for (cycle, tiles) in window.fills(element, buffer) {
            changes.push((cycle, (FILLS + index) as u8, Value::Number(tiles as u64)));
        }
    }
    let known = |number: Option<u64>| number.map_or(Value::Unknown, Value::Number);
    for span in window.spans(Level::Op) {
        let Some(op) = span.op else { continue };
        let at = span.start;
        changes.extend([
            (at, STEP as u8, Value::Number(span.step)),
            (at, SAMPLE as u8, known(span.sample)),
            (at, OPERATION as u8, known(op.op.map(|op| op as u64))),
            (at, NAME as u8, Value::Text(&op.name)),
        ]);
    }
    sort_by_key(&mut changes, |&(cycle, variable, _)| {
        [cycle, variable.into()]
    });
    let mut last = [None; VARIABLES];
    let mut now = window.range.start;
    let _ = writeln!(out, "#{}\n$dumpvars", now * scale.units);
    let mut initial = true;
    for (cycle, variable, value) in changes {
        let variable = usize::from(variable);
        if last[variable] == Some(value) {
            continue;
        }
        if cycle > now {
            if initial {
                out.push_str("$end\n");
                initial = false;
            }
            now = cycle;
            let _ = writeln!(out, "#{}", now * scale.units);
        }
        last[variable] = Some(value);
        change(&mut out, variable, value);
    }
    if initial {
        out.push_str("$end\n");
    }
    let _ = writeln!(out, "#{}", window.range.end * scale.units);
    out
}

/// Everything before the first time.
fn header(window: &Window, time: &Time) -> String {
    let machine = plain(&window.machine.name);
    let clock = window.machine.clock_mhz;
    let mut out = String::new();
    let length = time.cycle();
    let why = if time.exact {
        "the clock's period"
    } else {
        "not the clock's period, which is no whole number of picoseconds"
    };
    let _ = writeln!(
        out,
        "$comment 1 cycle is {length} ({why}); machine {machine}, clock {clock} MHz $end"
    );
    let states = CAUSES.map(|cause| format!("{} {}", cause as u8, cause.name()));
    let _ = writeln!(out, "$comment states: {} $end", states.join(", "));
    let _ = writeln!(out, "$timescale {} $end", self::length(time.picoseconds));
    out.push_str("$scope module accelerator $end\n");
    for (index, track) in TRACKS.into_iter().enumerate() {
        let _ = writeln!(out, "$scope module {} $end", plain(track.name()));
        declare(&mut out, 2 * index, STATE_BITS, "state");
        declare(&mut out, 2 * index + 1, WIDE, "tile");
        out.push_str("$upscope $end\n");
    }
    out.push_str("$scope module buffers $end\n");
    for (index, (_, _, name)) in BUFFERS.into_iter().enumerate() {
        declare(&mut out, FILLS + index, FILL_BITS, &plain(name));
    }
    out.push_str("$upscope $end\n$scope module training $end\n");
    declare(&mut out, STEP, 2 * WIDE, "step");
    declare(&mut out, SAMPLE, WIDE, "sample");
    declare(&mut out, OPERATION, WIDE, "operation");
    let _ = writeln!(out, "$var string 1 {} name $end", identifier(NAME));
    out.push_str("$upscope $end\n$upscope $end\n$enddefinitions $end\n");
    out
}

fn declare(out: &mut String, variable: usize, bits: usize, name: &str) {
    let identifier = identifier(variable);
    let _ = writeln!(
        out,
        "$var wire {bits} {identifier} {name} [{}:0] $end",
        bits - 1
    );
}

/// One printing character per variable.
fn identifier(variable: usize) -> char {
    char::from(b'!' + variable as u8)
}

fn change(out: &mut String, variable: usize, value: Value) {
    let identifier = identifier(variable);
    let _ = match value {
        Value::Number(number) => writeln!(out, "b{number:b} {identifier}"),
        Value::Unknown => writeln!(out, "bx {identifier}"),
        Value::Text(text) => writeln!(out, "s{} {identifier}", spaceless(text)),
    };
}

/// A name of letters, digits and underscores.
fn plain(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

/// A text that ends at no space.
fn spaceless(text: &str) -> String {
    text.replace(|c: char| c.is_whitespace() || c.is_control(), "_")
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn a_cycle_is_the_clocks_period_where_it_can_be() {
        let cycle = |mhz: f64| {
            let time = Time::new(mhz);
            (time.units, time.picoseconds, time.exact, time.cycle())
        };
        assert_eq!(cycle(100.0), (1, 10_000, true, "10 ns".into()));
        assert_eq!(cycle(1.0), (1, 1_000_000, true, "1 us".into()));
        assert_eq!(cycle(25.0), (4, 10_000, true, "40 ns".into()));
        assert_eq!(cycle(800.0), (125, 10, true, "1250 ps".into()));
        assert_eq!(cycle(2000.0), (5, 100, true, "500 ps".into()));
        assert_eq!(cycle(333.0), (1, 1000, false, "1 ns".into()));
    }
}
