//! The host's end: frames in flight, time limits, retries.

use serde::{Deserialize, Serialize};

use super::answer::Status;

/// Number of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket(pub u32);

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkError {
    /// The board answers nothing.
    Silent {
        /// Milliseconds without a frame.
        milliseconds: u32,
    },
    /// It refused the command.
    Refused {
        /// Code of the command.
        command: u8,
        /// Its status.
        status: Status,
        /// Its sentence, if it gave one.
        said: String,
    },
    /// It was reset: its memory is lost.
    Reset,
    /// Its answer is not of the form it must have.
    Garbled {
        /// Code of the command.
        command: u8,
    },
    /// It speaks another version of the protocol.
    Version(u8),
    /// The request was taken back.
    Cancelled,
    /// The way to the board is gone.
    Closed(String),
}

/// What went over the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Bytes sent, with everything around the payload.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
    /// Frames sent for the first time.
    pub frames: u64,
    /// Frames sent again.
    pub repeated: u64,
    /// Answers received whole.
    pub answers: u64,
    /// Stretches between delimiters that were no frames.
    pub damaged: u64,
    /// Time from sending a frame to its answer in milliseconds, smoothed; 0 before the first.
    pub round_trip: f64,
}
