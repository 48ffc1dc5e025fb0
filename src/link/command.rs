//! What a host asks of a board, byte by byte.
//!
//! Every command may be carried out twice without harm: places and steps are absolute.
//!
//! | code | command | payload |
//! | --- | --- | --- |
//! | 1 | identify | none |
//! | 2 | configure | [`Settings`], 80 bytes |
//! | 3 | write | address (8), data |
//! | 4 | read | address (8), length `u16` |
//! | 5 | checksum | address (8), length `u32` |
//! | 6 | load | order (32), samples of the step `u16`, place of the first `u16`, image slots `u32` each |
//! | 7 | run | step to stand still at `u64` |
//! | 8 | pause | none |
//! | 9 | status | step whose later reports are wanted `u64` |
//! | 10 | counters | none |
//! | 11 | reset | none |
//!
//! An address is a space `u8`, a zero, an index `u16` and an offset in bytes `u32`.

use super::answer::Status;
use super::frame::MAX_PAYLOAD;
use crate::exec::fixed::FixedFormats;
use crate::numeric::Rounding;
use crate::train::Order;
use crate::train::StepSettings;
use crate::train::config::{MomentStorage, OptimiserConfig, OptimiserKind, PriorConfig, PriorKind};

/// A memory of a board. Words are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Space {
    /// Where a Program is written before [`Command::Configure`] takes it.
    Program = 0,
    /// The machine as JSON: written before a configuration, or fixed and only read.
    Machine = 1,
    /// Master copy of a parameter, `i16` words; the index counts cores and bias, layer after layer.
    Master = 2,
    /// First moments of a parameter, `f32` words.
    First = 3,
    /// Second moments of a parameter, `f32` words; empty for gradient descent.
    Second = 4,
    /// Variances of a bond, `f32` words; the index counts bonds, layer after layer.
    Variance = 5,
    /// Relevance of a bond's indices, `f32` words.
    Relevance = 6,
    /// Shift records, [`SHIFT_BYTES`] for each operation.
    Shifts = 7,
    /// Image slots: a label and the pixels of an unpadded image.
    Images = 8,
    /// A tensor of the whole batch as it stands, `i16` words; the index is the buffer's. Only read.
    Values = 9,
    /// Exact sums over the batch, `i64` words; the index is the buffer's. Only read.
    Sums = 10,
}

impl Space {
    /// All spaces.
    pub const ALL: [Self; 11] = [
        Self::Program,
        Self::Machine,
        Self::Master,
        Self::First,
        Self::Second,
        Self::Variance,
        Self::Relevance,
        Self::Shifts,
        Self::Images,
        Self::Values,
        Self::Sums,
    ];

    /// Its name in the console and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Machine => "machine",
            Self::Master => "master",
            Self::First => "first",
            Self::Second => "second",
            Self::Variance => "variance",
            Self::Relevance => "relevance",
            Self::Shifts => "shifts",
            Self::Images => "images",
            Self::Values => "values",
            Self::Sums => "sums",
        }
    }
}

/// Bytes of a shift record: shift `i32`, known `u32`, batches `u32`, high `u32`, low `u32`, a zero
/// `u32`, peak `u64`, saturated `u64`.
pub const SHIFT_BYTES: usize = 40;

/// A place in a board's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which memory.
    pub space: Space,
    /// Which tensor in it; 0 where there is one.
    pub index: u16,
    /// Offset in bytes.
    pub offset: u32,
}

/// What a board needs to know of a run beside the Program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Bytes of the Program in [`Space::Program`].
    pub program_len: u32,
    /// Their CRC-32.
    pub program_crc: u32,
    /// Bytes of the machine in [`Space::Machine`]; 0 to keep the present one.
    pub machine_len: u32,
    /// Their CRC-32.
    pub machine_crc: u32,
    /// Rows and columns of an image.
    pub size: [u16; 2],
    /// Zero columns on both sides of each row.
    pub padding: u16,
    /// Steps taken already: the first order is for this one.
    pub step: u64,
    /// Formats, optimiser and prior.
    pub training: StepSettings,
}

