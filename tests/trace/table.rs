//! Tables, read field by field.

use railyard::accel::timing::CAUSES;
use railyard::accel::trace::Format;
use railyard::accel::{TRACKS, Timeline};

use super::{text, timelines};

/// The fields of a line; those in quotation marks may hold commas.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut().expect("a field").push(letter),
        }
    }
    fields
}

#[test]
fn rows_cover_the_range() {
    for timeline in timelines() {
        let range = 33..timeline.cycles() - 5;
        let table = text(&timeline, range.clone(), Format::Csv);
        let mut lines = table.lines();
        let head = "track,start,end,cycles,cause,tile,operation,shape";
        assert_eq!(lines.next(), Some(head));
        let rows: Vec<_> = lines.map(fields).collect();
        for track in TRACKS {
            let (mut now, mut tally) = (range.start, timeline.tally(track, 0..0));
            for row in rows.iter().filter(|row| row[0] == track.name()) {
                assert_eq!(row.len(), 8, "{row:?}");
                let [start, end, cycles] = [1, 2, 3].map(|at| row[at].parse().expect("a number"));
                assert_eq!((start, end), (now, start + cycles), "{row:?}");
                now = end;
                let cause = CAUSES.into_iter().find(|cause| cause.name() == row[4]);
                tally.add(cause.expect("a cause"), cycles);
                assert_eq!(row[6].is_empty(), row[4] == "idle", "{row:?}");
            }
            assert_eq!(now, range.end);
            assert_eq!(tally, timeline.tally(track, range.clone()));
        }
    }
}

#[test]
fn a_long_range_is_summed() {
    let [short, _] = timelines();
    let step = super::step(&super::tiny(), &super::machine(), 2);
    let timeline = Timeline::new(&[(step, 1_000_000)]);
    assert!(timeline.cycles() > 1_000_000_000 && short.cycles() > 0);
    let range = 17..1_000_000_017;
    let table = text(&timeline, range.clone(), Format::Csv);
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("track,start,end,cause,cycles,share"));
    for track in TRACKS {
        let mut share = 0.0;
        for cause in CAUSES {
            let row = fields(lines.next().expect("a row"));
            let cycles = timeline.tally(track, range.clone()).of(cause);
            assert_eq!(
                row[..5],
                [
                    track.name().to_owned(),
                    "17".into(),
                    "1000000017".into(),
                    cause.name().into(),
                    cycles.to_string()
                ]
            );
            share += row[5].parse::<f64>().expect("a share");
        }
        assert!((share - 1.0).abs() < 1e-5, "{} {share}", track.name());
    }
    assert_eq!(lines.next(), None);
}
