//! Ports: where a board is.

use crate::numeric::crc::crc32;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;

use super::stream::{PATIENCE, Stream};
use crate::accel::Device;
use crate::cli::machine;
use crate::link::line::{LineSettings, Wired};
use crate::link::log;
use crate::link::recording::Recording;
use crate::link::transport::{Transport, TransportError};
use crate::link::virtual_board::{VirtualBoard, VirtualSettings};

/// Options that say where a board is.
#[derive(Args, Clone, Debug)]
pub struct PortOptions {
    /// Where the board is: a serial port such as /dev/ttyUSB0 or COM3, tcp:HOST:PORT, virtual for a board
    /// in this process, or log:FILE for the answers of a recorded log
    #[arg(long, value_name = "PORT")]
    port: String,
    /// Speed of the line in bits per second; a virtual board's is simulated [default: 1000000; sockets and
    /// pseudo terminals have none]
    #[arg(long, value_name = "BITS/S", value_parser = clap::value_parser!(u32).range(300..=12_000_000))]
    baud: Option<u32>,
    /// Device that a virtual board is: zu3eg, zynq7020, ecp5-25f, ecp5-45f or ecp5-85f
    #[arg(long, value_parser = machine::device, default_value = "zu3eg")]
    device: Device,
}

impl PortOptions {
    /// Speed of the line in bits per second; 0 for none.
    pub fn baud(&self) -> u32 {
        let none = self.port.starts_with("tcp:") || self.port.starts_with(PSEUDO);
        self.baud.unwrap_or(if none { 0 } else { BAUD })
    }
}

/// Speed in bits per second, if none is given.
const BAUD: u32 = 1_000_000;
/// How paths of pseudo terminals begin.
const PSEUDO: &str = "/dev/pts/";

/// Milliseconds since it was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// It begins now.
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds.
    pub fn now(self) -> f64 {
        self.0.elapsed().as_secs_f64() * 1000.0
    }
}

/// A number that differs from call to call.
pub fn drawn() -> u32 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanoseconds = since.map_or(0, |since| since.as_nanos());
    let bytes = [
        nanoseconds.to_le_bytes(),
        u128::from(std::process::id()).to_le_bytes(),
    ];
    crc32(&bytes.concat())
}

/// A way to a board.
pub enum Port {
    /// Bytes from and to somewhere else.
    Stream(Stream),
    /// A virtual board in this process.
    Virtual(Box<Wired<VirtualBoard>>),
    /// The board of a recorded log.
    Recorded(Box<Wired<Recording>>),
}

impl Port {
    /// Opens the port that the options name.
    pub fn open(options: &PortOptions) -> Result<Self, String> {
        let line = LineSettings {
            baud: options.baud(),
            ..LineSettings::default()
        };
        if options.port == "virtual" {
            let settings = VirtualSettings {
                device: options.device,
                paced: false,
            };
            let board = VirtualBoard::new(settings, drawn());
            return Ok(Self::Virtual(Box::new(Wired::new(board, line))));
        }
        if let Some(address) = options.port.strip_prefix("tcp:") {
            let socket = TcpStream::connect(address).map_err(|error| {
                format!(
                    "tcp:{address}: {error}; start a board there with `railyard board serve --tcp {address}`"
                )
            })?;
            return socket_stream(&options.port, socket).map(Self::Stream);
        }
        if let Some(file) = options.port.strip_prefix("log:") {
            let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
            let frames = log::read(&bytes).map_err(|error| format!("{file}: {error}"))?;
            let board = Recording::new(&frames);
            return Ok(Self::Recorded(Box::new(Wired::new(board, line))));
        }
        serial(&options.port, options.baud.unwrap_or(BAUD)).map(Self::Stream)
    }

    /// Waits until bytes have come, but no longer than so many milliseconds.
    pub fn wait(&mut self, most: f64) {
        if most <= 0.0 {
            return;
        }
        let most = Duration::from_secs_f64(most / 1000.0);
        match self {
            Self::Stream(stream) => stream.wait(most),
            Self::Virtual(_) | Self::Recorded(_) => std::thread::sleep(most),
        }
    }

