//! A message in a buffer that goes back and forth: a new one of a hundred kilobytes takes the browser longer
//! than to bring it to another worker.
//!
//! The buffer begins with the message's length (4 bytes, little-endian) and may be longer.

use js_sys::{ArrayBuffer, Uint8Array};

/// Bytes before the message.
const HEAD: u32 = 4;

/// Puts a message in a buffer, in `old` if it is long enough.
pub(super) fn pack(message: &[u8], old: Option<ArrayBuffer>) -> ArrayBuffer {
    let length = message.len() as u32;
    let buffer = old
        .filter(|buffer| buffer.byte_length() >= HEAD + length)
        .unwrap_or_else(|| ArrayBuffer::new(HEAD + length));
    let bytes = Uint8Array::new(&buffer);
    bytes.subarray(0, HEAD).copy_from(&length.to_le_bytes());
    bytes.subarray(HEAD, HEAD + length).copy_from(message);
    buffer
}

/// The message of a buffer.
pub(super) fn unpack(buffer: &ArrayBuffer) -> Vec<u8> {
    let bytes = Uint8Array::new(buffer);
    let mut length = [0; HEAD as usize];
    if bytes.length() >= HEAD {
        bytes.subarray(0, HEAD).copy_to(&mut length);
    }
    let end = HEAD.saturating_add(u32::from_le_bytes(length));
    bytes.subarray(HEAD, end).to_vec()
}
