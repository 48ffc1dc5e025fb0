//! The checksum of gzip (CRC-32, RFC 1952 section 8), eight bytes at a time.
//!
//! Its tables are computed when they are first needed: they are 8 KiB that nobody has to fetch.

use std::sync::LazyLock;

/// The generator polynomial, lowest power first.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// `TABLES[k][byte]` is what a byte does to the checksum with `k` bytes behind it.
static TABLES: LazyLock<[[u32; 256]; 8]> = LazyLock::new(|| {
    let mut tables = [[0_u32; 256]; 8];
    for (byte, entry) in (0_u32..).zip(&mut tables[0]) {
        *entry = (0..8).fold(byte, |sum, _| (sum >> 1) ^ (POLYNOMIAL * (sum & 1)));
    }
    for k in 1..8 {
        for byte in 0..256 {
            let before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
        }
    }
    tables
});

/// A checksum that is still being taken.
#[derive(Clone, Debug, Default)]
pub struct Crc32(u32);

impl Crc32 {
    /// The checksum of no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Take these bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        let tables = &*TABLES;
        let (eights, rest) = bytes.as_chunks::<8>();
        let mut sum = !self.0;
        for eight in eights {
            let word = u64::from_le_bytes(*eight) ^ u64::from(sum);
            sum = (0..8).fold(0, |sum, k| {
                sum ^ tables[7 - k][((word >> (8 * k)) & 0xff) as usize]
            });
        }
        for &byte in rest {
            sum = (sum >> 8) ^ tables[0][((sum ^ u32::from(byte)) & 0xff) as usize];
        }
        self.0 = !sum;
    }

    /// The checksum of all bytes so far.
    #[must_use]
    pub fn sum(&self) -> u32 {
        self.0
    }
}

/// The checksum of some bytes.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = Crc32::new();
    sum.update(bytes);
    sum.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_literature() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn any_cut_gives_what_another_implementation_gives() {
        let bytes: Vec<u8> = (0_u32..300).map(|i| (i * i * 7 + 3) as u8).collect();
        for length in 0..bytes.len() {
            let mut other = flate2::Crc::new();
            other.update(&bytes[..length]);
            assert_eq!(crc32(&bytes[..length]), other.sum(), "{length} bytes");
            let mut parts = Crc32::new();
            for part in bytes[..length].chunks(1 + length % 19) {
                parts.update(part);
            }
            assert_eq!(parts.sum(), other.sum(), "{length} bytes in parts");
        }
    }
}
