//! How bytes travel between a host and a board.

/// A way to a board. Nothing blocks: bytes that cannot be sent yet wait, and receiving gives what
/// has come.
pub trait Transport {
    /// Takes bytes to be sent, at a time in milliseconds.
    ///
    /// # Errors
    /// If the way is gone.
    fn send(&mut self, bytes: &[u8], now: f64) -> Result<(), TransportError>;

    /// Appends the bytes that have come until now.
    ///
    /// # Errors
    /// If the way is gone.
    fn receive(&mut self, now: f64, out: &mut Vec<u8>) -> Result<(), TransportError>;

    /// When bytes will have come without anything from outside (a simulated line knows); none otherwise.
    fn due(&self) -> Option<f64> {
        None
    }
}

/// Why a way to a board is gone: what happened and what to do next, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError(pub String);

impl std::fmt::Display for TransportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TransportError {}
