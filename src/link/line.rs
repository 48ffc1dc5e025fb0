//! A simulated serial line: it has a speed and a delay, and loses, damages, doubles, reorders and
//! delays frames as asked, and lets the board's power fail.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::device::{Device, Wire};
use super::responder::Responder;
use super::time::line_time;
use super::transport::{Transport, TransportError};
use crate::numeric::{Seed, Stream};

/// What goes wrong on a line, as shares of the frames, in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    /// Frames of which some bits are flipped.
    pub corrupt: f32,
    /// Frames that are lost.
    pub drop: f32,
    /// Frames that arrive twice.
    pub duplicate: f32,
    /// Frames that arrive after one that was sent later.
    pub reorder: f32,
    /// Frames after which random bytes arrive.
    pub garbage: f32,
    /// Frames before which the line stands still for [`STALL`].
    pub stall: f32,
    /// Frames to the board after which its power fails and comes back.
    pub reset: f32,
}

/// Milliseconds that a line stands still.
pub const STALL: f64 = 300.0;

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineSettings {
    /// Bits per second, ten for a byte; 0 for a line that takes no time.
    pub baud: u32,
    /// Milliseconds from the last bit sent to the byte's arrival.
    pub delay: f32,
    /// What goes wrong.
    pub faults: Faults,
    /// Seed of what goes wrong.
    pub seed: u32,
}

impl Default for LineSettings {
    fn default() -> Self {
        Self {
            baud: 1_000_000,
            delay: 1.0,
            faults: Faults::default(),
            seed: 1,
        }
    }
}

/// Bytes under way, whole until a delimiter.
#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// When the last of them arrives.
    at: f64,
    /// Whether it lets the next one pass.
    late: bool,
}

/// Most bytes of garbage after a frame.
const MOST_GARBAGE: u32 = 32;
/// Most bits that are flipped in a damaged frame.
const MOST_FLIPPED: u32 = 4;

/// One direction of a line.
#[derive(Debug)]
struct Direction {
    number: u32,
    settings: LineSettings,
    random: Stream,
    draws: u32,
    /// When it is free.
    free: f64,
    under_way: VecDeque<Piece>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
}

impl Direction {
    fn new(number: u32, settings: LineSettings) -> Self {
        Self {
            number,
            settings,
            random: Stream::new(Seed(settings.seed), 0, 0, number),
            draws: 0,
            free: 0.0,
            under_way: VecDeque::new(),
            spare: vec![],
        }
    }

    fn set(&mut self, settings: LineSettings) {
        if settings.seed != self.settings.seed {
            self.random = Stream::new(Seed(settings.seed), 0, 0, self.number);
            self.draws = 0;
        }
        self.settings = settings;
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.draws = self.draws.wrapping_add(1);
        self.random.below(self.draws, bound)
    }

    fn happens(&mut self, share: f32) -> bool {
        if share <= 0.0 {
            return false;
        }
        self.draws = self.draws.wrapping_add(1);
        self.random.unit(self.draws) < share
    }

    /// Sends bytes: each stretch up to a delimiter has a fate of its own.
    fn send(&mut self, mut bytes: &[u8], now: f64) {
        while !bytes.is_empty() {
            let begin = bytes.iter().position(|&byte| byte != 0).unwrap_or(0);
            let end = bytes[begin..].iter().position(|&byte| byte == 0);
            let end = end.map_or(bytes.len(), |end| begin + end + 1);
            let (frame, rest) = bytes.split_at(end);
            self.frame(frame, now);
            bytes = rest;
        }
    }

    fn frame(&mut self, frame: &[u8], now: f64) {
        let faults = self.settings.faults;
        // It stands still, or it does not: stalls do not add up.
        if self.happens(faults.stall) {
            self.free = self.free.max(now + STALL);
        }
        let copies = if self.happens(faults.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let mut bytes = self.spare.pop().unwrap_or_default();
            bytes.extend_from_slice(frame);
            if self.happens(faults.corrupt) {
                for _ in 0..=self.below(MOST_FLIPPED) {
                    let bit = self.below(frame.len() as u32 * 8);
                    bytes[bit as usize / 8] ^= 1 << (bit % 8);
                }
            }
            let late = self.happens(faults.reorder);
            let lost = self.happens(faults.drop);
            self.put(bytes, now, late, lost);
        }
        if self.happens(faults.garbage) {
            let mut bytes = self.spare.pop().unwrap_or_default();
            for _ in 0..=self.below(MOST_GARBAGE) {
                bytes.push(self.below(256) as u8);
            }
            self.put(bytes, now, false, false);
        }
    }

