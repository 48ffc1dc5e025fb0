//! The worker with a board, on a clock of the tests' own.

use std::cell::Cell;

use super::*;
use crate::accel::Machine;
use crate::data::pack;
use crate::link::line::{Faults, LineSettings};
use crate::link::virtual_board::VirtualSettings;
use crate::train::config::{Precision, Preset};
use crate::worker::message::board::{BoardEvent, BoardRequest, BoardView, Connection, Destination};

thread_local! {
    static CLOCK: Cell<f64> = const { Cell::new(0.0) };
}

/// What was heard of an engine, and the engine.
struct Bench {
    engine: Engine,
    heard: Vec<Outgoing>,
    steps: Vec<StepMetrics>,
}

/// Longest time that anything here may take, in milliseconds of the tests' clock.
const LONG: f64 = 600_000.0;

impl Bench {
    /// A prepared run of `tiny`: two epochs of five steps.
    fn new() -> Self {
        CLOCK.set(0.0);
        let mut bench = Self {
            engine: Engine::new(|| CLOCK.get()),
            heard: vec![],
            steps: vec![],
        };
        let set = |count: usize, first: usize| Dataset {
            images: (0..count * 784)
                .map(|k| ((k + first) * (k / 784 + 3) % 251) as u8)
                .collect(),
            labels: (0..count).map(|k| (k % 2) as u8).collect(),
            height: 28,
            width: 28,
            classes: 2,
        };
        let sets = TrainTest {
            train: set(40, 0),
            test: set(6, 5),
            class_names: vec!["a".into(), "b".into()],
        };
        let bytes = pack::write(&sets).expect("packs");
        let name = "own".to_string();
        let source = Source::Pack;
        bench.ask(Request::Load { name, source }, vec![bytes]);
        let mut config = RunConfig::preset(Preset::Tiny, Precision::Fixed);
        (config.data, config.batch, config.epochs) = ("own".into(), 8, 2);
        let run = RunId(1);
        bench.ask(Request::Prepare { run, config }, vec![]);
        bench
    }

    fn ask(&mut self, request: Request, bulk: Vec<Vec<u8>>) {
        self.engine.handle(request, bulk);
        self.listen();
    }

    fn board(&mut self, request: BoardRequest) {
        self.ask(Request::Board(request), vec![]);
    }

    fn listen(&mut self) {
        for out in self.engine.take() {
            if let Event::Progress { progress, .. } = &out.event {
                self.steps.extend(progress.steps.iter().cloned());
            }
            self.heard.push(out);
        }
    }

    /// Lets time pass until something holds.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = CLOCK.get() + LONG;
        while !holds(self) {
            assert!(CLOCK.get() < end, "{what} in time");
            let more = self.engine.slice();
            self.listen();
            if !more && !holds(self) {
                let wait = self.engine.wake().expect("something to wait for");
                CLOCK.set(CLOCK.get() + wait.max(0.001));
            }
        }
    }

    fn connect(&mut self, to: Destination, bulk: Vec<Vec<u8>>) {
        let request = BoardRequest::Connect {
            number: 7,
            to,
            machine: Box::new(Machine::streamlined()),
        };
        self.ask(Request::Board(request), bulk);
    }

    /// Connects a virtual board.
    fn virtually(&mut self, line: LineSettings) {
        let board = VirtualSettings::default();
        self.connect(Destination::Virtual { board, line }, vec![]);
        self.until("connected", |b| b.view().connection == Connection::Open);
    }

    fn place(&mut self, check: u32) {
        let place = Place::Board { check };
        self.board(BoardRequest::Place { place });
    }

    fn view(&self) -> BoardView {
        let mut views = self.heard.iter().rev();
        views
            .find_map(|out| match &out.event {
                Event::Board(BoardEvent::View(view)) => Some((**view).clone()),
                _ => None,
            })
            .unwrap_or_default()
    }

    fn position(&self) -> Position {
        let mut events = self.heard.iter().rev();
        events
            .find_map(|out| match &out.event {
                Event::Position { position, .. } | Event::Prepared { position, .. } => {
                    Some(position.clone())
                }
                _ => None,
            })
            .expect("a position")
    }

    fn standing(&mut self, what: &str) -> Position {
        self.until(what, |b| !b.position().moving);
        self.position()
    }

    fn train(&mut self) {
        self.ask(Request::Train, vec![]);
    }

    /// Trains to the end.
    fn finish(&mut self) -> Position {
        self.train();
        self.until("finished", |b| b.position().finished);
        self.position()
    }

    fn said(&self, mut what: impl FnMut(&BoardEvent) -> bool) -> bool {
        self.heard
            .iter()
            .any(|out| matches!(&out.event, Event::Board(event) if what(event)))
    }
}

