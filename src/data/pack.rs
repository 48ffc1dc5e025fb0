//! The packed format: one compressed, checksummed file for a training and a test set.
//!
//! All numbers are little-endian.
//!
//! | offset | bytes | holds |
//! | --- | --- | --- |
//! | 0 | 4 | `RYPK` |
//! | 4 | 4 | CRC-32 (of gzip) of everything behind it, the body as it is before deflating |
//! | 8 | 2 | version, 1 |
//! | 10 | 2 | classes, 2 to 256 |
//! | 12 | 4 | training images |
//! | 16 | 4 | test images |
//! | 20 | 2 | rows per image |
//! | 22 | 2 | columns per image |
//! | 24 | 4 | length of the names in bytes |
//! | 28 | | names of the classes, UTF-8, one line feed between two |
//! | | | body, raw deflate (RFC 1951): training pixels, training labels, test pixels, test labels |
//!
//! A file ends with its deflate stream.

use std::fmt;

use miniz_oxide::deflate::compress_to_vec;

use super::inflate::{Deflated, Ending, read_up_to};
use super::{Dataset, MAX_IMAGES, MAX_PIXELS, MAX_SIDE, TrainTest};
use crate::numeric::crc::Crc32;

/// Extension of packed files, without the dot.
pub const EXTENSION: &str = "rypk";

const MAGIC: [u8; 4] = *b"RYPK";
const VERSION: u16 = 1;
/// Where the checksummed part begins.
const CHECKED: usize = 8;
/// Where the names begin.
const NAMES: usize = 28;
/// Most bytes of all names together.
const MAX_NAMES: usize = 16_384;

/// Why bytes are not a packed set that can be used, or sets cannot be packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackError {
    /// The file does not start with `RYPK`.
    WrongMagic {
        /// Its first bytes, at most four.
        found: Vec<u8>,
    },
    /// A version other than 1.
    WrongVersion {
        /// Version in the header.
        found: u16,
    },
    /// The file ends before its contents do.
    Truncated {
        /// Bytes there are in the file.
        found: usize,
    },
    /// A number in the header is out of bounds.
    OutOfBounds {
        /// What the number counts.
        what: &'static str,
        /// The number.
        found: usize,
        /// Least accepted.
        least: usize,
        /// Most accepted.
        most: usize,
    },
    /// The names are not UTF-8, or not one for each class.
    BadNames {
        /// Number of classes, and so of names wanted.
        classes: usize,
    },
    /// The body is no deflate stream.
    Corrupt,
    /// Bytes follow the end.
    TrailingBytes,
    /// Contents and checksum differ.
    WrongChecksum {
        /// Checksum of the contents.
        computed: u32,
        /// Checksum in the header.
        stored: u32,
    },
    /// A label is not below the number of classes.
    WrongLabel {
        /// The label.
        found: u8,
        /// Number of classes.
        classes: usize,
    },
    /// Training and test set differ in image size or classes, or are not as long as they say.
    Mismatch,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongMagic { found } => write!(
                f,
                "starts with \"{}\", where a packed data set has \"RYPK\"",
                found.escape_ascii()
            ),
            Self::WrongVersion { found } => {
                write!(f, "is packed in version {found}; version {VERSION} is accepted")
            }
            Self::Truncated { found } => {
                write!(f, "breaks off after {found} bytes; a whole file is needed")
            }
            Self::OutOfBounds {
                what,
                found,
                least,
                most,
            } => write!(f, "has {found} {what}; {least} to {most} are accepted"),
            Self::BadNames { classes } => write!(
                f,
                "does not name its classes; {classes} names in UTF-8 are needed, each on one line"
            ),
            Self::Corrupt => f.write_str("is damaged: its compressed part cannot be read"),
            Self::TrailingBytes => f.write_str("goes on after the end of its contents"),
            Self::WrongChecksum { computed, stored } => write!(
                f,
                "is damaged: its contents have the checksum {computed:08x}, its header says {stored:08x}"
            ),
            Self::WrongLabel { found, classes } => write!(
                f,
                "has the label {found}; with {classes} classes labels are 0 to {}",
                classes.saturating_sub(1)
            ),
            Self::Mismatch => f.write_str(
                "has training and test sets that differ in image size or classes; they must be equal",
            ),
        }
    }
}

impl std::error::Error for PackError {}

