//! What the page holds of a board: the worker's last word on it, frames, a comparison, the console's
//! lines, and its own port.

use std::cell::{Ref, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::link::line::LineSettings;
use crate::link::log::Passed;
use crate::link::run::Comparison;
use crate::link::virtual_board::VirtualSettings;
use crate::worker::message::board::{BoardEvent, BoardView, Connection};

/// Frames that are kept for the list.
pub const MOST_FRAMES: usize = 2_000;
/// Lines of the console that are kept.
pub const MOST_LINES: usize = 200;
/// Speeds of a serial port that are offered, the first one first chosen.
pub const SPEEDS: [u32; 4] = [1_000_000, 3_000_000, 460_800, 115_200];

/// Why the browser gives no serial ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has no Web Serial.
    Missing,
    /// The page came over a connection that is not secure.
    Insecure,
}

impl Why {
    /// For a person: what is the matter and what can be done.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Missing => {
                "This browser has no Web Serial, so it cannot reach a board. Chromium, Chrome and Edge on a desktop have it, and so do newer versions of Firefox; the virtual board works in every browser."
            }
            Self::Insecure => {
                "The browser gives serial ports to secure pages only: open this page over https or from localhost. The virtual board works here."
            }
        }
    }
}

/// The page's serial port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PortState {
    /// There can be none.
    Missing(Why),
    /// None is open.
    #[default]
    Closed,
    /// The browser's list of ports is open.
    Picking,
    /// The list was closed without a choice.
    Dismissed,
    /// A port is being opened.
    Opening,
    /// A port is open.
    Open,
    /// It is gone: what happened.
    Gone(String),
}

/// What the present, or the last, connection leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Other {
    /// Nothing yet.
    #[default]
    Nothing,
    /// The virtual board.
    Virtual,
    /// A board at a port.
    Port,
    /// The board of a log.
    Recorded,
}

/// A line of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Number of the question.
    pub ticket: u32,
    /// What was typed.
    pub asked: String,
    /// The answer and whether it went wrong; none while it is awaited.
    pub answer: Option<(bool, String)>,
}

/// Frames that passed. Shared and appended to, so equality is that of place and revision.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    list: Rc<RefCell<VecDeque<Passed>>>,
    /// Frames that are only in the log's file.
    skipped: u64,
    revision: u64,
}

impl PartialEq for Frames {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.list, &other.list) && self.revision == other.revision
    }
}

impl Frames {
    /// The latest frames, oldest first; at most [`MOST_FRAMES`].
    #[must_use]
    pub fn list(&self) -> Ref<'_, VecDeque<Passed>> {
        self.list.borrow()
    }

    /// Frames that passed and are not in the list.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn take_in(&mut self, frames: Vec<Passed>, skipped: u64) {
        let mut list = self.list.borrow_mut();
        list.extend(frames);
        let over = list.len().saturating_sub(MOST_FRAMES);
        list.drain(..over);
        self.skipped += skipped + over as u64;
        self.revision += 1;
    }
}

/// Everything the Board tab shows.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardState {
    /// How things stand, as the worker told last.
    pub view: Rc<BoardView>,
    /// What the connection leads to.
    pub other: Other,
    /// The latest frames.
    pub frames: Frames,
    /// The last comparison.
    pub comparison: Option<Rc<Comparison>>,
    /// Whether a comparison is under way.
    pub verifying: bool,
    /// Lines of the console, oldest first; at most [`MOST_LINES`].
    pub console: Vec<Exchange>,
    /// The page's port.
    pub port: PortState,
    /// Whether the browser lets the page open a port again without asking.
    pub known_port: bool,
    /// Speed at which a port is opened.
    pub baud: u32,
    /// Steps from one check of a run on the board to the next.
    pub check: u32,
    /// The virtual board, as it is or will be connected.
    pub board: VirtualSettings,
    /// The line to it.
    pub line: LineSettings,
    /// Whether its cable is plugged in.
    pub plugged: bool,
}

impl Default for BoardState {
    fn default() -> Self {
        Self {
            view: Rc::default(),
            other: Other::Nothing,
            frames: Frames::default(),
            comparison: None,
            verifying: false,
            console: vec![],
            port: PortState::Closed,
            known_port: false,
            baud: SPEEDS[0],
            check: 1,
            board: VirtualSettings::default(),
            line: LineSettings::default(),
            plugged: true,
        }
    }
}

