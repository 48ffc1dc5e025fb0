//! What a board does with a command, whatever its wire.

use super::answer::Status;
use super::command::Command;
use super::frame::MAX_PAYLOAD;

/// What a board's wire counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// Frames received whole.
    pub frames: u64,
    /// Stretches between delimiters that were no frames.
    pub damaged: u64,
    /// Requests answered again from memory.
    pub repeated: u64,
}

/// A board without its wire. Times are in milliseconds.
pub trait Device {
    /// Carries out a command and writes the answer's payload. With a status other than
    /// [`Status::Ok`] the payload is a sentence in UTF-8, or empty.
    fn execute(
        &mut self,
        command: &Command<'_>,
        wire: Wire,
        now: f64,
        reply: &mut Reply<'_>,
    ) -> Status;

    /// Does some work of its own, such as one training step; whether there is more to do at once.
    fn work(&mut self, _now: f64) -> bool {
        false
    }

    /// When there is work again without a command; none otherwise.
    fn due(&self) -> Option<f64> {
        None
    }

    /// Loses its memory, as when the power fails.
    fn restart(&mut self) {}
}

/// Where an answer's payload is written: a buffer of [`MAX_PAYLOAD`] bytes.
#[derive(Debug)]
pub struct Reply<'a> {
    buffer: &'a mut [u8; MAX_PAYLOAD],
    len: usize,
}

impl<'a> Reply<'a> {
    /// An empty answer.
    pub fn new(buffer: &'a mut [u8; MAX_PAYLOAD]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Appends bytes; what does not fit is left out and `false` returned.
    pub fn put(&mut self, bytes: &[u8]) -> bool {
        let Some(place) = self.buffer.get_mut(self.len..self.len + bytes.len()) else {
            return false;
        };
        place.copy_from_slice(bytes);
        self.len += bytes.len();
        true
    }

    /// Starts anew with a sentence, cut to what an answer of a status other than Ok may hold.
    pub fn explain(&mut self, sentence: &str) {
        let mut end = sentence.len().min(MAX_EXPLANATION);
        while !sentence.is_char_boundary(end) {
            end -= 1;
        }
        self.len = 0;
        self.put(&sentence.as_bytes()[..end]);
    }

    /// Bytes that still fit.
    #[must_use]
    pub fn room(&self) -> usize {
        MAX_PAYLOAD - self.len
    }

    /// What was written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

/// Most bytes of a sentence in an answer.
pub const MAX_EXPLANATION: usize = 300;
