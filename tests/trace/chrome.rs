//! Chrome traces, read by `serde_json`.

use std::collections::HashMap;
use std::ops::Range;

use railyard::accel::trace::Format;
use railyard::accel::{Cause, TRACKS, Timeline};
use railyard::program::Schedule;
use serde_json::Value;

use super::{BUFFERS, machine, moments, paper, scheduled, text, timelines, work};

/// Events by the name of their thread or counter.
pub struct Chrome {
    pub whole: Value,
    slices: HashMap<String, Vec<Event>>,
    counters: HashMap<String, Vec<(u64, u64)>>,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub start: u64,
    pub end: u64,
    pub name: String,
    pub args: Value,
}

impl Chrome {
    pub fn read(text: &str) -> Self {
        let whole: Value = serde_json::from_str(text).expect("JSON");
        let events = whole["traceEvents"].as_array().expect("events");
        assert!(events.len() as u64 <= 1_000_000);
        let number = |event: &Value, key: &str| event[key].as_u64().expect("a number");
        let thread = |event: &Value| (number(event, "pid"), number(event, "tid"));
        let names: HashMap<_, _> = events
            .iter()
            .filter(|event| event["name"] == "thread_name")
            .map(|event| {
                let name = event["args"]["name"].as_str().expect("a name");
                (thread(event), name.to_owned())
            })
            .collect();
        let mut slices: HashMap<String, Vec<Event>> = HashMap::new();
        let mut counters: HashMap<String, Vec<(u64, u64)>> = HashMap::new();
        for event in events {
            let name = event["name"].as_str().expect("a name").to_owned();
            match event["ph"].as_str().expect("a phase") {
                "M" => {}
                "X" => {
                    let start = number(event, "ts");
                    let slices = slices.entry(names[&thread(event)].clone()).or_default();
                    slices.push(Event {
                        start,
                        end: start + number(event, "dur"),
                        name,
                        args: event["args"].clone(),
                    });
                }
                "C" => {
                    let value = number(&event["args"], "tiles");
                    let counter = counters.entry(name).or_default();
                    counter.push((number(event, "ts"), value));
                }
                other => panic!("an event of phase {other}"),
            }
        }
        Self {
            whole,
            slices,
            counters,
        }
    }

    pub fn slices(&self, track: &str) -> &[Event] {
        self.slices.get(track).map_or(&[], Vec::as_slice)
    }

    /// Panics where two slices of one track overlap or one lies outside the range.
    pub fn check_order(&self, range: &Range<u64>) {
        for (track, slices) in &self.slices {
            let mut last = range.start;
            for slice in slices {
                assert!(
                    slice.start >= last,
                    "{track}: {slice:?} begins before {last}"
                );
                assert!(slice.end > slice.start, "{track}: {slice:?} is empty");
                last = slice.end;
            }
            assert!(last <= range.end, "{track} ends at {last}");
        }
    }

    /// Panics where the cycles of a cause differ from the timeline's sums.
    pub fn check_sums(&self, timeline: &Timeline, range: &Range<u64>) {
        for track in TRACKS {
            let mut found = timeline.tally(track, range.start..range.start);
            for slice in self.slices(track.name()) {
                let cause = slice.args["cause"].as_str().expect("a cause");
                let cause = railyard::accel::timing::CAUSES
                    .into_iter()
                    .find(|known| known.name() == cause)
                    .expect("a known cause");
                found.add(cause, slice.end - slice.start);
            }
            let idle = timeline.tally(track, range.clone()).of(Cause::Idle);
            found.add(Cause::Idle, idle);
            assert_eq!(
                found,
                timeline.tally(track, range.clone()),
                "{}",
                track.name()
            );
        }
    }
}

#[test]
fn slices_are_the_timelines() {
    for timeline in timelines() {
        let cycles = timeline.cycles();
        for range in [0..cycles, cycles / 7..cycles / 3, 5..6] {
            let chrome = Chrome::read(&text(&timeline, range.clone(), Format::Chrome));
            chrome.check_order(&range);
            chrome.check_sums(&timeline, &range);
            for track in TRACKS {
                let expected = work(&timeline, track, range.clone());
                let found = chrome.slices(track.name());
                assert_eq!(found.len(), expected.len(), "{}", track.name());
                for (found, expected) in found.iter().zip(expected) {
                    assert_eq!((found.start, found.end), (expected.start, expected.end));
                    let name = format!("{} {}", expected.op.name, expected.cause.name());
                    assert_eq!(found.name, name);
                    assert_eq!(found.args["shape"], expected.op.shape.as_str());
                    assert_eq!(found.args["tile"].as_u64(), expected.tile.map(u64::from));
                }
            }
        }
    }
}

#[test]
fn counters_are_the_buffers_fill() {
    for timeline in timelines() {
        let range = 100..timeline.cycles() / 2;
        let chrome = Chrome::read(&text(&timeline, range.clone(), Format::Chrome));
        let mut most = 0;
        for (name, element, buffer) in BUFFERS {
            let counter = &chrome.counters[name];
            assert!(
                counter.is_sorted_by(|a, b| a.0 < b.0 && a.1 != b.1),
                "{name}"
            );
            for cycle in moments(&timeline, &range, &TRACKS) {
                let after = counter.partition_point(|&(at, _)| at <= cycle);
                let fill = timeline.fill(buffer, element, cycle) as u64;
                assert_eq!(counter[after - 1].1, fill, "{name} at {cycle}");
                most = most.max(fill);
            }
        }
        assert_eq!(most, 2, "ping-pong buffers fill up");
    }
}

#[test]
fn steps_samples_and_operations() {
    // This schedule merges cores before the samples.
    let step = scheduled(Schedule::Planned, &paper(), &machine(), 2);
    assert!(!step.before.is_empty());
    let timeline = Timeline::new(&[(step, 3)]);
    let cycles = timeline.cycles();
    let chrome = Chrome::read(&text(&timeline, 0..cycles, Format::Chrome));
    let names = |track: &str| -> Vec<_> {
        let slices = chrome.slices(track).iter();
        slices.map(|slice| slice.name.as_str()).collect()
    };
    assert_eq!(names("steps"), ["step 0", "step 1", "step 2"]);
    let step = [
        "before the samples",
        "sample 0",
        "sample 1",
        "after the samples",
    ];
    assert_eq!(names("samples"), step.repeat(3));
    for track in ["steps", "samples", "operations"] {
        let length: u64 = chrome
            .slices(track)
            .iter()
            .map(|slice| slice.end - slice.start)
            .sum();
        assert_eq!(length, cycles, "{track}");
    }
    assert_eq!(chrome.whole["otherData"]["clock_mhz"], 100.0);
    assert_eq!(
        chrome.whole["otherData"]["time"],
        "1 us is 1 cycle of the accelerator"
    );
    assert_eq!(chrome.whole["otherData"]["cycles"], cycles);
}
