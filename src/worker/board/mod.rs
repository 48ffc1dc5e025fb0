//! The worker's desk for a board: the session and the way to the board, the run on it, the console,
//! and what the page is told of all that.

mod console;
mod course;
mod link;
mod view;

use crate::accel::Machine;
use crate::link::answer::{BoardCounters, Capabilities};
use crate::link::command::Command;
use crate::link::line::{LineSettings, Wired};
use crate::link::log;
use crate::link::recording::Recording;
use crate::link::session::Ticket;
use crate::link::virtual_board::VirtualBoard;

use self::console::Console;
pub(super) use self::course::Turn;
use self::course::Course;
use self::link::{Link, Way};
use self::view::Told;
use super::adapter::Learner;
use super::engine::Outgoing;
use super::message::Event;
use super::message::board::{BoardEvent, BoardRequest, Connection, Destination, Place};

/// Milliseconds from one reading of the board's counters to the next, while it trains.
const COUNTERS_MILLISECONDS: f64 = 1_000.0;
/// Speed of the line to the board of a log: it takes no time.
const RECORDED_LINE: LineSettings = LineSettings {
    baud: 0,
    delay: 0.0,
    faults: crate::link::line::Faults {
        corrupt: 0.0,
        drop: 0.0,
        duplicate: 0.0,
        reorder: 0.0,
        garbage: 0.0,
    },
    seed: 1,
};

/// The board's side of the worker.
#[derive(Default)]
pub(super) struct Desk {
    link: Option<Link>,
    /// What happened to the link, once it is over.
    lost: Option<String>,
    machine: Machine,
    place: Place,
    /// Where the run was when the board was lost, to return there with the board.
    before: Option<Place>,
    course: Course,
    console: Console,
    /// A reading of the counters under way.
    reading: Option<Ticket>,
    next_reading: f64,
    counters: BoardCounters,
    told: Told,
    out: Vec<Outgoing>,
}

impl Desk {
    /// Acts on a request. Gives a sentence if the board was lost by it.
    pub fn handle(
        &mut self,
        request: BoardRequest,
        mut bulk: Vec<Vec<u8>>,
        learner: Option<&mut Learner>,
        moving: bool,
        now: f64,
    ) {
        match request {
            BoardRequest::Connect {
                number,
                to,
                machine,
            } => {
                self.leave();
                self.machine = *machine;
                match way(to, number, &bulk.pop().unwrap_or_default()) {
                    Ok((baud, way)) => self.link = Some(Link::new(number, baud, way)),
                    Err(message) => self.lost = Some(message),
                }
            }
            BoardRequest::Disconnect => {
                self.leave();
                self.before = None;
            }
            BoardRequest::Received => {
                let bytes = bulk.pop().unwrap_or_default();
                if let Some(link) = &mut self.link
                    && matches!(link.way, Way::Port)
                {
                    link.session.receive(&bytes, now);
                }
            }
            BoardRequest::Broken { message } => {
                if let Some(link) = &mut self.link
                    && matches!(link.way, Way::Port)
                {
                    link.session.close(message);
                }
            }
            BoardRequest::Place { place } => self.set_place(place),
            BoardRequest::Verify => self.verify(learner, moving),
            BoardRequest::Console { ticket, text } => {
                let link = self.open_link();
                let changed = self.console.ask(ticket, &text, link, moving);
                if changed {
                    // What the run knows of the board's memory may no longer be so.
                    self.course.forget();
                }
            }
            BoardRequest::Line { line } => {
                if let Some(link) = &mut self.link {
                    link.set_line(line);
                }
            }
            BoardRequest::Cable { plugged } => self.plug(plugged),
            BoardRequest::Upset => {
                if let Some(Way::Virtual(wired)) = self.link.as_mut().map(|link| &mut link.way) {
                    wired.device().upset();
                }
            }
            BoardRequest::Log { ticket } => {
                let file = match &mut self.link {
                    Some(link) => link.session.log().save(),
                    None => log::Log::default().save(),
                };
                self.out.push(Outgoing {
                    event: Event::Board(BoardEvent::Log { ticket }),
                    bulk: vec![file],
                });
            }
        }
    }

