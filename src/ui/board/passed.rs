//! Frames in words: the table of the log and the text that is copied.

use crate::link::answer::Status;
use crate::link::command::Command;
use crate::link::frame::{ANSWER, HEADER};
use crate::link::log::Passed;

/// Code of the command that is also the heartbeat.
const STATUS: u8 = 9;
/// Bytes of a payload that a row shows.
const SHOWN: usize = 8;

/// Whether a frame is a request for the state, or the answer to one.
#[must_use]
pub fn heartbeat(frame: &Passed) -> bool {
    frame.kind & !ANSWER == STATUS
}

/// A status in a word or two, with what it means; nothing for a request.
#[must_use]
pub fn status(frame: &Passed) -> Option<(&'static str, &'static str)> {
    if frame.kind & ANSWER == 0 {
        return None;
    }
    let Some(status) = Status::of(frame.status) else {
        return Some(("?", "a status of a later version of the protocol"));
    };
    let word = match status {
        Status::Ok => "ok",
        Status::Unknown => "unknown",
        Status::BadLength => "bad length",
        Status::BadRange => "bad range",
        Status::BadValue => "bad value",
        Status::BadState => "bad state",
        Status::BadProgram => "bad program",
        Status::TooLarge => "too large",
        Status::Unsupported => "unsupported",
        Status::NoRoom => "no room",
        Status::NoSession => "no session",
        Status::OtherVersion => "version",
        Status::Missing => "missing",
        Status::Fault => "fault",
    };
    Some((word, status.meaning()))
}

/// Whether a frame tells of something that went wrong.
#[must_use]
pub fn refused(frame: &Passed) -> bool {
    frame.kind & ANSWER != 0 && frame.status != Status::Ok as u8
}

/// Bytes of the payload.
#[must_use]
pub fn length(frame: &Passed) -> usize {
    frame.payload.len() / 2
}

/// The first bytes of the payload: `00 2a ff`, with an ellipsis where there are more.
#[must_use]
pub fn first(frame: &Passed) -> String {
    let digits = frame.payload.as_bytes();
    let mut shown: Vec<&str> = digits
        .chunks(2)
        .take(SHOWN)
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        .collect();
    if digits.len() > 2 * SHOWN {
        shown.push("…");
    }
    shown.join(" ")
}

/// Bytes of a frame on the line: header, payload, checksum, stuffing and delimiter.
fn on_line(payload: usize) -> usize {
    let frame = HEADER + payload + 4;
    frame + frame.div_ceil(254) + 1
}

/// Share of some frames' bytes on the line that is payload sent for the first time; none of none.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a share")]
pub fn payload_share<'a>(frames: impl Iterator<Item = &'a Passed>) -> Option<f64> {
    let (mut payload, mut line) = (0, 0);
    for frame in frames {
        let bytes = length(frame);
        line += on_line(bytes);
        if !frame.repeated {
            payload += bytes;
        }
    }
    (line > 0).then(|| payload as f64 / line as f64)
}

/// Seconds since the session began, with milliseconds.
#[must_use]
pub fn time(frame: &Passed) -> String {
    format!("{:.3}", frame.at / 1e3)
}

/// Frames as text: one a line, fields parted by tabulators, under a line of names.
#[must_use]
pub fn text<'a>(frames: impl Iterator<Item = &'a Passed>) -> String {
    let mut text = String::from("seconds\tfrom\tcommand\tstatus\tsequence\trepeated\tpayload\n");
    for frame in frames {
        let from = if frame.sent { "host" } else { "board" };
        let (said, _) = status(frame).unwrap_or_default();
        let again = if frame.repeated { "again" } else { "" };
        let fields = [
            &time(frame),
            from,
            Command::name(frame.kind),
            said,
            &frame.sequence.to_string(),
            again,
            &frame.payload,
        ];
        text.push_str(&fields.join("\t"));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, status: u8, payload: &str) -> Passed {
        Passed {
            at: 1_234.0,
            sent: kind & ANSWER == 0,
            kind,
            status,
            session: 7,
            sequence: 42,
            repeated: false,
            payload: payload.into(),
        }
    }

    #[test]
    fn a_request_has_no_status_and_an_answer_has_one() {
        assert_eq!(status(&frame(7, 0, "")), None);
        assert_eq!(status(&frame(7 | ANSWER, 0, "")).unwrap().0, "ok");
        assert_eq!(status(&frame(7 | ANSWER, 12, "")).unwrap().0, "missing");
        assert_eq!(status(&frame(7 | ANSWER, 200, "")).unwrap().0, "?");
        assert!(!refused(&frame(7, 0, "")) && refused(&frame(7 | ANSWER, 9, "")));
    }

    #[test]
    fn the_commands_code_is_the_heartbeats() {
        assert_eq!(STATUS, Command::Status(0).kind());
        assert!(heartbeat(&frame(9, 0, "")) && heartbeat(&frame(9 | ANSWER, 0, "")));
        assert!(!heartbeat(&frame(3, 0, "")));
    }

    #[test]
    fn the_first_bytes_stand_apart() {
        assert_eq!(first(&frame(1, 0, "")), "");
        assert_eq!(first(&frame(1, 0, "002aff")), "00 2a ff");
        let long = frame(1, 0, &"0a".repeat(9));
        assert_eq!(first(&long), "0a 0a 0a 0a 0a 0a 0a 0a …");
        assert_eq!(length(&long), 9);
    }

    #[test]
    fn a_share_counts_everything_around_the_payload() {
        use crate::link::frame::{MAX_ENCODED, MAX_PAYLOAD};
        assert_eq!(payload_share([].iter()), None);
        let full = frame(3, 0, &"0a".repeat(MAX_PAYLOAD));
        let again = Passed {
            repeated: true,
            ..full.clone()
        };
        let share = payload_share([full, again].iter()).unwrap();
        assert!((share - MAX_PAYLOAD as f64 / (2 * MAX_ENCODED) as f64).abs() < 1e-12);
    }

    #[test]
    fn the_copied_log_has_a_line_for_each_frame() {
        let frames = [frame(1, 0, ""), frame(1 | ANSWER, 0, "0102")];
        let text = text(frames.iter());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1], "1.234\thost\tidentify\t\t42\t\t");
        assert_eq!(lines[2], "1.234\tboard\tidentify\tok\t42\t\t0102");
    }
}