/// Packs both sets into one file. The same sets give the same bytes.
///
/// # Errors
/// If the sets do not fit together or exceed what [`read`] accepts.
pub fn write(sets: &TrainTest) -> Result<Vec<u8>, PackError> {
    let TrainTest {
        train,
        test,
        class_names,
    } = sets;
    let same = |set: &Dataset| {
        (set.height, set.width, set.classes) == (train.height, train.width, train.classes)
            && set.images.len() == set.len() * set.height * set.width
    };
    if !same(train) || !same(test) {
        return Err(PackError::Mismatch);
    }
    let names = class_names.join("\n");
    if names.split('\n').count() != train.classes || class_names.len() != train.classes {
        return Err(PackError::BadNames {
            classes: train.classes,
        });
    }
    let header = Header {
        classes: train.classes,
        train: train.len(),
        test: test.len(),
        height: train.height,
        width: train.width,
        names: names.len(),
    };
    header.check()?;
    check_labels(train)?;
    check_labels(test)?;

    let mut checked = header.to_bytes();
    checked.extend(names.as_bytes());
    let mut crc = Crc32::new();
    crc.update(&checked);
    let body = [&train.images[..], &train.labels, &test.images, &test.labels].concat();
    crc.update(&body);
    let body = compress_to_vec(&body, 9);
    Ok([&MAGIC[..], &crc.sum().to_le_bytes(), &checked, &body].concat())
}

/// Reads a packed file.
///
/// # Errors
/// If the bytes are no packed file, are damaged, or exceed the bounds of the data module.
pub fn read(bytes: &[u8]) -> Result<TrainTest, PackError> {
    if !bytes.starts_with(&MAGIC) {
        return Err(PackError::WrongMagic {
            found: bytes.iter().copied().take(4).collect(),
        });
    }
    let truncated = PackError::Truncated { found: bytes.len() };
    let (Some(stored), Some(version)) = (u32_at(bytes, 4), u16_at(bytes, 8)) else {
        return Err(truncated);
    };
    if version != VERSION {
        return Err(PackError::WrongVersion { found: version });
    }
    let header = Header::from_bytes(bytes).ok_or_else(|| truncated.clone())?;
    header.check()?;
    let body_at = NAMES + header.names;
    let (Some(names), Some(checked), Some(packed)) = (
        bytes.get(NAMES..body_at),
        bytes.get(CHECKED..body_at),
        bytes.get(body_at..),
    ) else {
        return Err(truncated);
    };

    let expected = header.body_len();
    let mut body = Vec::new();
    // One byte more than wanted makes the stream show its end.
    let mut reader = Deflated::new(packed);
    let ending = read_up_to(&mut reader, expected + 1, &mut body);
    match ending {
        Ok(()) if body.len() > expected || !reader.rest().is_empty() => {
            return Err(PackError::TrailingBytes);
        }
        Ok(()) if body.len() == expected => {}
        Ok(()) | Err(Ending::CutShort) => return Err(truncated),
        Err(Ending::Corrupt) => return Err(PackError::Corrupt),
    }
    let mut crc = Crc32::new();
    crc.update(checked);
    crc.update(&body);
    if crc.sum() != stored {
        return Err(PackError::WrongChecksum {
            computed: crc.sum(),
            stored,
        });
    }
    let class_names = class_names(names, header.classes)?;
    let (train, test) = body.split_at(header.set_len(header.train));
    Ok(TrainTest {
        train: header.set(train, header.train)?,
        test: header.set(test, header.test)?,
        class_names,
    })
}

/// The numbers of the header.
struct Header {
    classes: usize,
    train: usize,
    test: usize,
    height: usize,
    width: usize,
    names: usize,
}