/// Bytes of [`Settings`].
pub const SETTINGS_BYTES: usize = 80;
/// Bytes of an [`Order`].
pub const ORDER_BYTES: usize = 32;
/// Most data bytes of a write.
pub const MAX_DATA: usize = MAX_PAYLOAD - 8;

/// What a host asks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "it lives on the stack only, and a board has no heap"
)]
pub enum Command<'a> {
    /// Say what you are; begins a session.
    Identify,
    /// Take the Program and the machine that were written, and these settings; all memories of the run
    /// become zero, images stay.
    Configure(Settings),
    /// Write bytes.
    Write(Address, &'a [u8]),
    /// Read bytes.
    Read(Address, u16),
    /// CRC-32 of bytes.
    Checksum(Address, u32),
    /// Take a step's order and some of the slots of its images.
    Load {
        /// The order.
        order: Order,
        /// Samples of the step.
        samples: u16,
        /// Place of the first slot given here among them.
        first: u16,
        /// Image slots, `u32` each.
        slots: &'a [u8],
    },
    /// Train until this many steps are taken; orders may come while it runs.
    Run(u64),
    /// Stand still after the step in progress.
    Pause,
    /// Tell the state, and the reports of steps after this one.
    Status(u64),
    /// Tell the counters.
    Counters,
    /// Forget everything, as when the power fails.
    Reset,
}

