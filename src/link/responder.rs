//! The board's end: a window of frames in order, each answered once.
//!
//! A reference for gateware: all memory is in fixed arrays, and two machines run one after the other.
//!
//! The receiver takes bytes ([`Decoder`]):
//!
//! | state | on a byte that is not 0 | on 0 |
//! | --- | --- | --- |
//! | code | it is the length of a block: to data, or to code if it is 1 | check |
//! | data | keep it; to code after the block's last | damaged, to code |
//! | check | | whole: to the window; else damaged; to code |
//!
//! The window takes whole frames. `d` is the frame's sequence number less the expected one, modulo 2^16:
//!
//! | state | frame | what happens |
//! | --- | --- | --- |
//! | any | an answer | dropped |
//! | any | identify, of another session than 0 and the present one | open: the window is emptied, `d` is 0 |
//! | closed, or another session | anything else | answered [`Status::NoSession`] |
//! | open | 0 <= d < [`WINDOW`] | stored in slot `sequence mod WINDOW`, then run |
//! | open | -[`WINDOW`] <= d < 0 | answered again as it was answered before |
//! | open | else | dropped |
//!
//! Run: while the slot of the expected number is full, its command is carried out, its answer kept in the
//! answer of the same number and sent, the slot emptied, and the next number expected. If then a slot
//! is full still, a frame is missing: once for each expected number an answer of status
//! [`Status::Missing`] names it.

use super::answer::Status;
use super::command::Command;
use super::device::{Device, Reply, Wire};
use super::frame::{ANSWER, Damage, Decoder, Frame, Header, MAX_ENCODED, MAX_PAYLOAD, encode};

/// Frames that may be in flight.
pub const WINDOW: usize = 8;

/// Code of the command that opens a session.
const IDENTIFY: u8 = 1;

/// A request that waits, or an answer that was given.
#[derive(Clone, Copy, Debug)]
struct Slot {
    full: bool,
    kind: u8,
    status: u8,
    len: u16,
    payload: [u8; MAX_PAYLOAD],
}

impl Slot {
    const EMPTY: Self = Self {
        full: false,
        kind: 0,
        status: 0,
        len: 0,
        payload: [0; MAX_PAYLOAD],
    };

    fn payload(&self) -> &[u8] {
        &self.payload[..usize::from(self.len)]
    }
}

/// The session and its window.
#[derive(Clone, Debug)]
struct Window {
    /// 0 for none.
    session: u16,
    /// Sequence number of the next command to carry out.
    expected: u16,
    /// Whether it was told that the expected frame is missing.
    told: bool,
    requests: [Slot; WINDOW],
    answers: [Slot; WINDOW],
}

fn place(sequence: u16) -> usize {
    usize::from(sequence) % WINDOW
}

fn write(header: Header, payload: &[u8], send: &mut impl FnMut(&[u8])) {
    let mut out = [0; MAX_ENCODED];
    let len = encode(&header, payload, &mut out);
    send(&out[..len]);
}

impl Window {
    fn open(&mut self, session: u16, sequence: u16) {
        (self.session, self.expected, self.told) = (session, sequence, false);
        for slot in self.requests.iter_mut().chain(&mut self.answers) {
            slot.full = false;
        }
    }

    /// Sends the answer that is kept for a sequence number.
    fn answer(&self, sequence: u16, send: &mut impl FnMut(&[u8])) {
        let slot = &self.answers[place(sequence)];
        let header = Header {
            kind: slot.kind,
            status: slot.status,
            credits: WINDOW as u8,
            session: self.session,
            sequence,
        };
        write(header, slot.payload(), send);
    }

    /// Carries out what stands in order.
    fn run(
        &mut self,
        wire: Wire,
        now: f64,
        device: &mut impl Device,
        send: &mut impl FnMut(&[u8]),
    ) {
        while self.requests[place(self.expected)].full {
            let sequence = self.expected;
            let request = &mut self.requests[place(sequence)];
            let answer = &mut self.answers[place(sequence)];
            let mut reply = Reply::new(&mut answer.payload);
            let status = match Command::read(request.kind, request.payload()) {
                Ok(command) => device.execute(&command, wire, now, &mut reply),
                Err(status) => status,
            };
            answer.len = reply.bytes().len() as u16;
            (answer.full, answer.kind, answer.status) = (true, request.kind | ANSWER, status as u8);
            request.full = false;
            (self.expected, self.told) = (sequence.wrapping_add(1), false);
            self.answer(sequence, send);
        }
        if !self.told && self.requests.iter().any(|slot| slot.full) {
            self.told = true;
            let header = Header {
                kind: ANSWER,
                status: Status::Missing as u8,
                credits: WINDOW as u8,
                session: self.session,
                sequence: self.expected,
            };
            write(header, &[], send);
        }
    }
}

/// The board's end of a wire.
#[derive(Clone, Debug)]
pub struct Responder {
    decoder: Decoder,
    window: Window,
    wire: Wire,
}

impl Default for Responder {
    fn default() -> Self {
        Self::new()
    }
}

impl Responder {
    /// A board's end without a session.
    #[must_use]
    pub fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            window: Window {
                session: 0,
                expected: 0,
                told: false,
                requests: [Slot::EMPTY; WINDOW],
                answers: [Slot::EMPTY; WINDOW],
            },
            wire: Wire::default(),
        }
    }

    /// Forgets everything, as when the power fails.
    pub fn restart(&mut self) {
        self.decoder.restart();
        self.window.open(0, 0);
        self.wire = Wire::default();
    }

    /// What was counted since the start.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Takes bytes that came, at a time in milliseconds; `send` is given one frame at a time.
    pub fn push(
        &mut self,
        bytes: &[u8],
        now: f64,
        device: &mut impl Device,
        mut send: impl FnMut(&[u8]),
    ) {
        for &byte in bytes {
            match self.decoder.push(byte) {
                None => {}
                Some(Ok(frame)) => {
                    self.wire.frames += 1;
                    take(
                        &mut self.window,
                        &mut self.wire,
                        frame,
                        now,
                        device,
                        &mut send,
                    );
                }
                Some(Err(damage)) => {
                    self.wire.damaged += 1;
                    if let Damage::OtherVersion(_) = damage {
                        let header = Header {
                            kind: ANSWER,
                            status: Status::OtherVersion as u8,
                            ..Header::default()
                        };
                        write(header, &[], &mut send);
                    }
                }
            }
        }
    }
}

/// A whole frame has come.
fn take(
    window: &mut Window,
    wire: &mut Wire,
    Frame { header, payload }: Frame<'_>,
    now: f64,
    device: &mut impl Device,
    send: &mut impl FnMut(&[u8]),
) {
    if header.kind & ANSWER != 0 {
        return;
    }
    if header.session == 0 || header.session != window.session {
        if header.session == 0 || header.kind != IDENTIFY {
            let header = Header {
                kind: header.kind | ANSWER,
                status: Status::NoSession as u8,
                ..header
            };
            write(header, &[], send);
            return;
        }
        window.open(header.session, header.sequence);
    }
    let distance = header.sequence.wrapping_sub(window.expected) as i16;
    if (0..WINDOW as i16).contains(&distance) {
        let slot = &mut window.requests[place(header.sequence)];
        if !slot.full {
            (slot.full, slot.kind) = (true, header.kind);
            slot.len = payload.len() as u16;
            slot.payload[..payload.len()].copy_from_slice(payload);
        }
        window.run(*wire, now, device, send);
    } else if (-(WINDOW as i16)..0).contains(&distance)
        && window.answers[place(header.sequence)].full
    {
        wire.repeated += 1;
        window.answer(header.sequence, send);
    }
}
