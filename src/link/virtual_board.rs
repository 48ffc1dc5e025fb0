//! A board made of the fixed-point executor and the cycle model, behind the same bytes as a real one.
//!
//! docs/BOARD.md says what a board computes and holds; here is one that computes it with the executor of
//! the simulator and counts what the event engine says a machine would count.

mod configured;
mod memory;

use crate::numeric::crc::crc32;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::answer::{
    BoardCounters, Capabilities, Phase, REPORT_BYTES, Report, State, Status, Stop,
};
use super::command::{Command, Settings};
use super::device::{Device as Board, Reply, Wire};
use super::frame::MAX_PAYLOAD;
use crate::accel::{Counters, Device, Machine};
use crate::json;
use crate::train::Order;
use configured::{Configured, Refusal};
use memory::ImageMemory;

/// Bytes of the image memory: 64,000 images of 28 x 28 with their labels.
pub const IMAGE_BYTES: usize = 48 << 20;
/// Bytes for a Program.
pub const PROGRAM_BYTES: usize = 1 << 18;
/// Bytes for a machine.
pub const MACHINE_BYTES: usize = 1 << 14;
/// Orders that may wait.
pub const ORDERS: usize = 8;
/// Reports that are kept.
pub const REPORTS: usize = 64;
/// Most steps of a run.
const MAX_STEP: u64 = 1 << 48;
/// Milliseconds by which a step may be begun late and still count from when it could have begun.
const LATE: f64 = 20.0;

/// A virtual board.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VirtualSettings {
    /// The device whose memory it has.
    pub device: Device,
    /// Whether a step takes as long as its cycles at the board's clock, where the executor is faster;
    /// otherwise as long as the executor needs.
    pub paced: bool,
}

impl Default for VirtualSettings {
    fn default() -> Self {
        Self {
            device: Device::Zu3eg,
            paced: true,
        }
    }
}

/// An order with the slots of its images that are there.
#[derive(Clone, Debug)]
struct Asked {
    order: Order,
    samples: usize,
    slots: Vec<u32>,
}

impl Asked {
    fn complete(&self) -> bool {
        self.slots.len() == self.samples
    }
}

/// A step that is computed and told of when its time has come.
#[derive(Clone, Copy, Debug)]
struct Done {
    report: Report,
    counters: Counters,
    stop: Option<Stop>,
    /// When it ends, in milliseconds.
    end: f64,
}

/// A board without its wire.
#[derive(Debug)]
pub struct VirtualBoard {
    settings: VirtualSettings,
    boot: u32,
    machine: Machine,
    program: Vec<u8>,
    machine_text: Vec<u8>,
    images: ImageMemory,
    board: Option<Configured>,
    /// Shift records that were written and not yet taken.
    shifts: Option<Vec<u8>>,
    orders: VecDeque<Asked>,
    reports: VecDeque<Report>,
    counters: BoardCounters,
    step: u64,
    target: u64,
    stop: Stop,
    done: Option<Done>,
    /// Since when the next step could have begun.
    ready: f64,
    upsets: u32,
}

/// Refused, with nothing to add.
fn plain(status: Status) -> Refusal {
    (status, String::new())
}

impl VirtualBoard {
    /// A board that was just switched on; `boot` is the number of this boot.
    #[must_use]
    pub fn new(settings: VirtualSettings, boot: u32) -> Self {
        let machine = Machine {
            device: settings.device,
            ..Machine::published()
        };
        Self {
            settings,
            boot,
            machine_text: text(&machine),
            machine,
            program: vec![],
            images: ImageMemory::default(),
            board: None,
            shifts: None,
            orders: VecDeque::new(),
            reports: VecDeque::new(),
            counters: BoardCounters::default(),
            step: 0,
            target: 0,
            stop: Stop::Done,
            done: None,
            ready: 0.0,
            upsets: 0,
        }
    }

    /// Whether a step is in progress as far as anyone can tell, or the next is to begin.
    fn busy(&self) -> bool {
        self.done.is_some() || (self.board.is_some() && self.step < self.target)
    }

    /// The step that begins next.
    fn next(&self) -> u64 {
        self.step + u64::from(self.done.is_some())
    }