/// Reads little-endian fields off a payload.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A finite number.
    pub fn f32(&mut self) -> Option<f32> {
        self.array()
            .map(f32::from_le_bytes)
            .filter(|v| v.is_finite())
    }

    pub fn f64(&mut self) -> Option<f64> {
        self.array()
            .map(f64::from_le_bytes)
            .filter(|v| v.is_finite())
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

const ROUNDINGS: [Rounding; 3] = [Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic];
const OPTIMISERS: [OptimiserKind; 2] = [OptimiserKind::Adam, OptimiserKind::Sgd];
const MOMENTS: [MomentStorage; 2] = [MomentStorage::F32, MomentStorage::Bf16];
const PRIORS: [PriorKind; 4] = [
    PriorKind::None,
    PriorKind::LogUniform,
    PriorKind::HalfCauchy,
    PriorKind::InverseGamma,
];

/// A value's place in its table, as a byte.
fn code<T: PartialEq>(table: &[T], value: &T) -> u8 {
    table.iter().position(|other| other == value).unwrap_or(0) as u8
}

impl Address {
    fn write(self, out: &mut Vec<u8>) {
        out.extend([self.space as u8, 0]);
        out.extend(self.index.to_le_bytes());
        out.extend(self.offset.to_le_bytes());
    }

    fn read(fields: &mut Fields) -> Result<Self, Status> {
        let (space, _, index, offset) =
            (|| Some((fields.u8()?, fields.u8()?, fields.u16()?, fields.u32()?)))()
                .ok_or(Status::BadLength)?;
        let space = *Space::ALL.get(usize::from(space)).ok_or(Status::BadRange)?;
        Ok(Self {
            space,
            index,
            offset,
        })
    }
}

impl Settings {
    fn write(&self, out: &mut Vec<u8>) {
        let Self { training, .. } = self;
        let StepSettings {
            formats,
            optimiser,
            prior,
            ..
        } = training;
        for word in [
            self.program_len,
            self.program_crc,
            self.machine_len,
            self.machine_crc,
        ] {
            out.extend(word.to_le_bytes());
        }
        for word in [self.size[0], self.size[1], self.padding, 0] {
            out.extend(word.to_le_bytes());
        }
        out.extend(self.step.to_le_bytes());
        out.extend(training.seed.to_le_bytes());
        out.extend([
            formats.core,
            formats.activation,
            formats.gradient,
            training.master,
            code(&ROUNDINGS, &formats.rounding),
            code(&ROUNDINGS, &training.master_rounding),
            code(&OPTIMISERS, &optimiser.kind),
            code(&MOMENTS, &optimiser.moments),
            code(&PRIORS, &prior.kind),
            0,
            0,
            0,
        ]);
        for value in [
            optimiser.momentum,
            optimiser.beta2,
            optimiser.epsilon,
            prior.smoothing,
            prior.eta,
            prior.shape,
            prior.scale,
            prior.threshold,
        ] {
            out.extend(value.to_le_bytes());
        }
    }

    fn read(fields: &mut Fields) -> Option<Self> {
        let [program_len, program_crc, machine_len, machine_crc] =
            [fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?];
        let [height, width, padding, _] =
            [fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?];
        let (step, seed) = (fields.u64()?, fields.u32()?);
        let [core, activation, gradient, master] =
            [fields.u8()?, fields.u8()?, fields.u8()?, fields.u8()?];
        let rounding = *ROUNDINGS.get(usize::from(fields.u8()?))?;
        let master_rounding = *ROUNDINGS.get(usize::from(fields.u8()?))?;
        let kind = *OPTIMISERS.get(usize::from(fields.u8()?))?;
        let moments = *MOMENTS.get(usize::from(fields.u8()?))?;
        let prior_kind = *PRIORS.get(usize::from(fields.u8()?))?;
        fields.take(3)?;
        Some(Self {
            program_len,
            program_crc,
            machine_len,
            machine_crc,
            size: [height, width],
            padding,
            step,
            training: StepSettings {
                seed,
                formats: FixedFormats {
                    core,
                    activation,
                    gradient,
                    rounding,
                },
                master,
                master_rounding,
                optimiser: OptimiserConfig {
                    kind,
                    momentum: fields.f32()?,
                    beta2: fields.f32()?,
                    epsilon: fields.f32()?,
                    moments,
                },
                prior: PriorConfig {
                    kind: prior_kind,
                    smoothing: fields.f32()?,
                    eta: fields.f32()?,
                    shape: fields.f32()?,
                    scale: fields.f32()?,
                    threshold: fields.f32()?,
                    ..PriorConfig::default()
                },
            },
        })
    }
}

fn write_order(order: &Order, out: &mut Vec<u8>) {
    out.extend(order.step.to_le_bytes());
    for value in [
        order.rate,
        order.corrections[0],
        order.corrections[1],
        order.penalty,
    ] {
        out.extend(value.to_le_bytes());
    }
    out.extend(u32::from(order.watch).to_le_bytes());
    out.extend([0; 4]);
}

fn read_order(fields: &mut Fields) -> Option<Order> {
    let order = Order {
        step: fields.u64()?,
        rate: fields.f32()?,
        corrections: [fields.f32()?, fields.f32()?],
        penalty: fields.f32()?,
        watch: fields.u32()? & 1 == 1,
    };
    fields.u32()?;
    Some(order)
}

impl<'a> Command<'a> {
    /// Its code.
    #[must_use]
    pub fn kind(&self) -> u8 {
        match self {
            Self::Identify => 1,
            Self::Configure(_) => 2,
            Self::Write(..) => 3,
            Self::Read(..) => 4,
            Self::Checksum(..) => 5,
            Self::Load { .. } => 6,
            Self::Run(_) => 7,
            Self::Pause => 8,
            Self::Status(_) => 9,
            Self::Counters => 10,
            Self::Reset => 11,
        }
    }

    /// Its name in the console and in messages, by its code.
    #[must_use]
    pub fn name(kind: u8) -> &'static str {
        const NAMES: [&str; 11] = [
            "identify",
            "configure",
            "write",
            "read",
            "checksum",
            "load",
            "run",
            "pause",
            "status",
            "counters",
            "reset",
        ];
        let place = usize::from(kind & !super::frame::ANSWER).wrapping_sub(1);
        NAMES.get(place).copied().unwrap_or("unknown")
    }

    /// Its payload.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut out = vec![];
        match self {
            Self::Identify | Self::Pause | Self::Counters | Self::Reset => {}
            Self::Configure(settings) => settings.write(&mut out),
            Self::Write(at, data) => {
                at.write(&mut out);
                out.extend(*data);
            }
            Self::Read(at, len) => {
                at.write(&mut out);
                out.extend(len.to_le_bytes());
            }
            Self::Checksum(at, len) => {
                at.write(&mut out);
                out.extend(len.to_le_bytes());
            }
            Self::Load {
                order,
                samples,
                first,
                slots,
            } => {
                write_order(order, &mut out);
                out.extend(samples.to_le_bytes());
                out.extend(first.to_le_bytes());
                out.extend(*slots);
            }
            Self::Run(step) | Self::Status(step) => out.extend(step.to_le_bytes()),
        }
        out
    }

    /// The command of a code and a payload.
    ///
    /// # Errors
    /// The status to answer with.
    pub fn read(kind: u8, payload: &'a [u8]) -> Result<Self, Status> {
        let mut fields = Fields(payload);
        let short = Status::BadLength;
        let command = match kind {
            1 => Self::Identify,
            2 if payload.len() != SETTINGS_BYTES => return Err(short),
            2 => Self::Configure(Settings::read(&mut fields).ok_or(Status::BadValue)?),
            3 => {
                let at = Address::read(&mut fields)?;
                let data = std::mem::take(&mut fields.0);
                Self::Write(at, data)
            }
            4 => Self::Read(Address::read(&mut fields)?, fields.u16().ok_or(short)?),
            5 => Self::Checksum(Address::read(&mut fields)?, fields.u32().ok_or(short)?),
            6 if payload.len() < ORDER_BYTES + 4 || !payload.len().is_multiple_of(4) => {
                return Err(short);
            }
            6 => {
                let order = read_order(&mut fields).ok_or(Status::BadValue)?;
                Self::Load {
                    order,
                    samples: fields.u16().ok_or(short)?,
                    first: fields.u16().ok_or(short)?,
                    slots: std::mem::take(&mut fields.0),
                }
            }
            7 => Self::Run(fields.u64().ok_or(short)?),
            8 => Self::Pause,
            9 => Self::Status(fields.u64().ok_or(short)?),
            10 => Self::Counters,
            11 => Self::Reset,
            _ => return Err(Status::Unknown),
        };
        fields.end().ok_or(short)?;
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_back_as_they_were_sent() {
        let at = Address {
            space: Space::Master,
            index: 3,
            offset: 70_000,
        };
        let order = Order {
            step: 9,
            rate: 0.5,
            corrections: [0.1, 0.001],
            penalty: 2.0,
            watch: true,
        };
        let training = StepSettings::of(&crate::train::config::RunConfig::default());
        let settings = Settings {
            program_len: 7,
            program_crc: 8,
            machine_len: 0,
            machine_crc: 0,
            size: [28, 28],
            padding: 2,
            step: 4,
            training,
        };
        let commands = [
            Command::Identify,
            Command::Configure(settings),
            Command::Write(at, &[1, 2, 3]),
            Command::Read(at, 17),
            Command::Checksum(at, 1 << 20),
            Command::Load {
                order,
                samples: 64,
                first: 2,
                slots: &[1, 0, 0, 0],
            },
            Command::Run(1 << 40),
            Command::Pause,
            Command::Status(3),
            Command::Counters,
            Command::Reset,
        ];
        for command in commands {
            let payload = command.payload();
            assert_eq!(Command::read(command.kind(), &payload), Ok(command));
            for end in 0..payload.len() {
                // A write of less data, or a load of fewer slots, is another valid command.
                let open = matches!(command, Command::Write(..) | Command::Load { .. });
                let read = Command::read(command.kind(), &payload[..end]);
                assert!(read.is_err() || open);
            }
        }
        assert_eq!(Command::Configure(settings).payload().len(), SETTINGS_BYTES);
    }
}
