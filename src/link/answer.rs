//! What a board answers, byte by byte.
//!
//! | to | payload of an answer with status Ok |
//! | --- | --- |
//! | identify | [`Capabilities`], 88 bytes |
//! | configure, write, load, reset | none |
//! | read | the bytes |
//! | checksum | CRC-32 `u32` |
//! | run, pause | [`State`], 24 bytes |
//! | status | [`State`], then reports of 48 bytes each, oldest first |
//! | counters | [`BoardCounters`], `u64` each |

use serde::{Deserialize, Serialize};

use super::command::Fields;
use super::device::Reply;

/// How a command went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// No such command.
    Unknown = 1,
    /// A payload of the wrong length.
    BadLength = 2,
    /// A memory, a tensor or an offset that is not there.
    BadRange = 3,
    /// A number out of range.
    BadValue = 4,
    /// Not in this state: nothing is configured, or it is running.
    BadState = 5,
    /// The Program or the machine that was written is none, or its checksum differs.
    BadProgram = 6,
    /// It does not fit this board.
    TooLarge = 7,
    /// This board cannot do that: formats, machine.
    Unsupported = 8,
    /// No room for another order yet.
    NoRoom = 9,
    /// Another session, or none: identify first.
    NoSession = 10,
    /// Another version of the protocol.
    OtherVersion = 11,
    /// Out of sequence: the sequence number of the answer is the one that is missing.
    Missing = 12,
    /// The board is at fault.
    Fault = 13,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 14] = [
        Self::Ok,
        Self::Unknown,
        Self::BadLength,
        Self::BadRange,
        Self::BadValue,
        Self::BadState,
        Self::BadProgram,
        Self::TooLarge,
        Self::Unsupported,
        Self::NoRoom,
        Self::NoSession,
        Self::OtherVersion,
        Self::Missing,
        Self::Fault,
    ];

    /// The status of a code.
    #[must_use]
    pub fn of(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// What it means, for a person.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Unknown => "the board does not know this command",
            Self::BadLength => "the payload has the wrong length",
            Self::BadRange => "there is no such place in the board's memory",
            Self::BadValue => "a number is out of range",
            Self::BadState => "the board is not in a state for this",
            Self::BadProgram => "the Program or machine is damaged or not valid",
            Self::TooLarge => "it does not fit the board",
            Self::Unsupported => "the board cannot do this",
            Self::NoRoom => "the board has no room for another order yet",
            Self::NoSession => "the board knows nothing of this session",
            Self::OtherVersion => "the board speaks another version of the protocol",
            Self::Missing => "a frame before this one has not arrived",
            Self::Fault => "the board reports a fault of its own",
        }
    }
}

/// What a board is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Drawn anew whenever the board's memory was lost.
    pub boot: u32,
    /// Clock in Hz.
    pub clock: u32,
    /// Lanes and rows of the array.
    pub array: [u16; 2],
    /// Frames that may be in flight.
    pub window: u8,
    /// Orders that may wait.
    pub orders: u8,
    /// Accepted widths in bits of cores, activations, gradients and master copies: least and most.
    pub widths: [[u8; 2]; 4],
    /// Whether it takes any machine that is written to it, or only has its own.
    pub any_machine: bool,
    /// Bytes for parameters, activations and the optimiser's state.
    pub memory: u32,
    /// Bytes for images.
    pub images: u32,
    /// Bytes for a Program.
    pub program: u32,
    /// Name of the device: at most 32 bytes.
    pub device: String,
    /// What it was built from: at most 16 bytes.
    pub build: String,
}

/// Bytes of [`Capabilities`].
pub const CAPABILITIES_BYTES: usize = 88;

/// What a board is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Phase {
    /// Nothing is configured.
    #[default]
    Empty = 0,
    /// Standing still.
    Still = 1,
    /// Training.
    Running = 2,
    /// To train, but no order for the next step is there.
    Waiting = 3,
}

/// Why a board stands still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Stop {
    /// The steps asked for are taken, or none were asked for.
    #[default]
    Done = 0,
    /// It was told to pause.
    Paused = 1,
    /// A variance fell to the threshold: the host must take the index out.
    Rank = 2,
    /// A fault of its own.
    Fault = 3,
}