    /// Flips a bit of a core's master copy, as a particle might: another one each time. Whether there is
    /// a core.
    pub fn upset(&mut self) -> bool {
        let Some(board) = &mut self.board else {
            return false;
        };
        self.upsets += 1;
        let Some(core) = board.parameter(0) else {
            return false;
        };
        let Some(grid) = core.grid else { return false };
        let place = (self.upsets as usize * 7) % core.master.len();
        let bit = self.upsets % u32::from(grid.bits - 1);
        core.master[place] = grid.value(grid.integer(core.master[place]) ^ (1 << bit));
        true
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> State {
        let complete = self.orders.iter().take_while(|asked| asked.complete());
        let ordered = self.next() + complete.count() as u64;
        let phase = if self.board.is_none() {
            Phase::Empty
        } else if !self.busy() {
            Phase::Still
        } else if self.done.is_none() && ordered == self.step {
            Phase::Waiting
        } else {
            Phase::Running
        };
        State {
            phase,
            stop: self.stop,
            step: self.step,
            ordered,
        }
    }

    /// What it is.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        let budget = self.settings.device.budget();
        Capabilities {
            boot: self.boot,
            clock: (self.machine.clock_mhz * 1e6) as u32,
            array: [self.machine.lanes as u16, self.machine.rows as u16],
            window: super::responder::WINDOW as u8,
            orders: ORDERS as u8,
            widths: [[2, 8], [4, 8], [4, 16], [2, 16]],
            any_machine: true,
            memory: (budget.block_ram_blocks * budget.block_bits / 8) as u32,
            images: IMAGE_BYTES as u32,
            program: PROGRAM_BYTES as u32,
            device: format!("virtual {}", self.settings.device.name()),
            build: format!("railyard {}", env!("CARGO_PKG_VERSION")),
        }
    }

    /// Tells of the step that is computed once its time has come.
    fn settle(&mut self, now: f64) {
        let Some(done) = self.done.filter(|done| done.end <= now) else {
            return;
        };
        self.done = None;
        self.ready = done.end;
        self.step = done.report.step;
        if self.reports.len() == REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(done.report);
        let (all, own) = (&mut self.counters, done.counters);
        all.steps += 1;
        all.samples += u64::from(done.report.samples);
        all.cycles += done.report.cycles;
        all.saturated = all.saturated.saturating_add(done.report.saturated);
        all.macs += own.macs;
        all.reads += own.reads;
        all.rereads += own.rereads;
        all.writes += own.writes;
        all.state += own.state;
        if let Some(stop) = done.stop {
            (self.stop, self.target) = (stop, self.step);
        }
    }

    /// Whether a step can begin.
    fn can_begin(&self) -> bool {
        let ordered = self.orders.front().is_some_and(Asked::complete);
        self.done.is_none() && self.board.is_some() && self.step < self.target && ordered
    }

    fn configure(&mut self, settings: &Settings) -> Result<(), Refusal> {
        if self.busy() {
            return Err(plain(Status::BadState));
        }
        if settings.step > MAX_STEP {
            return Err(plain(Status::BadValue));
        }
        let written = |bytes: &[u8], len: u32, sum: u32| {
            let found = bytes.get(..len as usize);
            found
                .filter(|bytes| crc32(bytes) == sum)
                .map(<[u8]>::to_vec)
        };
        let machine = if settings.machine_len == 0 {
            self.machine.clone()
        } else {
            let bytes = written(
                &self.machine_text,
                settings.machine_len,
                settings.machine_crc,
            );
            let bytes = bytes.ok_or((
                Status::BadProgram,
                "the machine's checksum differs: write it again".to_owned(),
            ))?;
            let machine: Machine = json::read(&bytes)
                .map_err(|error| (Status::BadProgram, format!("this is no machine: {error}")))?;
            Machine {
                device: self.settings.device,
                ..machine
            }
        };
        let program = written(&self.program, settings.program_len, settings.program_crc);
        let program = program.ok_or((
            Status::BadProgram,
            "the Program's checksum differs: write it again".to_owned(),
        ))?;
        self.board = Some(Configured::new(&program, &machine, settings)?);
        self.machine_text = text(&machine);
        self.machine = machine;
        self.shifts = None;
        self.orders.clear();
        self.reports.clear();
        self.counters = BoardCounters::default();
        (self.step, self.target) = (settings.step, settings.step);
        self.stop = Stop::Done;
        Ok(())
    }

    fn load(
        &mut self,
        order: &Order,
        samples: usize,
        first: usize,
        slots: &[u8],
        now: f64,
    ) -> Result<(), Refusal> {
        let board = self.board.as_ref().ok_or_else(|| plain(Status::BadState))?;
        let next = self.next();
        if order.step < next {
            // Taken already: an order that is asked for again.
            return Ok(());
        }
        let slots: Vec<u32> = slots
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let [beta, gamma] = order.corrections;
        let in_range = order.rate >= 0.0
            && order.penalty >= 0.0
            && [beta, gamma].iter().all(|c| *c > 0.0 && *c <= 1.0);
        if !in_range || !(1..=board.batch()).contains(&samples) {
            return Err(plain(Status::BadValue));
        }
        let there = (IMAGE_BYTES / board.slot()) as u64;
        let last = first + slots.len();
        if last > samples || slots.iter().any(|&slot| u64::from(slot) >= there) {
            return Err(plain(Status::BadRange));
        }
        let place = order.step - next;
        if place > self.orders.len() as u64 {
            let message = format!(
                "an order for step {} is missing",
                next + self.orders.len() as u64
            );
            return Err((Status::BadRange, message));
        }
        if place == self.orders.len() as u64 {
            if first > 0 {
                return Err(plain(Status::BadRange));
            }
            if self.orders.len() == ORDERS {
                return Err(plain(Status::NoRoom));
            }
            self.orders.push_back(Asked {
                order: *order,
                samples,
                slots: vec![],
            });
        }
        let began = self.can_begin();
        let asked = &mut self.orders[place as usize];
        if first == 0 {
            (asked.order, asked.samples) = (*order, samples);
        }
        if first > asked.slots.len() || asked.samples != samples || asked.order != *order {
            return Err(plain(Status::BadRange));
        }
        asked.slots.truncate(first);
        asked.slots.extend(slots);
        if !began && self.can_begin() {
            self.ready = now;
        }
        Ok(())
    }

