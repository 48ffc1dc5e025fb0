//! Writing deflate (RFC 1951) for the few hundred bytes of a link: what was said before is pointed at,
//! and all codes are the fixed ones. A writer of tables would be larger than all links it shortens.

/// Least and most bytes that are pointed at as one.
const LEAST: usize = 3;
const MOST: usize = 258;
/// Bytes that can be pointed back over.
const WINDOW: usize = 32 << 10;
/// The symbol behind the last byte.
const END: u32 = 256;

/// The bytes as one block of fixed codes.
#[must_use]
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    // The last block, of fixed codes.
    bits.put(0b011, 3);
    let mut at = 0;
    while at < bytes.len() {
        let (length, distance) = longest(bytes, at);
        if length < LEAST {
            bits.symbol(bytes[at].into());
            at += 1;
        } else {
            bits.length(length as u32);
            bits.distance(distance as u32);
            at += length;
        }
    }
    bits.symbol(END);
    bits.bytes
}

/// The longest stretch from `at` that stood there before, and how far back the nearest such one is.
fn longest(bytes: &[u8], at: usize) -> (usize, usize) {
    let ahead = &bytes[at..bytes.len().min(at + MOST)];
    (1..=at.min(WINDOW)).fold((0, 0), |best, distance| {
        let before = &bytes[at - distance..];
        let length = ahead.iter().zip(before).take_while(|(a, b)| a == b).count();
        if length > best.0 {
            (length, distance)
        } else {
            best
        }
    })
}

/// Bits from the lowest of each byte to its highest.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// The lowest `count` bits, the lowest first.
    fn put(&mut self, bits: u32, count: u32) {
        for place in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((bits >> place & 1) << (self.used % 8)) as u8;
            }
            self.used += 1;
        }
    }

    /// A code of `count` bits, the highest first.
    fn code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    /// A byte, the end or what a length begins with (RFC 1951, section 3.2.6).
    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..144 => self.code(0x30 + symbol, 8),
            144..256 => self.code(0x190 + symbol - 144, 9),
            256..280 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    /// How many bytes are pointed at (section 3.2.5): above eight, four symbols for each doubling.
    fn length(&mut self, length: u32) {
        let past = length - LEAST as u32;
        let more = past.max(4).ilog2() - 2;
        if length == MOST as u32 {
            self.symbol(285);
        } else {
            self.symbol(257 + 4 * more + (past >> more));
            self.put(past, more);
        }
    }

    /// How far back they stand: above four, two symbols for each doubling.
    fn distance(&mut self, distance: u32) {
        let past = distance - 1;
        let more = past.max(2).ilog2() - 1;
        self.code(2 * more + (past >> more), 5);
        self.put(past, more);
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::inflate::decompress_to_vec;
    use proptest::prelude::*;

    use super::*;

    fn read(deflated: &[u8]) -> Vec<u8> {
        decompress_to_vec(deflated).expect("a whole stream")
    }

    #[test]
    fn what_repeats_takes_little() {
        let text = "abcdefgh".repeat(1000);
        let deflated = deflate(text.as_bytes());
        assert!(deflated.len() < 70, "{}", deflated.len());
        assert_eq!(read(&deflated), text.into_bytes());
    }

    proptest! {
        #[test]
        fn another_reader_gets_the_bytes_back(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..3], 0..600)) {
            prop_assert_eq!(read(&deflate(&bytes)), bytes);
        }
    }
}