    /// Puts bytes on the line behind what is on it; lost ones take their time too.
    fn put(&mut self, bytes: Vec<u8>, now: f64, late: bool, lost: bool) {
        self.free = self.free.max(now) + line_time(bytes.len(), self.settings.baud);
        if lost {
            self.keep(bytes);
            return;
        }
        let late_one = self.under_way.back().is_some_and(|piece| piece.late);
        let before = late_one.then(|| self.under_way.pop_back()).flatten();
        // A shorter delay than before does not overtake.
        let before_it = self.under_way.back().map_or(0.0, |piece| piece.at);
        let at = (self.free + f64::from(self.settings.delay.max(0.0))).max(before_it);
        self.under_way.push_back(Piece { bytes, at, late });
        if let Some(piece) = before {
            let late = false;
            self.under_way.push_back(Piece { at, late, ..piece });
        }
    }

    fn keep(&mut self, mut bytes: Vec<u8>) {
        bytes.clear();
        self.spare.push(bytes);
    }

    /// When the next bytes arrive.
    fn due(&self) -> f64 {
        self.under_way
            .front()
            .map_or(f64::INFINITY, |piece| piece.at)
    }

    fn lose(&mut self) {
        self.under_way.clear();
    }
}

/// A board at the end of a simulated line, on the caller's clock.
#[derive(Debug)]
pub struct Wired<D> {
    device: D,
    responder: Responder,
    to_board: Direction,
    from_board: Direction,
    plugged: bool,
    /// Whether the device has more to do at once.
    busy: bool,
    /// Until when everything has happened.
    now: f64,
}

impl<D: Device> Wired<D> {
    /// A device at the end of a line, plugged in.
    #[must_use]
    pub fn new(device: D, line: LineSettings) -> Self {
        Self {
            device,
            responder: Responder::new(),
            to_board: Direction::new(0, line),
            from_board: Direction::new(1, line),
            plugged: true,
            busy: false,
            now: 0.0,
        }
    }

    /// The device.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// What the board's wire counted.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.responder.wire()
    }

    /// The line from now on; what is under way arrives as it would have.
    pub fn set_line(&mut self, line: LineSettings) {
        self.to_board.set(line);
        self.from_board.set(line);
    }

    /// Pulls the cable, or plugs it in. What is under way is lost, and everything sent without a cable.
    pub fn plug(&mut self, plugged: bool) {
        self.plugged = plugged;
        if !plugged {
            self.to_board.lose();
            self.from_board.lose();
        }
    }

    /// The board's power fails and comes back: it forgets everything.
    pub fn restart(&mut self) {
        self.responder.restart();
        self.device.restart();
        self.busy = false;
    }

    fn device_due(&self) -> f64 {
        if self.busy {
            return self.now;
        }
        self.device
            .due()
            .map_or(f64::INFINITY, |due| due.max(self.now))
    }

    /// Lets the next thing happen if it does until `now`; whether one did.
    fn advance(&mut self, now: f64, worked: &mut bool) -> bool {
        let work = if *worked {
            f64::INFINITY
        } else {
            self.device_due()
        };
        let arrival = self.to_board.due();
        if work <= arrival && work <= now {
            self.now = self.now.max(work);
            self.busy = self.device.work(self.now);
            *worked = true;
            return true;
        }
        if arrival > now {
            return false;
        }
        let Some(piece) = self.to_board.under_way.pop_front() else {
            return false;
        };
        self.now = self.now.max(piece.at);
        let (at, line, plugged) = (self.now, &mut self.from_board, self.plugged);
        self.responder
            .push(&piece.bytes, at, &mut self.device, |answer| {
                if plugged {
                    line.send(answer, at);
                }
            });
        self.to_board.keep(piece.bytes);
        if self.to_board.happens(self.to_board.settings.faults.reset) {
            self.restart();
        }
        true
    }
}

impl<D: Device> Transport for Wired<D> {
    fn send(&mut self, bytes: &[u8], now: f64) -> Result<(), TransportError> {
        if self.plugged {
            self.to_board.send(bytes, now);
        }
        Ok(())
    }

    /// Lets everything happen until `now`, each at its own time, with one unit of the device's work at
    /// most, and gives what has arrived.
    fn receive(&mut self, now: f64, out: &mut Vec<u8>) -> Result<(), TransportError> {
        let mut worked = false;
        while self.advance(now, &mut worked) {}
        self.now = self.now.max(now);
        while self.from_board.due() <= now
            && let Some(piece) = self.from_board.under_way.pop_front()
        {
            out.extend_from_slice(&piece.bytes);
            self.from_board.keep(piece.bytes);
        }
        Ok(())
    }

    fn due(&self) -> Option<f64> {
        let due = self
            .to_board
            .due()
            .min(self.from_board.due())
            .min(self.device_due());
        due.is_finite().then_some(due)
    }
}
