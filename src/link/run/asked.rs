//! Requests that wait for their answers, in the order they were asked.

use std::collections::VecDeque;

use crate::link::command::Command;
use crate::link::session::{LinkError, Session, Ticket};

/// Requests with what each was for. A board answers in order, so only the oldest is looked at.
#[derive(Debug)]
pub(super) struct Asked<T> {
    waiting: VecDeque<(Ticket, T)>,
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
        }
    }
}

impl<T> Asked<T> {
    /// Asks.
    pub fn ask(&mut self, session: &mut Session, command: &Command<'_>, what: T) {
        let ticket = session.submit(command);
        self.waiting.push_back((ticket, what));
    }

    /// The oldest request with the payload of its answer, once that is there.
    pub fn next(&mut self, session: &mut Session) -> Result<Option<(T, Vec<u8>)>, LinkError> {
        let Some(&(ticket, _)) = self.waiting.front() else {
            return Ok(None);
        };
        let Some(answer) = session.answer(ticket) else {
            return Ok(None);
        };
        let what = self.waiting.pop_front().map(|(_, what)| what);
        let payload = answer?;
        Ok(what.map(|what| (what, payload)))
    }

    /// Requests without an answer.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes all of them back.
    pub fn abandon(&mut self, session: &mut Session) {
        for (ticket, _) in self.waiting.drain(..) {
            session.cancel(ticket);
        }
    }
}
