//! The few pieces of protobuf's encoding that a trace needs: varints, 64-bit words, and fields with a
//! length.

/// A message being written.
#[derive(Clone, Debug, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    /// A number.
    pub fn number(&mut self, field: u32, value: u64) -> &mut Self {
        self.varint(u64::from(field << 3));
        self.varint(value);
        self
    }

    /// A number in eight bytes.
    pub fn fixed64(&mut self, field: u32, value: u64) -> &mut Self {
        self.varint(u64::from(field << 3 | 1));
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Text.
    pub fn text(&mut self, field: u32, text: &str) -> &mut Self {
        self.bytes(field, text.as_bytes())
    }

    /// A message within this one.
    pub fn message(&mut self, field: u32, message: &Self) -> &mut Self {
        self.bytes(field, &message.0)
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) -> &mut Self {
        self.0.clear();
        self
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) -> &mut Self {
        self.varint(u64::from(field << 3 | 2));
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// Seven bits a byte, the lowest first; all bytes but the last have their top bit set.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    /// The examples of protobuf's own description of its encoding.
    #[test]
    fn known_encodings() {
        let mut inner = Message::default();
        inner.number(1, 150);
        assert_eq!(inner.0, [0x08, 0x96, 0x01]);
        let mut outer = Message::default();
        outer.text(2, "testing").message(3, &inner);
        assert_eq!(outer.0[..9], *b"\x12\x07testing");
        assert_eq!(outer.0[9..], [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(outer.clear().fixed64(1, 1).0, [9, 1, 0, 0, 0, 0, 0, 0, 0]);
    }
}
