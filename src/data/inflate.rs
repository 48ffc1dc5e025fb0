//! Reading compressed bytes that nobody vouches for: never more than was asked for is kept.

use std::io::{self, ErrorKind, Read};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use crate::numeric::crc::{Crc32, crc32};

/// What ended a read early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The compressed data stops in the middle.
    CutShort,
    /// The compressed data contradicts itself (bad code, bad checksum, foreign bytes).
    Corrupt,
}

/// Appends what `reader` yields to `kept`, at most `limit` bytes more.
///
/// `kept` grows with the bytes that really arrive, so a header's claim alone allocates nothing.
///
/// # Errors
/// If the reader fails before; what it gave is kept.
pub fn read_up_to(reader: &mut dyn Read, limit: usize, kept: &mut Vec<u8>) -> Result<(), Ending> {
    let read = reader.take(limit as u64).read_to_end(kept);
    read.map(|_| ()).map_err(|error| ending(&error))
}

/// What an error of the readers of this module says of the bytes.
#[must_use]
pub fn ending(error: &io::Error) -> Ending {
    match error.kind() {
        ErrorKind::UnexpectedEof => Ending::CutShort,
        _ => Ending::Corrupt,
    }
}

/// The contents of a raw deflate stream (RFC 1951).
pub struct Deflated<'a> {
    rest: &'a [u8],
    state: Box<InflateState>,
    ended: bool,
}

impl<'a> Deflated<'a> {
    /// The stream at the beginning of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            state: InflateState::new_boxed(DataFormat::Raw),
            ended: false,
        }
    }

    /// The bytes that were not read: once the contents have ended, those behind the stream.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl Read for Deflated<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !into.is_empty() {
            let step = inflate(&mut self.state, self.rest, into, MZFlush::None);
            self.rest = &self.rest[step.bytes_consumed..];
            match step.status {
                Ok(MZStatus::StreamEnd) => self.ended = true,
                Ok(_) | Err(MZError::Buf) if step.bytes_consumed + step.bytes_written > 0 => {}
                Ok(_) | Err(MZError::Buf) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(_) => return Err(ErrorKind::InvalidData.into()),
            }
            if step.bytes_written > 0 {
                return Ok(step.bytes_written);
            }
        }
        Ok(0)
    }
}

/// The contents of a gzip file (RFC 1952), of all its members one after the other.
pub struct Gzip<'a> {
    member: Deflated<'a>,
    checksum: Crc32,
    length: u32,
}

impl<'a> Gzip<'a> {
    /// The file in these bytes.
    ///
    /// # Errors
    /// If they begin with no gzip header.
    pub fn new(bytes: &'a [u8]) -> io::Result<Self> {
        Ok(Self {
            member: Deflated::new(behind_header(bytes)?),
            checksum: Crc32::new(),
            length: 0,
        })
    }

    /// Compares the member that ended with its trailer, and goes on with the next one, if there is one.
    fn next(&mut self) -> io::Result<bool> {
        let (&trailer, rest) = self
            .member
            .rest()
            .split_first_chunk::<8>()
            .ok_or(ErrorKind::UnexpectedEof)?;
        let stored = u64::from(self.checksum.sum()) | u64::from(self.length) << 32;
        if u64::from_le_bytes(trailer) != stored {
            return Err(ErrorKind::InvalidData.into());
        }
        if rest.is_empty() {
            // Asked again, it says again that all is read.
            return Ok(false);
        }
        *self = Self::new(rest)?;
        Ok(true)
    }
}

impl Read for Gzip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let read = self.member.read(into)?;
            self.checksum.update(&into[..read]);
            self.length = self.length.wrapping_add(read as u32);
            if read > 0 || !self.next()? {
                return Ok(read);
            }
        }
    }
}