/// The end of a run that no board took part in.
fn undisturbed() -> (Position, Vec<StepMetrics>) {
    let mut bench = Bench::new();
    let end = bench.finish();
    assert_eq!(end.step, 10);
    (end, bench.steps)
}

#[test]
fn a_run_on_a_board_ends_as_in_the_page() {
    let (end, steps) = undisturbed();
    for check in [1, 3, 100] {
        let mut bench = Bench::new();
        bench.virtually(LineSettings::default());
        bench.place(check);
        assert_eq!(bench.finish(), end, "a check every {check} steps");
        assert_eq!(bench.steps, steps, "a check every {check} steps");
        let epochs = bench.heard.iter();
        let epochs = epochs.filter(|out| matches!(out.event, Event::Epoch { .. }));
        assert_eq!(epochs.count(), 2);
        bench.until("told", |b| {
            b.view().verified.is_some_and(|(step, _)| step == 10)
        });
        let view = bench.view();
        assert_eq!(view.place, Place::Board { check });
        assert_eq!(view.verified.map(|(_, sum)| sum), end.checksum);
        assert_eq!(view.times.len(), 10);
        assert!(view.capabilities.is_some() && view.fit.is_some_and(|fit| fit.fits));
        assert!(bench.said(|event| matches!(event, BoardEvent::Frames { .. })));
    }
}

#[test]
fn the_speed_told_is_that_of_steps_longer_than_a_report() {
    let mut bench = Bench::new();
    // Eight images of 785 bytes take 0.55 s on this line: 14.7 samples a second at most.
    bench.virtually(LineSettings {
        baud: 115_200,
        ..LineSettings::default()
    });
    bench.place(1);
    bench.train();
    bench.until("four steps", |b| b.steps.len() == 4);
    let told = bench.heard.iter().rev().find_map(|out| match &out.event {
        Event::Progress { progress, .. } => Some(progress.samples_per_second),
        _ => None,
    });
    let told = told.expect("a speed");
    assert!((7.0..=16.0).contains(&told), "{told} samples a second");
}

#[test]
fn step_and_pause_stand_on_the_board_as_in_the_page() {
    let (end, steps) = undisturbed();
    for check in [1, 4] {
        let mut bench = Bench::new();
        bench.virtually(LineSettings::default());
        bench.place(check);
        for step in 1..=2 {
            bench.ask(Request::Step, vec![]);
            let position = bench.standing("stepped");
            assert_eq!((position.step, position.finished), (step, false));
            assert!(position.checksum.is_some());
        }
        bench.train();
        bench.until("under way", |b| b.steps.len() > 3);
        bench.ask(Request::Pause, vec![]);
        let paused = bench.standing("paused");
        assert!((4..10).contains(&paused.step), "paused at {}", paused.step);
        assert_eq!(bench.finish(), end);
        assert_eq!(bench.steps, steps);
    }
}

#[test]
fn a_pulled_cable_is_noticed_and_no_trained_step_is_lost() {
    let (end, _) = undisturbed();
    for (check, back) in [(1, true), (1, false), (4, true), (4, false)] {
        let mut bench = Bench::new();
        bench.virtually(LineSettings::default());
        bench.place(check);
        bench.train();
        bench.until("under way", |b| b.steps.len() > 2);
        let pulled = CLOCK.get();
        bench.board(BoardRequest::Cable { plugged: false });
        let stands = bench.standing("noticed");
        assert!(CLOCK.get() - pulled < 1_000.0);
        let Connection::Lost { message } = bench.view().connection else {
            panic!("the board is lost");
        };
        let checksum = stands.checksum.expect("stands");
        assert!(message.contains(&checksum), "{message}");
        assert!(message.contains(&format!("step {}", stands.step)));
        assert_eq!(bench.view().place, Place::Page);
        if back {
            bench.board(BoardRequest::Cable { plugged: true });
            let there = Place::Board { check };
            bench.until("taken up", |b| b.view().place == there);
            assert_eq!(bench.finish(), end);
            assert_eq!(bench.view().place, there);
        } else {
            assert_eq!(bench.finish(), end, "in the page");
        }
    }
}

