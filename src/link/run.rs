//! A training run on a board, checked against the simulator.
//!
//! The [`Trainer`] is the board's mirror: it always stands at the last step whose words are known to be
//! right. With a check at every step the simulator takes each step too, and the step counts when the
//! checksums of both agree. With a check every `n` steps the board runs alone; after `n` steps, and at
//! the end of an epoch, where ranks may change and at a pause, its words are read back and taken over.
//! Whatever happens to the board, training goes on from the trainer.

mod asked;
mod compare;
mod fault;
mod feed;
mod fit;
mod held;
mod images;
mod memory;
mod phases;
mod read_back;
mod steps;
mod upload;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::answer::Report;
use super::session::Session;
use super::time::LinkTime;
use crate::accel::Machine;
use crate::train::metrics::StepMetrics;
use crate::train::{Advance, TakenStep, Trainer, Words};

pub use compare::{Comparison, Difference, MOST_SHOWN};
pub use fault::RunFault;
pub use fit::BoardNeeds;

use asked::Asked;
use feed::Feed;
use held::Held;
use read_back::ReadBack;
use steps::Steps;
use upload::Upload;

/// Where the time of a step went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepTime {
    /// Steps taken with this one.
    pub step: u64,
    /// Milliseconds from the report before it, or from the start, to its report, measured.
    pub measured: f64,
    /// Cycles it took by the board's counter.
    pub cycles: u64,
    /// Milliseconds of these cycles at the board's clock.
    pub computed: f64,
    /// Bytes that passed in this time, in both directions.
    pub bytes: u64,
    /// Milliseconds that the line needs for those in the busier direction, by its time model.
    pub link: f64,
}

/// What a run on a board is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// Nothing.
    #[default]
    Idle,
    /// The Program, the machine and the parameters are written.
    Uploading {
        /// Bytes written.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Images and orders are written and steps taken.
    Training,
    /// Parameters are read back.
    Reading {
        /// Bytes read.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
}

/// What came of a call of [`BoardRun::advance`].
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// The board took a step. With a check every `n` steps the trainer follows later, and after a fault
    /// steps are taken again.
    Step(StepMetrics),
    /// A piece of the evaluation after an epoch, on the simulator.
    Test(Advance),
    /// The comparison that was asked for.
    Compared(Box<Comparison>),
    /// The run is over.
    Finished,
    /// The board stands still, as asked.
    Stands,
}

/// Steps whose times are kept.
const KEPT: usize = 64;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Stand,
    Once,
    Go,
    Compare,
}

/// What is being done.
#[derive(Debug)]
enum Phase {
    Stand,
    /// Something begins: what is decided next.
    Begin,
    /// The board is asked for its state, and to stand still.
    Settle(Asked<()>),
    Upload(Box<Upload>),
    Steps(Box<Steps>),
    Read(Box<ReadBack>, Reading),
}

/// What words are read back for.
#[derive(Debug)]
enum Reading {
    /// To be taken over after these steps.
    Adopt(Vec<Report>),
    /// To be compared with the trainer's.
    Before {
        /// Whether the board must be configured anew before it takes a step.
        strange: bool,
    },
    /// To be compared with what the simulator makes of the step, and taken over if they are equal.
    After(TakenStep, Box<Words>),
}

/// A training run on a board. It holds no line: the caller carries bytes between the session and the
/// board, and calls [`Self::advance`].
#[derive(Debug)]
pub struct BoardRun {
    check: u32,
    machine: Option<Machine>,
    line: Option<LinkTime>,
    held: Held,
    wanted: Wanted,
    phase: Phase,
    feed: Feed,
    happened: VecDeque<Happened>,
    times: VecDeque<StepTime>,
    verified: Option<(u64, String)>,
    /// Milliseconds that the last step computed.
    expected: f64,
    /// Time, and bytes sent and received, at the last report.
    mark: (f64, [u64; 2]),
    /// Steps taken with the last one that was told.
    told: u64,
    /// Whether something waits to be done without bytes or time.
    at_once: bool,
}

impl BoardRun {
    /// A run that stands still. With a check of 1 (or 0) the simulator takes every step too; with more
    /// the words are read back after so many steps. The machine is written to boards that take any.
    #[must_use]
    pub fn new(check: u32, machine: Option<Machine>) -> Self {
        Self {
            check: check.max(1),
            machine,
            line: None,
            held: Held::default(),
            wanted: Wanted::Stand,
            phase: Phase::Stand,
            feed: Feed::default(),
            happened: VecDeque::new(),
            times: VecDeque::new(),
            verified: None,
            expected: 0.0,
            mark: (0.0, [0; 2]),
            told: 0,
            at_once: false,
        }
    }

    /// The line that [`StepTime::link`] counts with; without one it is 0.
    pub fn set_line(&mut self, line: LinkTime) {
        self.line = Some(line);
    }

    /// Steps from one check to the next, from the next check on.
    pub fn set_check(&mut self, check: u32) {
        self.check = check.max(1);
    }

    /// Trains until [`Self::pause`] or the end.
    pub fn go(&mut self) {
        self.want(Wanted::Go);
    }

    /// Takes one step.
    pub fn step_once(&mut self) {
        self.want(Wanted::Once);
    }

