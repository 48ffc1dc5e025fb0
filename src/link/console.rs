//! Single commands as people type them, and their answers in words.

use std::fmt::{self, Write as _};

use super::answer::{BoardCounters, Capabilities, Phase, Report, State, Stop, read_status};
use super::command::{Address, Command, MAX_DATA, Space};
use super::frame::MAX_PAYLOAD;
use super::log::{from_hex, hex};
use crate::numeric::grouped;

/// What can be typed.
pub const HELP: &str = "\
identify                             what the board is
status [STEP]                        its state, and the reports of steps after STEP
counters                             what it counted since it was configured
read SPACE INDEX OFFSET BYTES        bytes of a memory, at most 1024
write SPACE INDEX OFFSET HEX         writes bytes, at most 1016, such as 01ff
checksum SPACE INDEX OFFSET BYTES    CRC-32 of bytes
run STEP                             trains until so many steps are taken
pause                                stands still after the step in progress
reset                                forgets everything
SPACE is program, machine, master, first, second, variance, relevance, shifts, images, values or sums;
numbers are decimal, or hexadecimal after 0x";

/// A line that was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// What can be typed.
    Help,
    /// What the board is.
    Identify,
    /// Its state, and reports after a step.
    Status(u64),
    /// Its counters.
    Counters,
    /// Bytes.
    Read(Address, u16),
    /// Writes bytes.
    Write(Address, Vec<u8>),
    /// CRC-32 of bytes.
    Checksum(Address, u32),
    /// Trains to a step.
    Run(u64),
    /// Stands still.
    Pause,
    /// Forgets everything.
    Reset,
}

impl Typed {
    /// What is to be asked of the board; nothing for help.
    #[must_use]
    pub fn command(&self) -> Option<Command<'_>> {
        Some(match self {
            Self::Help => return None,
            Self::Identify => Command::Identify,
            Self::Status(after) => Command::Status(*after),
            Self::Counters => Command::Counters,
            Self::Read(at, len) => Command::Read(*at, *len),
            Self::Write(at, data) => Command::Write(*at, data),
            Self::Checksum(at, len) => Command::Checksum(*at, *len),
            Self::Run(step) => Command::Run(*step),
            Self::Pause => Command::Pause,
            Self::Reset => Command::Reset,
        })
    }
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Help => f.write_str("help"),
            Self::Identify => f.write_str("identify"),
            Self::Status(after) => write!(f, "status {after}"),
            Self::Counters => f.write_str("counters"),
            Self::Read(at, len) => write!(f, "read {} {len}", place(*at)),
            Self::Write(at, data) => write!(f, "write {} {}", place(*at), hex(data)),
            Self::Checksum(at, len) => write!(f, "checksum {} {len}", place(*at)),
            Self::Run(step) => write!(f, "run {step}"),
            Self::Pause => f.write_str("pause"),
            Self::Reset => f.write_str("reset"),
        }
    }
}

fn place(at: Address) -> String {
    format!("{} {} {}", at.space.name(), at.index, at.offset)
}

/// A whole number from `least` to `most`, decimal or hexadecimal.
fn number(what: &str, text: Option<&str>, least: u64, most: u64) -> Result<u64, String> {
    let range = || {
        let up_to = match most {
            u64::MAX => String::new(),
            most => format!(" to {most}"),
        };
        format!("a whole number of {least}{up_to}")
    };
    let Some(text) = text else {
        return Err(format!("{what} is missing: {}", range()));
    };
    let lower = text.to_ascii_lowercase();
    let value = match lower.strip_prefix("0x") {
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if lower.starts_with('+') => None,
        None => lower.parse().ok(),
    };
    value
        .filter(|value| (least..=most).contains(value))
        .ok_or_else(|| format!("{what}: `{}` is not {}", shown(text), range()))
}

/// What was typed, short enough for a sentence.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(24).collect();
    if text.chars().count() > 24 {
        shown.push('…');
    }
    shown
}

