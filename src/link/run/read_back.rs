//! Reading a board's memories back, each with its check.

use super::asked::Asked;
use super::fault::RunFault;
use super::memory::{Memory, memories, words};
use super::upload::AHEAD;
use crate::link::command::Command;
use crate::link::frame::MAX_PAYLOAD;
use crate::link::session::{LinkError, Session};
use crate::train::Words;

/// What a request was for.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// Bytes of a memory.
    Read {
        index: usize,
        offset: usize,
        len: usize,
    },
    /// The checksum of a memory.
    Checked(usize),
}

/// Words being read back.
#[derive(Debug)]
pub(super) struct ReadBack {
    shape: Words,
    memories: Vec<Memory>,
    /// Memory and byte to be read next.
    next: (usize, usize),
    asked: Asked<Part>,
    /// Bytes read.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

impl ReadBack {
    /// Words of the shape of these.
    pub fn new(shape: Words) -> Self {
        let memories = memories(&shape);
        Self {
            shape,
            next: (0, 0),
            asked: Asked::default(),
            done: 0,
            total: memories.iter().map(|m| m.bytes.len() as u64).sum(),
            memories,
        }
    }

    /// Asks what can be asked and takes the answers that are there; the words when all are there.
    pub fn advance(&mut self, session: &mut Session) -> Result<Option<Words>, RunFault> {
        while let Some((part, payload)) = self.asked.next(session)? {
            match part {
                Part::Read { index, offset, len } => {
                    if payload.len() != len {
                        return Err(LinkError::Garbled {
                            command: Command::Read(self.memories[index].at, 0).kind(),
                        }
                        .into());
                    }
                    self.memories[index].bytes[offset..offset + len].copy_from_slice(&payload);
                    self.done += len as u64;
                }
                Part::Checked(index) => self.memories[index].check(&payload)?,
            }
        }
        while self.asked.len() < AHEAD && self.ask(session) {}
        if self.asked.len() > 0 || self.next.0 < self.memories.len() {
            return Ok(None);
        }
        Ok(words(&self.shape, &self.memories))
    }

    /// Asks the next request; whether there was one.
    fn ask(&mut self, session: &mut Session) -> bool {
        let (index, offset) = self.next;
        let Some(memory) = self.memories.get(index) else {
            return false;
        };
        let len = (memory.bytes.len() - offset).min(MAX_PAYLOAD);
        if len > 0 {
            let command = Command::Read(memory.address(offset), len as u16);
            let part = Part::Read { index, offset, len };
            self.asked.ask(session, &command, part);
            self.next.1 += len;
            return true;
        }
        let command = Command::Checksum(memory.address(0), memory.bytes.len() as u32);
        self.asked.ask(session, &command, Part::Checked(index));
        self.next = (index + 1, 0);
        true
    }

    /// Takes back what was not answered.
    pub fn abandon(&mut self, session: &mut Session) {
        self.asked.abandon(session);
    }
}
