//! The conversations in `docs/vectors`: made anew here and compared with the files, and the files
//! played into the board's end. `docs/vectors/README.md` describes both and the board behind the link.
//!
//! The host's frames are put together here from the table of the protocol, with another crate's
//! stuffing, and each conversation says what the answers are, so that the files do not merely repeat
//! what the code does.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use railyard::link::answer::{BoardCounters, Capabilities, State, Status};
use railyard::link::command::{Address, Command, Space};
use railyard::link::device::{Device, Reply, Wire};
use railyard::link::frame::Header;
use railyard::link::log::{from_hex, hex};
use railyard::link::responder::Responder;

const FILES: [&str; 6] = ["handshake", "memory", "order", "damage", "refusals", "wrap"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/vectors")
}

/// The board behind the link.
struct Reference([u8; 256]);

impl Reference {
    fn range(&mut self, at: &Address, len: usize) -> Result<&mut [u8], Status> {
        let offset = at.offset as usize;
        if at.space != Space::Images || at.index != 0 {
            return Err(Status::BadRange);
        }
        let range = offset..offset.checked_add(len).ok_or(Status::BadRange)?;
        self.0.get_mut(range).ok_or(Status::BadRange)
    }

    fn answer(
        &mut self,
        command: &Command<'_>,
        wire: Wire,
        reply: &mut Reply<'_>,
    ) -> Result<(), Status> {
        match command {
            Command::Identify => Capabilities {
                boot: 1,
                clock: 100_000_000,
                array: [16, 16],
                window: 8,
                orders: 2,
                widths: [[2, 8], [4, 8], [4, 16], [2, 16]],
                any_machine: false,
                memory: 256,
                images: 256,
                program: 0,
                device: "reference".into(),
                build: "vectors 1".into(),
            }
            .write(reply),
            Command::Write(at, data) => self.range(at, data.len())?.copy_from_slice(data),
            Command::Read(at, len) => {
                reply.put(self.range(at, usize::from(*len))?);
            }
            Command::Checksum(at, len) => {
                let crc = crc32fast::hash(self.range(at, *len as usize)?);
                reply.put(&crc.to_le_bytes());
            }
            Command::Status(_) => State::default().write(reply),
            Command::Counters => BoardCounters {
                frames: wire.frames,
                damaged: wire.damaged,
                repeated: wire.repeated,
                ..BoardCounters::default()
            }
            .write(reply),
            Command::Reset => self.0 = [0; 256],
            Command::Run(_) | Command::Pause => return Err(Status::BadState),
            Command::Configure(_) | Command::Load { .. } => return Err(Status::Unsupported),
        }
        Ok(())
    }
}

impl Device for Reference {
    fn execute(
        &mut self,
        command: &Command<'_>,
        wire: Wire,
        _now: f64,
        reply: &mut Reply<'_>,
    ) -> Status {
        match self.answer(command, wire, reply) {
            Ok(()) => Status::Ok,
            Err(status) => status,
        }
    }
}

/// A board that has just got its power.
struct Board {
    responder: Responder,
    device: Reference,
}

impl Board {
    fn new() -> Self {
        Self {
            responder: Responder::new(),
            device: Reference([0; 256]),
        }
    }

    /// The frames it sends on these bytes.
    fn hears(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut sent = vec![];
        let send = |frame: &[u8]| sent.push(frame.to_vec());
        self.responder.push(bytes, 0.0, &mut self.device, send);
        sent
    }
}

/// A frame before it is stuffed, by the table of the protocol.
fn plain(header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, header.kind, header.status, header.credits];
    frame.extend(header.session.to_le_bytes());
    frame.extend(header.sequence.to_le_bytes());
    frame.extend((payload.len() as u16).to_le_bytes());
    frame.extend(payload);
    summed(frame)
}

fn summed(mut frame: Vec<u8>) -> Vec<u8> {
    frame.extend(crc32fast::hash(&frame).to_le_bytes());
    frame
}

fn stuffed(frame: &[u8]) -> Vec<u8> {
    let mut bytes = cobs::encode_vec(frame);
    bytes.push(0);
    bytes
}

