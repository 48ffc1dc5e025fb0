//! Chrome and Perfetto traces, opened by Perfetto's own trace processor.
//!
//! It comes with npm's packages (`npm ci`) and runs in Node.js. Where one of them is missing, these
//! tests say so and check nothing; on a machine that sets `CI` they fail instead.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use railyard::accel::timeline::Level;
use railyard::accel::trace::Format;
use railyard::accel::{Cause, TRACKS, Timeline};
use serde_json::Value;

use super::{BUFFERS, moments, timelines, work, written};

const QUERIES: [&str; 5] = [
    // Also what it does not call an error, such as packets that it skips.
    "select name, value from stats where value > 0 and name not like '%_duration_ns'",
    "select coalesce(t.name, thread.name) as track, s.ts, s.dur, s.depth, s.name, \
       extract_arg(s.arg_set_id, 'debug.tile') as d_tile, \
       extract_arg(s.arg_set_id, 'debug.cause') as d_cause, \
       extract_arg(s.arg_set_id, 'debug.shape') as d_shape, \
       extract_arg(s.arg_set_id, 'args.tile') as a_tile, \
       extract_arg(s.arg_set_id, 'args.cause') as a_cause, \
       extract_arg(s.arg_set_id, 'args.shape') as a_shape \
     from slice s join track t on s.track_id = t.id \
       left join thread_track on thread_track.id = t.id left join thread using (utid) \
     order by s.ts, s.dur",
    "select t.name, c.ts, c.value from counter c join counter_track t on c.track_id = t.id \
     order by c.ts",
    "select a.ts as from_ts, b.ts as to_ts, ta.name as from_track, tb.name as to_track, \
       extract_arg(a.arg_set_id, 'debug.tile') as from_tile, \
       extract_arg(b.arg_set_id, 'debug.tile') as to_tile \
     from flow f join slice a on f.slice_out = a.id join slice b on f.slice_in = b.id \
       join track ta on a.track_id = ta.id join track tb on b.track_id = tb.id \
     order by a.ts, b.ts",
    "select name from process where name is not null order by name",
];

/// What the trace processor answers, or nothing if it is not there.
fn ask(
    timeline: &Timeline,
    range: std::ops::Range<u64>,
    format: Format,
) -> Option<Vec<Vec<Value>>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file: PathBuf = folder.join(format!(
        "{}-{}-{}.{}",
        timeline.cycles(),
        range.start,
        range.end,
        format.extension()
    ));
    std::fs::write(&file, written(timeline, range, format)).expect("a file");
    let answer = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/trace-processor.mjs"))
        .arg(&file)
        .args(QUERIES)
        .output();
    let reason = match answer {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8(output.stdout).expect("text");
            std::fs::remove_file(file).expect("the file");
            let rows = text
                .lines()
                .map(|line| serde_json::from_str::<Vec<Value>>(line).expect("rows as JSON"));
            return Some(rows.collect());
        }
        // The script's status where the package is missing.
        Ok(output) if output.status.code() == Some(3) => {
            String::from_utf8_lossy(&output.stderr).trim().to_owned()
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => format!("Node.js cannot be started: {error}"),
    };
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    println!("skipped: {reason}");
    None
}

fn number(value: &Value) -> u64 {
    value.as_f64().expect("a number") as u64
}