/// The state of a board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What it is doing.
    pub phase: Phase,
    /// Why it stands still.
    pub stop: Stop,
    /// Steps taken.
    pub step: u64,
    /// The orders of all steps before this one are there.
    pub ordered: u64,
}

/// Bytes of a [`State`].
pub const STATE_BYTES: usize = 24;

/// What one step on the board gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Steps taken with this one.
    pub step: u64,
    /// Sum of the samples' losses in nats.
    pub loss: f64,
    /// Cycles it took.
    pub cycles: u64,
    /// Values that saturated.
    pub saturated: u64,
    /// Samples answered rightly.
    pub correct: u32,
    /// Samples.
    pub samples: u32,
    /// CRC-32 of all master copies after it, parameter after parameter.
    pub digest: u32,
}

/// Bytes of a [`Report`].
pub const REPORT_BYTES: usize = 48;

/// What a board counted since it was configured; the names of the model's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardCounters {
    /// Steps.
    pub steps: u64,
    /// Samples.
    pub samples: u64,
    /// Cycles.
    pub cycles: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Reads of operands, each value once.
    pub reads: u64,
    /// Further reads of values already read.
    pub rereads: u64,
    /// Writes of results.
    pub writes: u64,
    /// Reads and writes of the optimiser's state.
    pub state: u64,
    /// Values that saturated.
    pub saturated: u64,
    /// Frames received whole.
    pub frames: u64,
    /// Stretches between delimiters that were no frames.
    pub damaged: u64,
    /// Requests answered again from memory.
    pub repeated: u64,
}

impl BoardCounters {
    /// Names and values, in the order on the wire.
    #[must_use]
    pub fn entries(&self) -> [(&'static str, u64); 12] {
        [
            ("steps", self.steps),
            ("samples", self.samples),
            ("cycles", self.cycles),
            ("macs", self.macs),
            ("reads", self.reads),
            ("rereads", self.rereads),
            ("writes", self.writes),
            ("state", self.state),
            ("saturated", self.saturated),
            ("frames", self.frames),
            ("damaged", self.damaged),
            ("repeated", self.repeated),
        ]
    }

    /// Writes them.
    pub fn write(&self, reply: &mut Reply) {
        for (_, value) in self.entries() {
            reply.put(&value.to_le_bytes());
        }
    }

    /// Reads them; counters that a later version adds are left out.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        let mut next = || fields.u64();
        Some(Self {
            steps: next()?,
            samples: next()?,
            cycles: next()?,
            macs: next()?,
            reads: next()?,
            rereads: next()?,
            writes: next()?,
            state: next()?,
            saturated: next()?,
            frames: next()?,
            damaged: next()?,
            repeated: next()?,
        })
    }
}

/// A text in a field of fixed width, filled up with zeros.
fn put_text<const N: usize>(text: &str, reply: &mut Reply) {
    let mut end = text.len().min(N);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut field = [0; N];
    field[..end].copy_from_slice(&text.as_bytes()[..end]);
    reply.put(&field);
}

fn text(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(field.len());
    let shown = String::from_utf8_lossy(&field[..end]);
    shown.chars().filter(|c| !c.is_control()).collect()
}

impl Capabilities {
    /// Writes them.
    pub fn write(&self, reply: &mut Reply) {
        reply.put(&self.boot.to_le_bytes());
        reply.put(&self.clock.to_le_bytes());
        for side in self.array {
            reply.put(&side.to_le_bytes());
        }
        reply.put(&[self.window, self.orders, u8::from(self.any_machine), 0]);
        for [least, most] in self.widths {
            reply.put(&[least, most]);
        }
        for bytes in [self.memory, self.images, self.program, 0] {
            reply.put(&bytes.to_le_bytes());
        }
        put_text::<32>(&self.device, reply);
        put_text::<16>(&self.build, reply);
    }

    /// Reads them; what a later version adds is left out.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        let (boot, clock) = (fields.u32()?, fields.u32()?);
        let array = [fields.u16()?, fields.u16()?];
        let (window, orders, any_machine) = (fields.u8()?, fields.u8()?, fields.u8()? != 0);
        fields.u8()?;
        let mut widths = [[0; 2]; 4];
        for width in &mut widths {
            *width = [fields.u8()?, fields.u8()?];
        }
        let [memory, images, program, _] =
            [fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?];
        Some(Self {
            boot,
            clock,
            array,
            window,
            orders,
            widths,
            any_machine,
            memory,
            images,
            program,
            device: text(fields.take(32)?),
            build: text(fields.take(16)?),
        })
    }
}