fn address<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Address, String> {
    let names = Space::ALL.map(Space::name);
    let typed = words
        .next()
        .ok_or_else(|| format!("the space is missing: one of {}", names.join(", ")))?;
    let space = Space::ALL
        .into_iter()
        .find(|space| space.name().eq_ignore_ascii_case(typed))
        .ok_or_else(|| {
            let typed = shown(typed);
            format!(
                "there is no space `{typed}`: choose one of {}",
                names.join(", ")
            )
        })?;
    Ok(Address {
        space,
        index: number("the index", words.next(), 0, u16::MAX.into())? as u16,
        offset: number("the offset in bytes", words.next(), 0, u32::MAX.into())? as u32,
    })
}

/// Reads a line.
///
/// # Errors
/// A sentence that says what would be accepted.
pub fn parse(line: &str) -> Result<Typed, String> {
    let mut words = line.split_whitespace();
    let Some(name) = words.next() else {
        return Err("type a command, such as `status`; `help` lists them".into());
    };
    let typed = match name.to_ascii_lowercase().as_str() {
        "help" | "?" => Typed::Help,
        "identify" => Typed::Identify,
        "status" => match words.next() {
            None => Typed::Status(0),
            step => Typed::Status(number("the step", step, 0, u64::MAX)?),
        },
        "counters" => Typed::Counters,
        "read" => {
            let at = address(&mut words)?;
            let most = MAX_PAYLOAD as u64;
            Typed::Read(
                at,
                number("the bytes to read", words.next(), 1, most)? as u16,
            )
        }
        "write" => {
            let at = address(&mut words)?;
            Typed::Write(at, data(words.by_ref())?)
        }
        "checksum" => {
            let at = address(&mut words)?;
            let len = number("the bytes to sum", words.next(), 1, u32::MAX.into())?;
            Typed::Checksum(at, len as u32)
        }
        "run" => Typed::Run(number(
            "the step to stand still at",
            words.next(),
            0,
            u64::MAX,
        )?),
        "pause" => Typed::Pause,
        "reset" => Typed::Reset,
        "configure" | "load" => {
            return Err(format!(
                "{name} takes the settings of a run and is sent by training on the board; `help` lists what can be typed"
            ));
        }
        _ => {
            return Err(format!(
                "there is no command `{}`: choose identify, status, counters, read, write, checksum, run, pause, reset or help",
                shown(name)
            ));
        }
    };
    match words.next() {
        Some(more) => Err(format!(
            "`{}` is more than {name} takes; `help` shows what it takes",
            shown(more)
        )),
        None => Ok(typed),
    }
}

fn data<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<u8>, String> {
    let digits: String = words.collect();
    match from_hex(&digits) {
        None => Err(format!(
            "the bytes to write: `{}` is not pairs of hexadecimal digits, such as 01ff",
            shown(&digits)
        )),
        Some(data) if data.is_empty() => {
            Err("the bytes to write are missing: pairs of hexadecimal digits, such as 01ff".into())
        }
        Some(data) if data.len() > MAX_DATA => Err(format!(
            "{} bytes are too many for one write: at most {MAX_DATA}",
            data.len()
        )),
        Some(data) => Ok(data),
    }
}

/// An answer with status Ok in words, line by line.
///
/// # Errors
/// If the answer is not of the form it must have.
pub fn tell(command: &Command<'_>, payload: &[u8]) -> Result<String, String> {
    let told = match command {
        Command::Identify => Capabilities::read(payload).map(|board| capabilities(&board)),
        Command::Configure(_) | Command::Write(..) | Command::Load { .. } | Command::Reset => {
            payload.is_empty().then(|| "done".to_owned())
        }
        Command::Read(at, len) => (payload.len() == usize::from(*len)).then(|| dump(*at, payload)),
        Command::Checksum(at, len) => <[u8; 4]>::try_from(payload).ok().map(|crc| {
            let crc = u32::from_le_bytes(crc);
            format!("CRC-32 of {len} bytes at {}: {crc:08x}", place(*at))
        }),
        Command::Run(_) | Command::Pause => State::read(payload).map(state),
        Command::Status(_) => read_status(payload).map(|(now, reports)| {
            let reports = reports.iter().map(|found| format!("\n{}", report(found)));
            state(now) + &reports.collect::<String>()
        }),
        Command::Counters => BoardCounters::read(payload).map(|found| counters(&found)),
    };
    told.ok_or_else(|| {
        format!(
            "the answer to {} is not of the form it must have ({} bytes)",
            Command::name(command.kind()),
            payload.len()
        )
    })
}

