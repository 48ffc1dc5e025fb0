//! What a session promises, on a clean line and on one that breaks.

use railyard::link::answer::Status;
use railyard::link::command::Command;
use railyard::link::frame::{ANSWER, Header, MAX_ENCODED, encode};
use railyard::link::line::{Faults, LineSettings};
use railyard::link::session::{Limits, LinkError, MOST_HELD, Session, Ticket};

use crate::memory::{Bench, Memory, at, crc};

const CLEAN: LineSettings = LineSettings {
    baud: 1_000_000,
    delay: 1.0,
    faults: Faults {
        corrupt: 0.0,
        drop: 0.0,
        duplicate: 0.0,
        reorder: 0.0,
        garbage: 0.0,
        stall: 0.0,
        reset: 0.0,
    },
    seed: 1,
};

fn bench() -> Bench<Memory> {
    let limits = Limits {
        baud: 1_000_000,
        ..Limits::default()
    };
    Bench::opened(Memory::default(), CLEAN, limits)
}

fn take(bench: &mut Bench<Memory>, ticket: Ticket) -> Result<Vec<u8>, LinkError> {
    let mut answer = None;
    bench.until(|session| {
        answer = session.answer(ticket);
        answer.is_some()
    });
    answer.unwrap()
}

fn ask(bench: &mut Bench<Memory>, command: &Command<'_>) -> Result<Vec<u8>, LinkError> {
    let ticket = bench.session.submit(command);
    take(bench, ticket)
}

#[test]
fn what_is_written_is_read_and_has_its_checksum() {
    let mut bench = bench();
    let data: Vec<u8> = (0..1000_u32).map(|i| (i * i) as u8).collect();
    assert_eq!(ask(&mut bench, &Command::Write(at(5), &data)), Ok(vec![]));
    assert_eq!(
        ask(&mut bench, &Command::Read(at(5), 1000)),
        Ok(data.clone())
    );
    let sum = ask(&mut bench, &Command::Checksum(at(5), 1000));
    assert_eq!(sum, Ok(crc(&data).to_le_bytes().to_vec()));
    let statistics = bench.session.statistics();
    assert_eq!((statistics.frames, statistics.repeated), (4, 0));
}

#[test]
fn a_refusal_tells_what_and_why_and_what_to_do() {
    let mut bench = bench();
    let error = ask(&mut bench, &Command::Pause).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the board refused `pause`: the board cannot do this (this board is only a memory); \
         choose formats and a machine that the board has, or update it"
    );
    let error = ask(&mut bench, &Command::Read(at(1 << 20), 4)).unwrap_err();
    let LinkError::Refused { status, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(status, Status::BadRange);
    let error = ask(&mut bench, &Command::Write(at(0), &[0; 1017])).unwrap_err();
    assert!(error.to_string().contains("1025 bytes"), "{error}");
}

#[test]
fn a_request_that_was_taken_back_gives_no_answer_and_the_next_ones_do() {
    let mut bench = bench();
    let tickets: Vec<Ticket> = (0..20)
        .map(|_| bench.session.submit(&Command::Read(at(0), 8)))
        .collect();
    bench.turn();
    assert_eq!(bench.session.waiting(), 20);
    // One in flight, one that is queued.
    bench.session.cancel(tickets[2]);
    bench.session.cancel(tickets[15]);
    assert_eq!(bench.session.waiting(), 18);
    bench.until(|session| session.waiting() == 0);
    for (place, &ticket) in tickets.iter().enumerate() {
        let expected = if place == 2 || place == 15 {
            Err(LinkError::Cancelled)
        } else {
            Ok(vec![0; 8])
        };
        assert_eq!(bench.session.answer(ticket), Some(expected));
        // Each only once.
        assert_eq!(
            bench.session.answer(ticket),
            Some(Err(LinkError::Cancelled))
        );
    }
    // The one that was queued never went over the line; the other did, beside identify.
    assert_eq!(bench.wired.device().executed, 20);
}

#[test]
fn a_session_holds_so_many_requests_and_refuses_the_next() {
    let mut bench = bench();
    for _ in 0..MOST_HELD {
        bench.session.submit(&Command::Counters);
    }
    let ticket = bench.session.submit(&Command::Counters);
    assert_eq!(bench.session.answer(ticket), Some(Err(LinkError::Full)));
    assert_eq!(bench.session.waiting(), MOST_HELD);
}

