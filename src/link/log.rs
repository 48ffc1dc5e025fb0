//! The frames of a session in the order they passed, for the page, for a file, and for a replay.

use serde::{Deserialize, Serialize};

/// A frame that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passed {
    /// Milliseconds since the session began.
    pub at: f64,
    /// Whether the host sent it.
    pub sent: bool,
    /// Code of the command, with [`super::frame::ANSWER`] in an answer.
    pub kind: u8,
    /// Status of an answer.
    pub status: u8,
    /// Session.
    pub session: u16,
    /// Sequence number.
    pub sequence: u16,
    /// Whether it was sent before, or is the answer to a frame answered before.
    pub repeated: bool,
    /// The payload in hexadecimal digits.
    pub payload: String,
}
