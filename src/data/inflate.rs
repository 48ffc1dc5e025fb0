//! Reading compressed bytes that nobody vouches for: never more than was asked for is kept.

use std::io::{ErrorKind, Read};

/// What ended a read early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The compressed data stops in the middle.
    CutShort,
    /// The compressed data contradicts itself (bad code, bad checksum, foreign bytes).
    Corrupt,
}

/// Appends what `reader` yields to `kept`, at most `limit` bytes more.
///
/// `kept` grows with the bytes that really arrive, so a header's claim alone allocates nothing.
pub(super) fn read_up_to(
    reader: &mut impl Read,
    limit: usize,
    kept: &mut Vec<u8>,
) -> Result<(), Ending> {
    match reader.take(limit as u64).read_to_end(kept) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(Ending::CutShort),
        Err(_) => Err(Ending::Corrupt),
    }
}