/// Sequence number, status and payload of an answer.
type Answer = (u16, Status, Vec<u8>);

fn read_answer(bytes: &[u8]) -> Answer {
    let (&end, stuffed) = bytes.split_last().expect("a frame");
    assert_eq!(end, 0);
    let frame = cobs::decode_vec(stuffed).expect("stuffed bytes");
    let (body, crc) = frame.split_at(frame.len() - 4);
    assert_eq!(crc32fast::hash(body).to_le_bytes(), crc);
    assert_eq!((body[0], body[1] & 0x80), (1, 0x80), "version, an answer");
    let word = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
    assert_eq!(usize::from(word(8)), body.len() - 10);
    let status = Status::of(body[2]).expect("a status");
    (word(6), status, body[10..].to_vec())
}

const AT: Address = Address {
    space: Space::Images,
    index: 0,
    offset: 0,
};

fn at(offset: u32) -> Address {
    Address { offset, ..AT }
}

/// A conversation that is being written down.
struct Script {
    board: Board,
    session: u16,
    text: String,
}

impl Script {
    fn new(about: &str, session: u16) -> Self {
        Self {
            board: Board::new(),
            session,
            text: format!("# {about}\n"),
        }
    }

    fn say(&mut self, comment: &str) {
        let _ = write!(self.text, "\n# {comment}\n");
    }

    fn frame(&self, sequence: u16, command: &Command<'_>) -> Vec<u8> {
        let header = Header {
            kind: command.kind(),
            session: self.session,
            sequence,
            ..Header::default()
        };
        plain(&header, &command.payload())
    }

    /// Sends bytes; the answers must be these.
    fn bytes(&mut self, bytes: &[u8], answers: &[(u16, Status)]) -> Vec<Vec<u8>> {
        let _ = writeln!(self.text, "> {}", hex(bytes));
        let sent = self.board.hears(bytes);
        for frame in &sent {
            let _ = writeln!(self.text, "< {}", hex(frame));
        }
        let found: Vec<Answer> = sent.iter().map(|frame| read_answer(frame)).collect();
        let heads: Vec<(u16, Status)> = found.iter().map(|found| (found.0, found.1)).collect();
        assert_eq!(heads, answers, "after\n{}", self.text);
        found.into_iter().map(|found| found.2).collect()
    }

    fn send(
        &mut self,
        sequence: u16,
        command: &Command<'_>,
        answers: &[(u16, Status)],
    ) -> Vec<Vec<u8>> {
        let bytes = stuffed(&self.frame(sequence, command));
        self.bytes(&bytes, answers)
    }

    /// Sends a command that is answered at once with Ok.
    fn ask(&mut self, sequence: u16, command: &Command<'_>) -> Vec<u8> {
        let answers = self.send(sequence, command, &[(sequence, Status::Ok)]);
        answers.concat()
    }
}

use Status::{
    BadLength, BadRange, BadState, BadValue, Missing, NoSession, Ok as Done, OtherVersion, Unknown,
    Unsupported,
};

fn handshake() -> String {
    let mut script = Script::new("Opening sessions.", 0x1234);
    script.say("Before a session every request is answered with status 10.");
    script.send(5, &Command::Status(0), &[(5, NoSession)]);
    script.say("Session 0 is none, even for identify.");
    script.session = 0;
    script.send(0, &Command::Identify, &[(0, NoSession)]);
    script.say("Identify opens a session at its own sequence number.");
    script.session = 0x1234;
    assert_eq!(script.ask(100, &Command::Identify).len(), 88);
    script.ask(101, &Command::Status(0));
    script.say(
        "Identify again with the same number: the same answer again, and nothing is forgotten.",
    );
    script.ask(100, &Command::Identify);
    script.ask(102, &Command::Write(AT, &[0xaa, 0xbb]));
    script.say("Identify as a further request of the same session.");
    script.ask(103, &Command::Identify);
    script.say("Another session: the window is emptied, the memory stays.");
    script.session = 0x4321;
    script.ask(7, &Command::Identify);
    assert_eq!(script.ask(8, &Command::Read(AT, 2)), [0xaa, 0xbb]);
    script.say("The first session is no longer known.");
    script.session = 0x1234;
    script.send(104, &Command::Read(AT, 2), &[(104, NoSession)]);
    script.text
}

