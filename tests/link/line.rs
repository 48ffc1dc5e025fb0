//! What the simulated line promises.

use railyard::link::answer::Status;
use railyard::link::command::Command;
use railyard::link::device::{Device, Reply, Wire};
use railyard::link::frame::{Header, MAX_ENCODED, encode};
use railyard::link::line::{Faults, LineSettings, STALL, Wired};
use railyard::link::session::{Limits, LinkError};
use railyard::link::transport::Transport;

use crate::memory::{Bench, Memory, at};

fn identify(session: u16) -> Vec<u8> {
    let header = Header {
        kind: 1,
        session,
        ..Header::default()
    };
    let mut out = [0; MAX_ENCODED];
    let len = encode(&header, &[], &mut out);
    out[..len].to_vec()
}

/// Bytes that have come at a time.
fn come(wired: &mut Wired<Memory>, now: f64) -> usize {
    let mut out = vec![];
    wired.receive(now, &mut out).unwrap();
    out.len()
}

#[test]
fn a_byte_takes_ten_bits_and_then_the_delay() {
    let line = LineSettings {
        baud: 10_000,
        delay: 3.0,
        ..LineSettings::default()
    };
    let mut wired = Wired::new(Memory::default(), line);
    // 16 bytes at a byte a millisecond, and the delay.
    wired.send(&identify(1), 100.0).unwrap();
    assert_eq!(wired.due(), Some(119.0));
    assert_eq!(come(&mut wired, 118.9), 0);
    assert_eq!(wired.device().executed, 0);
    assert_eq!(come(&mut wired, 119.0), 0);
    assert_eq!(wired.device().executed, 1);
    let due = wired.due().unwrap();
    let bytes = come(&mut wired, due);
    // 102 bytes and their stuffing.
    assert!((104..=106).contains(&bytes), "{bytes}");
    assert!((due - (119.0 + bytes as f64 + 3.0)).abs() < 1e-9);
    assert_eq!(wired.due(), None);
}

#[test]
fn everything_happens_at_its_own_time_however_late_it_is_asked_for() {
    let mut wired = Wired::new(Memory::default(), LineSettings::default());
    wired.send(&identify(1), 0.0).unwrap();
    assert!(come(&mut wired, 1000.0) > 0);
}

#[test]
fn a_pulled_cable_loses_everything_both_ways() {
    let mut wired = Wired::new(Memory::default(), LineSettings::default());
    wired.send(&identify(1), 0.0).unwrap();
    wired.plug(false);
    wired.send(&identify(2), 0.0).unwrap();
    assert_eq!((come(&mut wired, 100.0), wired.due()), (0, None));
    wired.plug(true);
    wired.send(&identify(3), 100.0).unwrap();
    assert!(come(&mut wired, 200.0) > 0);
    assert_eq!(wired.device().executed, 1);
}

#[test]
fn the_same_seed_gives_the_same_faults() {
    let faults = Faults {
        corrupt: 0.1,
        drop: 0.1,
        duplicate: 0.1,
        reorder: 0.1,
        garbage: 0.1,
        stall: 0.1,
        reset: 0.1,
    };
    let run = |seed| {
        let line = LineSettings {
            faults,
            seed,
            ..LineSettings::default()
        };
        let mut wired = Wired::new(Memory::default(), line);
        let mut out = vec![];
        for i in 0..200 {
            wired.send(&identify(i + 1), f64::from(i) / 10.0).unwrap();
            wired.receive(f64::from(i) / 10.0, &mut out).unwrap();
        }
        wired.receive(1000.0, &mut out).unwrap();
        (out, wired.wire())
    };
    assert!(run(5) == run(5));
    assert!(run(5) != run(6));
}