impl Header {
    /// The header from the whole file, if it is there.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            classes: usize::from(u16_at(bytes, 10)?),
            train: u32_at(bytes, 12)? as usize,
            test: u32_at(bytes, 16)? as usize,
            height: usize::from(u16_at(bytes, 20)?),
            width: usize::from(u16_at(bytes, 22)?),
            names: u32_at(bytes, 24)? as usize,
        })
    }

    /// The header from the version on. [`Self::check`] has shown that each number fits its bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
        let long = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        [
            &VERSION.to_le_bytes()[..],
            &short(self.classes),
            &long(self.train),
            &long(self.test),
            &short(self.height),
            &short(self.width),
            &long(self.names),
        ]
        .concat()
    }

    /// Refuses numbers out of bounds.
    fn check(&self) -> Result<(), PackError> {
        let bound = |what, found, least, most| {
            if (least..=most).contains(&found) {
                Ok(())
            } else {
                Err(PackError::OutOfBounds {
                    what,
                    found,
                    least,
                    most,
                })
            }
        };
        bound("classes", self.classes, 2, 256)?;
        bound("training images", self.train, 1, MAX_IMAGES)?;
        bound("test images", self.test, 1, MAX_IMAGES)?;
        bound("rows per image", self.height, 1, MAX_SIDE)?;
        bound("columns per image", self.width, 1, MAX_SIDE)?;
        bound("bytes of class names", self.names, 1, MAX_NAMES)?;
        // At most 2 * 250,000 * 64 * 64, which fits 32 bits.
        let pixels = (self.train + self.test) * self.height * self.width;
        bound("pixels in all", pixels, 1, MAX_PIXELS)
    }

    /// Bytes of a set of `count` images with their labels.
    fn set_len(&self, count: usize) -> usize {
        count * (self.height * self.width + 1)
    }

    /// Bytes of the body before deflating.
    fn body_len(&self) -> usize {
        self.set_len(self.train) + self.set_len(self.test)
    }

    /// A set of `count` images from its [`Self::set_len`] bytes.
    fn set(&self, bytes: &[u8], count: usize) -> Result<Dataset, PackError> {
        let (images, labels) = bytes.split_at(count * self.height * self.width);
        let set = Dataset {
            images: images.into(),
            labels: labels.into(),
            height: self.height,
            width: self.width,
            classes: self.classes,
        };
        check_labels(&set)?;
        Ok(set)
    }
}

/// The names from their bytes.
fn class_names(bytes: &[u8], classes: usize) -> Result<Vec<String>, PackError> {
    let names: Vec<String> = std::str::from_utf8(bytes)
        .map_err(|_| PackError::BadNames { classes })?
        .split('\n')
        .map(str::to_owned)
        .collect();
    if names.len() == classes {
        Ok(names)
    } else {
        Err(PackError::BadNames { classes })
    }
}

/// Refuses labels that name no class.
fn check_labels(set: &Dataset) -> Result<(), PackError> {
    match set.labels.iter().max() {
        Some(&found) if usize::from(found) >= set.classes => Err(PackError::WrongLabel {
            found,
            classes: set.classes,
        }),
        _ => Ok(()),
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let digits = bytes.get(offset..)?.first_chunk()?;
    Some(u16::from_le_bytes(*digits))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let digits = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_le_bytes(*digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets() -> TrainTest {
        let set = |count: u8| Dataset {
            images: (0..count * 6).collect(),
            labels: (0..count).map(|i| i % 2).collect(),
            height: 2,
            width: 3,
            classes: 2,
        };
        TrainTest {
            train: set(5),
            test: set(3),
            class_names: vec!["cat".to_owned(), "não".to_owned()],
        }
    }

    #[test]
    fn what_was_packed_is_read() {
        let bytes = write(&sets()).unwrap();
        assert_eq!(read(&bytes), Ok(sets()));
        assert_eq!(write(&sets()), Ok(bytes));
    }

    #[test]
    fn no_flipped_bit_changes_what_is_read() {
        let bytes = write(&sets()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // Deflate has bits without a meaning (padding); all else must be refused.
            match read(&damaged) {
                Err(error) => assert!(!error.to_string().is_empty()),
                Ok(read) => assert_eq!(read, sets()),
            }
        }
    }

    #[test]
    fn every_length_but_the_right_one_is_refused() {
        let mut bytes = write(&sets()).unwrap();
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "{len}");
        }
        bytes.push(0);
        assert_eq!(read(&bytes), Err(PackError::TrailingBytes));
    }

    #[test]
    fn headers_out_of_bounds_are_refused_before_their_body() {
        let mut bytes = write(&sets()).unwrap();
        bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(
            read(&bytes),
            Err(PackError::OutOfBounds {
                what: "training images",
                found: u32::MAX as usize,
                least: 1,
                most: MAX_IMAGES
            })
        );
        bytes[8] = 2;
        assert_eq!(read(&bytes), Err(PackError::WrongVersion { found: 2 }));
        assert_eq!(
            read(b"RY").map_err(|error| error.to_string()),
            Err("starts with \"RY\", where a packed data set has \"RYPK\"".to_owned())
        );
    }

    #[test]
    fn sets_that_do_not_fit_together_are_not_packed() {
        let mut wrong = sets();
        wrong.test.width = 2;
        assert_eq!(write(&wrong), Err(PackError::Mismatch));
        let mut wrong = sets();
        wrong.class_names.pop();
        assert_eq!(write(&wrong), Err(PackError::BadNames { classes: 2 }));
        let mut wrong = sets();
        wrong.train.labels = [0, 1, 2, 0, 0].into();
        assert_eq!(
            write(&wrong),
            Err(PackError::WrongLabel {
                found: 2,
                classes: 2
            })
        );
    }
}
