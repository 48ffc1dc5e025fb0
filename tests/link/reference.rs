//! The examples and limits of docs/PROTOCOL.md are those of the code.

use railyard::link::command::{Command, MAX_DATA, ORDER_BYTES};
use railyard::link::device::MAX_EXPLANATION;
use railyard::link::frame::{ANSWER, Header, MAX_ENCODED, MAX_FRAME, MAX_PAYLOAD, encode};

use crate::memory::crc;

const REFERENCE: &str = include_str!("../../docs/PROTOCOL.md");

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

#[test]
fn the_examples_are_frames() {
    let status = Command::Status(300).payload();
    let mut state = [0; 24];
    (state[0], state[8], state[9], state[16], state[17]) = (2, 0x2d, 1, 0x2f, 1);
    let examples: [(u8, u8, u8, u16, &[u8]); 4] = [
        (1, 0, 0, 0, &[]),
        (9, 0, 0, 7, &status),
        (9 | ANSWER, 0, 8, 7, &state),
        (ANSWER, 12, 8, 9, &[]),
    ];
    for (kind, status, credits, sequence, payload) in examples {
        let header = Header {
            kind,
            status,
            credits,
            session: 0xa51c,
            sequence,
        };
        let mut out = [0; MAX_ENCODED];
        let len = encode(&header, payload, &mut out);
        let line = format!("    {}\n", hex(&out[..len]));
        assert!(REFERENCE.contains(&line), "{line}");
        let mut frame = cobs::decode_vec(&out[..len - 1]).unwrap();
        let line = format!("    {}\n", hex(&frame));
        assert!(REFERENCE.contains(&line), "{line}");
        let sum = frame.split_off(frame.len() - 4);
        assert_eq!(crc(&frame).to_le_bytes(), sum[..]);
    }
}

#[test]
fn the_limits_are_the_codes() {
    // Slots of a load beside the order, the samples and the first place.
    let slots = (MAX_PAYLOAD - ORDER_BYTES - 4) / 4;
    let reports = (MAX_PAYLOAD - 24) / 48;
    for text in [
        format!("0 to {MAX_PAYLOAD} "),
        format!("14 to {MAX_FRAME} bytes, on the line at most {MAX_ENCODED}"),
        format!("0 to {MAX_DATA} bytes"),
        format!("at most {MAX_EXPLANATION} bytes"),
        format!("at most {slots} in a frame"),
        format!("at most {reports} |"),
    ] {
        assert!(REFERENCE.contains(&text), "{text}");
    }
}
