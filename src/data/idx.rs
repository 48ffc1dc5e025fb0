//! The IDX format of MNIST and its relatives.
//!
//! An image file is the big-endian numbers `0x00000803`, count, rows, columns, then one byte per
//! pixel, row-major; a label file is `0x00000801`, count, then one byte per label (as the MNIST
//! database describes its files). Either may be gzipped, which its first two bytes tell.
//!
//! The header is checked against [`MAX_IMAGES`], [`MAX_SIDE`] and [`MAX_PIXELS`] before anything
//! behind it is inflated, and inflating stops one byte past the size the header promises.

use std::fmt;
use std::io::Read;

use super::inflate::{Ending, Gzip, ending, read_up_to};
use super::{MAX_IMAGES, MAX_PIXELS, MAX_SIDE};

/// First four bytes of an image file: unsigned bytes in three dimensions.
const IMAGES_MAGIC: u32 = 0x0000_0803;
/// First four bytes of a label file: unsigned bytes in one dimension.
const LABELS_MAGIC: u32 = 0x0000_0801;
/// First two bytes of a gzip member (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Pixels of equally sized grey images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Pixels, image after image, row-major: `count * height * width` bytes.
    pub pixels: Vec<u8>,
    /// Number of images.
    pub count: usize,
    /// Rows per image.
    pub height: usize,
    /// Columns per image.
    pub width: usize,
}

/// What one IDX file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdxFile {
    /// A file of images.
    Images(Images),
    /// A file of labels, one byte each.
    Labels(Vec<u8>),
}

/// Why bytes are not an IDX file that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdxError {
    /// Fewer bytes than a header has.
    NoHeader {
        /// Bytes there are, after inflating.
        len: usize,
    },
    /// The first four bytes are of another format.
    WrongMagic {
        /// Those bytes as a big-endian number.
        found: u32,
    },
    /// A file with nothing in it.
    Empty,
    /// The header counts more images or labels than are accepted.
    TooMany {
        /// Number in the header.
        count: usize,
    },
    /// The header's rows or columns are zero or above [`MAX_SIDE`].
    BadSide {
        /// Rows in the header.
        height: usize,
        /// Columns in the header.
        width: usize,
    },
    /// The header's images have too many pixels together.
    TooLarge {
        /// Pixels by the header.
        pixels: usize,
    },
    /// The file ends before its header says.
    Truncated {
        /// Bytes the header asks for, its own included.
        expected: usize,
        /// Bytes there are, after inflating.
        found: usize,
    },
    /// The file goes on after its header says.
    TrailingBytes {
        /// Bytes the header asks for, its own included.
        expected: usize,
    },
    /// The gzip data stops in the middle.
    GzipCutShort {
        /// Bytes inflated until then.
        inflated: usize,
    },
    /// The gzip data is damaged.
    GzipCorrupt {
        /// Bytes inflated until then.
        inflated: usize,
    },
}

impl fmt::Display for IdxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader { len } => write!(
                f,
                "holds only {len} bytes, too few for an IDX header (16 bytes before images, 8 before labels)"
            ),
            Self::WrongMagic { found } => write!(
                f,
                "starts with 0x{found:08x}, where an IDX file has 0x{IMAGES_MAGIC:08x} (images) or \
                 0x{LABELS_MAGIC:08x} (labels), plain or gzipped"
            ),
            Self::Empty => f.write_str("counts 0 entries in its header; at least 1 is needed"),
            Self::TooMany { count } => write!(
                f,
                "counts {count} entries in its header; at most {MAX_IMAGES} are accepted"
            ),
            Self::BadSide { height, width } => write!(
                f,
                "has images of {height} x {width} pixels by its header; 1 to {MAX_SIDE} rows and \
                 columns are accepted"
            ),
            Self::TooLarge { pixels } => write!(
                f,
                "has {pixels} pixels in all by its header; at most {MAX_PIXELS} are accepted"
            ),
            Self::Truncated { expected, found } => write!(
                f,
                "ends after {found} bytes, where its header promises {expected}"
            ),
            Self::TrailingBytes { expected } => {
                write!(f, "goes on after the {expected} bytes its header promises")
            }
            Self::GzipCutShort { inflated } => write!(
                f,
                "is a gzip file cut short (it breaks off after {inflated} inflated bytes); a whole \
                 one is needed"
            ),
            Self::GzipCorrupt { inflated } => write!(
                f,
                "is a damaged gzip file (unreadable after {inflated} inflated bytes); an intact one \
                 is needed"
            ),
        }
    }
}

impl std::error::Error for IdxError {}