    fn run(&mut self, target: u64, now: f64) -> Result<(), Refusal> {
        if self.board.is_none() {
            return Err(plain(Status::BadState));
        }
        if !self.busy() {
            self.take_shifts()?;
            self.ready = now;
        }
        if target > self.step {
            self.stop = Stop::Done;
        }
        self.target = target.max(self.next());
        Ok(())
    }

    fn pause(&mut self) {
        if self.busy() && self.target > self.next() {
            self.target = self.next();
            self.stop = Stop::Paused;
        }
    }

    fn obey(
        &mut self,
        command: &Command<'_>,
        wire: Wire,
        now: f64,
        reply: &mut Reply<'_>,
    ) -> Result<(), Refusal> {
        match *command {
            Command::Identify => self.capabilities().write(reply),
            Command::Configure(settings) => self.configure(&settings)?,
            Command::Write(at, data) => self.write_memory(at, data).map_err(plain)?,
            Command::Read(at, len) => {
                if usize::from(len) > MAX_PAYLOAD {
                    return Err(plain(Status::BadLength));
                }
                let bytes = self.read_memory(at, usize::from(len)).map_err(plain)?;
                reply.put(&bytes);
            }
            Command::Checksum(at, len) => {
                let bytes = self.read_memory(at, len as usize).map_err(plain)?;
                reply.put(&crc32(&bytes).to_le_bytes());
            }
            Command::Load {
                ref order,
                samples,
                first,
                slots,
            } => self.load(order, usize::from(samples), usize::from(first), slots, now)?,
            Command::Run(target) => {
                self.run(target, now)?;
                self.state().write(reply);
            }
            Command::Pause => {
                self.pause();
                self.state().write(reply);
            }
            Command::Status(after) => {
                self.state().write(reply);
                for report in self.reports.iter().filter(|report| report.step > after) {
                    if reply.room() < REPORT_BYTES {
                        break;
                    }
                    report.write(reply);
                }
            }
            Command::Counters => BoardCounters {
                frames: wire.frames,
                damaged: wire.damaged,
                repeated: wire.repeated,
                ..self.counters
            }
            .write(reply),
            Command::Reset => self.restart(),
        }
        Ok(())
    }
}

/// A machine as it is read from a board.
fn text(machine: &Machine) -> Vec<u8> {
    // A machine is plain data.
    json::write(machine).into_bytes()
}

impl Board for VirtualBoard {
    fn execute(
        &mut self,
        command: &Command<'_>,
        wire: Wire,
        now: f64,
        reply: &mut Reply<'_>,
    ) -> Status {
        self.settle(now);
        match self.obey(command, wire, now, reply) {
            Ok(()) => Status::Ok,
            Err((status, sentence)) => {
                reply.explain(&sentence);
                status
            }
        }
    }

    fn work(&mut self, now: f64) -> bool {
        self.settle(now);
        if !self.can_begin() {
            return false;
        }
        let (Some(asked), Some(board)) = (self.orders.pop_front(), &mut self.board) else {
            return false;
        };
        let Some(outcome) = board.step(&asked.order, &asked.slots, &self.images) else {
            // A label that is none: the step is not taken.
            self.orders.push_front(asked);
            (self.stop, self.target) = (Stop::Fault, self.step);
            return false;
        };
        let mut report = outcome.report;
        let mut stop = outcome.dies.then_some(Stop::Rank);
        if !report.loss.is_finite() {
            report.loss = f64::MAX;
            stop = Some(Stop::Fault);
        }
        let start = if now - self.ready < LATE {
            self.ready
        } else {
            now
        };
        let length = if self.settings.paced {
            report.cycles as f64 / (self.machine.clock_mhz * 1e3)
        } else {
            0.0
        };
        self.done = Some(Done {
            report,
            counters: outcome.counters,
            stop,
            end: start + length,
        });
        self.settle(now);
        self.can_begin()
    }

    fn due(&self) -> Option<f64> {
        match self.done {
            Some(done) => Some(done.end),
            None => self.can_begin().then_some(self.ready),
        }
    }

    fn restart(&mut self) {
        *self = Self::new(
            self.settings,
            self.boot.wrapping_mul(0x9e37_79b1).wrapping_add(1),
        );
    }
}