/// Counters, one line for each.
#[must_use]
pub fn counters(counters: &BoardCounters) -> String {
    let entries = counters.entries().map(|(name, value)| {
        let value = grouped(value);
        format!("{name:<10} {value:>20}")
    });
    entries.join("\n")
}

/// Capabilities, one line for each.
#[must_use]
pub fn capabilities(board: &Capabilities) -> String {
    let width = |[least, most]: [u8; 2]| format!("{least} to {most}");
    let [core, activation, gradient, master] = board.widths.map(width);
    let lines = [
        ("device", board.device.clone()),
        ("build", board.build.clone()),
        ("boot", format!("{:08x}", board.boot)),
        ("clock", format!("{} Hz", grouped(board.clock.into()))),
        (
            "array",
            format!("{} lanes x {} rows", board.array[0], board.array[1]),
        ),
        (
            "machine",
            if board.any_machine {
                "any that is written"
            } else {
                "its own"
            }
            .into(),
        ),
        (
            "widths",
            format!(
                "cores {core}, activations {activation}, gradients {gradient}, master copies {master} bits"
            ),
        ),
        ("memory", format!("{} bytes", grouped(board.memory.into()))),
        ("images", format!("{} bytes", grouped(board.images.into()))),
        (
            "program",
            format!("{} bytes", grouped(board.program.into())),
        ),
        ("window", format!("{} frames in flight", board.window)),
        ("orders", format!("{} may wait", board.orders)),
    ];
    lines
        .map(|(name, value)| format!("{name:<8} {value}"))
        .join("\n")
}

/// A state in a sentence.
#[must_use]
pub fn state(state: State) -> String {
    let doing = match (state.phase, state.stop) {
        (Phase::Empty, _) => return "empty: nothing is configured".into(),
        (Phase::Running, _) => "training",
        (Phase::Waiting, _) => "waiting for the order of the next step",
        (Phase::Still, Stop::Done) => "standing still",
        (Phase::Still, Stop::Paused) => "standing still, paused",
        (Phase::Still, Stop::Rank) => "standing still: an index of a bond is to be taken out",
        (Phase::Still, Stop::Fault) => "standing still after a fault of its own",
    };
    format!(
        "{doing}; {} steps taken, orders for steps before {}",
        grouped(state.step),
        grouped(state.ordered)
    )
}

fn report(report: &Report) -> String {
    let samples = f64::from(report.samples.max(1));
    format!(
        "step {}: loss {:.4} a sample, {} of {} right, {} cycles, {} saturated, digest {:08x}",
        report.step,
        report.loss / samples,
        report.correct,
        report.samples,
        grouped(report.cycles),
        grouped(report.saturated),
        report.digest
    )
}

/// Bytes of a word of a space, and how it is shown; none for bytes.
fn word(space: Space) -> Option<(usize, fn(&[u8]) -> String)> {
    fn i16_word(bytes: &[u8]) -> String {
        let word = bytes.try_into().map(i16::from_le_bytes);
        word.map_or(String::new(), |word| word.to_string())
    }
    fn f32_word(bytes: &[u8]) -> String {
        let word = bytes.try_into().map(f32::from_le_bytes);
        word.map_or(String::new(), |word| format!("{word:e}"))
    }
    fn i64_word(bytes: &[u8]) -> String {
        let word = bytes.try_into().map(i64::from_le_bytes);
        word.map_or(String::new(), |word| word.to_string())
    }
    match space {
        Space::Master | Space::Values => Some((2, i16_word)),
        Space::First | Space::Second | Space::Variance | Space::Relevance => Some((4, f32_word)),
        Space::Sums => Some((8, i64_word)),
        Space::Program | Space::Machine | Space::Shifts | Space::Images => None,
    }
}