fn memory() -> String {
    let mut script = Script::new("Writing, reading and checking memory.", 9);
    script.ask(0, &Command::Identify);
    let mut sequence = 0;
    let mut next = || {
        sequence += 1;
        sequence
    };
    script.say("All 256 bytes are zero.");
    assert_eq!(script.ask(next(), &Command::Read(AT, 256)), [0; 256]);
    let crc = script.ask(next(), &Command::Checksum(AT, 256));
    assert_eq!(crc, 0x0d96_8558_u32.to_le_bytes());
    script.say("CRC-32 of the digits 1 to 9 is cbf43926.");
    script.ask(next(), &Command::Write(at(16), b"123456789"));
    let crc = script.ask(next(), &Command::Checksum(at(16), 9));
    assert_eq!(crc, 0xcbf4_3926_u32.to_le_bytes());
    assert_eq!(
        script.ask(next(), &Command::Read(at(15), 11)),
        b"\0123456789\0"
    );
    script.say("Data without zeros around the length of a stuffed block, 254.");
    for len in [233, 234, 235, 252, 253, 254, 255, 256] {
        let data: Vec<u8> = (0..len).map(|i| (i % 255) as u8 + 1).collect();
        script.ask(next(), &Command::Write(AT, &data));
        assert_eq!(script.ask(next(), &Command::Read(AT, len)), data);
    }
    script.say("Zeros, alone and among others.");
    script.ask(next(), &Command::Write(AT, &[0; 256]));
    script.ask(next(), &Command::Write(at(3), &[1, 0, 0, 2, 255, 0]));
    assert_eq!(
        script.ask(next(), &Command::Read(at(2), 8)),
        [0, 1, 0, 0, 2, 255, 0, 0]
    );
    script.say("Nothing is written or read at the very end.");
    script.ask(next(), &Command::Write(at(256), &[]));
    assert!(script.ask(next(), &Command::Read(at(256), 0)).is_empty());
    assert_eq!(script.ask(next(), &Command::Checksum(at(256), 0)), [0; 4]);
    script.say("Reset makes all zero; the session goes on.");
    assert!(script.ask(next(), &Command::Reset).is_empty());
    let crc = script.ask(next(), &Command::Checksum(AT, 256));
    assert_eq!(crc, 0x0d96_8558_u32.to_le_bytes());
    script.text
}

