//! Frames: a header, a payload and a checksum, delimited by zero bytes (COBS).
//!
//! Little-endian throughout:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 1 | protocol version |
//! | 1 | 1 | kind: a command's code; bit 7 is set in an answer |
//! | 2 | 1 | status of an answer; 0 in a request |
//! | 3 | 1 | credits: frames beyond the answered one that may be in flight; 0 in a request |
//! | 4 | 2 | session |
//! | 6 | 2 | sequence number |
//! | 8 | 2 | length of the payload, at most [`MAX_PAYLOAD`] |
//! | 10 | n | payload |
//! | 10 + n | 4 | CRC-32 (IEEE 802.3) of all bytes before it |
//!
//! The frame is then encoded by consistent overhead byte stuffing (Cheshire and Baker, 1999), so that
//! it holds no zero byte, and followed by one zero. Whatever lies between two zeros and is no frame
//! is dropped, so a receiver is in step again at the next zero.

/// Version of the protocol.
pub const VERSION: u8 = 1;
/// Most bytes of a payload.
pub const MAX_PAYLOAD: usize = 1024;
/// Bytes of a header.
pub const HEADER: usize = 10;
/// Most bytes of a frame, with its checksum.
pub const MAX_FRAME: usize = HEADER + MAX_PAYLOAD + 4;
/// Most bytes of an encoded frame, with its delimiter.
pub const MAX_ENCODED: usize = MAX_FRAME + MAX_FRAME.div_ceil(254) + 1;
/// Bit of [`Header::kind`] that marks an answer.
pub const ANSWER: u8 = 0x80;

/// What stands before a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Code of the command, with [`ANSWER`] in an answer.
    pub kind: u8,
    /// Status of an answer.
    pub status: u8,
    /// Frames beyond the answered one that may be in flight.
    pub credits: u8,
    /// The session; the host draws it, never 0.
    pub session: u16,
    /// Sequence number, one more for each request.
    pub sequence: u16,
}

/// A frame as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its header.
    pub header: Header,
    /// Its payload.
    pub payload: &'a [u8],
}

/// Why what lay between two zeros is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Longer than any frame.
    TooLong,
    /// Shorter than any frame, or not of the length its header says.
    WrongLength,
    /// Bytes that no encoder writes.
    BadStuffing,
    /// The checksum differs.
    BadChecksum,
    /// A frame of another version of the protocol.
    OtherVersion(u8),
}
