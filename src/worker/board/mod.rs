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
use self::course::Course;
pub(super) use self::course::Turn;
use self::link::{Link, Way};
use self::view::Told;
use super::adapter::Learner;
use super::engine::Outgoing;
use super::message::Event;
use super::message::board::{BoardEvent, BoardRequest, Connection, Destination, Place};

/// Milliseconds from one reading of the board's counters to the next, while it trains.
const COUNTERS_MILLISECONDS: f64 = 1_000.0;
/// Milliseconds that a step counts for at most in the measured speed; longer is a pause.
const LONGEST_STEP: f64 = 10_000.0;

/// The board's side of the worker.
#[derive(Default)]
pub(super) struct Desk {
    link: Option<Link>,
    /// What happened to the link, once it is over.
    lost: Option<String>,
    /// What a board that takes any machine is to be.
    machine: Option<Machine>,
    place: Place,
    /// Where the run was when the board was lost, to return there with the board.
    before: Option<Place>,
    course: Course,
    console: Console,
    /// A reading of the counters under way.
    reading: Option<Ticket>,
    next_reading: f64,
    counters: BoardCounters,
    /// Bytes that had been received when the run on the board looked at them last.
    seen: u64,
    /// When the last step on the board was reported.
    last_step: f64,
    told: Told,
    out: Vec<Outgoing>,
}