    fn transport(&mut self) -> &mut dyn Transport {
        match self {
            Self::Stream(stream) => stream,
            Self::Virtual(board) => board.as_mut(),
            Self::Recorded(board) => board.as_mut(),
        }
    }
}

impl Transport for Port {
    fn send(&mut self, bytes: &[u8], now: f64) -> Result<(), TransportError> {
        self.transport().send(bytes, now)
    }

    fn receive(&mut self, now: f64, out: &mut Vec<u8>) -> Result<(), TransportError> {
        self.transport().receive(now, out)
    }

    fn due(&self) -> Option<f64> {
        match self {
            Self::Stream(stream) => stream.due(),
            Self::Virtual(board) => board.due(),
            Self::Recorded(board) => board.due(),
        }
    }
}

/// A connected socket as a way of bytes.
pub fn socket_stream(name: &str, socket: TcpStream) -> Result<Stream, String> {
    let ready = || -> std::io::Result<Stream> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Stream::new(name, socket.try_clone()?, socket))
    };
    ready().map_err(|error| format!("{name}: {error}"))
}

fn serial(path: &str, baud: u32) -> Result<Stream, String> {
    let builder = serialport::new(path, baud).timeout(PATIENCE);
    // A lock on a pseudo terminal outlasts the program that set it: none is set.
    #[cfg(unix)]
    let builder = builder.exclusive(!path.starts_with(PSEUDO));
    let opened = builder.open();
    let port = opened.map_err(|error| refused(path, &error))?;
    let reader = port.try_clone().map_err(|error| refused(path, &error))?;
    Ok(Stream::new(path, reader, port))
}

/// Why a serial port was not opened, and what to do.
fn refused(path: &str, error: &serialport::Error) -> String {
    use serialport::ErrorKind;
    use std::io::ErrorKind as Io;
    let there = Path::new(path).exists();
    match error.kind {
        ErrorKind::Io(Io::PermissionDenied) => format!(
            "{path}: you may not open it; on Linux join the group that owns it, usually `sudo usermod -aG dialout $USER`, and log in again"
        ),
        ErrorKind::NoDevice if there => format!(
            "{path}: another program has it open; close that program (a serial monitor, a browser's tab) and try again"
        ),
        ErrorKind::Io(Io::NotFound) | ErrorKind::NoDevice => {
            format!("{path}: there is no such port; {}", ports())
        }
        _ if there => format!(
            "{path} cannot be used as a serial port: {error}; {}",
            ports()
        ),
        _ => format!("{path}: {error}; {}", ports()),
    }
}

/// The ports there are, in a sentence.
fn ports() -> String {
    let found = serialport::available_ports().unwrap_or_default();
    let names: Vec<String> = found.into_iter().map(|port| port.port_name).collect();
    if names.is_empty() {
        return "this computer has no serial port at present; plug the board in, or use --port virtual".into();
    }
    format!("serial ports here: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_not_there_is_named_with_what_there_is() {
        let error = serial("/dev/no-such-port", 1_000_000).err().unwrap();
        assert!(error.starts_with("/dev/no-such-port"), "{error}");
        assert!(error.contains("serial port"), "{error}");
    }

    #[test]
    fn refusals_say_what_to_do() {
        let error = |kind| serialport::Error::new(kind, "described");
        let denied = std::io::ErrorKind::PermissionDenied;
        let cases = [
            ("x", serialport::ErrorKind::Io(denied), "dialout"),
            (".", serialport::ErrorKind::NoDevice, "another program"),
            ("x", serialport::ErrorKind::NoDevice, "no such port"),
            (".", serialport::ErrorKind::Unknown, "described"),
        ];
        for (path, kind, words) in cases {
            let sentence = refused(path, &error(kind));
            assert!(sentence.contains(words), "{sentence}");
        }
    }
}
