//! What the transport asks for.

use super::{Goal, Session, Start};
use crate::ui::model::{DataState, Phase};
use crate::worker::message::Request;

impl Session {
    /// Train, or go on.
    pub fn train(&self) {
        self.go(Goal::Train);
    }

    /// Take one step.
    pub fn step(&self) {
        self.go(Goal::Step);
    }

    pub(super) fn go(&self, goal: Goal) {
        let stale = self.phase() == Phase::Ready && self.0.model.borrow().settings_changed();
        match self.phase() {
            Phase::Ready | Phase::Paused if !stale && self.stands() => {
                if goal == Goal::Train {
                    self.change(|m| {
                        m.notice = None;
                        m.phase = Phase::Running;
                    });
                    self.send(Request::Train);
                } else {
                    self.send(Request::Step);
                }
            }
            Phase::Running | Phase::Preparing => {}
            _ => self.begin_draft(goal),
        }
    }

    /// Stand still.
    pub fn pause(&self) {
        if self.stands() {
            self.send(Request::Pause);
        } else {
            self.stop();
        }
    }

    /// End the run; its network stays to be tried and saved.
    pub fn stop(&self) {
        match self.phase() {
            Phase::Running | Phase::Paused => {
                self.change(|m| m.phase = Phase::Stopped);
                self.send(Request::Pause);
            }
            Phase::Preparing => self.cancel(),
            _ => {}
        }
    }

    /// An untrained network with the settings as they are.
    pub fn reset(&self) {
        self.begin_draft(Goal::Show);
    }

    /// Break off what is being prepared.
    pub fn cancel(&self) {
        if let Some(abort) = self.0.abort.take() {
            abort.abort();
        }
        if let Some(intent) = self.0.intent.take() {
            self.return_to(&intent);
            self.change(|m| m.data = DataState::Absent);
            self.bring_back_newer();
            if intent.before == Phase::Preparing {
                self.show_example();
            }
        }
    }

    pub(super) fn begin_draft(&self, goal: Goal) {
        let (fault, config) = {
            let model = self.0.model.borrow();
            (model.draft.fault(), model.draft.config.clone())
        };
        if let Some((_, message)) = fault {
            self.change(|m| m.tell(true, message));
            return;
        }
        self.change(|m| m.notice = None);
        self.begin(goal, Start::Fresh(Box::new(config)));
    }
}
