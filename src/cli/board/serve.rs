//! `railyard board serve`: a virtual board as a process.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::port::{Clock, drawn, socket_stream};
use super::stream::Stream;
use crate::accel::Device;
use crate::cli::{emit, machine};
use crate::link::frame::MAX_ENCODED;
use crate::link::line::{Faults, LineSettings, Wired};
use crate::link::transport::Transport;
use crate::link::virtual_board::{VirtualBoard, VirtualSettings};

/// Options of `railyard board serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    way: Way,
    /// Device whose memory it has: zu3eg, zynq7020, ecp5-25f, ecp5-45f or ecp5-85f
    #[arg(long, value_parser = machine::device, default_value = "zu3eg")]
    device: Device,
    /// Let a step take as long as its cycles at the board's clock
    #[arg(long)]
    paced: bool,
    /// Simulate a line of so many bits per second; 0 for one that takes no time
    #[arg(long, value_name = "BITS/S", default_value_t = 0)]
    baud: u32,
    /// Share of the frames of which some bits are flipped, in each direction
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    corrupt: f32,
    /// Share of the frames that are lost
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    drop: f32,
    /// Share of the frames that arrive twice
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    duplicate: f32,
    /// Share of the frames that arrive after one that was sent later
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    reorder: f32,
    /// Share of the frames after which random bytes arrive
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    garbage: f32,
    /// Share of the frames before which the line stands still for 0.3 s
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    stall: f32,
    /// Share of the frames after which the board loses power and begins anew
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    reset: f32,
    /// Seed of what goes wrong
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Print one JSON object per line
    #[arg(long, conflicts_with = "stdio")]
    json: bool,
}

/// How the board is reached.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
struct Way {
    /// Make a pseudo terminal and print its path
    #[arg(long)]
    pty: bool,
    /// Speak on standard input and output, until the input ends
    #[arg(long)]
    stdio: bool,
    /// Listen on this address, such as 127.0.0.1:7000 (port 0 for any), for one connection after another
    #[arg(long, value_name = "ADDRESS")]
    tcp: Option<String>,
}

fn share(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "choose a share of the frames from 0 to 1, such as 0.01".into())
}

/// A board at the end of a line, with its clock.
struct Server {
    board: Wired<VirtualBoard>,
    clock: Clock,
    /// Bytes of a frame that has not come whole.
    part: Vec<u8>,
    came: Vec<u8>,
    answers: Vec<u8>,
}

/// Milliseconds between two looks for what is not told.
const LONGEST_WAIT: f64 = 50.0;

impl Server {
    fn new(args: &ServeArgs) -> Self {
        let settings = VirtualSettings {
            device: args.device,
            paced: args.paced,
        };
        let line = LineSettings {
            baud: args.baud,
            delay: 0.0,
            faults: Faults {
                corrupt: args.corrupt,
                drop: args.drop,
                duplicate: args.duplicate,
                reorder: args.reorder,
                garbage: args.garbage,
                stall: args.stall,
                reset: args.reset,
            },
            seed: args.seed,
        };
        Self {
            board: Wired::new(VirtualBoard::new(settings, drawn()), line),
            clock: Clock::new(),
            part: vec![],
            came: vec![],
            answers: vec![],
        }
    }

    /// Milliseconds until there is something to do.
    fn wait(&self) -> f64 {
        let due = self.board.due().unwrap_or(f64::INFINITY);
        (due - self.clock.now()).clamp(0.0, LONGEST_WAIT)
    }