impl BoardState {
    /// Whether a board has answered and is not lost.
    #[must_use]
    pub fn open(&self) -> bool {
        self.view.connection == Connection::Open
    }

    /// Whether there is a session, or is about to be one.
    #[must_use]
    pub fn connected(&self) -> bool {
        matches!(self.view.connection, Connection::Open | Connection::Opening)
    }

    /// A new connection: what was seen of the one before is forgotten, but for the console.
    pub fn begin(&mut self, other: Other) {
        self.other = other;
        self.frames = Frames::default();
        self.comparison = None;
        self.verifying = false;
        self.plugged = true;
    }

    /// A question was typed.
    pub fn ask(&mut self, ticket: u32, asked: String) {
        self.console.push(Exchange {
            ticket,
            asked,
            answer: None,
        });
        let over = self.console.len().saturating_sub(MOST_LINES);
        self.console.drain(..over);
    }

    /// The worker, and with it the session, is gone.
    pub fn forget(&mut self) {
        self.view = Rc::default();
        self.verifying = false;
        self.plugged = true;
        for exchange in &mut self.console {
            exchange
                .answer
                .get_or_insert((true, "The training worker stopped.".into()));
        }
    }

    /// Takes in what the worker said. Gives a sentence for the visitor, if there is one.
    pub fn apply(&mut self, event: BoardEvent) -> Option<String> {
        match event {
            BoardEvent::View(view) => {
                let was = std::mem::replace(&mut self.view, Rc::new(*view));
                if !self.connected() {
                    self.verifying = false;
                }
                if let Connection::Lost { message } = &self.view.connection
                    && was.connection != self.view.connection
                {
                    return Some(message.clone());
                }
            }
            BoardEvent::Frames { frames, skipped } => self.frames.take_in(frames, skipped),
            BoardEvent::Verified(comparison) => {
                self.verifying = false;
                self.comparison = Some(Rc::new(*comparison));
            }
            BoardEvent::Halted { message } => return Some(message),
            BoardEvent::NotVerified { message } => {
                self.verifying = false;
                return Some(message);
            }
            BoardEvent::Console {
                ticket,
                fault,
                text,
            } => {
                let asked = self.console.iter_mut().find(|e| e.ticket == ticket.0);
                if let Some(exchange) = asked {
                    exchange.answer = Some((fault, text));
                }
            }
            BoardEvent::Send | BoardEvent::Log { .. } => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::message::Ticket;

    fn frame(sequence: u16) -> Passed {
        Passed {
            at: 0.0,
            sent: true,
            kind: 1,
            status: 0,
            session: 1,
            sequence,
            repeated: false,
            payload: String::new(),
        }
    }

    #[test]
    fn the_latest_frames_are_kept_and_the_others_counted() {
        let mut board = BoardState::default();
        for first in [0, 1_500] {
            let frames = (first..first + 1_500).map(frame).collect();
            board.apply(BoardEvent::Frames { frames, skipped: 7 });
        }
        assert_eq!(board.frames.list().len(), MOST_FRAMES);
        assert_eq!(board.frames.list()[0].sequence, 1_000);
        assert_eq!(board.frames.skipped(), 1_014);
    }

    #[test]
    fn a_lost_board_is_told_once() {
        let mut board = BoardState::default();
        let lost = BoardView {
            connection: Connection::Lost {
                message: "gone".into(),
            },
            ..BoardView::default()
        };
        let view = || BoardEvent::View(Box::new(lost.clone()));
        assert_eq!(board.apply(view()), Some("gone".into()));
        assert_eq!(board.apply(view()), None);
    }

    #[test]
    fn an_answer_finds_its_question_and_a_dead_worker_answers_none() {
        let mut board = BoardState::default();
        board.ask(1, "status".into());
        board.ask(2, "counters".into());
        board.apply(BoardEvent::Console {
            ticket: Ticket(2),
            fault: false,
            text: "12".into(),
        });
        assert_eq!(board.console[1].answer, Some((false, "12".into())));
        assert_eq!(board.console[0].answer, None);
        board.forget();
        assert!(matches!(board.console[0].answer, Some((true, _))));
    }
}
