//! Single commands typed by the visitor.

use super::link::Link;
use crate::link::command::Command;
use crate::link::console::{self, Typed};
use crate::link::session::{self, Session};
use crate::worker::message::Ticket;
use crate::worker::message::board::BoardEvent;

/// Commands that may wait for their answers.
const MOST_WAITING: usize = 16;

/// Commands on their way, and answers for the page.
#[derive(Default)]
pub(super) struct Console {
    waiting: Vec<(Ticket, Typed, session::Ticket)>,
    answers: Vec<BoardEvent>,
}

impl Console {
    /// Takes a line that was typed. Whether it may change the board's memory or its position.
    pub fn ask(
        &mut self,
        ticket: Ticket,
        text: &str,
        link: Option<&mut Link>,
        moving: bool,
    ) -> bool {
        let typed = match console::parse(text) {
            Ok(typed) => typed,
            Err(said) => {
                self.answer(ticket, true, super::sentence(&said));
                return false;
            }
        };
        let Some(command) = typed.command() else {
            self.answer(ticket, false, console::HELP.into());
            return false;
        };
        let changes = matches!(
            command,
            Command::Write(..) | Command::Run(_) | Command::Pause | Command::Reset
        );
        let refusal = match &link {
            None => "There is no board to ask. Connect one first.",
            Some(_) if changes && moving => {
                "The run is training on the board, and this would disturb it. Pause it first."
            }
            Some(_) if self.waiting.len() >= MOST_WAITING => {
                "Other commands still wait for their answers. Wait for them first."
            }
            Some(_) => "",
        };
        let Some(link) = link.filter(|_| refusal.is_empty()) else {
            self.answer(ticket, true, refusal.into());
            return false;
        };
        let asked = link.session.submit(&command);
        self.waiting.push((ticket, typed, asked));
        changes
    }

    /// Looks for answers.
    pub fn listen(&mut self, session: &mut Session) {
        let waiting = std::mem::take(&mut self.waiting);
        for (ticket, typed, asked) in waiting {
            let Some(answer) = session.answer(asked) else {
                self.waiting.push((ticket, typed, asked));
                continue;
            };
            let told = answer
                .map_err(|error| error.to_string())
                .and_then(|payload| {
                    typed.command().map_or(Ok(String::new()), |command| {
                        console::tell(&command, &payload)
                    })
                });
            match told {
                Ok(text) => self.answer(ticket, false, text),
                Err(text) => self.answer(ticket, true, super::sentence(&text)),
            }
        }
    }

    /// Nothing more will be answered.
    pub fn end(&mut self, why: &str) {
        for (ticket, _, _) in std::mem::take(&mut self.waiting) {
            self.answer(ticket, true, why.into());
        }
    }

    /// Answers for the page.
    pub fn take(&mut self) -> Vec<BoardEvent> {
        std::mem::take(&mut self.answers)
    }

    fn answer(&mut self, ticket: Ticket, fault: bool, text: String) {
        self.answers.push(BoardEvent::Console {
            ticket,
            fault,
            text,
        });
    }
}
