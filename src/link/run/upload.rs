//! Writing a run to a board: Program, machine, settings, then every memory with its check.

use super::asked::Asked;
use super::fault::RunFault;
use super::memory::Memory;
use crate::link::command::{Command, MAX_DATA, Settings};
use crate::link::session::Session;

/// Requests that wait at once: twice a window, so that the line is never idle.
pub(super) const AHEAD: usize = 16;

/// What a request was for.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// So many bytes.
    Written(u64),
    Configured,
    /// The checksum of a memory.
    Checked(usize),
}

/// An upload in progress.
#[derive(Debug)]
pub(super) struct Upload {
    /// Program and machine, then the memories of the run's state.
    memories: Vec<Memory>,
    /// How many are written before the board is configured.
    before: usize,
    /// What the board is configured with.
    pub settings: Settings,
    configured: bool,
    /// Memory and byte to be written next.
    next: (usize, usize),
    asked: Asked<Part>,
    /// Bytes written.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

impl Upload {
    /// An upload of what comes before the settings and what comes after them.
    pub fn new(before: Vec<Memory>, settings: Settings, after: Vec<Memory>) -> Self {
        let count = before.len();
        let memories: Vec<Memory> = before.into_iter().chain(after).collect();
        let total = memories.iter().map(|memory| memory.bytes.len() as u64);
        Self {
            before: count,
            settings,
            configured: false,
            next: (0, 0),
            asked: Asked::default(),
            done: 0,
            total: total.sum(),
            memories,
        }
    }

    /// Asks what can be asked and takes the answers that are there; whether all is written and right.
    pub fn advance(&mut self, session: &mut Session) -> Result<bool, RunFault> {
        while let Some((part, payload)) = self.asked.next(session)? {
            match part {
                Part::Written(bytes) => self.done += bytes,
                Part::Configured => {}
                Part::Checked(index) => self.memories[index].check(&payload)?,
            }
        }
        while self.asked.len() < AHEAD && self.ask(session) {}
        Ok(self.asked.len() == 0 && self.next.0 == self.memories.len())
    }

    /// Asks the next request; whether there was one.
    fn ask(&mut self, session: &mut Session) -> bool {
        let (index, offset) = self.next;
        if index == self.before && !self.configured {
            self.configured = true;
            let command = Command::Configure(self.settings);
            self.asked.ask(session, &command, Part::Configured);
            return true;
        }
        let Some(memory) = self.memories.get(index) else {
            return false;
        };
        let end = (offset + MAX_DATA).min(memory.bytes.len());
        if offset < end {
            let command = Command::Write(memory.address(offset), &memory.bytes[offset..end]);
            let part = Part::Written((end - offset) as u64);
            self.asked.ask(session, &command, part);
            self.next.1 = end;
            return true;
        }
        // The board checks Program and machine by the settings.
        if index >= self.before {
            let command = Command::Checksum(memory.address(0), memory.bytes.len() as u32);
            self.asked.ask(session, &command, Part::Checked(index));
        }
        self.next = (index + 1, 0);
        true
    }

    /// Takes back what was not answered.
    pub fn abandon(&mut self, session: &mut Session) {
        self.asked.abandon(session);
    }
}
