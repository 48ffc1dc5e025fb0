//! Why a request was not answered as asked, and what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::answer::Status;
use super::command::Command;
use super::frame::VERSION;

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
    /// The session holds as many requests as it can.
    Full,
    /// The way to the board is gone: what happened and what to do next.
    Closed(String),
}

/// What to do about a refusal.
fn advice(status: Status) -> &'static str {
    match status {
        Status::Ok | Status::Missing | Status::NoSession => "connect again",
        Status::Unknown | Status::BadLength | Status::OtherVersion => {
            "update the board's build or this program, so that both follow the same docs/PROTOCOL.md"
        }
        Status::BadRange | Status::BadState => "configure the board for this run, then try again",
        Status::BadValue => "correct the number, then try again",
        Status::BadProgram => "send the run to the board again",
        Status::TooLarge => "choose lower ranks, a smaller batch or a board with more memory",
        Status::Unsupported => "choose formats and a machine that the board has, or update it",
        Status::NoRoom => "wait until it has taken a step, then try again",
        Status::Fault => "reset the board, then connect again",
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { milliseconds } => write!(
                f,
                "the board has answered nothing for {milliseconds} ms: check its cable and its power, that \
                 no other program uses the port, and that both ends have the same baud rate, then \
                 connect again"
            ),
            Self::Refused {
                command,
                status,
                said,
            } => {
                let name = Command::name(*command);
                write!(f, "the board refused `{name}`: {}", status.meaning())?;
                if !said.is_empty() {
                    write!(f, " ({})", said.trim_end_matches('.'))?;
                }
                write!(f, "; {}", advice(*status))
            }
            Self::Reset => f.write_str(
                "the board was reset and its memory is lost: connect again, and training goes on from the \
                 last verified checkpoint; if it happens again, check the board's power",
            ),
            Self::Garbled { command } => write!(
                f,
                "the board's answer to `{}` is not of the form that version {VERSION} of the protocol \
                 gives it: update the board's build or this program",
                Command::name(*command)
            ),
            Self::Version(version) => {
                let older = if *version < VERSION {
                    "the board's build"
                } else {
                    "this program"
                };
                write!(
                    f,
                    "the board speaks version {version} of the protocol and this program version \
                     {VERSION}: update {older}"
                )
            }
            Self::Cancelled => {
                f.write_str("the request was taken back; ask again if it is still wanted")
            }
            Self::Full => f.write_str(
                "too many requests wait for the board: take the answers that have come, then ask again",
            ),
            Self::Closed(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for LinkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_happened_and_what_to_do_next() {
        let mut errors = vec![
            (
                LinkError::Silent { milliseconds: 803 },
                "803 ms",
                "check its cable",
            ),
            (LinkError::Reset, "its memory is lost", "connect again"),
            (LinkError::Garbled { command: 1 }, "`identify`", "update"),
            (
                LinkError::Version(0),
                "version 0",
                "update the board's build",
            ),
            (LinkError::Version(2), "version 2", "update this program"),
            (LinkError::Cancelled, "taken back", "ask again"),
            (LinkError::Full, "too many", "take the answers"),
            (
                LinkError::Closed("unplugged: plug it in".into()),
                "unplugged",
                "plug it in",
            ),
        ];
        for status in Status::ALL {
            let refused = LinkError::Refused {
                command: 6,
                status,
                said: "because.".into(),
            };
            errors.push((refused, "refused `load`: ", " (because); "));
        }
        for (error, happened, next) in errors {
            let text = error.to_string();
            let (begin, rest) = text
                .split_once(happened)
                .unwrap_or_else(|| panic!("{text}"));
            assert!(rest.contains(next), "{text}");
            assert!(!begin.contains("  ") && !rest.contains("  "), "{text}");
            assert!(!text.ends_with('.'), "{text}");
        }
    }
}