impl Desk {
    /// Acts on a request, but for one about the run's place, which is [`Desk::set_place`]. `moving` says
    /// whether the run trains.
    pub fn handle(
        &mut self,
        request: BoardRequest,
        mut bulk: Vec<Vec<u8>>,
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
                let machine = Some(*machine);
                if self.machine != machine {
                    self.machine = machine;
                    self.course.forget();
                }
                match way(&to, number, &bulk.pop().unwrap_or_default()) {
                    Ok((line, way)) => self.link = Some(Link::new(number, line, way)),
                    Err(message) => self.lost = Some(message),
                }
            }
            BoardRequest::Disconnect => {
                self.leave();
                self.before = None;
            }
            BoardRequest::Received => {
                let bytes = bulk.pop().unwrap_or_default();
                if let Some(link) = self.port() {
                    link.session.receive(&bytes, now);
                }
            }
            BoardRequest::Broken { message } => {
                if let Some(link) = self.port() {
                    link.session.close(message);
                }
            }
            BoardRequest::Place { place } => self.set_place(place),
            BoardRequest::Verify => self.verify(moving),
            BoardRequest::Console { ticket, text } => {
                let on_board = moving && self.place != Place::Page || self.course.busy();
                let link = self
                    .link
                    .as_mut()
                    .filter(|link| self.lost.is_none() && link.open());
                if self.console.ask(ticket, &text, link, on_board) {
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
        if self.open()
            && !moving
            && let Some(place) = self.before.take()
        {
            self.place = place;
        }
        false
    }

    /// When there is something to do without anything from outside.
    pub fn due(&self, now: f64) -> Option<f64> {
        let dues = [self.work_due(now), self.told.due(now)];
        dues.into_iter().flatten().reduce(f64::min)
    }

    /// When there are bytes to be sent or taken, or the run on the board has something to do.
    pub fn work_due(&self, now: f64) -> Option<f64> {
        let link = self.link.as_ref().filter(|_| self.lost.is_none())?;
        if self.course.busy() && link.received() != self.seen {
            return Some(now);
        }
        let dues = [link.due(), self.course.due().map(|due| due.max(now))];
        dues.into_iter().flatten().reduce(f64::min)
    }

    /// Where the run trains.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether something is done on the board that the run's motion does not tell: a comparison.
    pub fn busy(&self) -> bool {
        self.lost.is_none() && self.link.is_some() && self.course.busy()
    }

    /// The run goes on where it is, and not on a board that comes back.
    pub fn stay(&mut self) {
        self.before = None;
        self.end_comparison();
    }

    /// Another run takes the place of the present one.
    pub fn replace_run(&mut self) {
        self.end_comparison();
        self.course.forget();
    }

    /// The run trains on the board until [`Desk::pause`].
    pub fn go(&mut self) {
        self.break_comparison_off();
        if let (Some(link), Place::Board { check }) = (&self.link, self.place) {
            self.course.prepare(check, self.machine.as_ref(), link).go();
        }
    }

    /// The run takes one step on the board.
    pub fn step_once(&mut self) {
        self.break_comparison_off();
        if let (Some(link), Place::Board { check }) = (&self.link, self.place) {
            self.course
                .prepare(check, self.machine.as_ref(), link)
                .step_once();
        }
    }

    /// The run comes to a stand on the board.
    pub fn pause(&mut self) {
        self.course.pause();
    }

    /// One unit of the run's work on the board.
    pub fn advance(&mut self, learner: &mut Learner, now: f64) -> Turn {
        let Some(link) = self.link.as_mut().filter(|_| self.lost.is_none()) else {
            return Turn::Waiting;
        };
        self.seen = link.received();
        let turn = self.course.advance(learner, link, now);
        if let Some(comparison) = self.course.compared.take() {
            self.say(BoardEvent::Verified(comparison));
        }
        turn
    }

    /// When the step that has just been taken began.
    pub fn begun(&mut self, now: f64) -> f64 {
        std::mem::replace(&mut self.last_step, now).max(now - LONGEST_STEP)
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

    /// The link, if it is the page's port.
    fn port(&mut self) -> Option<&mut Link> {
        self.link
            .as_mut()
            .filter(|link| matches!(link.way, Way::Port))
    }

    /// Whether the board has answered and is there.
    fn open(&self) -> bool {
        self.lost.is_none() && self.link.as_ref().is_some_and(Link::open)
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
        self.console
            .end("The connection to the board ended before it answered.");
        self.end_comparison();
    }

    fn break_comparison_off(&mut self) {
        if self.course.comparing() {
            self.end_comparison();
        }
    }

    fn end_comparison(&mut self) {
        if let Some(message) = self.course.disconnected() {
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

    /// Where the run trains from now on; on a board that has not answered yet, once it has.
    pub fn set_place(&mut self, place: Place) {
        self.before = None;
        self.place = place;
        if place != Place::Page && !self.open() {
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

    fn verify(&mut self, moving: bool) {
        let check = match self.place {
            Place::Board { check } => check,
            Place::Page => 1,
        };
        let message = match &self.link {
            Some(link) if !moving && self.open() => {
                self.course.compare(check, self.machine.as_ref(), link);
                return;
            }
            Some(_) if self.open() => "The run is training. Pause it, then verify.",
            _ => "There is no board to compare with. Connect one, then verify.",
        };
        let message = message.into();
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
}

/// The way to a destination, and the line it goes by.
fn way(to: &Destination, number: u16, file: &[u8]) -> Result<(LineSettings, Way), String> {
    Ok(match *to {
        Destination::Virtual { board, line } => {
            let board = VirtualBoard::new(board, u32::from(number));
            (line, Way::Virtual(Box::new(Wired::new(board, line))))
        }
        Destination::Port { baud } => (
            LineSettings {
                baud,
                delay: 0.0,
                ..LineSettings::default()
            },
            Way::Port,
        ),
        Destination::Recorded => {
            let frames =
                log::read(file).map_err(|error| format!("The log was not opened: {error}."))?;
            let board = Recording::new(&frames);
            if board.is_empty() {
                return Err(
                    "The log holds no request with its answer, so there is nothing to replay."
                        .into(),
                );
            }
            // It takes no time.
            let line = LineSettings {
                baud: 0,
                delay: 0.0,
                ..LineSettings::default()
            };
            let wired = Wired::new(board, line);
            (line, Way::Recorded(Box::new(wired)))
        }
    })
}

/// A clause as a sentence: a capital first, a full stop last.
fn sentence(clause: &str) -> String {
    let clause = clause.trim();
    let mut chars = clause.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    let stop = if clause.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    first.into_iter().chain(chars).chain(stop.chars()).collect()
}