fn order() -> String {
    let mut script = Script::new(
        "Frames out of order, twice, and outside the window.",
        0x0100,
    );
    script.ask(40, &Command::Identify);
    script.say(
        "41 is missing: 42 and 43 wait, and the gap is told once. Then all three are answered.",
    );
    script.send(42, &Command::Write(AT, &[42]), &[(41, Missing)]);
    script.send(43, &Command::Read(AT, 1), &[]);
    let answers = script.send(
        41,
        &Command::Write(AT, &[41]),
        &[(41, Done), (42, Done), (43, Done)],
    );
    assert_eq!(answers[2], [42], "42 was carried out after 41");
    script.say("Answered frames again: the same answers, and nothing is carried out again.");
    script.ask(44, &Command::Write(AT, &[44]));
    assert_eq!(script.ask(43, &Command::Read(AT, 1)), [42]);
    script.ask(42, &Command::Write(AT, &[42]));
    assert_eq!(script.ask(45, &Command::Read(AT, 1)), [44]);
    script.say("A number that was answered, with another payload: the first answer again.");
    script.ask(44, &Command::Write(AT, &[99]));
    assert_eq!(script.ask(46, &Command::Read(AT, 1)), [44]);
    script.say("A waiting frame twice, and one that waits behind another gap.");
    script.send(48, &Command::Read(AT, 1), &[(47, Missing)]);
    script.send(48, &Command::Read(AT, 1), &[]);
    script.send(50, &Command::Read(AT, 2), &[]);
    script.send(
        47,
        &Command::Write(AT, &[47]),
        &[(47, Done), (48, Done), (49, Missing)],
    );
    script.send(49, &Command::Write(at(1), &[49]), &[(49, Done), (50, Done)]);
    script.say("The whole window in reverse order: 58 to 51.");
    script.send(58, &Command::Read(AT, 8), &[(51, Missing)]);
    for sequence in (52..58).rev() {
        let write = [sequence as u8];
        script.send(
            sequence,
            &Command::Write(at(u32::from(sequence) - 51), &write),
            &[],
        );
    }
    let all: Vec<(u16, Status)> = (51..=58).map(|sequence| (sequence, Done)).collect();
    let answers = script.send(51, &Command::Write(AT, &[51]), &all);
    assert_eq!(answers[7][..7], [51, 52, 53, 54, 55, 56, 57]);
    script.say("Eight ahead is outside the window: dropped. Seven ahead is inside: it waits.");
    script.send(59 + 8, &Command::Write(AT, &[1]), &[]);
    script.send(59 + 7, &Command::Read(AT, 1), &[(59, Missing)]);
    script
        .say("Eight back is answered again; nine back is dropped, and so is half the circle away.");
    script.send(51, &Command::Write(AT, &[51]), &[(51, Done)]);
    script.send(50, &Command::Read(AT, 2), &[]);
    script.send(59 + 0x8000, &Command::Read(AT, 2), &[]);
    script.say("66 waits on: after each answer the next gap is told.");
    for sequence in 59..65 {
        let told = [(sequence, Done), (sequence + 1, Missing)];
        script.send(sequence, &Command::Status(0), &told);
    }
    script.send(65, &Command::Status(0), &[(65, Done), (66, Done)]);
    script.say("Several frames at once, and a frame in two parts.");
    let both = [
        stuffed(&script.frame(67, &Command::Write(AT, &[67]))),
        stuffed(&script.frame(68, &Command::Read(AT, 1))),
    ]
    .concat();
    script.bytes(&both, &[(67, Done), (68, Done)]);
    let split = stuffed(&script.frame(69, &Command::Read(AT, 1)));
    script.bytes(&split[..7], &[]);
    script.bytes(&split[7..], &[(69, Done)]);
    script.text
}

fn damage() -> String {
    let mut script = Script::new("What is no frame, and the frame after it.", 0xffff);
    script.ask(0, &Command::Identify);
    let whole =
        |script: &Script, sequence: u16| script.frame(sequence, &Command::Write(AT, &[1, 2, 3, 4]));
    script.say("Empty stretches are nothing.");
    script.bytes(&[0, 0, 0], &[]);
    script.say("One bit of the payload differs; then the frame as it should be.");
    let mut flipped = whole(&script, 1);
    flipped[12] ^= 0x10;
    script.bytes(&stuffed(&flipped), &[]);
    script.ask(1, &Command::Write(AT, &[1, 2, 3, 4]));
    script.say("One bit of the checksum differs.");
    let mut flipped = whole(&script, 2);
    *flipped.last_mut().unwrap() ^= 1;
    script.bytes(&stuffed(&flipped), &[]);
    script.say("A byte on the line became 0: two stretches, neither a frame.");
    let mut cut = stuffed(&whole(&script, 2));
    let place = cut.len() / 2;
    cut[place] = 0;
    script.bytes(&cut, &[]);
    script.say("The end is lost: the rest runs into the next frame, which is lost with it, and comes again.");
    let cut = stuffed(&whole(&script, 2));
    let next = stuffed(&script.frame(2, &Command::Read(AT, 4)));
    script.bytes(&[&cut[..9], &next].concat(), &[]);
    assert_eq!(script.ask(2, &Command::Read(AT, 4)), [1, 2, 3, 4]);
    script.say("Too short for a frame.");
    script.bytes(&[1, 0], &[]);
    script.bytes(&stuffed(&summed(vec![1, 1, 0, 0, 255, 255, 3, 0, 0])), &[]);
    script.say(
        "A header that tells another length than that of the payload, with the right checksum.",
    );
    for told in [3_u16, 5, 0xffff] {
        let mut frame = whole(&script, 3);
        frame.truncate(frame.len() - 4);
        frame[8..10].copy_from_slice(&told.to_le_bytes());
        script.bytes(&stuffed(&summed(frame)), &[]);
    }
    script.say("A payload of 1025 bytes, and a stretch of 3000 bytes that never ends in between.");
    let header = Header {
        kind: 3,
        session: 0xffff,
        sequence: 3,
        ..Header::default()
    };
    script.bytes(&stuffed(&plain(&header, &[7; 1025])), &[]);
    script.bytes(&[&[0x55; 3000][..], &[0]].concat(), &[]);
    script.say("The longest write, 1016 bytes of data: a frame, though not for this memory.");
    script.send(3, &Command::Write(AT, &[8; 1016]), &[(3, BadRange)]);
    script.say("Garbage before a frame costs that frame; with a zero in between it does not.");
    let next = stuffed(&script.frame(4, &Command::Read(AT, 4)));
    script.bytes(&[&[0x11, 0x22, 0x33][..], &next].concat(), &[]);
    script.bytes(&[&[0x11, 0x22, 0x33, 0][..], &next].concat(), &[(4, Done)]);
    script.say("Frames received whole, damaged stretches, requests answered again.");
    let counters = script.ask(5, &Command::Counters);
    let counters = BoardCounters::read(&counters).unwrap();
    // Whole: 0 to 5. Damaged: the payload, the checksum, the two parts, the lost end, the two short
    // ones, the three lengths, the two long ones, and the two stretches of garbage.
    let expected = (6, 1 + 1 + 2 + 1 + 2 + 3 + 2 + 2, 0);
    assert_eq!(
        (counters.frames, counters.damaged, counters.repeated),
        expected
    );
    script.text
}