#[test]
fn faults_are_as_frequent_as_asked() {
    const FRAMES: u16 = 20_000;
    let run = |faults| {
        let line = LineSettings {
            faults,
            ..LineSettings::default()
        };
        let mut wired = Wired::new(Memory::default(), line);
        let mut out = vec![];
        for i in 0..FRAMES {
            wired.send(&identify(i + 1), f64::from(i)).unwrap();
            wired.receive(f64::from(i), &mut out).unwrap();
            out.clear();
        }
        wired.receive(1e6, &mut out).unwrap();
        wired.wire()
    };
    let none = Faults::default();
    let near = |count: u64, share: f64| {
        // Four standard deviations of a share of 5 % of 20,000 are 0.6 %.
        let found = count as f64 / f64::from(FRAMES);
        assert!((found - share).abs() < 0.006, "{found}, not {share}");
    };
    assert_eq!(run(none).frames, u64::from(FRAMES));
    near(run(Faults { drop: 0.05, ..none }).frames, 0.95);
    let duplicate = 0.05;
    near(run(Faults { duplicate, ..none }).frames, 1.05);
    // Two flips of one bit leave the frame whole, and a flip may make a zero and so two stretches.
    let corrupt = run(Faults {
        corrupt: 0.05,
        ..none
    });
    near(corrupt.frames, 0.95);
    let garbage = run(Faults {
        garbage: 0.05,
        ..none
    });
    assert!(garbage.damaged > u64::from(FRAMES) / 25);
}

#[test]
fn a_stalled_line_brings_its_frames_later() {
    let line = LineSettings {
        faults: Faults {
            stall: 1.0,
            ..Faults::default()
        },
        ..LineSettings::default()
    };
    let mut wired = Wired::new(Memory::default(), line);
    wired.send(&identify(1), 0.0).unwrap();
    assert_eq!(come(&mut wired, STALL - 1.0), 0);
    // The answer stalls as well.
    assert_eq!(come(&mut wired, 2.0 * STALL - 1.0), 0);
    assert!(come(&mut wired, 2.0 * STALL + 10.0) > 0);
}

#[test]
fn a_board_whose_power_fails_knows_no_session() {
    let line = LineSettings {
        faults: Faults {
            reset: 1.0,
            ..Faults::default()
        },
        ..LineSettings::default()
    };
    let mut wired = Wired::new(Memory::default(), line);
    let boot = wired.device().boot;
    wired.send(&identify(1), 0.0).unwrap();
    assert!(come(&mut wired, 100.0) > 0);
    assert_ne!(wired.device().boot, boot);
    assert_eq!(wired.wire(), Wire::default());
}

/// A board that always has more to do.
struct Busy(u32);

impl Device for Busy {
    fn execute(&mut self, _: &Command<'_>, _: Wire, _: f64, _: &mut Reply<'_>) -> Status {
        Status::Ok
    }

    fn work(&mut self, _: f64) -> bool {
        self.0 += 1;
        true
    }

    fn due(&self) -> Option<f64> {
        Some(5.0)
    }
}

#[test]
fn a_device_does_one_unit_of_work_at_a_time() {
    let mut wired = Wired::new(Busy(0), LineSettings::default());
    let mut out = vec![];
    assert_eq!(wired.due(), Some(5.0));
    wired.receive(4.0, &mut out).unwrap();
    assert_eq!(wired.device().0, 0);
    for units in 1..5 {
        wired.receive(6.0, &mut out).unwrap();
        assert_eq!(wired.device().0, units);
        assert_eq!(wired.due(), Some(6.0));
    }
}

#[test]
fn a_power_failure_is_a_reset_for_the_host() {
    let mut bench = Bench::opened(
        Memory::default(),
        LineSettings::default(),
        Limits::default(),
    );
    bench.session.submit(&Command::Write(at(3), &[9]));
    bench.until(|session| session.waiting() == 0);
    assert_eq!(bench.wired.device().bytes[3], 9);
    bench.wired.restart();
    while bench.session.fault().is_none() {
        assert!(bench.step());
    }
    assert_eq!(bench.session.fault(), Some(&LinkError::Reset));
    assert_eq!(bench.wired.device().bytes[3], 0);
}
