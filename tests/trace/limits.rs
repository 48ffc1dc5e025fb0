//! Ranges that are refused, and random ones that are not.

use std::ops::Range;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use railyard::accel::trace::{FORMATS, Format, TraceError, budget, write};
use railyard::accel::{Machine, Timeline};

use super::chrome::Chrome;
use super::{machine, paper, step, text, tiny};

/// The sentence, and the number of cycles it offers.
fn refused(timeline: &Timeline, range: Range<u64>, format: Format) -> (String, u64) {
    let error = write(timeline, range, format).expect_err("too long");
    let TraceError::TooLong { fits, .. } = error else {
        panic!("{error}");
    };
    (error.to_string(), fits)
}

#[test]
fn a_billion_cycles_are_refused_at_once() {
    for network in [tiny(), paper()] {
        let timeline = Timeline::new(&[(step(&network, &machine(), 64), 100_000)]);
        let range = 12_345..1_000_012_345;
        assert!(timeline.cycles() > range.end);
        for format in FORMATS {
            if format == Format::Csv {
                continue;
            }
            let began = Instant::now();
            let (sentence, fits) = refused(&timeline, range.clone(), format);
            assert!(began.elapsed() < Duration::from_secs(5));
            assert!(
                sentence.starts_with(
                    "the range has 1,000,000,000 cycles, with more than the 1,000,000 events that a \
                     file may hold; from cycle 12,345 choose at most "
                ),
                "{sentence}"
            );
            assert!(fits > 10_000, "{sentence}");
            // One cycle more than what is offered is refused, too.
            let more = refused(&timeline, range.start..range.start + fits + 1, format);
            assert_eq!(more.1, fits);
        }
    }
}

#[test]
fn what_is_offered_is_accepted() {
    let timeline = Timeline::new(&[(step(&tiny(), &machine(), 64), 100_000)]);
    let (_, fits) = refused(&timeline, 12_345..timeline.cycles(), Format::Chrome);
    let offered = 12_345..12_345 + fits;
    let chrome = Chrome::read(&text(&timeline, offered.clone(), Format::Chrome));
    chrome.check_order(&offered);
    chrome.check_sums(&timeline, &offered);
    let events = chrome.whole["traceEvents"].as_array().expect("events");
    let most = budget::EVENTS as usize;
    assert!(
        (most / 2..=most).contains(&events.len()),
        "{}",
        events.len()
    );
}

#[test]
fn ranges_that_are_none() {
    let timeline = Timeline::new(&[(step(&tiny(), &machine(), 2), 2)]);
    let cycles = timeline.cycles();
    let sentence = |timeline: &Timeline, range: Range<u64>, format| {
        write(timeline, range, format).map_err(|error| error.to_string())
    };
    for format in FORMATS {
        for start in [0, 100] {
            let error = sentence(&timeline, start..start, format);
            assert_eq!(
                error,
                Err(format!(
                    "the range from cycle {start} to {start} has no cycle; choose an end after its start"
                ))
            );
        }
        let last = cycles - 1;
        let number = |cycles: u64| {
            let digits = cycles.to_string();
            let (head, tail) = digits.split_at(digits.len() - 3);
            format!("{head},{tail}")
        };
        assert!((1000..1_000_000).contains(&last));
        assert_eq!(
            sentence(&timeline, cycles..cycles + 1, format),
            Err(format!(
                "the range starts at cycle {0}, but the timeline has {0} cycles; choose a start of at \
                 most {1}",
                number(cycles),
                number(last)
            ))
        );
        assert_eq!(
            sentence(&Timeline::default(), 0..1, format),
            Err("the timeline has no cycle; run at least one training step first".into())
        );
        // An end beyond the timeline's means the timeline's.
        let whole = sentence(&timeline, last..cycles, format);
        assert!(whole.is_ok());
        assert_eq!(sentence(&timeline, last..u64::MAX, format), whole);
    }
    let step = step(&tiny(), &machine(), 2);
    let steps = (1 << 53) / step.cycles() + 2;
    let long = Timeline::new(&[(step, steps)]);
    let late = (1 << 53) - 10..(1 << 53) + 10;
    assert!(long.cycles() > late.end);
    assert_eq!(
        sentence(&long, late.clone(), Format::Chrome),
        Err(
            "the range ends at cycle 9,007,199,254,741,002, later than times in the format chrome can \
             be; choose an end of at most 9,007,199,254,740,991"
                .into()
        )
    );
    assert!(sentence(&long, late, Format::Kanata).is_ok());
}

proptest! {
    #![proptest_config(Config {
        cases: 48,
        rng_seed: RngSeed::Fixed(9),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn random_ranges(
        preset in prop::sample::select(vec!["published", "overlapped", "streamlined"]),
        (lanes, rows) in (prop::sample::select(vec![4, 16]), prop::sample::select(vec![4, 8])),
        depths in prop::array::uniform4(0_u32..9),
        (shared, batch) in (any::<bool>(), 1_usize..4),
        (from, length) in (0.0_f64..1.0, 0.0_f64..0.3),
    ) {
        let mut machine = Machine::preset(preset).expect("a preset").with_array(lanes, rows);
        machine.ports.shared = shared;
        [machine.pipeline.load, machine.pipeline.compute, machine.pipeline.store,
            machine.pipeline.elementwise] = depths;
        let timeline = Timeline::new(&[
            (step(&tiny(), &machine, batch), 2),
            (step(&tiny(), &Machine::published(), batch), 1),
        ]);
        let cycles = timeline.cycles() as f64;
        let start = (from * cycles) as u64;
        let end = (start + 1 + (length * cycles) as u64).min(timeline.cycles());
        let chrome = Chrome::read(&text(&timeline, start..end, Format::Chrome));
        chrome.check_order(&(start..end));
        chrome.check_sums(&timeline, &(start..end));
        for format in FORMATS {
            prop_assert!(write(&timeline, start..end, format).is_ok());
        }
    }
}
