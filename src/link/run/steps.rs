//! A stretch of steps on a board, from its first order to its last report.

use super::asked::Asked;
use super::fault::RunFault;
use crate::link::answer::{Phase, Report, State, Stop, read_status};
use crate::link::command::Command;
use crate::link::session::{LinkError, Session};
use crate::train::{TakenStep, Words};

/// Least milliseconds from one question for reports to the next.
const POLL: f64 = 2.0;
/// Most of them.
const MOST_POLL: f64 = 50.0;

/// What a request was for.
#[derive(Clone, Copy, Debug)]
enum Part {
    Status,
    /// Run or pause.
    Some,
}

/// Who takes the steps of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takers {
    /// The board alone.
    Board,
    /// The simulator too, and the checksums are compared: one step.
    Both,
    /// The simulator too, and every word is compared: one step.
    BothWords,
}

/// What the board was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Run,
    Pause,
}

/// A stretch of steps in progress.
#[derive(Debug)]
pub(super) struct Steps {
    /// Steps taken before it.
    from: u64,
    /// Steps taken after it, if the board does not stop before.
    pub to: u64,
    /// Who takes them.
    pub takers: Takers,
    /// What the board has reported, step after step.
    pub reports: Vec<Report>,
    told: Told,
    /// Whether the last status says that it stands still after the last report.
    pub ended: bool,
    asked: Asked<Part>,
    polling: bool,
    poll_at: f64,
    /// When the step in progress could begin.
    begun: f64,
    /// What the simulator makes of the step, if it takes it too.
    pub rehearsed: Option<(TakenStep, Words)>,
}

impl Steps {
    pub fn new(from: u64, to: u64, takers: Takers) -> Self {
        Self {
            from,
            to,
            takers,
            reports: Vec::new(),
            told: Told::Nothing,
            ended: false,
            asked: Asked::default(),
            polling: false,
            poll_at: 0.0,
            begun: 0.0,
            rehearsed: None,
        }
    }

    /// Steps reported.
    pub fn taken(&self) -> u64 {
        self.from + self.reports.len() as u64
    }

    /// Whether the board was told to run.
    pub fn running(&self) -> bool {
        self.told != Told::Nothing
    }

    /// Whether there will be reports that have not come.
    fn open(&self) -> bool {
        self.running() && !self.ended && self.taken() < self.to
    }

    /// Tells the board to run.
    pub fn run(&mut self, session: &mut Session, now: f64) {
        self.told = Told::Run;
        self.begun = now;
        self.poll_at = now;
        self.asked.ask(session, &Command::Run(self.to), Part::Some);
    }

    /// Tells the board to stop after the step in progress.
    pub fn pause(&mut self, session: &mut Session) {
        if self.told == Told::Run {
            self.told = Told::Pause;
            self.asked.ask(session, &Command::Pause, Part::Some);
        }
    }

    /// Asks for reports when it is time and takes those that have come; how many. A step is expected to
    /// take `expected` milliseconds.
    pub fn advance(
        &mut self,
        session: &mut Session,
        expected: f64,
        now: f64,
    ) -> Result<usize, RunFault> {
        let before = self.reports.len();
        while let Some((part, payload)) = self.asked.next(session)? {
            if let Part::Status = part {
                self.polling = false;
                let status = Command::Status(0).kind();
                let (state, reports) =
                    read_status(&payload).ok_or(LinkError::Garbled { command: status })?;
                self.take(state, reports)?;
            }
        }
        let new = self.reports.len() - before;
        if new > 0 {
            self.begun = now;
        }
        if self.open() && !self.polling {
            if new > 0 {
                self.poll_at = self.poll_at.max(now + self.wait(expected, now));
            }
            if now >= self.poll_at {
                let command = Command::Status(self.taken());
                self.asked.ask(session, &command, Part::Status);
                self.polling = true;
                self.poll_at = now + self.wait(expected, now);
            }
        }
        Ok(new)
    }

    /// Milliseconds to the next question: half of what the step still needs.
    fn wait(&self, expected: f64, now: f64) -> f64 {
        ((self.begun + expected - now) / 2.0).clamp(POLL, MOST_POLL)
    }

    /// When there is something to ask without an answer.
    pub fn due(&self) -> Option<f64> {
        (self.open() && !self.polling).then_some(self.poll_at)
    }

    fn take(&mut self, state: State, reports: Vec<Report>) -> Result<(), RunFault> {
        let command = Command::Status(0).kind();
        let more = !reports.is_empty();
        for report in reports {
            if report.step != self.taken() + 1 || report.step > self.to {
                return Err(LinkError::Garbled { command }.into());
            }
            self.reports.push(report);
        }
        let taken = self.taken();
        let stopped = |fault| {
            Err(RunFault::Stopped {
                step: state.step,
                fault,
            })
        };
        match state.phase {
            Phase::Empty => Err(LinkError::Reset.into()),
            Phase::Running | Phase::Waiting => Ok(()),
            Phase::Still if state.stop == Stop::Fault => stopped(true),
            Phase::Still if state.step == taken => {
                // It stood still all along only if it was told to.
                if taken == self.from && self.told != Told::Pause {
                    return stopped(false);
                }
                self.ended = true;
                Ok(())
            }
            Phase::Still if state.step > taken && more => Ok(()),
            Phase::Still => stopped(false),
        }
    }

    /// Takes back what was not answered.
    pub fn abandon(&mut self, session: &mut Session) {
        self.asked.abandon(session);
    }
}
