//! The host's end: frames in flight, time limits, retries.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::answer::{Capabilities, State, Status};
use super::command::Command;
use super::device::MAX_EXPLANATION;
use super::flight::{Flight, Flights, Owner};
use super::frame::{ANSWER, Damage, Decoder, Header, MAX_ENCODED, MAX_PAYLOAD};
use super::log::Log;
use super::time::line_time;

pub use super::fault::LinkError;

/// Codes of the commands that the session itself knows.
const IDENTIFY: u8 = 1;
const RUN: u8 = 7;
const PAUSE: u8 = 8;
const STATUS: u8 = 9;

/// Number of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket(pub u32);

/// What went over the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Bytes sent, with everything around the payload.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
    /// Frames sent for the first time.
    pub frames: u64,
    /// Frames sent again.
    pub repeated: u64,
    /// Answers received whole.
    pub answers: u64,
    /// Stretches between delimiters that were no frames.
    pub damaged: u64,
    /// Time from sending a frame to its answer in milliseconds, smoothed; 0 before the first.
    pub round_trip: f64,
}

/// Requests that a session holds at most: queued, in flight, and answered but not taken.
pub const MOST_HELD: usize = 8192;

/// Time limits in milliseconds, and what they allow for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// For an answer, beside the time that the line needs for what is in flight.
    pub answer: f64,
    /// Without anything heard, until the board is asked whether it is there.
    pub heartbeat: f64,
    /// Without anything heard while something is unanswered, until the board is lost. On a slow line
    /// it is at least the limit of an answer and the time of two of the longest frames.
    pub silence: f64,
    /// Speed of the line in bits per second; 0 for no allowance.
    pub baud: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: 250.0,
            heartbeat: 200.0,
            silence: 800.0,
            baud: 0,
        }
    }
}

/// A poll that comes so many milliseconds after it was due finds a host that was busy, not a board that
/// was silent: the board is given another [`Limits::answer`], once until it is heard again.
const STALL: f64 = 100.0;

/// A board that is heard but does not answer a frame sent so many times never will.
const MOST_TIMES: u32 = 40;

/// The ticket of requests for which there was no room.
const NO_ROOM: Ticket = Ticket(0);

/// The state that a heartbeat asks for: no reports.
const NO_REPORTS: u64 = u64::MAX;

/// A request that waits for its turn.
#[derive(Clone, Debug)]
struct Queued {
    ticket: Ticket,
    kind: u8,
    payload: Vec<u8>,
}

/// A session with a board, from the host's side. It holds no line and no clock: the caller gives it bytes
/// that came ([`Session::receive`]) and sends those that [`Session::poll`] gives, in this order, whenever
/// something came or [`Session::due`] says so. Times are in milliseconds.
#[derive(Debug)]
pub struct Session {
    number: u16,
    limits: Limits,
    decoder: Decoder,
    flights: Flights,
    queue: VecDeque<Queued>,
    /// Those not yet fetched; few.
    answers: Vec<(Ticket, Result<Vec<u8>, LinkError>)>,
    /// Number of the last ticket.
    last: u32,
    capabilities: Option<Capabilities>,
    credits: u8,
    state: State,
    fault: Option<LinkError>,
    statistics: Statistics,
    log: Log,
    /// When it was polled first; none before.
    began: Option<f64>,
    /// The latest time it was told.
    now: f64,
    /// When a frame of this session was heard last.
    heard: f64,
    /// Since when something is unanswered.
    since: f64,
    /// Until when a board is given time because the host was busy.
    patience: Option<f64>,
}

impl Session {
    /// A session of a number that should be drawn at random; 0 becomes 1. It asks by itself what the board
    /// is.
    #[must_use]
    pub fn new(number: u16, limits: Limits) -> Self {
        Self {
            number: number.max(1),
            limits,
            decoder: Decoder::new(),
            flights: Flights::default(),
            queue: VecDeque::new(),
            answers: Vec::new(),
            last: 0,
            capabilities: None,
            credits: 1,
            state: State::default(),
            fault: None,
            statistics: Statistics::default(),
            log: Log::default(),
            began: None,
            now: 0.0,
            heard: 0.0,
            since: 0.0,
            patience: None,
        }
    }

    /// Asks a command. It waits until the window lets it go.
    pub fn submit(&mut self, command: &Command<'_>) -> Ticket {
        let held = self.queue.len() + self.flights.span() + self.answers.len();
        if held >= MOST_HELD {
            return NO_ROOM;
        }
        self.last = self.last.wrapping_add(1).max(1);
        let ticket = Ticket(self.last);
        let (kind, payload) = (command.kind(), command.payload());
        if let Some(fault) = &self.fault {
            self.answers.push((ticket, Err(fault.clone())));
        } else if payload.len() > MAX_PAYLOAD {
            let error = LinkError::Refused {
                command: kind,
                status: Status::BadLength,
                said: format!(
                    "{} bytes; a frame carries at most {MAX_PAYLOAD}",
                    payload.len()
                ),
            };
            self.answers.push((ticket, Err(error)));
        } else {
            self.queue.push_back(Queued {
                ticket,
                kind,
                payload,
            });
        }
        ticket
    }

