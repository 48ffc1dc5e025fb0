//! A single loss, frame by frame: what the host sends again, and when.

use railyard::link::command::Command;
use railyard::link::responder::Responder;
use railyard::link::session::{Limits, Session, Ticket};

use crate::memory::{Memory, at};

/// Both ends without a line between them: the test carries the frames.
struct Ends {
    session: Session,
    responder: Responder,
    board: Memory,
}

fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    let pieces = bytes.split_inclusive(|&byte| byte == 0);
    // The zeros before repeated frames are no frames.
    pieces.filter(|p| p.len() > 1).map(<[u8]>::to_vec).collect()
}

impl Ends {
    fn opened() -> Self {
        let mut ends = Self {
            session: Session::new(3, Limits::default()),
            responder: Responder::new(),
            board: Memory::default(),
        };
        let asked = ends.asked(0.0);
        let told = ends.told(&asked);
        ends.session.receive(&told.concat(), 0.0);
        assert!(ends.session.capabilities().is_some());
        ends
    }

    /// Reads so many bytes: the n-th reads n.
    fn read(&mut self, count: u16) -> Vec<Ticket> {
        (1..=count)
            .map(|len| self.session.submit(&Command::Read(at(0), len)))
            .collect()
    }

    /// What the host sends now.
    fn asked(&mut self, now: f64) -> Vec<Vec<u8>> {
        let mut out = vec![];
        self.session.poll(now, &mut out);
        frames(&out)
    }

    /// What the board answers.
    fn told(&mut self, asked: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut out = vec![];
        self.responder
            .push(&asked.concat(), 0.0, &mut self.board, |answer| {
                out.push(answer.to_vec());
            });
        out
    }

    fn all_answered(&mut self, tickets: &[Ticket]) {
        for (i, &ticket) in tickets.iter().enumerate() {
            assert_eq!(self.session.answer(ticket), Some(Ok(vec![0; i + 1])));
        }
        // Identify, and every read once.
        assert_eq!(self.board.executed, tickets.len() as u64 + 1);
    }
}

#[test]
fn a_frame_that_the_board_misses_is_sent_again_at_once() {
    let mut ends = Ends::opened();
    let tickets = ends.read(4);
    let mut asked = ends.asked(10.0);
    let lost = asked.remove(1);
    let told = ends.told(&asked);
    // The first answer, and one that says what is missing.
    assert_eq!(told.len(), 2);
    ends.session.receive(&told.concat(), 12.0);
    assert_eq!(ends.session.due(), Some(12.0));
    let again = ends.asked(12.0);
    assert_eq!(again, [lost]);
    let told = ends.told(&again);
    ends.session.receive(&told.concat(), 14.0);
    ends.all_answered(&tickets);
}

#[test]
fn a_frame_whose_answer_is_overtaken_is_sent_again_at_once() {
    let mut ends = Ends::opened();
    let tickets = ends.read(4);
    let asked = ends.asked(10.0);
    let mut told = ends.told(&asked);
    told.remove(1);
    ends.session.receive(&told.concat(), 12.0);
    let again = ends.asked(12.0);
    assert_eq!(again, [asked[1].clone()]);
    // It is answered from memory.
    let told = ends.told(&again);
    ends.session.receive(&told.concat(), 14.0);
    ends.all_answered(&tickets);
    assert_eq!(ends.responder.wire().repeated, 1);
}

#[test]
fn the_last_frame_is_sent_again_when_its_time_is_over() {
    let mut ends = Ends::opened();
    let tickets = ends.read(1);
    ends.asked(10.0);
    assert_eq!(ends.session.due(), Some(260.0));
    assert!(ends.asked(259.9).is_empty());
    let again = ends.asked(260.0);
    let told = ends.told(&again);
    // Both answers of one that comes twice: the second is not counted.
    let twice = [told.concat(), told.concat()].concat();
    ends.session.receive(&twice, 261.0);
    ends.all_answered(&tickets);
    assert_eq!(ends.session.statistics().repeated, 1);
}

#[test]
fn the_window_is_never_wider_than_the_board_allows() {
    let mut ends = Ends::opened();
    let tickets = ends.read(30);
    let asked = ends.asked(10.0);
    assert_eq!(asked.len(), 8);
    // All answers but the first: the window does not move beyond the unanswered frame.
    let told = ends.told(&asked);
    ends.session.receive(&told[1..].concat(), 11.0);
    assert_eq!(ends.asked(11.0), [asked[0].clone()]);
    ends.session.receive(&told[0], 12.0);
    let asked = ends.asked(12.0);
    assert_eq!(asked.len(), 8);
    let told = ends.told(&asked);
    ends.session.receive(&told.concat(), 13.0);
    let asked = ends.asked(13.0);
    let told = ends.told(&asked);
    ends.session.receive(&told.concat(), 14.0);
    let asked = ends.asked(14.0);
    assert_eq!(asked.len(), 6);
    let told = ends.told(&asked);
    ends.session.receive(&told.concat(), 15.0);
    ends.all_answered(&tickets);
}
