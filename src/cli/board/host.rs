//! The host's loop: a session on a port.

use super::port::{Clock, Port, PortOptions, drawn};
use crate::link::command::Command;
use crate::link::session::{Limits, LinkError, Session};
use crate::link::transport::Transport;

/// Milliseconds between two looks at a way that tells nothing of itself.
const LONGEST_WAIT: f64 = 50.0;

/// A session on a port, with a clock.
pub struct Host {
    port: Port,
    /// The session.
    pub session: Session,
    clock: Clock,
    came: Vec<u8>,
    to_send: Vec<u8>,
}

impl Host {
    /// Opens the port and asks the board what it is.
    pub fn open(options: &PortOptions) -> Result<Self, String> {
        let limits = Limits {
            baud: options.baud(),
            ..Limits::default()
        };
        let mut host = Self {
            port: Port::open(options)?,
            session: Session::new(drawn() as u16, limits),
            clock: Clock::new(),
            came: vec![],
            to_send: vec![],
        };
        while host.session.capabilities().is_none() {
            host.turn(|_, _| false);
            if let Some(fault) = host.session.fault() {
                return Err(fault.to_string());
            }
        }
        Ok(host)
    }

    /// Gives the session the bytes that came.
    fn hear(&mut self) {
        self.came.clear();
        if let Err(error) = self.port.receive(self.clock.now(), &mut self.came) {
            self.session.close(error.0);
        }
        self.session.receive(&self.came, self.clock.now());
    }

    /// Gives the session the bytes that came, lets the caller work with it, sends what is to be sent, and
    /// waits for more, unless the caller has more to do at once.
    pub fn turn(&mut self, work: impl FnOnce(&mut Session, f64) -> bool) {
        self.hear();
        let now = self.clock.now();
        let more = work(&mut self.session, now);
        self.to_send.clear();
        self.session.poll(now, &mut self.to_send);
        if !self.to_send.is_empty()
            && let Err(error) = self.port.send(&self.to_send, now)
        {
            self.session.close(error.0);
        }
        if more || self.session.fault().is_some() {
            return;
        }
        let due = [self.session.due(), self.port.due()];
        let due = due.into_iter().flatten().fold(f64::INFINITY, f64::min);
        let wait = due - self.clock.now();
        self.port.wait(wait.min(LONGEST_WAIT));
        self.hear();
    }

    /// Asks a command and waits for its answer.
    pub fn ask(&mut self, command: &Command<'_>) -> Result<Vec<u8>, LinkError> {
        let ticket = self.session.submit(command);
        loop {
            if let Some(answer) = self.session.answer(ticket) {
                return answer;
            }
            self.turn(|_, _| false);
        }
    }
}