/// Reads an IDX file of images or labels, plain or gzipped.
///
/// # Errors
/// If the bytes are no such file, are not exactly as long as their header says, or exceed the bounds
/// of this module.
pub fn read(bytes: &[u8]) -> Result<IdxFile, IdxError> {
    if bytes.starts_with(&GZIP_MAGIC) {
        let mut reader = Gzip::new(bytes).map_err(|error| gzip_error(ending(&error), 0))?;
        read_from(&mut reader)
    } else {
        read_from(&mut &*bytes)
    }
}

/// Reads exactly one file from `reader`, which must end with it.
fn read_from(reader: &mut dyn Read) -> Result<IdxFile, IdxError> {
    let mut head = Vec::new();
    fill(reader, 8, &mut head, 0)?;
    let (Some(magic), Some(count)) = (number(&head, 0), number(&head, 4)) else {
        return Err(match number(&head, 0) {
            Some(found) if found != IMAGES_MAGIC && found != LABELS_MAGIC => {
                IdxError::WrongMagic { found }
            }
            _ => IdxError::NoHeader { len: head.len() },
        });
    };
    if magic != IMAGES_MAGIC && magic != LABELS_MAGIC {
        return Err(IdxError::WrongMagic { found: magic });
    }
    let count = count as usize;
    if magic == LABELS_MAGIC {
        check_count(count)?;
        return Ok(IdxFile::Labels(body(reader, head.len(), count)?));
    }
    fill(reader, 8, &mut head, 0)?;
    let (Some(height), Some(width)) = (number(&head, 8), number(&head, 12)) else {
        return Err(IdxError::NoHeader { len: head.len() });
    };
    check_count(count)?;
    let (height, width) = (height as usize, width as usize);
    if !(1..=MAX_SIDE).contains(&height) || !(1..=MAX_SIDE).contains(&width) {
        return Err(IdxError::BadSide { height, width });
    }
    // At most 250,000 * 64 * 64, which fits 32 bits.
    let size = count * height * width;
    if size > MAX_PIXELS {
        return Err(IdxError::TooLarge { pixels: size });
    }
    let pixels = body(reader, head.len(), size)?;
    Ok(IdxFile::Images(Images {
        pixels,
        count,
        height,
        width,
    }))
}

/// Refuses counts out of bounds.
fn check_count(count: usize) -> Result<(), IdxError> {
    match count {
        0 => Err(IdxError::Empty),
        1..=MAX_IMAGES => Ok(()),
        _ => Err(IdxError::TooMany { count }),
    }
}

/// The `size` bytes that must be all there is behind a header of `header` bytes.
fn body(reader: &mut dyn Read, header: usize, size: usize) -> Result<Vec<u8>, IdxError> {
    let mut kept = Vec::new();
    // One byte more than wanted tells whether the file goes on, and makes gzip check its checksum.
    fill(reader, size + 1, &mut kept, header)?;
    let expected = header + size;
    match kept.len() {
        len if len < size => Err(IdxError::Truncated {
            expected,
            found: header + len,
        }),
        len if len > size => Err(IdxError::TrailingBytes { expected }),
        _ => Ok(kept),
    }
}

/// Appends up to `limit` bytes to `kept`; `before` bytes were inflated before those in it.
fn fill(
    reader: &mut dyn Read,
    limit: usize,
    kept: &mut Vec<u8>,
    before: usize,
) -> Result<(), IdxError> {
    read_up_to(reader, limit, kept).map_err(|ending| gzip_error(ending, before + kept.len()))
}

fn gzip_error(ending: Ending, inflated: usize) -> IdxError {
    match ending {
        Ending::CutShort => IdxError::GzipCutShort { inflated },
        Ending::Corrupt => IdxError::GzipCorrupt { inflated },
    }
}

/// The big-endian number at `offset`, if it is there.
fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    let digits = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_be_bytes(*digits))
}

/// Writes a file, plain.
#[must_use]
pub fn write(file: &IdxFile) -> Vec<u8> {
    match file {
        IdxFile::Images(images) => write_images(images),
        IdxFile::Labels(labels) => write_labels(labels),
    }
}

/// Writes an image file, plain.
#[must_use]
pub fn write_images(images: &Images) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + images.pixels.len());
    bytes.extend(IMAGES_MAGIC.to_be_bytes());
    for size in [images.count, images.height, images.width] {
        bytes.extend(clamped(size).to_be_bytes());
    }
    bytes.extend_from_slice(&images.pixels);
    bytes
}

/// Writes a label file, plain.
#[must_use]
pub fn write_labels(labels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + labels.len());
    bytes.extend(LABELS_MAGIC.to_be_bytes());
    bytes.extend(clamped(labels.len()).to_be_bytes());
    bytes.extend_from_slice(labels);
    bytes
}