impl State {
    /// Writes it.
    pub fn write(&self, reply: &mut Reply) {
        reply.put(&[self.phase as u8, self.stop as u8, 0, 0, 0, 0, 0, 0]);
        reply.put(&self.step.to_le_bytes());
        reply.put(&self.ordered.to_le_bytes());
    }

    pub(super) fn take(fields: &mut Fields) -> Option<Self> {
        const PHASES: [Phase; 4] = [Phase::Empty, Phase::Still, Phase::Running, Phase::Waiting];
        const STOPS: [Stop; 4] = [Stop::Done, Stop::Paused, Stop::Rank, Stop::Fault];
        let phase = *PHASES.get(usize::from(fields.u8()?))?;
        let stop = *STOPS.get(usize::from(fields.u8()?))?;
        fields.take(6)?;
        Some(Self {
            phase,
            stop,
            step: fields.u64()?,
            ordered: fields.u64()?,
        })
    }

    /// Reads it.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        Self::take(&mut Fields(payload))
    }
}

impl Report {
    /// Writes it.
    pub fn write(&self, reply: &mut Reply) {
        reply.put(&self.step.to_le_bytes());
        reply.put(&self.loss.to_le_bytes());
        reply.put(&self.cycles.to_le_bytes());
        reply.put(&self.saturated.to_le_bytes());
        for word in [self.correct, self.samples, self.digest, 0] {
            reply.put(&word.to_le_bytes());
        }
    }

    fn take(fields: &mut Fields) -> Option<Self> {
        let report = Self {
            step: fields.u64()?,
            loss: fields.f64()?,
            cycles: fields.u64()?,
            saturated: fields.u64()?,
            correct: fields.u32()?,
            samples: fields.u32()?,
            digest: fields.u32()?,
        };
        fields.u32()?;
        Some(report)
    }
}

/// The answer to a status: the state and the reports after the step asked for.
#[must_use]
pub fn read_status(payload: &[u8]) -> Option<(State, Vec<Report>)> {
    let mut fields = Fields(payload);
    let state = State::take(&mut fields)?;
    let mut reports = vec![];
    while !fields.0.is_empty() {
        reports.push(Report::take(&mut fields)?);
    }
    Some((state, reports))
}

#[cfg(test)]
mod tests {
    use super::super::frame::MAX_PAYLOAD;
    use super::*;

    fn written(write: impl FnOnce(&mut Reply)) -> Vec<u8> {
        let mut buffer = [0; MAX_PAYLOAD];
        let mut reply = Reply::new(&mut buffer);
        write(&mut reply);
        reply.bytes().to_vec()
    }

    #[test]
    fn answers_come_back_as_they_were_written() {
        let board = Capabilities {
            boot: 7,
            clock: 100_000_000,
            array: [16, 8],
            window: 8,
            orders: 4,
            widths: [[2, 8], [4, 8], [4, 16], [2, 16]],
            any_machine: true,
            memory: 1 << 20,
            images: 1 << 24,
            program: 1 << 16,
            device: "virtual zu3eg".into(),
            build: "0.1.0".into(),
        };
        let bytes = written(|reply| board.write(reply));
        assert_eq!(bytes.len(), CAPABILITIES_BYTES);
        assert_eq!(Capabilities::read(&bytes), Some(board));
        assert_eq!(Capabilities::read(&bytes[1..]), None);

        let state = State {
            phase: Phase::Waiting,
            stop: Stop::Rank,
            step: 5,
            ordered: 6,
        };
        let report = Report {
            step: 5,
            loss: 1.25,
            cycles: 9,
            saturated: 2,
            correct: 3,
            samples: 4,
            digest: 0xdead_beef,
        };
        let bytes = written(|reply| {
            state.write(reply);
            report.write(reply);
            report.write(reply);
        });
        assert_eq!(bytes.len(), STATE_BYTES + 2 * REPORT_BYTES);
        assert_eq!(read_status(&bytes), Some((state, vec![report; 2])));

        let counters = BoardCounters {
            macs: 1 << 50,
            repeated: 3,
            ..BoardCounters::default()
        };
        let bytes = written(|reply| counters.write(reply));
        assert_eq!(BoardCounters::read(&bytes), Some(counters));
    }
}
