//! Value change dumps, read by `wellen`.

use std::collections::HashMap;
use std::io::Cursor;

use railyard::accel::timeline::Level;
use railyard::accel::trace::Format;
use railyard::accel::{Machine, TRACKS, Timeline};
use wellen::{SignalValueRef, Timescale, TimescaleUnit, simple};

use super::{BUFFERS, moments, step, timelines, tiny, written};

/// Changes of every signal by its full name, with values as text: numbers, names, or `x`.
struct Dump {
    timescale: Timescale,
    last: u64,
    signals: HashMap<String, Vec<(u64, String)>>,
}

fn read(bytes: Vec<u8>) -> Dump {
    let mut waves = simple::read_from_reader(Cursor::new(bytes)).expect("a dump");
    let hierarchy = waves.hierarchy();
    let variables: Vec<_> = hierarchy
        .all_vars()
        .map(|variable| {
            let variable = &hierarchy[variable];
            (variable.full_name(hierarchy), variable.signal_ref())
        })
        .collect();
    let timescale = hierarchy.timescale().expect("a timescale");
    let signals: Vec<_> = variables.iter().map(|(_, signal)| *signal).collect();
    waves.load_signals(&signals);
    let times = waves.time_table();
    let value = |value: SignalValueRef| match value {
        SignalValueRef::String(text) => text.to_owned(),
        value => {
            let bits = value.to_bit_string().expect("bits");
            u64::from_str_radix(&bits, 2).map_or("x".to_owned(), |number| number.to_string())
        }
    };
    let signals = variables.into_iter().map(|(name, signal)| {
        let signal = waves.get_signal(signal).expect("loaded");
        let changes = signal.iter_changes();
        let changes = changes.map(|(at, found)| (times[at as usize], value(found)));
        (name, changes.collect())
    });
    Dump {
        timescale,
        last: *times.last().expect("times"),
        signals: signals.collect(),
    }
}

/// Values at which they change, each other than the one before.
fn changes(values: impl IntoIterator<Item = (u64, String)>) -> Vec<(u64, String)> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.dedup_by(|next, before| next.1 == before.1);
    values
}

fn shown(number: Option<u64>) -> String {
    number.map_or("x".into(), |number| number.to_string())
}

#[test]
fn signals_are_the_timelines() {
    for timeline in timelines() {
        let cycles = timeline.cycles();
        for range in [0..cycles, cycles / 7..cycles / 3] {
            let dump = read(written(&timeline, range.clone(), Format::Vcd));
            assert_eq!(dump.timescale.factor, 10);
            assert_eq!(dump.timescale.unit, TimescaleUnit::NanoSeconds);
            assert_eq!(dump.last, range.end);
            for track in TRACKS {
                let slices = timeline.slices(track, range.clone(), usize::MAX);
                let slices = slices.expect("no limit");
                let scope = format!("accelerator.{}", track.name().replace('.', "_"));
                let start = |at: u64| at.max(range.start);
                let states = slices
                    .iter()
                    .map(|slice| (start(slice.start), (slice.cause as u8).to_string()));
                assert_eq!(dump.signals[&format!("{scope}.state")], changes(states));
                let tiles = slices
                    .iter()
                    .map(|slice| (start(slice.start), shown(slice.tile.map(u64::from))));
                assert_eq!(dump.signals[&format!("{scope}.tile")], changes(tiles));
            }
            for (name, element, buffer) in BUFFERS {
                let name = format!("accelerator.buffers.{}", name.replace('.', "_"));
                let signal = &dump.signals[&name];
                for cycle in moments(&timeline, &range, &TRACKS) {
                    let after = signal.partition_point(|&(at, _)| at <= cycle);
                    let fill = timeline.fill(buffer, element, cycle);
                    assert_eq!(signal[after - 1].1, fill.to_string(), "{name} at {cycle}");
                }
            }
            let spans = timeline.spans(Level::Op, range.clone(), usize::MAX);
            let spans = spans.expect("no limit");
            let signal = |name: &str| &dump.signals[&format!("accelerator.training.{name}")];
            let of = |value: &dyn Fn(&railyard::accel::timeline::Span) -> String| {
                let values = spans
                    .iter()
                    .map(|span| (span.start.max(range.start), value(span)));
                changes(values)
            };
            let op = |span: &railyard::accel::timeline::Span| {
                let op = span.op.expect("an operation");
                (op.op, op.name.clone())
            };
            assert_eq!(*signal("step"), of(&|span| span.step.to_string()));
            assert_eq!(*signal("sample"), of(&|span| shown(span.sample)));
            let numbers = of(&|span| shown(op(span).0.map(|op| op as u64)));
            assert_eq!(*signal("operation"), numbers);
            assert_eq!(*signal("name"), of(&|span| op(span).1));
        }
    }
}

#[test]
fn a_clock_without_a_whole_period_counts_nanoseconds() {
    for (clock_mhz, exact, factor, unit, cycle) in [
        (333.0, false, 1, TimescaleUnit::NanoSeconds, 1),
        (800.0, true, 10, TimescaleUnit::PicoSeconds, 125),
        (25.0, true, 10, TimescaleUnit::NanoSeconds, 4),
    ] {
        let machine = Machine {
            clock_mhz,
            ..Machine::published()
        };
        let timeline = Timeline::new(&[(step(&tiny(), &machine, 1), 1)]);
        let bytes = written(&timeline, 10..50, Format::Vcd);
        let warns = String::from_utf8_lossy(&bytes).contains("not the clock's period");
        assert_eq!(warns, !exact);
        let dump = read(bytes);
        assert_eq!((dump.timescale.factor, dump.timescale.unit), (factor, unit));
        assert_eq!(dump.last, 50 * cycle);
        assert_eq!(dump.signals["accelerator.training.step"][0].0, 10 * cycle);
    }
}