#[test]
fn another_board_takes_the_run_up_after_one_was_lost() {
    let (end, _) = undisturbed();
    let mut bench = Bench::new();
    bench.virtually(LineSettings::default());
    bench.place(1);
    bench.train();
    bench.until("under way", |b| b.steps.len() > 2);
    bench.board(BoardRequest::Cable { plugged: false });
    bench.standing("noticed");
    bench.virtually(LineSettings::default());
    bench.until("taken up", |b| b.view().place != Place::Page);
    assert_eq!(bench.finish(), end);
}

#[test]
fn a_line_full_of_faults_ends_with_the_same_bits() {
    let (end, steps) = undisturbed();
    let mut bench = Bench::new();
    bench.virtually(LineSettings {
        faults: Faults {
            corrupt: 0.02,
            drop: 0.02,
            duplicate: 0.02,
            reorder: 0.02,
            garbage: 0.02,
            stall: 0.002,
            reset: 0.0,
        },
        ..LineSettings::default()
    });
    bench.place(2);
    assert_eq!(bench.finish(), end);
    assert_eq!(bench.steps, steps);
    assert!(bench.view().statistics.repeated > 0);
}

#[test]
fn a_run_changes_places_while_it_trains() {
    let (end, _) = undisturbed();
    let mut bench = Bench::new();
    bench.virtually(LineSettings::default());
    bench.place(1);
    bench.train();
    bench.until("under way", |b| b.steps.len() > 2);
    let place = Place::Page;
    bench.board(BoardRequest::Place { place });
    bench.until("finished", |b| b.position().finished);
    assert_eq!(bench.position(), end);
    assert_eq!(bench.view().place, Place::Page);
}

#[test]
fn a_run_in_the_page_moves_to_the_board_once_it_answers() {
    let (end, steps) = undisturbed();
    let mut bench = Bench::new();
    let board = VirtualSettings::default();
    let line = LineSettings::default();
    bench.connect(Destination::Virtual { board, line }, vec![]);
    bench.place(1);
    bench.train();
    bench.board(BoardRequest::Place {
        place: Place::Board { check: 1 },
    });
    assert_eq!(bench.view().place, Place::Page, "it has not answered yet");
    bench.until("finished", |b| b.position().finished);
    assert_eq!(bench.position(), end);
    assert_eq!(bench.steps, steps);
}

#[test]
fn a_flipped_bit_is_found_by_core_and_index() {
    let mut bench = Bench::new();
    bench.virtually(LineSettings::default());
    bench.place(1);
    bench.ask(Request::Step, vec![]);
    bench.standing("stepped");
    let compared = |bench: &mut Bench| {
        bench
            .heard
            .retain(|out| !matches!(&out.event, Event::Board(BoardEvent::Verified(_))));
        bench.board(BoardRequest::Verify);
        bench.until("compared", |b| {
            b.said(|e| matches!(e, BoardEvent::Verified(_)))
        });
        let found = bench.heard.iter().find_map(|out| match &out.event {
            Event::Board(BoardEvent::Verified(found)) => Some((**found).clone()),
            _ => None,
        });
        found.expect("said")
    };
    let whole = compared(&mut bench);
    assert_eq!((whole.differences, whole.step), (0, 2), "with a step taken");
    assert_eq!(bench.standing("stands").step, 2);
    bench.board(BoardRequest::Upset);
    let found = compared(&mut bench);
    assert_eq!(found.differences, 1);
    assert_ne!(found.board, found.simulator);
    assert_eq!(found.shown.len(), 1);
    assert_eq!(compared(&mut bench).differences, 1, "looked at as it is");
    bench.ask(Request::Step, vec![]);
    assert_eq!(bench.standing("stepped").step, 3);
    assert_eq!(compared(&mut bench).differences, 0, "written anew");
}

#[test]
fn verify_says_why_there_is_nothing_to_compare() {
    let mut bench = Bench::new();
    bench.board(BoardRequest::Verify);
    assert!(bench.said(
        |e| matches!(e, BoardEvent::NotVerified { message } if message.contains("no board"))
    ));
}