    /// Compares every word of board and simulator. If the board stands where the trainer does, with
    /// the run's settings, nothing is written to it: its words are compared as they are, and if all are
    /// equal, once more after a step on both. If it stands one step further, as after a
    /// [`RunFault::Mismatch`], the simulator takes that step and the words are compared. Otherwise the
    /// trainer's words are written first. The step counts if all words are equal; words that differ stay as
    /// they are until training goes on.
    pub fn compare(&mut self) {
        self.want(Wanted::Compare);
    }

    fn want(&mut self, wanted: Wanted) {
        self.wanted = wanted;
        if matches!(self.phase, Phase::Stand) {
            (self.phase, self.at_once) = (Phase::Begin, true);
        }
    }

    /// Stops after the steps in flight; words are read back if the board took steps alone.
    pub fn pause(&mut self) {
        self.wanted = Wanted::Stand;
    }

    /// Whether nothing is done and nothing is wanted.
    #[must_use]
    pub fn standing(&self) -> bool {
        matches!(self.phase, Phase::Stand) && self.happened.is_empty()
    }

    /// The session is gone without [`Self::advance`] having seen it: the run stands still. The next session
    /// can be used at once; images that the board has are not sent again unless its memory was lost.
    pub fn disconnected(&mut self) {
        (self.wanted, self.phase) = (Wanted::Stand, Phase::Stand);
        self.held.stands = None;
        self.feed.forget();
        self.happened.clear();
    }

    /// What is being done.
    #[must_use]
    pub fn activity(&self) -> Activity {
        match &self.phase {
            Phase::Stand => Activity::Idle,
            Phase::Begin | Phase::Settle(_) | Phase::Steps(_) => Activity::Training,
            Phase::Upload(upload) => Activity::Uploading {
                done: upload.done,
                total: upload.total,
            },
            Phase::Read(read, _) => Activity::Reading {
                done: read.done,
                total: read.total,
            },
        }
    }

    /// Times of the latest steps, oldest first; at most 64.
    pub fn times(&self) -> impl Iterator<Item = &StepTime> {
        self.times.iter()
    }

    /// Steps and checksum of all parameters when they were last known to be right.
    #[must_use]
    pub fn verified(&self) -> Option<(u64, String)> {
        self.verified.clone()
    }

    /// When [`Self::advance`] has something to do without bytes coming; 0 for at once. Bytes may always
    /// give it something to do.
    #[must_use]
    pub fn due(&self) -> Option<f64> {
        if self.at_once || !self.happened.is_empty() {
            return Some(0.0);
        }
        match &self.phase {
            Phase::Steps(steps) => steps.due(),
            _ => None,
        }
    }

    /// Does what can be done: takes answers, asks for more, and does at most one piece of work on the
    /// simulator. Call it whenever bytes came and when [`Self::due`] says so, and poll the session after
    /// it. On a fault the run stands still, and the trainer stands at the last verified step.
    ///
    /// # Errors
    /// If the link or the board fails, or the run cannot be one on this board.
    pub fn advance(
        &mut self,
        trainer: &mut Trainer,
        session: &mut Session,
        now: f64,
    ) -> Result<Option<Happened>, RunFault> {
        if self.happened.is_empty() && !matches!(self.phase, Phase::Stand) {
            let driven = match session.fault() {
                Some(fault) => Err(fault.clone().into()),
                None => self.drive(trainer, session, now),
            };
            if let Err(fault) = driven {
                self.abandon(session);
                self.held.stands = None;
                (self.wanted, self.phase) = (Wanted::Stand, Phase::Stand);
                self.happened.clear();
                return Err(fault);
            }
        }
        Ok(self.happened.pop_front())
    }

    /// Takes back what was not answered.
    fn abandon(&mut self, session: &mut Session) {
        match &mut self.phase {
            Phase::Settle(asked) => asked.abandon(session),
            Phase::Upload(upload) => upload.abandon(session),
            Phase::Steps(steps) => steps.abandon(session),
            Phase::Read(read, _) => read.abandon(session),
            Phase::Stand | Phase::Begin => {}
        }
        self.feed.abandon(session);
    }

    /// Goes from phase to phase until there is something to wait for or to tell.
    fn drive(
        &mut self,
        trainer: &mut Trainer,
        session: &mut Session,
        now: f64,
    ) -> Result<(), RunFault> {
        self.at_once = false;
        let Some(board) = session.capabilities().cloned() else {
            return Ok(());
        };
        loop {
            let phase = std::mem::replace(&mut self.phase, Phase::Begin);
            let (next, again) = match phase {
                Phase::Stand => (Phase::Stand, false),
                Phase::Begin => self.begin(trainer, session, &board, now)?,
                Phase::Settle(asked) => self.settle(asked, trainer, session, &board)?,
                Phase::Upload(upload) => self.upload(upload, trainer, session, now)?,
                Phase::Steps(steps) => self.steps(steps, trainer, session, &board, now)?,
                Phase::Read(read, reading) => {
                    self.read(read, reading, trainer, session, &board, now)?
                }
            };
            self.phase = next;
            if !again || !self.happened.is_empty() {
                self.at_once |= matches!(self.phase, Phase::Begin);
                return Ok(());
            }
        }
    }
}