    /// Takes in what has come, sends what is to be sent, and answers what was waiting. Whether the board
    /// was lost just now.
    pub fn turn(&mut self, moving: bool, now: f64) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        if self.lost.is_some() {
            return false;
        }
        if let Some(bytes) = link.turn(now) {
            self.out.push(Outgoing {
                event: Event::Board(BoardEvent::Send),
                bulk: vec![bytes],
            });
        }
        self.console.listen(&mut link.session);
        self.read_counters(moving, now);
        let fault = self.link.as_ref().and_then(Link::fault).cloned();
        if let Some(fault) = fault {
            self.lose(&fault.to_string());
            return true;
        }
        if self.open_link().is_some()
            && !moving
            && let Some(place) = self.before.take()
        {
            self.place = place;
        }
        false
    }

    /// When there is something to do without anything from outside.
    pub fn due(&self, now: f64) -> Option<f64> {
        let link = match &self.lost {
            None => self.link.as_ref().and_then(Link::due),
            Some(_) => None,
        };
        let dues = [link, self.told.due(now), self.course.due()];
        dues.into_iter().flatten().reduce(f64::min)
    }

    /// Where the run trains.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The run goes on where it is now, and nowhere else.
    pub fn settle(&mut self) {
        self.before = None;
    }

    /// Another run takes the place of the present one.
    pub fn replace_run(&mut self) {
        self.forget_run();
    }

    /// One unit of the run's work on the board.
    pub fn advance(&mut self, learner: &mut Learner, until: Option<u64>, now: f64) -> Turn {
        let Place::Board { check } = self.place else {
            return Turn::Waiting;
        };
        match self.link.as_mut().filter(|_| self.lost.is_none()) {
            Some(link) => {
                self.course
                    .advance(learner, &mut link.session, &self.machine, check, until, now)
            }
            None => Turn::Fault(
                "There is no board to train on. Connect one on the Board tab, or let the run train in the page.".into(),
            ),
        }
    }

    /// What there is to say to the page.
    pub fn take(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.out)
    }

    fn say(&mut self, event: BoardEvent) {
        self.out.push(Outgoing {
            event: Event::Board(event),
            bulk: vec![],
        });
    }

    /// The link, if the board has answered.
    fn open_link(&mut self) -> Option<&mut Link> {
        let open = self.lost.is_none();
        self.link
            .as_mut()
            .filter(|link| open && link.session.capabilities().is_some())
    }

    fn capabilities(&self) -> Option<&Capabilities> {
        self.link.as_ref()?.session.capabilities()
    }

    fn connection(&self) -> Connection {
        match (&self.lost, &self.link) {
            (Some(message), _) => Connection::Lost {
                message: message.clone(),
            },
            (None, None) => Connection::Off,
            (None, Some(link)) if link.session.capabilities().is_some() => Connection::Open,
            (None, Some(_)) => Connection::Opening,
        }
    }

    /// Leaves the board, if there is one.
    fn leave(&mut self) {
        self.end_run_on_board();
        (self.link, self.lost) = (None, None);
        self.told.forget();
        self.counters = BoardCounters::default();
    }

    fn end_run_on_board(&mut self) {
        if self.place != Place::Page {
            self.before = Some(self.place);
        }
        self.place = Place::Page;
        self.reading = None;
        self.console.end("The connection to the board ended before it answered.");
        if let Some(message) = self.course.end() {
            self.say(BoardEvent::NotVerified { message });
        }
    }

    fn lose(&mut self, what: &str) {
        self.lost = Some(sentence(what));
        self.end_run_on_board();
    }

    /// Adds to the sentence about the loss where the run stands.
    pub fn explain_loss(&mut self, learner: &Learner) {
        let kept = format!(
            " The run stands at step {} with checksum {}: no trained step before it is lost. Train to go on in the page, or connect again to go on on the board.",
            learner.step(),
            learner.checksum(),
        );
        if let Some(message) = &mut self.lost {
            message.push_str(&kept);
        }
    }

    fn set_place(&mut self, place: Place) {
        self.before = None;
        if place != self.place {
            self.course.forget();
        }
        self.place = place;
        if place != Place::Page && self.open_link().is_none() {
            // It goes there once the board has answered.
            (self.place, self.before) = (Place::Page, Some(place));
        }
    }

    fn plug(&mut self, plugged: bool) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        if let Way::Virtual(wired) = &mut link.way {
            wired.plug(plugged);
            if plugged && self.lost.take().is_some() {
                // The same board with the same memory, in another session.
                link = link.again();
            }
        }
        self.link = Some(link);
    }

    fn verify(&mut self, learner: Option<&mut Learner>, moving: bool) {
        let refusal = if self.open_link().is_none() {
            "There is no board to compare with. Connect one, then verify."
        } else if moving {
            "The run is training. Pause it, then verify."
        } else if learner.is_none() {
            "There is no run to take a step of. Press Reset for an untrained network, then verify."
        } else {
            self.course.verify();
            return;
        };
        let message = refusal.into();
        self.say(BoardEvent::NotVerified { message });
    }

    fn read_counters(&mut self, moving: bool, now: f64) {
        let Some(link) = self.link.as_mut() else {
            return;
        };
        if let Some(ticket) = self.reading
            && let Some(answer) = link.session.answer(ticket)
        {
            self.reading = None;
            if let Some(counters) = answer.ok().and_then(|bytes| BoardCounters::read(&bytes)) {
                self.counters = counters;
            }
        }
        let wanted = moving && self.place != Place::Page;
        if wanted && self.reading.is_none() && now >= self.next_reading {
            self.reading = Some(link.session.submit(&Command::Counters));
            self.next_reading = now + COUNTERS_MILLISECONDS;
        }
    }

    fn forget_run(&mut self) {
        if let Some(message) = self.course.end() {
            self.say(BoardEvent::NotVerified { message });
        }
    }
}

/// The way to a destination, and its speed.
fn way(to: Destination, number: u16, file: &[u8]) -> Result<(u32, Way), String> {
    Ok(match to {
        Destination::Virtual { board, line } => {
            let board = VirtualBoard::new(board, u32::from(number));
            (line.baud, Way::Virtual(Box::new(Wired::new(board, line))))
        }
        Destination::Port { baud } => (baud, Way::Port),
        Destination::Recorded => {
            let frames = log::read(file)
                .map_err(|error| format!("The log was not opened: {error}."))?;
            let board = Recording::new(&frames);
            if board.is_empty() {
                return Err("The log holds no request with its answer, so there is nothing to replay.".into());
            }
            let wired = Wired::new(board, RECORDED_LINE);
            (RECORDED_LINE.baud, Way::Recorded(Box::new(wired)))
        }
    })
}

/// A clause as a sentence: a capital first, a full stop last.
fn sentence(clause: &str) -> String {
    let clause = clause.trim();
    let mut chars = clause.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if clause.ends_with(['.', '!', '?']) { "" } else { "." };
    [&first, chars.as_str(), stop].concat()
}