/// Sixteen bytes a line: offset, digits, and the words, or the text of the machine.
fn dump(at: Address, bytes: &[u8]) -> String {
    let mut out = String::new();
    for (line, bytes) in bytes.chunks(16).enumerate() {
        if line > 0 {
            out.push('\n');
        }
        let digits: Vec<String> = bytes.chunks(2).map(hex).collect();
        let offset = u64::from(at.offset) + 16 * line as u64;
        let _ = write!(out, "{offset:08x}  {:<39}", digits.join(" "));
        let words: Vec<String> = match word(at.space) {
            Some((size, show)) if at.offset as usize % size == 0 => {
                bytes.chunks_exact(size).map(show).collect()
            }
            None if at.space == Space::Machine => {
                let text = bytes.iter().map(|&byte| match byte {
                    b' '..=b'~' => char::from(byte),
                    _ => '.',
                });
                vec![text.collect()]
            }
            _ => vec![],
        };
        if !words.is_empty() {
            let _ = write!(out, "  {}", words.join(" "));
        }
        out.truncate(out.trim_end().len());
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::device::Reply;
    use super::*;

    const AT: Address = Address {
        space: Space::Master,
        index: 0,
        offset: 16,
    };

    #[test]
    fn examples_are_read_and_written_back() {
        let examples = [
            ("identify", Typed::Identify),
            ("status 0", Typed::Status(0)),
            ("counters", Typed::Counters),
            ("read master 0 16 32", Typed::Read(AT, 32)),
            ("write master 0 16 01ff", Typed::Write(AT, vec![1, 255])),
            ("checksum master 0 16 70000", Typed::Checksum(AT, 70_000)),
            ("run 5", Typed::Run(5)),
            ("pause", Typed::Pause),
            ("reset", Typed::Reset),
            ("help", Typed::Help),
        ];
        for (text, typed) in examples {
            assert_eq!(parse(text), Ok(typed.clone()));
            assert_eq!(typed.to_string(), text);
        }
        assert_eq!(parse("  STATUS "), Ok(Typed::Status(0)));
        assert_eq!(
            parse("write Master 0x0 0x10 01 FF"),
            parse("write master 0 16 01ff")
        );
    }

    #[test]
    fn a_line_that_is_no_command_says_what_would_be_accepted() {
        let cases = [
            ("", "`help`"),
            ("dance", "choose identify, status"),
            ("load 1", "training on the board"),
            ("read", "one of program, machine"),
            ("read core 0 0 1", "choose one of program"),
            ("read master 70000 0 1", "0 to 65535"),
            ("read master 0 -1 1", "0 to 4294967295"),
            ("read master 0 0", "1 to 1024"),
            ("read master 0 0 1025", "1 to 1024"),
            ("read master 0 0 +1", "1 to 1024"),
            ("read master 0 0 0x+1", "1 to 1024"),
            ("read master 0 0 1 1", "more than read takes"),
            ("write master 0 0", "missing"),
            ("write master 0 0 0", "pairs"),
            ("write master 0 0 xyz", "pairs"),
            ("run", "a whole number of 0"),
            ("run five", "`five` is not a whole number"),
            ("pause now", "more than pause takes"),
        ];
        for (text, words) in cases {
            let sentence = parse(text).unwrap_err();
            assert!(sentence.contains(words), "{text}: {sentence} lacks {words}");
        }
        let long = format!("write images 0 0 {}", "00".repeat(MAX_DATA + 1));
        assert!(parse(&long).unwrap_err().contains("at most 1016"));
    }

    #[test]
    fn words_of_a_memory_are_decoded() {
        let bytes: Vec<u8> = [-1_i16, 2, 300, 0, 5, 6, 7, 8, -9]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        let told = tell(&Command::Read(AT, 18), &bytes).unwrap();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines[0],
            "00000010  ffff 0200 2c01 0000 0500 0600 0700 0800  -1 2 300 0 5 6 7 8"
        );
        assert!(lines[1].starts_with("00000020  f7ff ") && lines[1].ends_with(" -9"));
        let variance = Address {
            space: Space::Variance,
            ..AT
        };
        let told = tell(&Command::Read(variance, 4), &0.25_f32.to_le_bytes()).unwrap();
        assert!(told.ends_with("2.5e-1"), "{told}");
        // Words that do not begin where the bytes do are not guessed.
        let odd = Address {
            offset: 1,
            ..variance
        };
        let told = tell(&Command::Read(odd, 4), &[0; 4]).unwrap();
        assert_eq!(told, "00000001  0000 0000");
        let machine = Address {
            space: Space::Machine,
            ..AT
        };
        let told = tell(&Command::Read(machine, 3), b"{}\n").unwrap();
        assert!(told.ends_with("  {}."), "{told}");
    }

    #[test]
    fn answers_are_told_by_name() {
        let mut buffer = [0; MAX_PAYLOAD];
        let mut reply = Reply::new(&mut buffer);
        let state = State {
            phase: Phase::Running,
            stop: Stop::Done,
            step: 12,
            ordered: 14,
        };
        state.write(&mut reply);
        let report = Report {
            step: 12,
            loss: 32.0,
            samples: 64,
            correct: 50,
            cycles: 123_456,
            ..Report::default()
        };
        report.write(&mut reply);
        let told = tell(&Command::Status(11), reply.bytes()).unwrap();
        assert!(told.starts_with("training; 12 steps taken, orders for steps before 14\n"));
        assert!(
            told.contains("loss 0.5000 a sample, 50 of 64 right"),
            "{told}"
        );
        let told = tell(&Command::Checksum(AT, 9), &[0x78, 0x56, 0x34, 0x12]).unwrap();
        assert_eq!(told, "CRC-32 of 9 bytes at master 0 16: 12345678");
        assert_eq!(tell(&Command::Reset, &[]), Ok("done".into()));
        let garbled = tell(&Command::Counters, &[0; 5]).unwrap_err();
        assert!(garbled.contains("the answer to counters"), "{garbled}");
        assert!(tell(&Command::Read(AT, 4), &[0; 3]).is_err());
    }

    proptest! {
        #[test]
        fn any_line_is_a_command_or_a_sentence(line in "\\PC{0,60}") {
            let _ = parse(&line);
        }

        #[test]
        fn near_commands_are_read_and_written_back(
            name in "(read|write|checksum|run|status|pause) ?",
            space in "(master|images|sums|x)? ?",
            rest in "[0-9a-fx +-]{0,40}",
        ) {
            if let Ok(typed) = parse(&format!("{name}{space}{rest}")) {
                prop_assert_eq!(parse(&typed.to_string()), Ok(typed.clone()));
                if let Some(command) = typed.command() {
                    let payload = command.payload();
                    prop_assert_eq!(Command::read(command.kind(), &payload), Ok(command));
                }
            }
        }

        #[test]
        fn any_answer_is_told_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let commands = ["identify", "status", "counters", "read master 0 0 16", "checksum sums 0 0 1", "pause"];
            for text in commands {
                let typed = parse(text).unwrap();
                let _ = tell(&typed.command().unwrap(), &payload);
            }
            for space in Space::ALL {
                let at = Address { space, index: 0, offset: 0 };
                prop_assert!(tell(&Command::Read(at, payload.len() as u16), &payload).is_ok());
            }
        }
    }
}
