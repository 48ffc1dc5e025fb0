//! The run on the board.

use super::link::Link;
use crate::accel::Machine;
use crate::link::answer::Capabilities;
use crate::link::run::{Activity, BoardNeeds, BoardRun, Comparison, Happened, StepTime};
use crate::link::time::LinkTime;
use crate::train::Advance;
use crate::train::metrics::StepMetrics;
use crate::worker::adapter::Learner;
use crate::worker::message::board::BoardFit;

/// What came of a unit of the run's work.
pub(in crate::worker) enum Turn {
    /// Nothing: bytes or time must come.
    Waiting,
    /// The board took a step.
    Step(StepMetrics),
    /// A piece of an evaluation, taken here.
    Here(Advance),
    /// Board and simulator were compared.
    Compared,
    /// Every step of the run was taken.
    Finished,
    /// The board stands still, as it was asked to.
    Stands,
    /// The run cannot go on there: why, and what can be done.
    Fault(String),
}

/// The run on the board, if it was there.
#[derive(Default)]
pub(super) struct Course {
    run: Option<BoardRun>,
    comparing: bool,
    /// The last comparison, for the page.
    pub compared: Option<Box<Comparison>>,
}

impl Course {
    /// Makes ready for a board on which the run was not yet.
    pub fn prepare(&mut self, check: u32, machine: Option<&Machine>, link: &Link) -> &mut BoardRun {
        let run = self
            .run
            .get_or_insert_with(|| BoardRun::new(check, machine.cloned()));
        run.set_check(check);
        if let Some(board) = link.session.capabilities() {
            run.set_line(LinkTime {
                baud: link.line.baud,
                delay: link.line.delay.into(),
                window: board.window.into(),
            });
        }
        run
    }

    /// Whether a comparison is under way.
    pub fn comparing(&self) -> bool {
        self.comparing
    }

    /// Whether something is being done.
    pub fn busy(&self) -> bool {
        self.comparing || self.run.as_ref().is_some_and(|run| !run.standing())
    }

    /// A comparison was asked for.
    pub fn compare(&mut self, check: u32, machine: Option<&Machine>, link: &Link) {
        self.comparing = true;
        self.prepare(check, machine, link).compare();
    }

    /// Lets the run stand still when it can.
    pub fn pause(&mut self) {
        if let Some(run) = &mut self.run {
            run.pause();
        }
    }

    /// The session is over, or the run goes on elsewhere. What a comparison has to say of that, if one was under way.
    pub fn disconnected(&mut self) -> Option<String> {
        if let Some(run) = &mut self.run {
            run.disconnected();
        }
        std::mem::take(&mut self.comparing).then(|| {
            "The comparison was broken off before every word was compared. Verify again.".into()
        })
    }

    /// Forgets the run: another takes its place, or the board's memory was written to.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// One unit of work.
    pub fn advance(&mut self, learner: &mut Learner, link: &mut Link, now: f64) -> Turn {
        let Some(run) = &mut self.run else {
            return Turn::Waiting;
        };
        match run.advance(learner.trainer(), &mut link.session, now) {
            Ok(None) => Turn::Waiting,
            Ok(Some(Happened::Step(metrics))) => Turn::Step(metrics),
            Ok(Some(Happened::Test(advance))) => Turn::Here(advance),
            Ok(Some(Happened::Compared(comparison))) => {
                self.comparing = false;
                self.compared = Some(comparison);
                Turn::Compared
            }
            Ok(Some(Happened::Finished)) => Turn::Finished,
            Ok(Some(Happened::Stands)) => Turn::Stands,
            Err(fault) => {
                self.comparing = false;
                Turn::Fault(super::sentence(&fault.to_string()))
            }
        }
    }

    /// When there is something to do without bytes coming.
    pub fn due(&self) -> Option<f64> {
        self.run.as_ref().filter(|_| self.busy())?.due()
    }

    pub fn activity(&self) -> Activity {
        self.run
            .as_ref()
            .map(BoardRun::activity)
            .unwrap_or_default()
    }

    pub fn times(&self) -> Vec<StepTime> {
        self.run
            .iter()
            .flat_map(|run| run.times().copied())
            .collect()
    }

    pub fn verified(&self) -> Option<(u64, String)> {
        self.run.as_ref()?.verified()
    }
}

/// Whether a run fits a board.
pub(super) fn fit(learner: &Learner, board: &Capabilities) -> BoardFit {
    let needs = BoardNeeds::of(learner.trainer_as_it_is(), board);
    BoardFit {
        fits: needs.reason.is_none(),
        memory: needs.memory,
        images: needs.images,
        reason: needs.reason.as_deref().map(super::sentence),
    }
}