/// What follows the header of a gzip member (RFC 1952, section 2.3).
fn behind_header(bytes: &[u8]) -> io::Result<&[u8]> {
    let skip = |rest: &[u8], count: usize| {
        let short = || io::Error::from(ErrorKind::UnexpectedEof);
        rest.get(count..).map(<[u8]>::len).ok_or_else(short)
    };
    let text = |rest: &[u8]| {
        rest.iter()
            .position(|&byte| byte == 0)
            .map_or(usize::MAX, |at| at + 1)
    };
    let mut left = skip(bytes, 10)?;
    let rest = |left: usize| &bytes[bytes.len() - left..];
    let flags = bytes[3];
    if bytes[..3] != [0x1f, 0x8b, 8] || flags & 0xe0 != 0 {
        return Err(ErrorKind::InvalidData.into());
    }
    if flags & 4 != 0 {
        let extra = rest(left)
            .first_chunk::<2>()
            .ok_or(ErrorKind::UnexpectedEof)?;
        left = skip(rest(left), 2 + usize::from(u16::from_le_bytes(*extra)))?;
    }
    for named in [8, 16] {
        if flags & named != 0 {
            left = skip(rest(left), text(rest(left)))?;
        }
    }
    if flags & 2 != 0 {
        let header = &bytes[..bytes.len() - left];
        let stored = rest(left)
            .first_chunk::<2>()
            .ok_or(ErrorKind::UnexpectedEof)?;
        if u16::from_le_bytes(*stored) != crc32(header) as u16 {
            return Err(ErrorKind::InvalidData.into());
        }
        left = skip(rest(left), 2)?;
    }
    Ok(rest(left))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, GzBuilder, write::DeflateEncoder};

    use super::*;

    fn text() -> Vec<u8> {
        (0..9_000_u32).map(|i| ((i * i) >> 7) as u8).collect()
    }

    fn member(header: GzBuilder, contents: &[u8]) -> Vec<u8> {
        let mut encoder = header.write(Vec::new(), Compression::best());
        encoder.write_all(contents).unwrap();
        encoder.finish().unwrap()
    }

    fn read(reader: io::Result<Gzip>) -> Result<Vec<u8>, ErrorKind> {
        let mut out = Vec::new();
        let read = reader.and_then(|mut reader| reader.read_to_end(&mut out));
        read.map(|_| out).map_err(|error| error.kind())
    }

    #[test]
    fn a_deflate_stream_ends_where_it_ends_and_not_before() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&text()).unwrap();
        let mut bytes = encoder.finish().unwrap();
        let stream = bytes.len();
        for end in 0..stream {
            let read = Deflated::new(&bytes[..end]).read_to_end(&mut Vec::new());
            assert_eq!(
                read.unwrap_err().kind(),
                ErrorKind::UnexpectedEof,
                "{end} bytes"
            );
        }
        bytes.extend(b"more");
        let mut reader = Deflated::new(&bytes);
        let mut out = Vec::new();
        reader.read_to_end(&mut out).unwrap();
        assert_eq!((out, reader.rest()), (text(), &b"more"[..]));
    }

    #[test]
    fn gzip_headers_with_every_field_and_several_members() {
        let contents = text();
        let plain = member(GzBuilder::new(), &contents);
        let named = GzBuilder::new()
            .filename("train-images")
            .comment("of a set")
            .extra(vec![1, 2, 3]);
        let named = member(named, &contents);
        assert_eq!(read(Gzip::new(&plain)).as_ref(), Ok(&contents));
        assert_eq!(read(Gzip::new(&named)).as_ref(), Ok(&contents));
        let both = [plain, named].concat();
        assert_eq!(
            read(Gzip::new(&both)),
            Ok([&contents[..], &contents].concat())
        );
    }

    #[test]
    fn a_gzip_header_with_a_checksum_of_its_own() {
        let plain = member(GzBuilder::new(), b"checked");
        let mut bytes = plain[..10].to_vec();
        bytes[3] = 2;
        bytes.extend((crc32(&bytes) as u16).to_le_bytes());
        bytes.extend(&plain[10..]);
        assert_eq!(read(Gzip::new(&bytes)), Ok(b"checked".to_vec()));
        bytes[10] ^= 1;
        assert_eq!(read(Gzip::new(&bytes)), Err(ErrorKind::InvalidData));
    }

    #[test]
    fn damage_and_cuts_of_a_gzip_file_are_told_apart() {
        let whole = member(GzBuilder::new().filename("name"), b"some bytes, some bytes");
        for end in 0..whole.len() {
            assert_eq!(
                read(Gzip::new(&whole[..end])),
                Err(ErrorKind::UnexpectedEof),
                "{end}"
            );
        }
        for at in [0, 1, 2, 3, whole.len() - 8, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            assert_eq!(
                read(Gzip::new(&damaged)),
                Err(ErrorKind::InvalidData),
                "byte {at}"
            );
        }
        let foreign = [&whole[..], b"no gzip at all"].concat();
        assert_eq!(read(Gzip::new(&foreign)), Err(ErrorKind::InvalidData));
    }
}