/// Slices, their arguments, sums and counters are the timeline's; nothing was complained about.
fn check(timeline: &Timeline, format: Format) {
    let range = timeline.step_start(1) - 1000..timeline.cycles() - 77;
    let Some(answers) = ask(timeline, range.clone(), format) else {
        return;
    };
    let [complaints, slices, counters, flows, processes] = &answers[..] else {
        panic!("{} answers", answers.len());
    };
    assert_eq!(complaints.len(), 0, "{complaints:?}");
    assert_eq!(processes.len(), 2, "{processes:?}");
    let mut by_track: HashMap<&str, Vec<&Value>> = HashMap::new();
    for slice in slices {
        assert_eq!(slice["depth"], 0, "{slice}");
        let track = slice["track"].as_str().expect("a track");
        by_track.entry(track).or_default().push(slice);
    }
    let prefix = if format == Format::Chrome { "a" } else { "d" };
    for track in TRACKS {
        let expected = work(timeline, track, range.clone());
        let found = by_track.remove(track.name()).unwrap_or_default();
        assert_eq!(found.len(), expected.len(), "{}", track.name());
        let mut busy = 0;
        for (found, expected) in found.into_iter().zip(expected) {
            assert_eq!(number(&found["ts"]), 1000 * expected.start, "{found}");
            let length = expected.end - expected.start;
            assert_eq!(number(&found["dur"]), 1000 * length, "{found}");
            let cause = expected.cause.name();
            assert_eq!(found["name"], format!("{} {cause}", expected.op.name));
            let argument = |name: &str| &found[&format!("{prefix}_{name}")];
            assert_eq!(argument("cause"), cause);
            assert_eq!(argument("shape"), expected.op.shape.as_str());
            assert_eq!(argument("tile").as_u64(), expected.tile.map(u64::from));
            if expected.cause == Cause::Busy {
                busy += length;
            }
        }
        assert_eq!(busy, timeline.tally(track, range.clone()).of(Cause::Busy));
    }
    for (level, track) in [
        (Level::Step, "steps"),
        (Level::Sample, "samples"),
        (Level::Op, "operations"),
    ] {
        let spans = timeline.spans(level, range.clone(), usize::MAX);
        let found = by_track.remove(track).expect("a track");
        assert_eq!(found.len(), spans.expect("no limit").len(), "{track}");
    }
    assert!(by_track.is_empty(), "{by_track:?}");
    for (name, element, buffer) in BUFFERS {
        let values: Vec<(u64, u64)> = counters
            .iter()
            .filter(|row| {
                row["name"]
                    .as_str()
                    .is_some_and(|found| found.starts_with(name))
            })
            .map(|row| (number(&row["ts"]) / 1000, number(&row["value"])))
            .collect();
        for cycle in moments(timeline, &range, &TRACKS) {
            let after = values.partition_point(|&(at, _)| at <= cycle);
            let fill = timeline.fill(buffer, element, cycle) as u64;
            assert_eq!(values[after - 1].1, fill, "{name} at {cycle}");
        }
    }
    if format == Format::Perfetto {
        check_flows(timeline, &range, flows);
    }
}

/// Every tile's beats are joined from load to compute to store, and nothing else is.
fn check_flows(timeline: &Timeline, range: &std::ops::Range<u64>, flows: &[Value]) {
    let mut expected = vec![];
    for element in ["PE1", "PE2"] {
        let [load, compute, store] = ["load", "compute", "store"].map(|stage| {
            let name = format!("{element}.{stage}");
            let track = TRACKS.into_iter().find(|track| track.name() == name);
            let mut work = work(timeline, track.expect("a track"), range.clone());
            work.retain(|slice| slice.cause == Cause::Busy);
            (name, work)
        });
        for (from, to) in [(&load, &compute), (&compute, &store)] {
            // The next beats of the same tile in the next stage.
            for slice in &from.1 {
                let found = to.1.iter().find(|next| {
                    next.start >= slice.end
                        && next.tile == slice.tile
                        && std::ptr::eq(next.op, slice.op)
                });
                let within = found.filter(|next| {
                    let op = |cycle| timeline.place(cycle).expect("a place").op_start;
                    op(next.start) == op(slice.start)
                });
                if let Some(next) = within {
                    expected.push((
                        1000 * slice.start,
                        from.0.clone(),
                        1000 * next.start,
                        to.0.clone(),
                    ));
                }
            }
        }
    }
    let mut found: Vec<_> = flows
        .iter()
        .map(|row| {
            assert_eq!(row["from_tile"], row["to_tile"], "{row}");
            let name = |key: &str| row[key].as_str().expect("a track").to_owned();
            (
                number(&row["from_ts"]),
                name("from_track"),
                number(&row["to_ts"]),
                name("to_track"),
            )
        })
        .collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert!(expected.len() > 100);
    assert_eq!(found.len(), expected.len());
    assert_eq!(found, expected);
}

#[test]
fn perfetto_reads_chrome_traces() {
    for timeline in timelines() {
        check(&timeline, Format::Chrome);
    }
}

#[test]
fn perfetto_reads_perfetto_traces() {
    for timeline in timelines() {
        check(&timeline, Format::Perfetto);
    }
}
