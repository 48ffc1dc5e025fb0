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

use crate::numeric::crc::{Crc32, crc32};

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

/// Fewest bytes of a frame.
const MIN_FRAME: usize = HEADER + 4;

/// Writes bytes without zeros: each block begins with the distance to the next zero.
struct Stuffer<'a> {
    out: &'a mut [u8; MAX_ENCODED],
    at: usize,
    block: usize,
}

impl<'a> Stuffer<'a> {
    fn new(out: &'a mut [u8; MAX_ENCODED]) -> Self {
        Self {
            out,
            at: 1,
            block: 0,
        }
    }

    fn next_block(&mut self) {
        self.out[self.block] = (self.at - self.block) as u8;
        self.block = self.at;
        self.at += 1;
    }

    fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // A full block ends without a zero. It is closed only now, as no block follows the last.
            if self.at - self.block == 255 {
                self.next_block();
            }
            if byte == 0 {
                self.next_block();
            } else {
                self.out[self.at] = byte;
                self.at += 1;
            }
        }
    }

    fn finish(self) -> usize {
        self.out[self.block] = (self.at - self.block) as u8;
        self.out[self.at] = 0;
        self.at + 1
    }
}

/// Writes a frame as it goes over the line, with its delimiter, and gives its length; 0 if the payload
/// is longer than [`MAX_PAYLOAD`].
pub fn encode(header: &Header, payload: &[u8], out: &mut [u8; MAX_ENCODED]) -> usize {
    if payload.len() > MAX_PAYLOAD {
        return 0;
    }
    let [session, sequence, len] =
        [header.session, header.sequence, payload.len() as u16].map(u16::to_le_bytes);
    let head: [u8; HEADER] = [
        VERSION,
        header.kind,
        header.status,
        header.credits,
        session[0],
        session[1],
        sequence[0],
        sequence[1],
        len[0],
        len[1],
    ];
    let mut checksum = Crc32::new();
    checksum.update(&head);
    checksum.update(payload);
    let mut stuffer = Stuffer::new(out);
    stuffer.put(&head);
    stuffer.put(payload);
    stuffer.put(&checksum.sum().to_le_bytes());
    stuffer.finish()
}

/// Bytes that a frame with a payload of this length takes on the line, with its delimiter: at most, as
/// blocks without a zero are rarely full.
#[must_use]
pub fn encoded_bytes(payload: usize) -> usize {
    let frame = HEADER + payload + 4;
    frame + frame.div_ceil(254) + 1
}

/// Finds frames in a stream of bytes, one byte at a time.
///
/// Between two zeros it undoes the stuffing and keeps what comes out, up to the length of the longest
/// frame. At the zero it checks the checksum, the version and the length in the header, in this order.
#[derive(Clone, Debug)]
pub struct Decoder {
    frame: [u8; MAX_FRAME],
    len: usize,
    /// Bytes to come in this block.
    left: u8,
    /// Whether a zero stands between this block and the next.
    zero: bool,
    /// Whether a byte has come since the last zero.
    begun: bool,
    /// Whether more came than fits.
    over: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder between two frames.
    #[must_use]
    pub fn new() -> Self {
        Self {
            frame: [0; MAX_FRAME],
            len: 0,
            left: 0,
            zero: false,
            begun: false,
            over: false,
        }
    }

    /// Forgets what has come since the last zero.
    pub fn restart(&mut self) {
        (self.len, self.left) = (0, 0);
        (self.zero, self.begun, self.over) = (false, false, false);
    }

    fn keep(&mut self, byte: u8) {
        if let Some(place) = self.frame.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        } else {
            self.over = true;
        }
    }

    /// Takes a byte. With the zero that ends a stretch it gives a frame, or what was wrong with it;
    /// nothing between two zeros is nothing.
    pub fn push(&mut self, byte: u8) -> Option<Result<Frame<'_>, Damage>> {
        if byte != 0 {
            if self.left > 0 {
                self.left -= 1;
                self.keep(byte);
            } else {
                if self.zero {
                    self.keep(0);
                }
                self.left = byte - 1;
                self.zero = byte < 255;
                self.begun = true;
            }
            return None;
        }
        let (begun, over, cut, len) = (self.begun, self.over, self.left > 0, self.len);
        self.restart();
        if !begun {
            return None;
        }
        Some(if over {
            Err(Damage::TooLong)
        } else if cut {
            Err(Damage::BadStuffing)
        } else {
            check(&self.frame[..len])
        })
    }
}

