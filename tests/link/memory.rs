//! A board that is only a memory, as simple as can be, and a host's clock that jumps from one event to the
//! next.

use railyard::link::answer::{Capabilities, State, Status};
use railyard::link::command::{Address, Command, Space};
use railyard::link::device::{Device, Reply, Wire};
use railyard::link::line::{LineSettings, Wired};
use railyard::link::responder::WINDOW;
use railyard::link::session::{Limits, Session};
use railyard::link::transport::Transport;

/// Bytes of the memory.
pub const MEMORY: usize = 1 << 18;

/// A board that is a memory.
pub struct Memory {
    pub bytes: Vec<u8>,
    pub boot: u32,
    /// Commands carried out since the power came.
    pub executed: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            bytes: vec![0; MEMORY],
            boot: 1,
            executed: 0,
        }
    }
}

/// CRC-32 bit by bit.
pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}

impl Memory {
    fn place(at: Address, len: usize) -> Option<std::ops::Range<usize>> {
        let begin = at.offset as usize;
        (begin + len <= MEMORY).then_some(begin..begin + len)
    }
}

impl Device for Memory {
    fn execute(
        &mut self,
        command: &Command<'_>,
        _wire: Wire,
        _now: f64,
        reply: &mut Reply<'_>,
    ) -> Status {
        self.executed += 1;
        match *command {
            Command::Identify => {
                let board = Capabilities {
                    boot: self.boot,
                    clock: 1,
                    array: [1, 1],
                    window: WINDOW as u8,
                    orders: 1,
                    widths: [[2, 8]; 4],
                    any_machine: false,
                    memory: MEMORY as u32,
                    images: 0,
                    program: 0,
                    device: "a memory".into(),
                    build: "test".into(),
                };
                board.write(reply);
            }
            Command::Write(at, data) => match Self::place(at, data.len()) {
                Some(place) => self.bytes[place].copy_from_slice(data),
                None => return Status::BadRange,
            },
            Command::Read(at, len) => match Self::place(at, usize::from(len)) {
                Some(place) => assert!(reply.put(&self.bytes[place])),
                None => return Status::BadRange,
            },
            Command::Checksum(at, len) => match Self::place(at, len as usize) {
                Some(place) => assert!(reply.put(&crc(&self.bytes[place]).to_le_bytes())),
                None => return Status::BadRange,
            },
            Command::Status(_) => State::default().write(reply),
            _ => {
                reply.explain("this board is only a memory");
                return Status::Unsupported;
            }
        }
        Status::Ok
    }

    fn restart(&mut self) {
        *self = Self {
            boot: self.boot + 1,
            ..Self::default()
        };
    }
}

pub fn at(offset: usize) -> Address {
    Address {
        space: Space::Images,
        index: 0,
        offset: offset as u32,
    }
}

/// A session, a line, a board and the time.
pub struct Bench<D: Device> {
    pub session: Session,
    pub wired: Wired<D>,
    pub now: f64,
    bytes: Vec<u8>,
}

impl<D: Device> Bench<D> {
    pub fn new(device: D, line: LineSettings, limits: Limits) -> Self {
        Self {
            session: Session::new(1, limits),
            wired: Wired::new(device, line),
            now: 0.0,
            bytes: vec![],
        }
    }

    /// Lets everything happen that does now.
    pub fn turn(&mut self) {
        self.bytes.clear();
        self.wired.receive(self.now, &mut self.bytes).unwrap();
        if !self.bytes.is_empty() {
            self.session.receive(&self.bytes, self.now);
        }
        self.bytes.clear();
        self.session.poll(self.now, &mut self.bytes);
        if !self.bytes.is_empty() {
            self.wired.send(&self.bytes, self.now).unwrap();
        }
    }

    /// Goes on to the next event; false if there will be none.
    pub fn step(&mut self) -> bool {
        let due = [self.session.due(), self.wired.due()];
        let Some(next) = due.into_iter().flatten().reduce(f64::min) else {
            return false;
        };
        self.now = self.now.max(next);
        self.turn();
        true
    }

    /// Goes on until something holds; the session must live.
    pub fn until(&mut self, mut done: impl FnMut(&mut Session) -> bool) {
        self.turn();
        while !done(&mut self.session) {
            assert_eq!(self.session.fault(), None, "at {} ms", self.now);
            assert!(self.step());
        }
    }

    /// A session that is open.
    pub fn opened(device: D, line: LineSettings, limits: Limits) -> Self {
        let mut bench = Self::new(device, line, limits);
        bench.until(|session| session.capabilities().is_some());
        bench
    }
}