/// A size as the format's 32 bits; what does not fit reads back as too many.
fn clamped(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn two_images() -> Vec<u8> {
        write_images(&Images {
            pixels: (0..12).collect(),
            count: 2,
            height: 2,
            width: 3,
        })
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn header(magic: u32, rest: &[u32]) -> Vec<u8> {
        let mut bytes = magic.to_be_bytes().to_vec();
        for number in rest {
            bytes.extend(number.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn what_was_written_is_read_plain_and_gzipped() {
        let plain = two_images();
        let Ok(IdxFile::Images(images)) = read(&plain) else {
            panic!("no images");
        };
        assert_eq!((images.count, images.height, images.width), (2, 2, 3));
        assert_eq!(images.pixels, (0..12).collect::<Vec<u8>>());
        assert_eq!(read(&gzipped(&plain)), read(&plain));
        assert_eq!(
            read(&gzipped(&write_labels(&[4, 255, 0]))),
            Ok(IdxFile::Labels(vec![4, 255, 0]))
        );
    }

    #[test]
    fn foreign_bytes_are_named() {
        assert_eq!(
            read(b"\x89PNG\r\n\x1a\n"),
            Err(IdxError::WrongMagic { found: 0x8950_4e47 })
        );
        assert_eq!(
            read(b"PK\x03\x04"),
            Err(IdxError::WrongMagic { found: 0x504b_0304 })
        );
        assert_eq!(read(b""), Err(IdxError::NoHeader { len: 0 }));
        assert_eq!(
            read(&two_images()[..11]),
            Err(IdxError::NoHeader { len: 11 })
        );
    }

    #[test]
    fn a_wrong_length_is_refused_both_ways() {
        let mut bytes = two_images();
        bytes.push(0);
        assert_eq!(read(&bytes), Err(IdxError::TrailingBytes { expected: 28 }));
        assert_eq!(read(&gzipped(&bytes)), read(&bytes));
        bytes.truncate(20);
        assert_eq!(
            read(&bytes),
            Err(IdxError::Truncated {
                expected: 28,
                found: 20
            })
        );
        assert_eq!(read(&gzipped(&bytes)), read(&bytes));
    }

    #[test]
    fn headers_out_of_bounds_are_refused_before_their_bytes() {
        assert_eq!(
            read(&header(IMAGES_MAGIC, &[0, 28, 28])),
            Err(IdxError::Empty)
        );
        assert_eq!(read(&header(LABELS_MAGIC, &[0])), Err(IdxError::Empty));
        assert_eq!(
            read(&header(LABELS_MAGIC, &[250_001])),
            Err(IdxError::TooMany { count: 250_001 })
        );
        assert_eq!(
            read(&header(IMAGES_MAGIC, &[u32::MAX, u32::MAX, u32::MAX])),
            Err(IdxError::TooMany {
                count: u32::MAX as usize
            })
        );
        assert_eq!(
            read(&header(IMAGES_MAGIC, &[10, 28, 65])),
            Err(IdxError::BadSide {
                height: 28,
                width: 65
            })
        );
        assert_eq!(
            read(&header(IMAGES_MAGIC, &[10, 0, 28])),
            Err(IdxError::BadSide {
                height: 0,
                width: 28
            })
        );
        // 100,000 * 64 * 64 = 409,600,000 pixels, above 200,000,000.
        assert_eq!(
            read(&header(IMAGES_MAGIC, &[100_000, 64, 64])),
            Err(IdxError::TooLarge {
                pixels: 409_600_000
            })
        );
    }

    #[test]
    fn damaged_gzip_is_told_from_gzip_cut_short() {
        let whole = gzipped(&two_images());
        assert!(matches!(
            read(&whole[..whole.len() - 9]),
            Err(IdxError::GzipCutShort { .. })
        ));
        let mut wrong_checksum = whole.clone();
        let at = wrong_checksum.len() - 6;
        wrong_checksum[at] ^= 1;
        assert!(matches!(
            read(&wrong_checksum),
            Err(IdxError::GzipCorrupt { .. })
        ));
        let mut junk_behind = whole;
        junk_behind.extend(b"junk after the end");
        assert!(matches!(
            read(&junk_behind),
            Err(IdxError::GzipCorrupt { .. })
        ));
    }

    #[test]
    fn a_gzip_bomb_stops_at_the_size_its_header_promises() {
        // 50 MB of zeros behind a header that promises three labels.
        let mut bytes = header(LABELS_MAGIC, &[3]);
        bytes.resize(50_000_000, 0);
        assert_eq!(
            read(&gzipped(&bytes)),
            Err(IdxError::TrailingBytes { expected: 11 })
        );
    }
}
