//! The board's end, frame by frame.

use railyard::link::answer::Status;
use railyard::link::command::{Address, Command, Space};
use railyard::link::frame::{ANSWER, Decoder, Header, MAX_ENCODED, encode};
use railyard::link::responder::{Responder, WINDOW};

use crate::memory::{Memory, at};

const SESSION: u16 = 0x1234;

/// A board's end, its board, and requests of one session.
struct End {
    responder: Responder,
    board: Memory,
}

fn frame(session: u16, sequence: u16, command: &Command<'_>) -> Vec<u8> {
    let header = Header {
        kind: command.kind(),
        session,
        sequence,
        ..Header::default()
    };
    let mut out = [0; MAX_ENCODED];
    let len = encode(&header, &command.payload(), &mut out);
    out[..len].to_vec()
}

impl End {
    /// With a session whose first frame had this number.
    fn opened(sequence: u16) -> Self {
        let mut end = Self {
            responder: Responder::new(),
            board: Memory::default(),
        };
        let answers = end.ask(sequence, &Command::Identify);
        assert_eq!(answers, [(1, Status::Ok, sequence)]);
        end
    }

    /// Code, status and sequence number of each answer.
    fn push(&mut self, bytes: &[u8]) -> Vec<(u8, Status, u16)> {
        let (mut decoder, mut found) = (Decoder::new(), vec![]);
        self.responder.push(bytes, 0.0, &mut self.board, |answer| {
            for &byte in answer {
                if let Some(frame) = decoder.push(byte) {
                    let header = frame.unwrap().header;
                    assert_eq!(header.kind & ANSWER, ANSWER);
                    let status = Status::of(header.status).unwrap();
                    found.push((header.kind & !ANSWER, status, header.sequence));
                }
            }
        });
        found
    }

    fn ask(&mut self, sequence: u16, command: &Command<'_>) -> Vec<(u8, Status, u16)> {
        self.push(&frame(SESSION, sequence, command))
    }
}

const WRITE: Command<'_> = Command::Write(
    Address {
        space: Space::Images,
        index: 0,
        offset: 0,
    },
    &[1, 2, 3],
);

#[test]
fn frames_are_carried_out_in_order_whatever_order_they_come_in() {
    // The numbers go round in between.
    let first = u16::MAX - 3;
    let mut end = End::opened(first);
    let number = |i: u16| first.wrapping_add(i);
    assert_eq!(
        end.ask(number(3), &WRITE),
        [(0, Status::Missing, number(1))]
    );
    // A gap is told once.
    assert_eq!(end.ask(number(4), &WRITE), []);
    assert_eq!(end.ask(number(8), &WRITE), []);
    assert_eq!(end.ask(number(3), &WRITE), []);
    assert_eq!(
        end.ask(number(1), &WRITE),
        [(3, Status::Ok, number(1)), (0, Status::Missing, number(2))]
    );
    assert_eq!(
        end.ask(number(2), &WRITE),
        [
            (3, Status::Ok, number(2)),
            (3, Status::Ok, number(3)),
            (3, Status::Ok, number(4)),
            (0, Status::Missing, number(5)),
        ]
    );
    assert_eq!(end.board.executed, 5);
}

#[test]
fn a_frame_that_comes_again_is_answered_and_not_done_again() {
    let mut end = End::opened(0);
    for sequence in 1..=20 {
        assert_eq!(end.ask(sequence, &WRITE), [(3, Status::Ok, sequence)]);
    }
    for sequence in 20 - WINDOW as u16 + 1..=20 {
        assert_eq!(end.ask(sequence, &WRITE), [(3, Status::Ok, sequence)]);
    }
    assert_eq!(end.board.executed, 21);
    assert_eq!(end.responder.wire().repeated, WINDOW as u64);
    // Outside of the window on either side.
    for sequence in [0, 12, 21 + WINDOW as u16, 40_000] {
        assert_eq!(end.ask(sequence, &WRITE), [], "{sequence}");
    }
    // Before the session's first frame there is nothing to answer again.
    let mut end = End::opened(100);
    assert_eq!(end.ask(99, &WRITE), []);
}

#[test]
fn another_session_begins_with_identify_and_only_so() {
    let mut end = End::opened(0);
    let bytes = frame(7, 1, &WRITE);
    assert_eq!(end.push(&bytes), [(3, Status::NoSession, 1)]);
    assert_eq!(
        end.push(&frame(0, 1, &Command::Identify)),
        [(1, Status::NoSession, 1)]
    );
    assert_eq!(
        end.push(&frame(7, 500, &Command::Identify)),
        [(1, Status::Ok, 500)]
    );
    assert_eq!(end.ask(1, &WRITE), [(3, Status::NoSession, 1)]);
    assert_eq!(end.push(&frame(7, 501, &WRITE)), [(3, Status::Ok, 501)]);
    end.responder.restart();
    assert_eq!(
        end.push(&frame(7, 502, &WRITE)),
        [(3, Status::NoSession, 502)]
    );
}

#[test]
fn what_the_board_does_not_understand_has_an_answer() {
    let mut end = End::opened(0);
    let mut out = [0; MAX_ENCODED];
    let header = Header {
        kind: 99,
        session: SESSION,
        sequence: 1,
        ..Header::default()
    };
    let len = encode(&header, &[5; 30], &mut out);
    assert_eq!(end.push(&out[..len]), [(99, Status::Unknown, 1)]);
    assert_eq!(end.ask(2, &Command::Pause), [(8, Status::Unsupported, 2)]);
    assert_eq!(
        end.ask(3, &Command::Read(at(1 << 30), 1)),
        [(4, Status::BadRange, 3)]
    );
    // Its own answers come back to it.
    let echo = Header {
        kind: 3 | ANSWER,
        sequence: 4,
        ..header
    };
    let len = encode(&echo, &[], &mut out);
    assert_eq!(end.push(&out[..len]), []);
}

#[test]
fn another_version_is_answered_by_a_frame_of_this_one() {
    let mut end = End::opened(0);
    let mut bytes = vec![2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 42, 43];
    bytes.extend(crate::memory::crc(&bytes).to_le_bytes());
    let mut line = cobs::encode_vec(&bytes);
    line.push(0);
    assert_eq!(end.push(&line), [(0, Status::OtherVersion, 0)]);
}
