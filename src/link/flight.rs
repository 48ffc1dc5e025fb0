//! The host's window: frames that were sent and are not answered yet.
//!
//! A frame is sent again when its time limit is over, when the board says that it is missing, or when
//! a frame that was sent after it has been answered: on a line that keeps the order, it or its answer is
//! lost. The number of a transmission tells what was sent after what.

use std::collections::VecDeque;

use super::command::Command;
use super::frame::{Header, MAX_ENCODED, MAX_PAYLOAD, encode, encoded_bytes};
use super::session::{Limits, Ticket};
use super::time::line_time;

/// Whose request a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The session's own: what is the board?
    Opening,
    /// The session's own: is the board there?
    Heartbeat,
    /// A caller's.
    Ticket(Ticket),
    /// A caller's who took it back.
    Nobody,
}

/// A frame in flight.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub header: Header,
    pub payload: Vec<u8>,
    pub owner: Owner,
    /// When it was sent first.
    pub sent: f64,
    /// How often it was sent.
    pub times: u32,
    answered: bool,
    /// Numbers of its first and its latest transmission.
    first: u64,
    latest: u64,
    /// Bytes of the session up to its first transmission's end.
    mark: u64,
    /// When it is sent again.
    due: f64,
}

impl Flight {
    /// Whether it was sent more than once.
    pub fn repeated(&self) -> bool {
        self.times > 1
    }
}

/// The window.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    /// In order; the first one is unanswered.
    frames: VecDeque<Flight>,
    next: u16,
    /// Transmissions so far.
    number: u64,
    /// Bytes sent so far.
    bytes: u64,
    /// When the line to the board is free, if it has the speed it should have.
    free: f64,
}

/// Bytes that the answer to a request takes on the line, if it is a good one.
fn answer_bytes(kind: u8, payload: &[u8]) -> usize {
    let len = match Command::read(kind, payload) {
        Ok(Command::Read(_, len)) => usize::from(len).min(MAX_PAYLOAD),
        Ok(Command::Status(after)) if after != u64::MAX => MAX_PAYLOAD,
        Ok(Command::Identify | Command::Counters) => 96,
        _ => 24,
    };
    encoded_bytes(len)
}

impl Flights {
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// From the first unanswered frame to the last sent one.
    pub fn span(&self) -> usize {
        self.frames.len()
    }

    /// Requests of callers.
    pub fn callers(&self) -> usize {
        let waits = |f: &&Flight| !f.answered && matches!(f.owner, Owner::Ticket(_));
        self.frames.iter().filter(waits).count()
    }

    /// The next time limit.
    pub fn due(&self) -> f64 {
        self.unanswered()
            .map(|flight| flight.due)
            .fold(f64::INFINITY, f64::min)
    }

    pub fn unanswered(&self) -> impl Iterator<Item = &Flight> {
        self.frames.iter().filter(|flight| !flight.answered)
    }

    /// Drops the answer to a ticket; whether it was in flight.
    pub fn disown(&mut self, ticket: Ticket) -> bool {
        let owner = Owner::Ticket(ticket);
        let found = self.frames.iter_mut().find(|flight| flight.owner == owner);
        let unanswered = found.filter(|flight| !flight.answered);
        unanswered
            .map(|flight| flight.owner = Owner::Nobody)
            .is_some()
    }

    /// Adds a frame to the window, to be sent at once, with its place.
    pub fn add(
        &mut self,
        session: u16,
        kind: u8,
        payload: Vec<u8>,
        owner: Owner,
        now: f64,
    ) -> usize {
        let header = Header {
            kind,
            session,
            sequence: self.next,
            ..Header::default()
        };
        self.next = self.next.wrapping_add(1);
        self.frames.push_back(Flight {
            header,
            payload,
            owner,
            sent: now,
            times: 0,
            answered: false,
            first: self.number + 1,
            latest: 0,
            mark: 0,
            due: now,
        });
        self.frames.len() - 1
    }

    /// Sends the frame at a place. One that is sent again, and the very first, begin with a zero, so that
    /// what lies on the line before them does not spoil them.
    pub fn transmit(
        &mut self,
        place: usize,
        now: f64,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> &Flight {
        let before = out.len();
        let flight = &mut self.frames[place];
        let mut encoded = [0; MAX_ENCODED];
        let len = encode(&flight.header, &flight.payload, &mut encoded);
        flight.times += 1;
        if flight.repeated() || self.number == 0 {
            out.push(0);
        }
        out.extend_from_slice(&encoded[..len]);
        let len = out.len() - before;
        self.number += 1;
        self.bytes += len as u64;
        self.free = self.free.max(now) + line_time(len, limits.baud);
        flight.latest = self.number;
        if !flight.repeated() {
            flight.mark = self.bytes;
        }
        let open = self.frames.iter().take(place + 1).filter(|f| !f.answered);
        let answers = open
            .map(|f| answer_bytes(f.header.kind, &f.payload))
            .sum::<usize>();
        let flight = &mut self.frames[place];
        flight.due = self.free + line_time(answers, limits.baud) + limits.answer;
        flight
    }

    /// A command whose time is over after it was sent so many times.
    pub fn hopeless(&self, times: u32, now: f64) -> Option<u8> {
        let hopeless = |flight: &&Flight| flight.times >= times && flight.due <= now;
        self.unanswered()
            .find(hopeless)
            .map(|flight| flight.header.kind)
    }

    /// Whether the time of the frame at a place is over.
    pub fn late(&self, place: usize, now: f64) -> bool {
        let frame = self.frames.get(place);
        frame.is_some_and(|flight| !flight.answered && flight.due <= now)
    }

    /// The board misses a frame: it is sent again at once, if anything was sent after it.
    pub fn missing(&mut self, sequence: u16, now: f64) {
        let number = self.number;
        if let Some(flight) = self.find(sequence)
            && flight.latest < number
        {
            flight.due = now;
        }
    }

    fn find(&mut self, sequence: u16) -> Option<&mut Flight> {
        let first = self.frames.front()?.header.sequence;
        let place = usize::from(sequence.wrapping_sub(first));
        let flight = self.frames.get_mut(place)?;
        (!flight.answered).then_some(flight)
    }

    /// Takes the answer to a sequence number and a command's code: a copy of the frame, if it is one
    /// that waits.
    pub fn answered(
        &mut self,
        sequence: u16,
        kind: u8,
        now: f64,
        limits: &Limits,
    ) -> Option<Flight> {
        let flight = self.find(sequence)?;
        if flight.header.kind != kind {
            return None;
        }
        flight.answered = true;
        let payload = std::mem::take(&mut flight.payload);
        let answered = Flight {
            payload,
            ..flight.clone()
        };
        let rest = (self.bytes - answered.mark) as usize;
        self.free = self.free.min(now + line_time(rest, limits.baud));
        while self.frames.front().is_some_and(|flight| flight.answered) {
            self.frames.pop_front();
        }
        for flight in &mut self.frames {
            if !flight.answered && flight.latest < answered.first {
                flight.due = now;
            }
        }
        Some(answered)
    }

    /// Everything unanswered, and nothing is in flight any more.
    pub fn drain(&mut self) -> impl Iterator<Item = Flight> {
        self.frames.drain(..).filter(|flight| !flight.answered)
    }
}