#[test]
fn the_console_answers_and_does_not_disturb_a_run() {
    let (end, _) = undisturbed();
    let mut bench = Bench::new();
    let answer = |bench: &mut Bench, number: u32, text: &str| {
        let ticket = Ticket(number);
        let text = text.into();
        bench.board(BoardRequest::Console { ticket, text });
        let mine = move |e: &BoardEvent| matches!(e, BoardEvent::Console { ticket: t, .. } if *t == ticket);
        bench.until("answered", |b| b.said(mine));
        let found = bench.heard.iter().find_map(|out| match &out.event {
            Event::Board(BoardEvent::Console {
                ticket: t,
                fault,
                text,
            }) if *t == ticket => Some((*fault, text.clone())),
            _ => None,
        });
        found.expect("answered")
    };
    assert!(answer(&mut bench, 1, "status").0, "no board");
    bench.virtually(LineSettings::default());
    assert!(!answer(&mut bench, 2, "status").0);
    assert!(!answer(&mut bench, 3, "help").0);
    assert!(answer(&mut bench, 4, "no such thing").0);
    assert!(answer(&mut bench, 5, "checksum master 60000 0 4").0);
    bench.place(1);
    bench.train();
    bench.until("under way", |b| b.steps.len() > 2);
    assert!(answer(&mut bench, 6, "reset").0, "it is training");
    assert!(!answer(&mut bench, 7, "counters").0);
    bench.ask(Request::Pause, vec![]);
    bench.standing("paused");
    assert!(!answer(&mut bench, 8, "reset").0);
    assert_eq!(bench.finish(), end, "the board was written anew");
}

#[test]
fn a_saved_log_is_a_board_that_answers_again() {
    let mut bench = Bench::new();
    bench.virtually(LineSettings::default());
    let first = bench.view().capabilities;
    let ticket = Ticket(9);
    bench.board(BoardRequest::Log { ticket });
    let file = bench
        .heard
        .pop()
        .filter(|out| out.event == Event::Board(BoardEvent::Log { ticket }));
    let file = file.expect("a log").bulk;
    bench.board(BoardRequest::Disconnect);
    assert_eq!(bench.view().connection, Connection::Off);
    bench.connect(Destination::Recorded, file);
    bench.until("open", |b| b.view().connection == Connection::Open);
    assert_eq!(bench.view().capabilities, first);
    bench.connect(Destination::Recorded, vec![b"no log".to_vec()]);
    assert!(
        matches!(bench.view().connection, Connection::Lost { message } if message.contains("log"))
    );
}

/// The page's port: bytes go out and come in as messages.
#[test]
fn a_port_carries_bytes_and_its_end_is_told() {
    let mut bench = Bench::new();
    bench.connect(Destination::Port { baud: 1_000_000 }, vec![]);
    bench.until("asked", |b| b.said(|e| *e == BoardEvent::Send));
    assert_eq!(bench.view().connection, Connection::Opening);
    bench.ask(
        Request::Board(BoardRequest::Received),
        vec![vec![1, 2, 3, 0]],
    );
    let message = "The port is gone".into();
    bench.board(BoardRequest::Broken { message });
    assert_eq!(
        bench.view().connection,
        Connection::Lost {
            message: "The port is gone.".into()
        }
    );
    assert_eq!(bench.engine.wake(), None, "nothing is left to do");
}

#[test]
fn a_board_that_never_answers_is_given_up_within_a_second() {
    let mut bench = Bench::new();
    bench.connect(Destination::Port { baud: 1_000_000 }, vec![]);
    bench.until("given up", |b| {
        matches!(b.view().connection, Connection::Lost { .. })
    });
    assert!(CLOCK.get() < 1_000.0);
}

#[test]
fn a_run_in_floating_point_stays_in_the_page_and_says_why() {
    let mut bench = Bench::new();
    let mut config = RunConfig::preset(Preset::Tiny, Precision::Float);
    (config.data, config.batch) = ("own".into(), 8);
    let run = RunId(2);
    bench.ask(Request::Prepare { run, config }, vec![]);
    bench.virtually(LineSettings::default());
    assert!(bench.view().fit.is_some_and(|fit| !fit.fits));
    bench.place(1);
    bench.train();
    let stands = bench.standing("halted");
    assert_eq!(stands.step, 0);
    assert!(
        bench.said(|e| matches!(e, BoardEvent::Halted { message } if message.contains("fixed")))
    );
}