    /// Hands bytes to the board, frame by frame as far as they have come whole, and sends its answers.
    fn turn(&mut self, stream: &mut Stream) -> Result<(), String> {
        stream.wait(Duration::from_secs_f64(self.wait() / 1000.0));
        self.came.clear();
        let now = self.clock.now();
        let received = stream.receive(now, &mut self.came);
        self.part.append(&mut self.came);
        let whole = self.part.iter().rposition(|&byte| byte == 0);
        // What is longer than any frame is none, and need not be kept whole.
        let whole = whole.map_or(0, |end| end + 1);
        let taken = if self.part.len() - whole > MAX_ENCODED {
            self.part.len()
        } else {
            whole
        };
        let frames: Vec<u8> = self.part.drain(..taken).collect();
        let passed = self.board.send(&frames, now);
        self.answers.clear();
        let answered = self.board.receive(now, &mut self.answers);
        received
            .and(passed)
            .and(answered)
            .map_err(|error| error.0)?;
        if self.answers.is_empty() {
            return Ok(());
        }
        stream.send(&self.answers, now).map_err(|error| error.0)
    }

    /// Goes on without a connection; what it would say is lost.
    fn alone(&mut self) {
        self.part.clear();
        self.answers.clear();
        let now = self.clock.now();
        // A simulated line has no end that could be gone.
        let _ = self.board.receive(now, &mut self.answers);
    }
}

/// Standard output, of which every byte goes out at once.
struct Output(io::Stdout);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.0.flush()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Serves.
pub fn run(args: &ServeArgs) -> Result<(), String> {
    let server = Server::new(args);
    if let Some(address) = &args.way.tcp {
        return tcp(server, address, args.json);
    }
    if args.way.stdio {
        stdio(server);
        return Ok(());
    }
    pty(server, args.json)
}

fn tell(json: bool, name: &str, value: &str) -> Result<(), String> {
    if json {
        return emit(&format!("{}\n", json!({ name: value })));
    }
    emit(&format!("{value}\n"))
}

/// One conversation, until the input ends.
fn stdio(mut server: Server) {
    let mut stream = Stream::new("standard input", io::stdin(), Output(io::stdout()));
    while server.turn(&mut stream).is_ok() {}
}

/// One connection after another; a further one waits until the present one is closed.
fn tcp(mut server: Server, address: &str, json: bool) -> Result<(), String> {
    let cannot = |error: io::Error| format!("--tcp {address}: {error}");
    let listener = TcpListener::bind(address).map_err(cannot)?;
    tell(
        json,
        "tcp",
        &listener.local_addr().map_err(cannot)?.to_string(),
    )?;
    let (to_us, connections) = sync_channel(1);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            if to_us.send(socket).is_err() {
                return;
            }
        }
    });
    loop {
        let socket = connection(&mut server, &connections).map_err(cannot)?;
        let Ok(mut stream) = socket_stream("connection", socket) else {
            continue;
        };
        while server.turn(&mut stream).is_ok() {}
    }
}

fn connection(
    server: &mut Server,
    connections: &Receiver<io::Result<TcpStream>>,
) -> io::Result<TcpStream> {
    loop {
        let wait = Duration::from_secs_f64(server.wait() / 1000.0);
        if let Ok(socket) = connections.recv_timeout(wait) {
            return socket;
        }
        server.alone();
    }
}

/// A pseudo terminal. Its other end is kept open here too, so that it stays as it is when whoever uses it
/// goes.
#[cfg(unix)]
fn pty(mut server: Server, json: bool) -> Result<(), String> {
    use super::stream::PATIENCE;
    use serialport::{SerialPort, TTYPort};
    let cannot = |error: serialport::Error| {
        format!("no pseudo terminal could be made: {error}; use --tcp 127.0.0.1:0 instead")
    };
    let (mut ours, theirs) = TTYPort::pair().map_err(cannot)?;
    ours.set_timeout(PATIENCE).map_err(cannot)?;
    let reader = ours.try_clone_native().map_err(cannot)?;
    let path = theirs.name().unwrap_or_default();
    tell(json, "pty", &path)?;
    let mut stream = Stream::new(path, reader, ours);
    while server.turn(&mut stream).is_ok() {}
    drop(theirs);
    Ok(())
}

#[cfg(not(unix))]
fn pty(_server: Server, _json: bool) -> Result<(), String> {
    Err("this system has no pseudo terminals; use --tcp 127.0.0.1:0 instead".into())
}
