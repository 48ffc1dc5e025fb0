//! A way of bytes that blocks, such as a serial port or a socket, as one that does not: a thread reads
//! it and a thread writes it.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use crate::link::transport::{Transport, TransportError};

/// Bytes that are read at once.
const CHUNK: usize = 4096;
/// Chunks that wait in each direction.
const CHUNKS: usize = 256;
/// How long the ways here block at most, so that their threads hear that they are to end.
pub const PATIENCE: Duration = Duration::from_millis(100);

/// A way of bytes.
pub struct Stream {
    name: String,
    incoming: Receiver<io::Result<Vec<u8>>>,
    outgoing: SyncSender<Vec<u8>>,
    /// What came while it was waited for.
    come: Vec<u8>,
    gone: Option<TransportError>,
    stop: Arc<AtomicBool>,
}

/// Whether nothing went wrong but the time.
fn again(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

fn read(mut from: impl Read, to: &SyncSender<io::Result<Vec<u8>>>, stop: &AtomicBool) {
    let mut chunk = [0; CHUNK];
    while !stop.load(Ordering::Relaxed) {
        let (sent, ended) = match from.read(&mut chunk) {
            Ok(0) => (to.send(Ok(vec![])), true),
            Ok(len) => (to.send(Ok(chunk[..len].to_vec())), false),
            Err(error) if again(&error) => continue,
            Err(error) => (to.send(Err(error)), true),
        };
        if ended || sent.is_err() {
            return;
        }
    }
}

fn write(from: &Receiver<Vec<u8>>, mut to: impl Write, stop: &AtomicBool) {
    for bytes in from {
        let mut left = &bytes[..];
        while !left.is_empty() {
            match to.write(left) {
                Ok(len @ 1..) => left = &left[len..],
                Err(error) if again(&error) && !stop.load(Ordering::Relaxed) => {}
                _ => return,
            }
        }
    }
}

impl Stream {
    /// A way of this name. Reading and writing should come back within [`PATIENCE`].
    pub fn new(
        name: impl Into<String>,
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
    ) -> Self {
        let (to_us, incoming) = sync_channel(CHUNKS);
        let (outgoing, from_us) = sync_channel(CHUNKS);
        let stop = Arc::new(AtomicBool::new(false));
        let (reading, writing) = (stop.clone(), stop.clone());
        std::thread::spawn(move || read(reader, &to_us, &reading));
        std::thread::spawn(move || write(&from_us, writer, &writing));
        Self {
            name: name.into(),
            incoming,
            outgoing,
            come: vec![],
            gone: None,
            stop,
        }
    }

    fn lose(&mut self, what: &str) {
        let name = &self.name;
        self.gone
            .get_or_insert_with(|| TransportError(format!("{name}: {what}")));
    }

    fn take(&mut self, came: io::Result<Vec<u8>>) {
        match came {
            Ok(bytes) if bytes.is_empty() => self.lose("the other end has closed it"),
            Ok(bytes) => self.come.extend(bytes),
            Err(error) => self.lose(&error.to_string()),
        }
    }

    /// Waits until bytes have come or the way is gone, but no longer than this.
    pub fn wait(&mut self, most: Duration) {
        if !self.come.is_empty() || self.gone.is_some() {
            return;
        }
        match self.incoming.recv_timeout(most) {
            Ok(came) => self.take(came),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.lose("it cannot be read any more"),
        }
    }
}

impl Transport for Stream {
    /// What finds no room is dropped, as on an overrun line: the link sends it again.
    fn send(&mut self, bytes: &[u8], _now: f64) -> Result<(), TransportError> {
        if let Err(TrySendError::Disconnected(_)) = self.outgoing.try_send(bytes.to_vec()) {
            self.lose("it cannot be written any more");
        }
        self.gone.clone().map_or(Ok(()), Err)
    }

    fn receive(&mut self, _now: f64, out: &mut Vec<u8>) -> Result<(), TransportError> {
        while let Ok(came) = self.incoming.try_recv() {
            self.take(came);
        }
        out.append(&mut self.come);
        match &self.gone {
            Some(error) if out.is_empty() => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written, one chunk after another.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let sent = self.0.send(bytes[..1].to_vec());
            sent.map(|()| 1)
                .map_err(|_| io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bytes_pass_both_ways_and_the_end_is_told_after_them() {
        let (to, from) = sync_channel(9);
        let mut stream = Stream::new("pipe", &b"abc"[..], Pipe(to));
        stream.send(b"xyz", 0.0).unwrap();
        let written: Vec<Vec<u8>> = (0..3).map(|_| from.recv().unwrap()).collect();
        assert_eq!(written.concat(), b"xyz");
        let mut out = vec![];
        while stream.receive(0.0, &mut out).is_ok() && out.is_empty() {
            stream.wait(PATIENCE);
        }
        assert_eq!(out, b"abc");
        out.clear();
        while stream.receive(0.0, &mut out).is_ok() {
            stream.wait(PATIENCE);
        }
        let error = stream.send(b"x", 0.0).unwrap_err();
        assert_eq!(error.0, "pipe: the other end has closed it");
    }
}
