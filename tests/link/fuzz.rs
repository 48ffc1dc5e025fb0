//! Bytes that nobody sent, into both ends: no panic, and nothing is accepted that was not sent.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use railyard::link::answer::Status;
use railyard::link::command::Command;
use railyard::link::device::{Device, Reply, Wire};
use railyard::link::frame::{ANSWER, Decoder, Header, MAX_ENCODED, MAX_PAYLOAD, encode};
use railyard::link::responder::{Responder, WINDOW};
use railyard::link::session::{Limits, LinkError, Session, Ticket};

use crate::memory::{Memory, at};

fn frame(header: Header, payload: &[u8]) -> Vec<u8> {
    let mut out = [0; MAX_ENCODED];
    let len = encode(&header, payload, &mut out);
    out[..len].to_vec()
}

/// A command's code and a payload.
type Payload = (u8, Vec<u8>);

/// What becomes of a stream on its way.
#[derive(Clone, Debug)]
enum Harm {
    Flip(usize, u8),
    Cut(usize, usize),
    Insert(usize, Vec<u8>),
    /// A part is copied to another place.
    Splice(usize, usize, usize),
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let place = 0..4000_usize;
    let harm = prop_oneof![
        (place.clone(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        (place.clone(), 1..40_usize).prop_map(|(at, len)| Harm::Cut(at, len)),
        (place.clone(), prop::collection::vec(any::<u8>(), 1..40))
            .prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        (place.clone(), 1..400_usize, place)
            .prop_map(|(from, len, to)| Harm::Splice(from, len, to)),
    ];
    prop::collection::vec(harm, 1..6)
}

fn harmed(mut stream: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        let place = |at: usize| at % stream.len().max(1);
        match harm {
            Harm::Flip(at, bit) => {
                let at = place(*at);
                if let Some(byte) = stream.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Harm::Cut(at, len) => {
                let begin = place(*at).min(stream.len());
                let end = (begin + len).min(stream.len());
                stream.drain(begin..end);
            }
            Harm::Insert(at, bytes) => {
                let at = place(*at).min(stream.len());
                stream.splice(at..at, bytes.iter().copied());
            }
            Harm::Splice(from, len, to) => {
                let begin = place(*from).min(stream.len());
                let end = (begin + len).min(stream.len());
                let to = place(*to).min(stream.len());
                let part = stream[begin..end].to_vec();
                stream.splice(to..to, part);
            }
        }
    }
    stream
}

/// A board that does everything and remembers what.
#[derive(Default)]
struct Anything {
    done: Vec<Payload>,
}

impl Device for Anything {
    fn execute(&mut self, command: &Command<'_>, _: Wire, _: f64, reply: &mut Reply<'_>) -> Status {
        self.done.push((command.kind(), command.payload()));
        if let Command::Read(_, len) = command {
            reply.put(&vec![len.to_le_bytes()[0]; usize::from(*len)]);
        }
        Status::ALL[self.done.len() % Status::ALL.len()]
    }
}

/// Requests of a session, of which the first identifies.
fn requests(count: usize) -> Vec<Payload> {
    let command = |i: usize| match i {
        0 => Command::Identify,
        i if i % 3 == 0 => Command::Read(at(i), i as u16),
        i if i % 3 == 1 => Command::Run(i as u64),
        i => Command::Checksum(at(i), 3),
    };
    (0..count)
        .map(|i| (command(i).kind(), command(i).payload()))
        .collect()
}

fn stream(requests: &[Payload], session: u16) -> Vec<u8> {
    let mut out = vec![];
    for (i, (kind, payload)) in requests.iter().enumerate() {
        let header = Header {
            kind: *kind,
            session,
            sequence: i as u16,
            ..Header::default()
        };
        out.extend(frame(header, payload));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: RngSeed::Fixed(21),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_are_taken_by_a_decoder(bytes in prop::collection::vec(any::<u8>(), 0..6000)) {
        let mut decoder = Decoder::new();
        for byte in bytes {
            // A checksum of 32 bits holds by chance once in 4e9.
            if let Some(heard) = decoder.push(byte) {
                prop_assert!(heard.is_err());
            }
        }
    }

    #[test]
    fn any_bytes_make_a_board_do_nothing(bytes in prop::collection::vec(any::<u8>(), 0..6000)) {
        let (mut responder, mut board) = (Responder::new(), Anything::default());
        let mut sent = 0;
        responder.push(&bytes, 0.0, &mut board, |_| sent += 1);
        prop_assert_eq!(board.done.len(), 0);
        prop_assert_eq!(sent, 0);
    }

    #[test]
    fn a_board_does_only_what_was_sent_in_order_and_once(
        count in 1..20_usize,
        harms in harms(),
    ) {
        let requests = requests(count);
        let bytes = harmed(stream(&requests, 5), &harms);
        let (mut responder, mut board) = (Responder::new(), Anything::default());
        let mut answers = vec![];
        responder.push(&bytes, 0.0, &mut board, |answer| answers.push(answer.to_vec()));
        // Always what stands at the beginning: a gap is waited for.
        prop_assert_eq!(&board.done[..], &requests[..board.done.len()]);
        // Every answer is a frame of its own, of this session.
        for answer in answers {
            prop_assert!(answer.len() <= MAX_ENCODED);
            let mut decoder = Decoder::new();
            let (last, body) = answer.split_last().unwrap();
            for &byte in body {
                prop_assert!(decoder.push(byte).is_none());
            }
            let frame = decoder.push(*last).unwrap().unwrap();
            prop_assert_eq!(frame.header.session, 5);
            prop_assert_eq!(frame.header.kind & ANSWER, ANSWER);
            prop_assert!(Status::of(frame.header.status).is_some());
        }
    }

    #[test]
    fn whole_frames_with_any_header_are_answered_or_dropped(
        frames in prop::collection::vec(
            (any::<u8>(), 0..4_u16, 0..20_u16, prop::collection::vec(any::<u8>(), 0..100)),
            0..60,
        ),
    ) {
        let (mut responder, mut board) = (Responder::new(), Memory::default());
        for (kind, session, sequence, payload) in frames {
            // Mostly codes of commands.
            let kind = if kind > 60 { kind % 12 } else { kind };
            let header = Header { kind, session, sequence, ..Header::default() };
            let mut answers = 0;
            let before = board.executed;
            responder.push(&frame(header, &payload), 0.0, &mut board, |_| answers += 1);
            prop_assert!(answers <= WINDOW + 1);
            prop_assert!(board.executed - before <= WINDOW as u64);
        }
    }

    #[test]
    fn any_bytes_make_a_session_accept_nothing(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..20),
    ) {
        let mut session = Session::new(5, Limits::default());
        let ticket = session.submit(&Command::Counters);
        let mut out = vec![];
        for (i, piece) in pieces.iter().enumerate() {
            let now = i as f64 * 30.0;
            session.poll(now, &mut out);
            session.receive(piece, now);
        }
        prop_assert_eq!(session.answer(ticket), None);
        prop_assert!(session.capabilities().is_none());
    }

    #[test]
    fn a_session_accepts_only_what_was_answered(
        count in 1..20_usize,
        harms in harms(),
        stale in any::<bool>(),
    ) {
        let (mut session, tickets, answers) = asked(count);
        let mut bytes: Vec<u8> = vec![];
        for (i, (kind, payload)) in answers.iter().enumerate() {
            let header = Header {
                kind: kind | ANSWER,
                credits: WINDOW as u8,
                // Answers of another session say something else.
                session: if stale { 4 } else { 5 },
                sequence: i as u16 + 1,
                ..Header::default()
            };
            bytes.extend(frame(header, payload));
        }
        let bytes = harmed(bytes, &harms);
        session.receive(&bytes, 2.0);
        for (ticket, (_, payload)) in tickets.iter().zip(&answers) {
            match session.answer(*ticket) {
                None => {}
                Some(Ok(given)) => prop_assert!(!stale && given == *payload),
                Some(Err(error)) => prop_assert!(false, "{}", error),
            }
        }
    }

    #[test]
    fn whole_answers_with_any_header_make_no_panic(
        frames in prop::collection::vec(
            (any::<u8>(), any::<u8>(), any::<u8>(), 0..24_u16, prop::collection::vec(any::<u8>(), 0..200)),
            0..60,
        ),
    ) {
        let (mut session, tickets, _) = asked(20);
        let mut out = vec![];
        for (i, (kind, status, credits, sequence, payload)) in frames.iter().enumerate() {
            let header = Header {
                // Mostly answers to commands.
                kind: if *kind > 60 { ANSWER | (kind % 12) } else { *kind },
                status: if *status > 40 { 0 } else { *status },
                credits: *credits,
                session: 5,
                sequence: *sequence,
            };
            let now = 2.0 + i as f64;
            session.receive(&frame(header, payload), now);
            session.poll(now, &mut out);
            prop_assert!(session.fault().is_some() || session.due().is_some());
        }
        for ticket in tickets {
            if let Some(Err(error)) = session.answer(ticket) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}

/// A session whose board is known, with reads in flight or queued, and the answers that they have.
fn asked(count: usize) -> (Session, Vec<Ticket>, Vec<Payload>) {
    let mut session = Session::new(5, Limits::default());
    let (mut responder, mut board) = (Responder::new(), Memory::default());
    let mut out = vec![];
    session.poll(0.0, &mut out);
    let mut answers = vec![];
    responder.push(&out, 0.0, &mut board, |answer| answers.extend(answer));
    session.receive(&answers, 1.0);
    assert!(session.capabilities().is_some());
    let tickets = (0..count)
        .map(|i| session.submit(&Command::Read(at(0), 1 + i as u16)))
        .collect();
    session.poll(1.0, &mut out);
    let answers = (0..count).map(|i| (4, vec![i as u8; 1 + i])).collect();
    (session, tickets, answers)
}

#[test]
fn a_refusal_of_any_length_and_text_is_shown_without_control_characters() {
    let (mut session, tickets, _) = asked(1);
    let header = Header {
        kind: 4 | ANSWER,
        status: Status::Fault as u8,
        session: 5,
        sequence: 1,
        ..Header::default()
    };
    session.receive(&frame(header, &[0x1b; MAX_PAYLOAD]), 2.0);
    let Some(Err(error)) = session.answer(tickets[0]) else {
        panic!("no error")
    };
    let refused = LinkError::Refused {
        command: 4,
        status: Status::Fault,
        said: String::new(),
    };
    assert_eq!(error, refused);
}