    /// The place of a ticket in the queue, which is in their order.
    fn queued(&self, ticket: Ticket) -> Option<usize> {
        self.queue.binary_search_by_key(&ticket, |q| q.ticket).ok()
    }

    /// Takes a request back. One in flight may be carried out still; its answer is dropped.
    pub fn cancel(&mut self, ticket: Ticket) {
        if let Some(place) = self.queued(ticket) {
            self.queue.remove(place);
        } else if !self.flights.disown(ticket) {
            self.answers.retain(|(answered, _)| *answered != ticket);
        }
    }

    /// The payload of a good answer, or why there is none; nothing while the request waits. A request that was
    /// taken back, or whose answer was given before, is [`LinkError::Cancelled`].
    pub fn answer(&mut self, ticket: Ticket) -> Option<Result<Vec<u8>, LinkError>> {
        if ticket == NO_ROOM {
            return Some(Err(LinkError::Full));
        }
        let found = self
            .answers
            .iter()
            .position(|(answered, _)| *answered == ticket);
        if let Some(found) = found {
            return Some(self.answers.swap_remove(found).1);
        }
        let owner = Owner::Ticket(ticket);
        let waits =
            self.queued(ticket).is_some() || self.flights.unanswered().any(|f| f.owner == owner);
        (!waits).then_some(Err(LinkError::Cancelled))
    }

