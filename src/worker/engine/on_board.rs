//! The run on display, trained on a board.

use super::{Engine, Motion};
use crate::train::metrics::StepMetrics;
use crate::worker::adapter::Advance;
use crate::worker::board::Turn;
use crate::worker::message::Event;
use crate::worker::message::board::{BoardEvent, BoardRequest, Place};

impl Engine {
    /// Milliseconds until there is something to do without another request, when [`Engine::slice`] said
    /// that there is nothing at once; none if there will not be.
    #[must_use]
    pub fn wake(&self) -> Option<f64> {
        let now = (self.now)();
        let crew = self.crew.due().or(self.bench_due());
        let due = match (self.desk.due(now), crew) {
            (Some(desk), Some(crew)) => desk.min(crew),
            (desk, crew) => desk.or(crew)?,
        };
        Some((due - now).max(0.0))
    }

    pub(super) fn on_board(&self) -> bool {
        self.moving() && self.desk.place() != Place::Page
    }

    pub(super) fn board(&mut self, request: BoardRequest, bulk: Vec<Vec<u8>>) {
        let now = (self.now)();
        match request {
            BoardRequest::Place { place } => self.set_place(place),
            BoardRequest::Connect { .. } | BoardRequest::Disconnect if self.on_board() => {
                self.desk.handle(request, bulk, false, now);
                self.halt();
            }
            BoardRequest::Verify if !self.trains() => {
                let message =
                    "There is no run to take a step of. Press Reset for an untrained network, then verify."
                        .into();
                self.say(Event::Board(BoardEvent::NotVerified { message }));
            }
            request => {
                let moving = self.moving();
                self.desk.handle(request, bulk, moving, now);
            }
        }
        self.turn_board();
        self.tell_board();
    }

    /// Whether there is a run that has images to train on.
    fn trains(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.data.info.train > 0)
    }

    /// Exchange bytes with the board. If it was lost, a run on it comes to a stand.
    pub(super) fn turn_board(&mut self) {
        let now = (self.now)();
        let (on_board, was) = (self.on_board(), self.desk.place());
        if self.desk.turn(on_board, now) {
            self.lost(on_board);
        }
        self.moved(was);
        self.out.append(&mut self.desk.take());
    }

    pub(super) fn tell_board(&mut self) {
        let run = self.run.as_ref().filter(|_| self.trains());
        let learner = run.map(|run| &run.learner);
        self.desk.tell(learner, (self.now)());
        self.out.append(&mut self.desk.take());
    }

    fn lost(&mut self, on_board: bool) {
        if on_board {
            if let Some(run) = &self.run {
                self.desk.explain_loss(&run.learner);
            }
            self.halt();
        }
    }

    /// The run stands still where it is, at once. Steps that the board took and nobody checked are taken
    /// again.
    fn halt(&mut self) {
        self.moving_to = None;
        if let Some(run) = &mut self.run {
            run.motion = Motion::Still;
            let step = run.learner.step();
            run.steps.retain(|metrics| metrics.step <= step);
            self.stand();
        }
    }

    /// Another run stands in place of the one before.
    pub(super) fn replaced(&mut self) {
        self.moving_to = None;
        self.desk.replace_run();
        self.out.append(&mut self.desk.take());
    }

    /// The run was set in motion: a board is told.
    pub(super) fn set_off(&mut self, motion: Motion) {
        match (motion, self.desk.place()) {
            (Motion::Training | Motion::OneStep, Place::Page) => self.desk.stay(),
            (Motion::Training, Place::Board { .. }) => self.desk.go(),
            (Motion::OneStep, Place::Board { .. }) => self.desk.step_once(),
            _ => {}
        }
    }

    /// Let a run on the board come to rest; false where there is none.
    pub(super) fn settle(&mut self) -> bool {
        if !self.on_board() {
            return false;
        }
        if let Some(run) = &mut self.run {
            run.motion = Motion::Settling;
        }
        self.desk.pause();
        true
    }

    fn set_place(&mut self, place: Place) {
        if self.on_board() && place == Place::Page {
            // The step in progress is taken first.
            let training = self
                .run
                .as_ref()
                .is_some_and(|run| run.motion == Motion::Training);
            self.settle();
            self.moving_to = training.then_some(place);
            return;
        }
        let was = self.desk.place();
        self.desk.set_place(place);
        self.moved(was);
    }

    /// A run in motion whose place was the page is set off on the board, if that is its place now.
    fn moved(&mut self, was: Place) {
        if was == Place::Page
            && self.desk.place() != was
            && let Some(run) = &self.run
        {
            let motion = run.motion;
            self.set_off(motion);
        }
    }

    /// One unit of work on the board, or of a comparison with it. Returns whether there can be another at
    /// once.
    pub(super) fn advance_on_board(&mut self) -> bool {
        let now = (self.now)();
        let Some(run) = &mut self.run else {
            return false;
        };
        match self.desk.advance(&mut run.learner, now) {
            Turn::Waiting => {
                self.turn_board();
                let now = (self.now)();
                return self.desk.work_due(now).is_some_and(|due| due <= now);
            }
            Turn::Step(metrics) => {
                let one = run.motion == Motion::OneStep;
                if one {
                    // It stands once the board does.
                    run.motion = Motion::Settling;
                }
                self.took_on_board(metrics, now);
            }
            Turn::Here(advance) => self.took(advance, now),
            Turn::Finished => self.took(Advance::Finished, now),
            Turn::Compared => {
                // It may have taken a step.
                if run.motion == Motion::Still && !run.steps.is_empty() {
                    self.stand();
                }
            }
            Turn::Stands => self.stands_on_board(),
            Turn::Fault(message) => {
                self.out.append(&mut self.desk.take());
                self.halt();
                self.say(Event::Board(BoardEvent::Halted { message }));
            }
        }
        self.out.append(&mut self.desk.take());
        true
    }

    fn took_on_board(&mut self, metrics: StepMetrics, now: f64) {
        let begun = self.desk.begun(now);
        let Some(run) = &mut self.run else { return };
        run.evaluating = None;
        run.epoch_milliseconds += now - begun;
        run.epoch_steps += 1;
        run.unrated += 1;
        run.steps.push(metrics);
        if now >= run.next_checkpoint && run.motion == Motion::Training {
            self.send_checkpoint(None);
        }
    }

    fn stands_on_board(&mut self) {
        let Some(run) = &mut self.run else { return };
        if run.motion == Motion::Still {
            return;
        }
        run.motion = Motion::Still;
        if let Some(place) = self.moving_to.take() {
            self.desk.set_place(place);
            self.set_motion(Motion::Training);
        } else {
            self.stand();
        }
    }
}