#[test]
fn a_board_that_lost_its_power_ends_the_session() {
    let mut bench = bench();
    bench.wired.restart();
    let ticket = bench.session.submit(&Command::Read(at(0), 8));
    let began = bench.now;
    while bench.session.fault().is_none() {
        assert!(bench.step());
    }
    assert_eq!(bench.session.answer(ticket), Some(Err(LinkError::Reset)));
    assert!(bench.now - began < 5.0);
    // What is asked later fails at once.
    let ticket = bench.session.submit(&Command::Counters);
    assert_eq!(bench.session.answer(ticket), Some(Err(LinkError::Reset)));
    assert_eq!(bench.session.due(), None);
}

#[test]
fn a_heartbeat_finds_a_reset_that_nothing_else_would() {
    let mut bench = bench();
    bench.wired.restart();
    let began = bench.now;
    while bench.session.fault().is_none() {
        assert!(bench.step());
    }
    assert_eq!(bench.session.fault(), Some(&LinkError::Reset));
    assert!(bench.now - began < 250.0);
}

#[test]
fn identify_with_another_boot_ends_the_session() {
    let mut bench = bench();
    bench.wired.device().boot = 7;
    assert_eq!(ask(&mut bench, &Command::Identify), Err(LinkError::Reset));
    assert_eq!(bench.session.fault(), Some(&LinkError::Reset));
}

#[test]
fn a_board_that_answers_identify_with_something_else_is_garbled() {
    let mut session = Session::new(9, Limits::default());
    let mut out = vec![];
    session.poll(0.0, &mut out);
    let header = Header {
        kind: 1 | ANSWER,
        session: 9,
        ..Header::default()
    };
    let mut bytes = [0; MAX_ENCODED];
    let len = encode(&header, &[1, 2, 3], &mut bytes);
    session.receive(&bytes[..len], 1.0);
    let garbled = LinkError::Garbled { command: 1 };
    assert_eq!(session.fault(), Some(&garbled));
}

#[test]
fn a_board_of_another_version_is_named() {
    let mut session = Session::new(9, Limits::default());
    session.poll(0.0, &mut vec![]);
    let mut frame = vec![2, 0x81, 0, 0, 9, 0, 0, 0, 0, 0];
    frame.extend(crc(&frame).to_le_bytes());
    let mut bytes = cobs::encode_vec(&frame);
    bytes.push(0);
    session.receive(&bytes, 1.0);
    assert_eq!(session.fault(), Some(&LinkError::Version(2)));
    let text = session.fault().unwrap().to_string();
    assert!(text.contains("version 2") && text.contains("update this program"));
}

#[test]
fn a_closed_way_fails_everything_with_its_message() {
    let mut bench = bench();
    let ticket = bench.session.submit(&Command::Counters);
    bench.session.close("the cable is out: plug it in".into());
    let closed = LinkError::Closed("the cable is out: plug it in".into());
    assert_eq!(bench.session.answer(ticket), Some(Err(closed)));
}

#[test]
fn a_host_that_was_busy_does_not_take_the_board_for_dead() {
    let mut bench = bench();
    for pause in [500.0, 900.0, 5000.0] {
        bench.session.submit(&Command::Counters);
        bench.turn();
        // The answer lies there, but the session is polled before it is given it.
        bench.now += pause;
        let mut bytes = vec![];
        bench.session.poll(bench.now, &mut bytes);
        assert_eq!(bench.session.fault(), None, "{pause}");
        bench.turn();
        bench.until(|session| session.waiting() == 0);
    }
}

#[test]
fn a_board_that_talks_but_never_answers_is_given_up() {
    let mut bench = bench();
    let ticket = bench.session.submit(&Command::Counters);
    let mut out = vec![];
    bench.session.poll(bench.now, &mut out);
    // Every transmission is answered as if it had been another command.
    let header = Header {
        kind: 4 | ANSWER,
        session: 1,
        sequence: 1,
        ..Header::default()
    };
    let mut bytes = [0; MAX_ENCODED];
    let len = encode(&header, &[], &mut bytes);
    let began = bench.now;
    while let Some(due) = bench.session.due() {
        bench.session.receive(&bytes[..len], due);
        bench.session.poll(due, &mut out);
        bench.now = due;
    }
    let garbled = LinkError::Garbled { command: 10 };
    assert_eq!(bench.session.answer(ticket), Some(Err(garbled)));
    assert!(bench.now - began < 12_000.0);
}
