//! What page and worker say to each other about a board.
//!
//! The worker is the host: it holds the session, and the virtual board where that is the other end. A
//! real board's port belongs to the page, which only carries bytes.

use serde::{Deserialize, Serialize};

use super::Ticket;
use crate::accel::Machine;
use crate::link::answer::{BoardCounters, Capabilities, State};
use crate::link::line::LineSettings;
use crate::link::log::Passed;
use crate::link::run::{Activity, Comparison, StepTime};
use crate::link::session::Statistics;
use crate::link::virtual_board::VirtualSettings;

/// The other end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Destination {
    /// A virtual board in the worker.
    Virtual {
        /// The board.
        board: VirtualSettings,
        /// The line to it.
        line: LineSettings,
    },
    /// A port that the page has opened: it carries the bytes.
    Port {
        /// Its speed, for the time model.
        baud: u32,
    },
    /// The board of a recorded log (one buffer).
    Recorded,
}

/// Where the run on display trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// In the worker.
    #[default]
    Page,
    /// On the board.
    Board {
        /// Steps from one check to the next. With 1 the simulator takes every step too and compares;
        /// with more the parameters are read back after so many.
        check: u32,
    },
}

/// From the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BoardRequest {
    /// Connect; what was connected before is left.
    Connect {
        /// Number of the session, never 0.
        number: u16,
        /// The other end.
        to: Destination,
        /// The machine that a board which takes any machine should be.
        #[serde(with = "crate::json::text")]
        machine: Box<Machine>,
    },
    /// Leave the board.
    Disconnect,
    /// Bytes came through the page's port (one buffer).
    Received,
    /// The page's port is gone.
    Broken {
        /// What happened, for a person.
        message: String,
    },
    /// Where the run trains from now on.
    Place {
        /// There.
        place: Place,
    },
    /// Take one step on the simulator and on the board, and compare every word.
    Verify,
    /// A single command as typed in the console.
    Console {
        /// Repeated in the answer.
        ticket: Ticket,
        /// What was typed.
        text: String,
    },
    /// The virtual board's line from now on.
    Line {
        /// The line.
        line: LineSettings,
    },
    /// The virtual board's cable is pulled, or plugged in again.
    Cable {
        /// Whether it is plugged in.
        plugged: bool,
    },
    /// One bit of one core's master copy flips in the virtual board.
    Upset,
    /// Send the log as a file.
    Log {
        /// Repeated in the answer.
        ticket: Ticket,
    },
}

/// How the connection stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connection {
    /// There is none.
    #[default]
    Off,
    /// The board was asked what it is.
    Opening,
    /// The board has answered.
    Open,
    /// The board was lost: what happened and what to do next.
    Lost {
        /// For a person.
        message: String,
    },
}

/// Whether the run on display fits the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardFit {
    /// Whether it does.
    pub fits: bool,
    /// Bytes it needs for parameters, activations and the optimiser's state, and bytes there are.
    pub memory: (u64, u64),
    /// Bytes of its images, and bytes there are; images that do not fit are sent again when needed.
    pub images: (u64, u64),
    /// What does not fit, in a sentence.
    pub reason: Option<String>,
}

/// Everything the page shows of a board, sent about ten times a second while something changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoardView {
    /// The connection.
    pub connection: Connection,
    /// Where the run trains.
    pub place: Place,
    /// What the board says of itself.
    pub capabilities: Option<Capabilities>,
    /// Its machine.
    #[serde(with = "crate::json::text")]
    pub machine: Option<Box<Machine>>,
    /// Whether the run fits.
    pub fit: Option<BoardFit>,
    /// Its state as it was last told.
    pub state: State,
    /// What the run is doing on it.
    pub activity: Activity,
    /// What went over the line.
    pub statistics: Statistics,
    /// Bits per second that the time model counts with; 0 for a line without a speed.
    pub baud: u32,
    /// The latest steps' times, oldest first; at most 64.
    pub times: Vec<StepTime>,
    /// The last step whose words equal the simulator's or were read back whole, and the checksum of all
    /// parameters then.
    pub verified: Option<(u64, String)>,
    /// The board's counters as they were last read.
    pub counters: BoardCounters,
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BoardEvent {
    /// Bytes for the page's port (one buffer).
    Send,
    /// How things stand.
    View(Box<BoardView>),
    /// Frames that passed since the last such event.
    Frames {
        /// The frames.
        frames: Vec<Passed>,
        /// Frames in between that are only in the log's file.
        skipped: u64,
    },
    /// The comparison asked for.
    Verified(Box<Comparison>),
    /// The run came to a stand on the board without being asked to: why and what to do next.
    Halted {
        /// For a person.
        message: String,
    },
    /// It could not be made: why and what to do next.
    NotVerified {
        /// For a person.
        message: String,
    },
    /// The answer to a command of the console.
    Console {
        /// The page's question.
        ticket: Ticket,
        /// Whether it went wrong.
        fault: bool,
        /// The answer.
        text: String,
    },
    /// The log as a file (one buffer).
    Log {
        /// The page's question.
        ticket: Ticket,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::message::{decode, encode};

    #[test]
    fn a_machine_comes_back_as_it_was_sent() {
        let request = BoardRequest::Connect {
            number: 7,
            to: Destination::Recorded,
            machine: Box::new(Machine::streamlined()),
        };
        let bytes = encode(&request).expect("encodes");
        assert_eq!(decode(&bytes), Ok(request));
        let view = BoardView {
            machine: Some(Box::new(Machine::published())),
            ..BoardView::default()
        };
        let bytes = encode(&view).expect("encodes");
        assert_eq!(decode(&bytes), Ok(view));
    }
}
