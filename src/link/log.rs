//! The frames of a session in the order they passed, for the page, for a file, and for a replay.
//!
//! The file is JSON lines: an object that names the format and its version, then one object for each
//! frame. [`super::recording`] is a board made of such a file.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::frame::{ANSWER, Header, MAX_PAYLOAD};
use crate::json;

/// Frames that a log keeps.
pub const MOST_FRAMES: usize = 20_000;
/// Bytes of payload that a log keeps.
pub const MOST_BYTES: usize = 8 << 20;
/// Most bytes of a log's file.
pub const MOST_FILE: usize = 64 << 20;

const FORMAT: &str = "railyard-board-log";
const VERSION: u32 = 1;

/// A frame that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl Passed {
    /// The payload's bytes; none if they are not written as they must be.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        from_hex(&self.payload)
    }
}

/// Bytes as two lower-case digits each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]));
    digits.collect()
}

/// Bytes of pairs of hexadecimal digits, of which nothing else may be there.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|value| value as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

/// The first line of a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Heading {
    format: String,
    version: u32,
    /// Older frames that the log no longer held.
    dropped: Option<u64>,
}

#[derive(Clone, Debug)]
struct Entry {
    at: f64,
    sent: bool,
    header: Header,
    repeated: bool,
    payload: Box<[u8]>,
}

impl Entry {
    fn shown(&self) -> Passed {
        Passed {
            at: self.at,
            sent: self.sent,
            kind: self.header.kind,
            status: self.header.status,
            session: self.header.session,
            sequence: self.header.sequence,
            repeated: self.repeated,
            payload: hex(&self.payload),
        }
    }
}

/// The newest frames of a session: at most [`MOST_FRAMES`] with [`MOST_BYTES`] of payload.
#[derive(Clone, Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Entries at the end that were not taken yet.
    fresh: usize,
    /// Frames that were dropped before they were taken, since the last taking.
    missed: u64,
    dropped: u64,
}

impl Log {
    /// Keeps a frame.
    pub fn passed(&mut self, at: f64, sent: bool, header: &Header, payload: &[u8], repeated: bool) {
        self.entries.push_back(Entry {
            at: if at.is_finite() { at } else { 0.0 },
            sent,
            header: *header,
            repeated,
            payload: payload.into(),
        });
        self.bytes += payload.len();
        self.fresh += 1;
        while self.entries.len() > MOST_FRAMES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.payload.len();
            self.dropped += 1;
            if self.fresh > self.entries.len() {
                self.fresh = self.entries.len();
                self.missed += 1;
            }
        }
    }

    /// The frames since the last call, oldest first: the newest `most`, and how many there were before
    /// them.
    pub fn take_new(&mut self, most: usize) -> (Vec<Passed>, u64) {
        let taken = self.fresh.min(most);
        let skipped = self.missed + (self.fresh - taken) as u64;
        (self.fresh, self.missed) = (0, 0);
        let newest = self.entries.range(self.entries.len() - taken..);
        (newest.map(Entry::shown).collect(), skipped)
    }

    /// Frames that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Older frames that are no longer kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The log as a file.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let heading = Heading {
            format: FORMAT.into(),
            version: VERSION,
            dropped: Some(self.dropped),
        };
        let mut out = json::write(&heading).into_bytes();
        out.push(b'\n');
        for entry in &self.entries {
            out.extend(json::write(&entry.shown()).into_bytes());
            out.push(b'\n');
        }
        out
    }
}

/// Why a file is no log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogError {
    /// More bytes than a log may have.
    TooLong(usize),
    /// Its first line is not that of a log.
    NotALog,
    /// A log of another version.
    OtherVersion(u32),
    /// A line, counted from 1, that is no frame: what is wrong with it.
    Line(usize, String),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(
                f,
                "the file has {bytes} bytes; a log of a board has at most {} MiB",
                MOST_FILE >> 20
            ),
            Self::NotALog => write!(
                f,
                "the file is no log of a board: its first line must be {{\"format\":\"{FORMAT}\",\"version\":{VERSION}}}"
            ),
            Self::OtherVersion(version) => write!(
                f,
                "the log is of version {version}; version {VERSION} can be read"
            ),
            Self::Line(line, what) => write!(f, "line {line} of the log: {what}"),
        }
    }
}

impl std::error::Error for LogError {}