fn refusals() -> String {
    let mut script = Script::new(
        "Requests that are refused; the sequence goes on after each.",
        77,
    );
    script.ask(0, &Command::Identify);
    let raw = |script: &mut Script, sequence: u16, kind: u8, payload: &[u8], status: Status| {
        let header = Header {
            kind,
            session: script.session,
            sequence,
            ..Header::default()
        };
        let bytes = stuffed(&plain(&header, payload));
        script.bytes(&bytes, &[(sequence, status)]);
    };
    script.say("No such command: 0, 12, 127.");
    for (sequence, kind) in [(1, 0), (2, 12), (3, 127)] {
        raw(&mut script, sequence, kind, &[], Unknown);
    }
    script.say("Payloads of a wrong length.");
    let wrong: [(u8, usize); 9] = [
        (1, 1),
        (2, 79),
        (3, 7),
        (4, 9),
        (4, 11),
        (5, 11),
        (7, 7),
        (8, 1),
        (11, 4),
    ];
    for (sequence, (kind, len)) in (4..).zip(wrong) {
        raw(&mut script, sequence, kind, &vec![0; len], BadLength);
    }
    script.say("Settings that name no rounding.");
    raw(&mut script, 13, 2, &[9; 80], BadValue);
    script.say("A space that is not there.");
    raw(
        &mut script,
        14,
        4,
        &[11, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        BadRange,
    );
    script.say("Places that are not there.");
    let other = Address {
        space: Space::Master,
        ..AT
    };
    let second = Address { index: 1, ..AT };
    let refused: [Command; 7] = [
        Command::Read(other, 1),
        Command::Write(second, &[1]),
        Command::Read(at(256), 1),
        Command::Read(at(250), 7),
        Command::Write(at(255), &[1, 2]),
        Command::Checksum(at(1), 256),
        Command::Checksum(at(u32::MAX), u32::MAX),
    ];
    for (sequence, command) in (15..).zip(&refused) {
        script.send(sequence, command, &[(sequence, BadRange)]);
    }
    script.say("Not in this state, and unsupported.");
    script.send(22, &Command::Run(5), &[(22, BadState)]);
    script.send(23, &Command::Pause, &[(23, BadState)]);
    raw(&mut script, 24, 6, &[0; 40], Unsupported);
    script.say("A refused request again: the same refusal.");
    script.send(23, &Command::Pause, &[(23, BadState)]);
    script.say("Another session.");
    script.session = 78;
    script.send(25, &Command::Read(AT, 1), &[(25, NoSession)]);
    script.session = 77;
    script.say(
        "Another version of the protocol: told with what the board speaks, and all else zero.",
    );
    let mut frame = script.frame(25, &Command::Read(AT, 1));
    frame.truncate(frame.len() - 4);
    frame[0] = 2;
    script.bytes(&stuffed(&summed(frame)), &[(0, OtherVersion)]);
    script.say("An answer is no request: dropped.");
    let header = Header {
        kind: 0x84,
        session: 77,
        sequence: 25,
        ..Header::default()
    };
    script.bytes(&stuffed(&plain(&header, &[0])), &[]);
    script.say("Nothing was written, and the session goes on.");
    assert_eq!(script.ask(25, &Command::Read(AT, 256)), [0; 256]);
    script.text
}

fn wrap() -> String {
    let mut script = Script::new("Sequence numbers that pass 65535.", 0x8000);
    script.ask(65_530, &Command::Identify);
    for sequence in 65_531..=65_532 {
        script.ask(sequence, &Command::Status(0));
    }
    script.say("A window across the end, first to last but one after the last.");
    script.send(4, &Command::Read(AT, 8), &[(65_533, Missing)]);
    for (offset, sequence) in (0..7).zip([65_533, 65_534, 65_535, 0, 1, 2, 3_u16]) {
        // 4 waits: after each answer the next gap is told, until there is none.
        let next = sequence.wrapping_add(1);
        let after = if next == 4 { Done } else { Missing };
        let write = [offset as u8 + 1];
        script.send(
            sequence,
            &Command::Write(at(offset), &write),
            &[(sequence, Done), (next, after)],
        );
    }
    script.say("Answered again across the end; nine back is dropped.");
    script.ask(65_533, &Command::Write(AT, &[99]));
    script.send(65_532, &Command::Status(0), &[]);
    assert_eq!(
        script.ask(4, &Command::Read(AT, 8)),
        [1, 2, 3, 4, 5, 6, 7, 0]
    );
    script.say("And on.");
    assert_eq!(
        script.ask(5, &Command::Read(AT, 8)),
        [1, 2, 3, 4, 5, 6, 7, 0]
    );
    script.text
}

fn scripts() -> [(&'static str, String); 6] {
    let made = [handshake(), memory(), order(), damage(), refusals(), wrap()];
    let mut made = made.into_iter();
    FILES.map(|name| (name, made.next().unwrap_or_default()))
}

#[test]
fn the_files_are_what_the_board_answers() {
    let rewrite = std::env::var_os("RAILYARD_WRITE_VECTORS").is_some();
    for (name, text) in scripts() {
        let path = folder().join(format!("{name}.txt"));
        if rewrite {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "{name}.txt differs; write it anew with RAILYARD_WRITE_VECTORS=1 and read the difference"
        );
    }
}

/// Lines of a file: whether the host sends them, and the bytes.
fn lines(text: &str) -> Vec<(bool, Vec<u8>)> {
    let told = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    told.map(|line| {
        let (sign, digits) = line.split_once(' ').expect("a sign and digits");
        assert!(matches!(sign, ">" | "<"), "{line}");
        (sign == ">", from_hex(digits).expect("digits"))
    })
    .collect()
}

#[test]
fn the_board_answers_the_files_line_by_line_and_byte_by_byte() {
    for name in FILES {
        let path = folder().join(format!("{name}.txt"));
        let lines = lines(&std::fs::read_to_string(path).unwrap());
        let (mut whole, mut single) = (Board::new(), Board::new());
        let mut at = 0;
        while at < lines.len() {
            let (host, bytes) = &lines[at];
            assert!(host, "{name}: the board does not begin");
            let answers = lines[at + 1..].iter().take_while(|(host, _)| !host);
            let answers: Vec<Vec<u8>> = answers.map(|(_, bytes)| bytes.clone()).collect();
            assert_eq!(whole.hears(bytes), answers, "{name}, line {at} that counts");
            let bytewise: Vec<Vec<u8>> = bytes
                .iter()
                .flat_map(|&byte| single.hears(&[byte]))
                .collect();
            assert_eq!(bytewise, answers, "{name}, line {at} that counts");
            at += 1 + answers.len();
        }
    }
}