/// The frame that these bytes are.
fn check(frame: &[u8]) -> Result<Frame<'_>, Damage> {
    if frame.len() < MIN_FRAME {
        return Err(Damage::WrongLength);
    }
    let (body, checksum) = frame.split_at(frame.len() - 4);
    if crc32(body).to_le_bytes() != checksum {
        return Err(Damage::BadChecksum);
    }
    let (head, payload) = body.split_at(HEADER);
    if head[0] != VERSION {
        return Err(Damage::OtherVersion(head[0]));
    }
    let word = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    if usize::from(word(8)) != payload.len() {
        return Err(Damage::WrongLength);
    }
    Ok(Frame {
        header: Header {
            kind: head[1],
            status: head[2],
            credits: head[3],
            session: word(4),
            sequence: word(6),
        },
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// CRC-32 bit by bit: reflected polynomial 0xEDB88320, all ones before and inverted after.
    fn bitwise_crc(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for &byte in bytes {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                let odd = crc & 1 == 1;
                crc >>= 1;
                if odd {
                    crc ^= 0xedb8_8320;
                }
            }
        }
        !crc
    }

    /// The frame by the table at the top of the file.
    fn plain(header: Header, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![VERSION, header.kind, header.status, header.credits];
        frame.extend(header.session.to_le_bytes());
        frame.extend(header.sequence.to_le_bytes());
        frame.extend((payload.len() as u16).to_le_bytes());
        frame.extend(payload);
        frame.extend(bitwise_crc(&frame).to_le_bytes());
        frame
    }

    fn encoded(header: Header, payload: &[u8]) -> Vec<u8> {
        let mut out = [0xaa; MAX_ENCODED];
        let len = encode(&header, payload, &mut out);
        out[..len].to_vec()
    }

    type Heard = Result<(Header, Vec<u8>), Damage>;

    fn heard(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Heard> {
        let mut found = vec![];
        for &byte in bytes {
            if let Some(result) = decoder.push(byte) {
                found.push(result.map(|frame| (frame.header, frame.payload.to_vec())));
            }
        }
        found
    }

    fn headers() -> impl Strategy<Value = Header> {
        any::<(u8, u8, u8, u16, u16)>().prop_map(|(kind, status, credits, session, sequence)| {
            Header {
                kind,
                status,
                credits,
                session,
                sequence,
            }
        })
    }

    /// Payloads with all zeros, few and none, of any length.
    fn payloads() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0), any::<u8>(), 1..=255_u8];
        prop_oneof![
            prop::collection::vec(byte, 0..=MAX_PAYLOAD),
            prop::collection::vec(1..=255_u8, 0..=MAX_PAYLOAD),
            (any::<u8>(), 0..=MAX_PAYLOAD).prop_map(|(byte, len)| vec![byte; len]),
        ]
    }

    #[test]
    fn the_checksum_has_the_check_value_of_the_catalogue() {
        // "123456789", CRC-32/ISO-HDLC.
        assert_eq!(bitwise_crc(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn the_longest_frame_fits_and_a_longer_payload_is_not_written() {
        let header = Header {
            kind: 0xff,
            status: 0xff,
            credits: 0xff,
            session: 0xffff,
            sequence: 0xffff,
        };
        let payload = [0x5a; MAX_PAYLOAD];
        let bytes = encoded(header, &payload);
        assert!(bytes.len() <= MAX_ENCODED);
        assert_eq!(encoded_bytes(MAX_PAYLOAD), MAX_ENCODED);
        let found = heard(&mut Decoder::new(), &bytes);
        assert_eq!(found, [Ok((header, payload.to_vec()))]);
        assert!(encoded(header, &[0; MAX_PAYLOAD + 1]).is_empty());
    }

    #[test]
    fn every_kind_of_damage_is_told() {
        let good = plain(Header::default(), &[7; 9]);
        let of = |frame: &[u8]| {
            let mut bytes = cobs::encode_vec(frame);
            bytes.push(0);
            heard(&mut Decoder::new(), &bytes)
        };
        let signed = |frame: &[u8]| {
            let mut frame = frame[..frame.len() - 4].to_vec();
            frame.extend(bitwise_crc(&frame).to_le_bytes());
            of(&frame)
        };
        assert_eq!(of(&good), [Ok((Header::default(), vec![7; 9]))]);
        assert_eq!(of(&good[..13]), [Err(Damage::WrongLength)]);
        assert_eq!(of(&[1; MAX_FRAME + 1]), [Err(Damage::TooLong)]);
        let mut other = good.clone();
        other[12] ^= 1;
        assert_eq!(of(&other), [Err(Damage::BadChecksum)]);
        let mut other = good.clone();
        other[0] = 9;
        assert_eq!(signed(&other), [Err(Damage::OtherVersion(9))]);
        let mut other = good.clone();
        other[8] += 1;
        assert_eq!(signed(&other), [Err(Damage::WrongLength)]);
        let found = heard(&mut Decoder::new(), &[9, 1, 2, 0]);
        assert_eq!(found, [Err(Damage::BadStuffing)]);
        assert_eq!(heard(&mut Decoder::new(), &[0; 9]), []);
    }

    #[test]
    fn a_flipped_bit_or_four_never_pass() {
        let good = encoded(Header::default(), &[3, 0, 200]);
        let bits = good.len() * 8;
        let flip = |bytes: &mut [u8], bit: usize| bytes[bit / 8] ^= 1 << (bit % 8);
        for a in 0..bits {
            for b in a..bits {
                let mut bytes = good.clone();
                flip(&mut bytes, a);
                if b > a {
                    flip(&mut bytes, b);
                }
                let found = heard(&mut Decoder::new(), &bytes);
                assert!(found.iter().all(Result::is_err), "{a} {b}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(20),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn frames_are_those_of_another_encoder(header in headers(), payload in payloads()) {
            let mut expected = cobs::encode_vec(&plain(header, &payload));
            expected.push(0);
            prop_assert_eq!(encoded(header, &payload), expected);
            prop_assert!(encoded(header, &payload).len() <= encoded_bytes(payload.len()));
        }

        #[test]
        fn another_decoder_reads_them(header in headers(), payload in payloads()) {
            let bytes = encoded(header, &payload);
            let (delimiter, body) = bytes.split_last().unwrap();
            prop_assert_eq!(*delimiter, 0);
            prop_assert!(!body.contains(&0));
            prop_assert_eq!(cobs::decode_vec(body).unwrap(), plain(header, &payload));
        }

        #[test]
        fn frames_come_back_in_order_whatever_their_cuts(
            frames in prop::collection::vec((headers(), payloads()), 1..5),
            cuts in prop::collection::vec(1..400_usize, 1..9),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(h, p)| encoded(*h, p)).collect();
            let (mut decoder, mut found, mut rest) = (Decoder::new(), vec![], &bytes[..]);
            for &cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                found.extend(heard(&mut decoder, now));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            let expected: Vec<Heard> = frames.into_iter().map(Ok).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn the_frame_after_the_next_zero_is_heard_after_any_garbage(
            garbage in prop::collection::vec(any::<u8>(), 0..3000),
            header in headers(),
            payload in payloads(),
        ) {
            let mut decoder = Decoder::new();
            heard(&mut decoder, &garbage);
            heard(&mut decoder, &[0]);
            let found = heard(&mut decoder, &encoded(header, &payload));
            prop_assert_eq!(found, [Ok((header, payload))]);
        }

        #[test]
        fn what_another_decoder_refuses_is_refused(
            bytes in prop::collection::vec(1..=255_u8, 1..600),
        ) {
            let mut line = bytes.clone();
            line.push(0);
            let found = heard(&mut Decoder::new(), &line);
            prop_assert_eq!(found.len(), 1);
            match cobs::decode_vec(&bytes) {
                Err(_) => prop_assert_eq!(&found[0], &Err(Damage::BadStuffing)),
                Ok(frame) if frame.len() < MIN_FRAME => {
                    prop_assert_eq!(&found[0], &Err(Damage::WrongLength));
                }
                Ok(frame) => {
                    let (body, sum) = frame.split_at(frame.len() - 4);
                    prop_assert_ne!(&bitwise_crc(body).to_le_bytes()[..], sum);
                    prop_assert_eq!(&found[0], &Err(Damage::BadChecksum));
                }
            }
        }
    }
}