    /// What the board is, once it has said so.
    #[must_use]
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.capabilities.as_ref()
    }

    /// Why the session is over, if it is.
    #[must_use]
    pub fn fault(&self) -> Option<&LinkError> {
        self.fault.as_ref()
    }

    /// The way to the board is gone: what happened and what to do next.
    pub fn close(&mut self, message: String) {
        self.end(LinkError::Closed(message));
    }

    /// Requests of the caller that are not answered.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len() + self.flights.callers()
    }

    /// What went over the line.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The board's state as it was last told.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The record of frames.
    pub fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Takes bytes that came from the board.
    pub fn receive(&mut self, bytes: &[u8], now: f64) {
        self.now = now;
        self.statistics.received += bytes.len() as u64;
        for &byte in bytes {
            if self.fault.is_some() {
                return;
            }
            match self.decoder.push(byte) {
                None => {}
                Some(Ok(frame)) => {
                    let (header, payload) = (frame.header, frame.payload.to_vec());
                    self.statistics.answers += 1;
                    self.frame(header, payload, now);
                }
                Some(Err(damage)) => {
                    self.statistics.damaged += 1;
                    if let Damage::OtherVersion(version) = damage {
                        self.end(LinkError::Version(version));
                    }
                }
            }
        }
    }

    /// A whole frame has come.
    fn frame(&mut self, header: Header, payload: Vec<u8>, now: f64) {
        let ours = header.session == self.number && header.kind & ANSWER != 0;
        let missing = header.kind == ANSWER && header.status == Status::Missing as u8;
        let flight = if ours && !missing {
            let kind = header.kind & !ANSWER;
            self.flights
                .answered(header.sequence, kind, now, &self.limits)
        } else {
            None
        };
        let repeated = ours && !missing && flight.is_none();
        let at = now - self.began.unwrap_or(now);
        self.log.passed(at, false, &header, &payload, repeated);
        if !ours || self.began.is_none() {
            return;
        }
        (self.heard, self.patience) = (now, None);
        if missing {
            self.flights.missing(header.sequence, now);
        } else if let Some(flight) = flight {
            self.credits = header.credits;
            if !flight.repeated() {
                let time = now - flight.sent;
                let smoothed = &mut self.statistics.round_trip;
                let share = if *smoothed > 0.0 { 0.125 } else { 1.0 };
                *smoothed += share * (time - *smoothed);
            }
            self.settle(&flight, header.status, payload);
        }
    }

    /// The request of a frame is answered.
    fn settle(&mut self, flight: &Flight, status: u8, payload: Vec<u8>) {
        let command = flight.header.kind;
        let garbled = LinkError::Garbled { command };
        let answer = match Status::of(status) {
            Some(Status::Ok) => self.learn(command, &payload).map(|()| payload),
            Some(Status::NoSession) => {
                self.end(LinkError::Reset);
                Err(LinkError::Reset)
            }
            Some(status) => {
                let said = String::from_utf8_lossy(&payload[..payload.len().min(MAX_EXPLANATION)]);
                let said = said.chars().filter(|c| !c.is_control()).collect();
                Err(LinkError::Refused {
                    command,
                    status,
                    said,
                })
            }
            None => Err(garbled),
        };
        match (flight.owner, answer) {
            (Owner::Ticket(ticket), answer) => {
                self.answers.push((ticket, answer));
            }
            (Owner::Opening, Err(error)) => self.end(error),
            _ => {}
        }
    }

    /// Reads what a good answer tells about the board.
    fn learn(&mut self, command: u8, payload: &[u8]) -> Result<(), LinkError> {
        match command {
            IDENTIFY => {
                let Some(told) = Capabilities::read(payload) else {
                    return Err(LinkError::Garbled { command });
                };
                let before = self.capabilities.as_ref().map(|known| known.boot);
                if before.is_some_and(|boot| boot != told.boot) {
                    self.end(LinkError::Reset);
                    return Err(LinkError::Reset);
                }
                self.capabilities = Some(told);
            }
            RUN | PAUSE | STATUS => {
                if let Some(state) = State::read(payload) {
                    self.state = state;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The session is over: everything unanswered fails.
    fn end(&mut self, fault: LinkError) {
        if self.fault.is_some() {
            return;
        }
        for flight in self.flights.drain() {
            if let Owner::Ticket(ticket) = flight.owner {
                self.answers.push((ticket, Err(fault.clone())));
            }
        }
        for request in self.queue.drain(..) {
            self.answers.push((request.ticket, Err(fault.clone())));
        }
        self.fault = Some(fault);
    }

    /// When the board is lost, if it stays silent.
    fn lost_at(&self) -> f64 {
        if self.flights.is_empty() {
            return f64::INFINITY;
        }
        let slow = self.limits.answer + line_time(2 * MAX_ENCODED, self.limits.baud);
        let silence = self.limits.silence.max(slow);
        // Where heartbeats are in time, both are the same.
        let alone = self.since + silence - self.limits.heartbeat;
        let patience = self.patience.unwrap_or(f64::NEG_INFINITY);
        (self.heard + silence).max(alone).max(patience)
    }

    /// Frames that may be in flight.
    fn window(&self) -> usize {
        let most = self.capabilities.as_ref().map_or(1, |board| board.window);
        usize::from(most.min(self.credits)).max(1)
    }

    /// Whether the queue may send a frame.
    fn open(&self) -> bool {
        self.capabilities.is_some() && self.flights.span() < self.window()
    }

    /// When [`Session::poll`] has something to do again; none when the session is over.
    #[must_use]
    pub fn due(&self) -> Option<f64> {
        if self.fault.is_some() {
            return None;
        }
        if self.began.is_none() || (self.open() && !self.queue.is_empty()) {
            return Some(self.now);
        }
        let due = if self.flights.is_empty() {
            self.heard + self.limits.heartbeat
        } else {
            self.flights.due().min(self.lost_at())
        };
        Some(due.max(self.now))
    }

    /// Appends what is to be sent now: new frames, frames again, a heartbeat. Bytes that have come must have
    /// been given before, or a board that answered in time seems silent.
    pub fn poll(&mut self, now: f64, out: &mut Vec<u8>) {
        if self.fault.is_some() {
            return;
        }
        if self.began.is_none() {
            (self.began, self.heard) = (Some(now), now);
            self.launch(IDENTIFY, vec![], Owner::Opening, now, out);
        }
        let stalled = self.due().is_some_and(|due| now > due + STALL);
        if stalled && self.patience.is_none() {
            self.patience = Some(now + self.limits.answer);
        }
        self.now = now;
        if now >= self.lost_at() {
            let milliseconds = (now - self.heard) as u32;
            self.end(LinkError::Silent { milliseconds });
            return;
        }
        if let Some(command) = self.flights.hopeless(MOST_TIMES, now) {
            self.end(LinkError::Garbled { command });
            return;
        }
        for place in 0..self.flights.span() {
            if self.flights.late(place, now) {
                self.transmit(place, now, out);
            }
        }
        while self.open()
            && let Some(request) = self.queue.pop_front()
        {
            let owner = Owner::Ticket(request.ticket);
            self.launch(request.kind, request.payload, owner, now, out);
        }
        if self.flights.is_empty() && now >= self.heard + self.limits.heartbeat {
            let payload = Command::Status(NO_REPORTS).payload();
            self.launch(STATUS, payload, Owner::Heartbeat, now, out);
        }
    }

    /// Sends a frame for the first time.
    fn launch(&mut self, kind: u8, payload: Vec<u8>, owner: Owner, now: f64, out: &mut Vec<u8>) {
        if self.flights.is_empty() {
            self.since = now;
        }
        let place = self.flights.add(self.number, kind, payload, owner, now);
        self.transmit(place, now, out);
    }

    fn transmit(&mut self, place: usize, now: f64, out: &mut Vec<u8>) {
        let before = out.len();
        let flight = self.flights.transmit(place, now, &self.limits, out);
        self.statistics.sent += (out.len() - before) as u64;
        if flight.repeated() {
            self.statistics.repeated += 1;
        } else {
            self.statistics.frames += 1;
        }
        let at = now - self.began.unwrap_or(now);
        self.log
            .passed(at, true, &flight.header, &flight.payload, flight.repeated());
    }
}
