//! Kanata logs, read by a parser written from the format's description.

use railyard::accel::timeline::Level;
use railyard::accel::timing::Stage;
use railyard::accel::trace::Format;

use super::{text, timelines};

/// What a log says of one instruction.
#[derive(Debug, Default)]
struct Instruction {
    label: String,
    details: String,
    /// Stages with their first cycle and the cycle after their last.
    stages: Vec<(String, u64, Option<u64>)>,
    /// When it left, the number it then had, and whether it was flushed.
    left: Option<(u64, u64, bool)>,
}

fn read(log: &str) -> Vec<Instruction> {
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some("Kanata\t0004"));
    let (mut now, mut found): (Option<u64>, Vec<Instruction>) = (None, vec![]);
    for line in lines {
        let fields: Vec<_> = line.split('\t').collect();
        let number = |at: usize| -> u64 { fields[at].parse().expect("a number") };
        match fields[0] {
            "C=" => {
                assert_eq!((now, fields.len()), (None, 2), "{line}");
                now = Some(number(1));
                continue;
            }
            "C" => {
                assert!(number(1) > 0, "{line}");
                now = now.map(|now| now + number(1));
                continue;
            }
            "I" => {
                assert_eq!(fields.len(), 4, "{line}");
                assert_eq!(number(1), found.len() as u64, "numbers are in order");
                found.push(Instruction::default());
                continue;
            }
            _ => {}
        }
        let now = now.expect("a first cycle");
        let instruction = &mut found[number(1) as usize];
        assert_eq!(instruction.left, None, "{line} after it left");
        match (fields[0], fields.len()) {
            ("L", 4) if fields[2] == "0" => instruction.label += fields[3],
            ("L", 4) if fields[2] == "1" => instruction.details += fields[3],
            ("S", 4) => {
                assert_eq!(fields[2], "0");
                instruction.stages.push((fields[3].into(), now, None));
            }
            ("E", 4) => {
                let stage = instruction.stages.last_mut().expect("a stage");
                assert_eq!((stage.0.as_str(), stage.2), (fields[3], None), "{line}");
                stage.2 = Some(now);
            }
            ("R", 4) => instruction.left = Some((now, number(2), number(3) == 1)),
            _ => panic!("the line {line:?}"),
        }
    }
    found
}

/// Stages begin and end where the phases do, cut at the range's edges.
#[test]
fn stages_are_the_phases() {
    for timeline in timelines() {
        let cycles = timeline.cycles();
        for range in [0..cycles, cycles / 5..cycles / 2 + 3] {
            let mut found = read(&text(&timeline, range.clone(), Format::Kanata)).into_iter();
            let (mut retired, mut flushed) = (0, 0);
            let spans = timeline.spans(Level::Op, range.clone(), usize::MAX);
            for span in spans.expect("no limit") {
                let op = span.op.expect("an operation");
                let tiles = if op.staged() { op.tiles } else { 1 };
                for tile in 0..tiles {
                    let phases = [Stage::Load, Stage::Compute, Stage::Store]
                        .into_iter()
                        .filter_map(|stage| op.phase(stage, tile));
                    let mut expected = vec![];
                    let (mut first, mut last) = (u64::MAX, 0);
                    for phase in phases {
                        let (start, end) = (span.start + phase.start, span.start + phase.end);
                        (first, last) = (first.min(start), last.max(end));
                        let (start, end) = (start.max(range.start), end.min(range.end));
                        if start < end {
                            let name = ["Ld", "Cp", "St"][phase.stage as usize];
                            expected.push((name.to_owned(), start, Some(end)));
                        }
                    }
                    if last <= range.start || first >= range.end {
                        continue;
                    }
                    let instruction = found.next().expect("an instruction");
                    assert_eq!(instruction.stages, expected, "{instruction:?}");
                    if op.staged() {
                        assert_eq!(instruction.label, format!("{} tile {tile}", op.name));
                    } else {
                        assert_eq!(instruction.label, op.name);
                    }
                    assert!(instruction.details.contains(&op.shape), "{instruction:?}");
                    let (left, _, flush) = instruction.left.expect("it leaves");
                    assert_eq!(left, last.min(range.end));
                    assert_eq!(flush, last > range.end);
                    if flush {
                        flushed += 1;
                    } else {
                        retired += 1;
                    }
                }
            }
            assert!(found.next().is_none());
            assert!(retired > 10, "{retired} retired");
            assert_eq!(flushed > 0, range.end < cycles, "{flushed} flushed");
        }
    }
}

/// Retired instructions are numbered in the order in which they leave.
#[test]
fn retirement_numbers_are_in_order() {
    let [timeline, _] = timelines();
    let log = text(&timeline, 0..timeline.cycles(), Format::Kanata);
    let mut left: Vec<_> = read(&log)
        .iter()
        .map(|instruction| instruction.left.expect("it leaves"))
        .collect();
    left.sort_unstable_by_key(|&(_, number, _)| number);
    assert!(left.is_sorted_by_key(|&(cycle, ..)| cycle));
    let numbers = left.iter().map(|&(_, number, _)| number);
    assert!(numbers.eq(0..left.len() as u64));
}