/// The frames of a file.
///
/// # Errors
/// If it is not one that [`Log::save`] could have written; the line is named.
pub fn read(file: &[u8]) -> Result<Vec<Passed>, LogError> {
    if file.len() > MOST_FILE {
        return Err(LogError::TooLong(file.len()));
    }
    let file = file.strip_suffix(b"\n").unwrap_or(file);
    let mut lines = file.split(|&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let heading: Heading = json::read(first).map_err(|_| LogError::NotALog)?;
    if heading.format != FORMAT {
        return Err(LogError::NotALog);
    }
    if heading.version != VERSION {
        return Err(LogError::OtherVersion(heading.version));
    }
    lines
        .enumerate()
        .map(|(index, line)| frame(line).map_err(|what| LogError::Line(index + 2, what)))
        .collect()
}

fn frame(line: &[u8]) -> Result<Passed, String> {
    let passed: Passed = json::read(line).map_err(|error| {
        // The reader counts lines too, and would say 1 for each.
        let said = error.to_string();
        let what = said
            .split_once(" at line")
            .map_or(said.as_str(), |(what, _)| what);
        format!("not a frame: {what}")
    })?;
    if !passed.at.is_finite() || passed.at < 0.0 {
        return Err("`at` must be milliseconds since the session began, 0 or more".into());
    }
    if passed.sent == (passed.kind & ANSWER != 0) {
        return Err(format!(
            "kind {} is that of {}, and `sent` says otherwise",
            passed.kind,
            if passed.sent {
                "an answer"
            } else {
                "a request"
            }
        ));
    }
    match passed.bytes() {
        None => Err("the payload must be pairs of hexadecimal digits".into()),
        Some(bytes) if bytes.len() > MAX_PAYLOAD => Err(format!(
            "the payload has {} bytes; a frame has at most {MAX_PAYLOAD}",
            bytes.len()
        )),
        Some(_) => Ok(passed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(sequence: u16, answer: bool) -> Header {
        Header {
            kind: 4 | if answer { ANSWER } else { 0 },
            sequence,
            session: 9,
            ..Header::default()
        }
    }

    fn filled(frames: u16, payload: &[u8]) -> Log {
        let mut log = Log::default();
        for sequence in 0..frames {
            let sent = sequence.is_multiple_of(2);
            let at = f64::from(sequence) / 3.0;
            log.passed(at, sent, &header(sequence, !sent), payload, sequence == 5);
        }
        log
    }

    #[test]
    fn a_saved_log_reads_back() {
        let mut log = filled(12, &[0, 1, 0xfe]);
        let saved = log.save();
        let (frames, skipped) = log.take_new(100);
        assert_eq!((frames.len(), skipped), (12, 0));
        assert_eq!(frames[3].payload, "0001fe");
        assert_eq!(frames[3].bytes(), Some(vec![0, 1, 0xfe]));
        assert_eq!(read(&saved), Ok(frames.clone()));
        // Ends of lines as another system may write them.
        let windows = String::from_utf8(saved).unwrap().replace('\n', "\r\n");
        assert_eq!(read(windows.as_bytes()), Ok(frames));
        assert_eq!(read(&Log::default().save()), Ok(vec![]));
    }

    #[test]
    fn frames_are_taken_once_and_the_newest_of_many() {
        let mut log = filled(10, &[7]);
        let (frames, skipped) = log.take_new(4);
        let numbers: Vec<u16> = frames.iter().map(|frame| frame.sequence).collect();
        assert_eq!((numbers, skipped), (vec![6, 7, 8, 9], 6));
        assert_eq!(log.take_new(4), (vec![], 0));
        log.passed(9.0, true, &header(10, false), &[], false);
        assert_eq!(log.take_new(4).0[0].sequence, 10);
        assert_eq!(log.len(), 11);
    }

    #[test]
    fn the_oldest_frames_are_dropped_and_counted() {
        let mut log = filled(MOST_FRAMES as u16 + 5, &[]);
        assert_eq!((log.len(), log.dropped()), (MOST_FRAMES, 5));
        let (frames, skipped) = log.take_new(usize::MAX);
        assert_eq!(
            (frames.len(), frames[0].sequence, skipped),
            (MOST_FRAMES, 5, 5)
        );
        let first = log.save();
        let first = first.split(|&byte| byte == b'\n').next().unwrap();
        assert!(first.ends_with(b"\"dropped\":5}"));

        let log = filled(9_000, &[1; MAX_PAYLOAD]);
        assert_eq!(log.len(), MOST_BYTES / MAX_PAYLOAD);
        assert_eq!(log.dropped(), 9_000 - log.len() as u64);
        assert!(log.save().len() < MOST_FILE);
    }

    #[test]
    fn what_is_no_log_is_refused_with_its_line() {
        let heading = "{\"format\":\"railyard-board-log\",\"version\":1}\n";
        let frame = "{\"at\":1.5,\"sent\":true,\"kind\":4,\"status\":0,\"session\":9,\"sequence\":3,\"repeated\":false,\"payload\":\"00ff\"}\n";
        let said = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            read(format!("{heading}{frame}").as_bytes()).unwrap().len(),
            1
        );
        for text in [
            "",
            "\n",
            "{}",
            "[]",
            "{\"format\":\"x\",\"version\":1}",
            frame,
        ] {
            assert_eq!(read(text.as_bytes()), Err(LogError::NotALog), "{text}");
        }
        assert!(said(&heading.replace(":1}", ":2}")).contains("version 2"));
        let cases = [
            (frame.replace("00ff", "0g"), "hexadecimal"),
            (frame.replace("00ff", "0"), "hexadecimal"),
            (frame.replace("00ff", &"00".repeat(1025)), "1025 bytes"),
            (frame.replace("true", "false"), "a request"),
            (frame.replace(":4,", ":132,"), "an answer"),
            (frame.replace("1.5", "-1"), "0 or more"),
            (frame.replace("1.5", "1e999"), "not a frame"),
            (frame.replace(",\"status\":0", ""), "status"),
            (frame.replace("\"at\"", "\"colour\":1,\"at\""), "colour"),
            (frame.replace(":9,", ":70000,"), "70000"),
            ("\n".into(), "not a frame"),
        ];
        for (line, words) in cases {
            let sentence = said(&format!("{heading}{frame}{line}{frame}"));
            assert!(sentence.starts_with("line 3 of the log"), "{sentence}");
            assert!(sentence.contains(words), "{sentence} lacks {words}");
        }
        assert_eq!(
            read(&vec![b'x'; MOST_FILE + 1]),
            Err(LogError::TooLong(MOST_FILE + 1))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_log_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let mut file = Log::default().save();
            file.extend(bytes);
            let _ = read(&file);
        }

        #[test]
        fn digits_are_bytes_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        }
    }
}
