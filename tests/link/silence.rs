//! A dead board is noticed within a second; a slow one is not taken for dead.

use railyard::link::command::{Command, MAX_DATA};
use railyard::link::line::{Faults, LineSettings};
use railyard::link::session::{Limits, LinkError};

use railyard::link::transport::Transport;

use crate::memory::{Bench, Memory, at};

fn bench(baud: u32, delay: f32) -> Bench<Memory> {
    let line = LineSettings {
        baud,
        delay,
        faults: Faults::default(),
        seed: 1,
    };
    let limits = Limits {
        baud,
        ..Limits::default()
    };
    Bench::opened(Memory::default(), line, limits)
}

/// Queues so much that the window stays full.
fn load(bench: &mut Bench<Memory>, kind: usize) {
    for _ in 0..400 {
        bench.session.submit(&match kind {
            0 => return,
            1 => Command::Write(at(0), &[7; MAX_DATA]),
            2 => Command::Read(at(0), 1024),
            _ => Command::Status(3),
        });
    }
}

#[test]
fn a_dead_board_is_noticed_within_a_second() {
    for baud in [115_200, 1_000_000, 3_000_000, 0] {
        for delay in [0.0, 16.0] {
            for kind in 0..4 {
                for moment in [1.0, 5.0, 37.0, 99.0, 199.0, 201.0, 450.0] {
                    let mut bench = bench(baud, delay);
                    load(&mut bench, kind);
                    let pulled = bench.now + moment;
                    bench.turn();
                    // Up to the moment, and not beyond.
                    loop {
                        let due = [bench.session.due(), bench.wired.due()];
                        let next = due.into_iter().flatten().fold(f64::INFINITY, f64::min);
                        if next > pulled {
                            break;
                        }
                        assert!(bench.step());
                    }
                    bench.now = pulled;
                    bench.wired.plug(false);
                    while bench.session.fault().is_none() {
                        assert!(bench.step());
                    }
                    let time = bench.now - pulled;
                    let fault = bench.session.fault();
                    assert!(matches!(fault, Some(LinkError::Silent { .. })));
                    assert!(
                        time <= 1000.0,
                        "{baud} baud, {delay} ms, load {kind}, {moment}: {time} ms"
                    );
                }
            }
        }
    }
}

#[test]
fn a_board_that_never_was_there_is_noticed_within_a_second() {
    let mut bench = Bench::new(
        Memory::default(),
        LineSettings::default(),
        Limits::default(),
    );
    bench.wired.plug(false);
    bench.turn();
    while bench.session.fault().is_none() {
        assert!(bench.step());
    }
    assert!(bench.now <= 1000.0, "{}", bench.now);
    let text = bench.session.fault().unwrap().to_string();
    for word in ["cable", "power", "other program", "baud rate", "again"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn a_slow_line_is_waited_for() {
    for baud in [4800, 9600, 57_600, 115_200] {
        for kind in 0..4 {
            let mut bench = bench(baud, 16.0);
            let began = bench.now;
            load(&mut bench, kind);
            bench.turn();
            while bench.now < began + 20_000.0 {
                assert!(bench.step());
                assert_eq!(bench.session.fault(), None, "{baud} baud, load {kind}");
            }
            assert_eq!(bench.session.statistics().repeated, 0, "{baud} baud");
        }
    }
}

#[test]
fn a_cable_that_is_plugged_in_again_soon_loses_nothing() {
    let mut bench = bench(1_000_000, 1.0);
    load(&mut bench, 1);
    bench.turn();
    for _ in 0..100 {
        bench.step();
    }
    bench.wired.plug(false);
    let pulled = bench.now;
    while bench.now < pulled + 500.0 {
        bench.step();
    }
    bench.wired.plug(true);
    bench.until(|session| session.waiting() == 0);
    assert_eq!(
        bench.wired.device().executed,
        bench.session.statistics().frames
    );
}
