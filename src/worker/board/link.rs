//! A session with a board and the way to it.

use crate::link::line::{LineSettings, Wired};
use crate::link::recording::Recording;
use crate::link::session::{Limits, LinkError, Session};
use crate::link::transport::Transport;
use crate::link::virtual_board::VirtualBoard;

/// The way to a board.
pub(super) enum Way {
    /// A virtual board at the end of a simulated line.
    Virtual(Box<Wired<VirtualBoard>>),
    /// The board of a log.
    Recorded(Box<Wired<Recording>>),
    /// A port of the page's: it carries the bytes.
    Port,
}

impl Way {
    /// The simulated line, if there is one.
    fn line(&mut self) -> Option<&mut dyn Transport> {
        match self {
            Self::Virtual(wired) => Some(wired.as_mut()),
            Self::Recorded(wired) => Some(wired.as_mut()),
            Self::Port => None,
        }
    }

    fn due(&self) -> Option<f64> {
        match self {
            Self::Virtual(wired) => wired.due(),
            Self::Recorded(wired) => wired.due(),
            Self::Port => None,
        }
    }
}

/// A session and its way.
pub(super) struct Link {
    pub session: Session,
    pub way: Way,
    number: u16,
    /// The line, as far as it is known.
    pub line: LineSettings,
}

impl Link {
    /// Asks the board at the end of a way what it is.
    pub fn new(number: u16, line: LineSettings, way: Way) -> Self {
        let number = number.max(1);
        Self {
            session: session(number, line.baud),
            way,
            number,
            line,
        }
    }

    /// A new session with the same board, under another number.
    pub fn again(self) -> Self {
        Self::new(self.number.wrapping_add(1), self.line, self.way)
    }

    /// Takes in what has come and sends what is to be sent. Gives the bytes for the page's port, if
    /// there are any.
    pub fn turn(&mut self, now: f64) -> Option<Vec<u8>> {
        let mut bytes = vec![];
        if let Some(line) = self.way.line() {
            if let Err(error) = line.receive(now, &mut bytes) {
                self.session.close(error.0);
            }
            if !bytes.is_empty() {
                self.session.receive(&bytes, now);
                bytes.clear();
            }
        }
        self.session.poll(now, &mut bytes);
        if bytes.is_empty() {
            return None;
        }
        let Some(line) = self.way.line() else {
            return Some(bytes);
        };
        if let Err(error) = line.send(&bytes, now) {
            self.session.close(error.0);
        }
        None
    }

    /// When there is something to do without anything from outside; none when the session is over.
    pub fn due(&self) -> Option<f64> {
        let session = self.session.due()?;
        Some(self.way.due().map_or(session, |line| line.min(session)))
    }

    /// The virtual board's line from now on; the session's time limits stay.
    pub fn set_line(&mut self, line: LineSettings) {
        if let Way::Virtual(wired) = &mut self.way {
            wired.set_line(line);
            self.line = line;
        }
    }

    /// Bytes that have come.
    pub fn received(&self) -> u64 {
        self.session.statistics().received
    }

    /// Whether the board has answered.
    pub fn open(&self) -> bool {
        self.session.capabilities().is_some()
    }

    /// Why the session is over, if it is.
    pub fn fault(&self) -> Option<&LinkError> {
        self.session.fault()
    }
}

fn session(number: u16, baud: u32) -> Session {
    let limits = Limits {
        baud,
        ..Limits::default()
    };
    Session::new(number, limits)
}
