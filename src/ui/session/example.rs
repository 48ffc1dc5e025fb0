//! The recorded run: shown before anything is trained, replayed once.

use std::cell::Cell;

use gloo::timers::callback::{Interval, Timeout};

use super::{DEMO, Goal, REPLAY_MILLISECONDS, Session, Start};
use crate::ui::datasets;
use crate::ui::model::{Phase, View};
use crate::worker::message::RunId;

impl Session {
    /// Show the recorded run, replaying it once; without one, an untrained network.
    pub fn show_example(&self) {
        let record = self.0.record.borrow().clone();
        let Some(record) = record else {
            let config = self.0.model.borrow().draft.config.clone();
            self.begin(Goal::Show, Start::Fresh(Box::new(config)));
            return;
        };
        self.abandon();
        self.forget_run();
        let last = record.epochs.last().map_or(0, |e| e.epoch);
        self.0.drawing.take();
        self.change(|m| {
            m.phase = Phase::Example;
            m.run = RunId(0);
            m.pad.network = self.0.standing.get() == Some(DEMO);
            m.pad.probabilities.clear();
            m.view = View::recorded(&record, if self.0.still { last } else { 1 });
        });
        let sample = self.0.model.borrow().view.samples.first().cloned();
        if let Some(sample) = sample {
            self.lay(sample);
        }
        if self.0.still || last < 2 {
            return;
        }
        let (session, epoch) = (self.clone(), Cell::new(1));
        let tick = Interval::new(REPLAY_MILLISECONDS / last, move || {
            epoch.set(epoch.get() + 1);
            if session.phase() == Phase::Example && epoch.get() <= last {
                session.change(|m| m.view = View::recorded(&record, epoch.get()));
            } else {
                // Dropping the interval inside its own tick would free the running closure.
                let session = session.clone();
                Timeout::new(0, move || drop(session.0.replay.take())).forget();
            }
        });
        self.0.replay.replace(Some(tick));
    }

    /// Bring the example's network into the worker, so that the pad answers before any training.
    pub(super) async fn prepare_answers(&self) {
        let file = self
            .0
            .record
            .borrow()
            .as_ref()
            .and_then(|record| record.checkpoint.clone());
        let Some(file) = file else {
            return;
        };
        let bytes = datasets::example_checkpoint(&file).await;
        let free = self.phase() == Phase::Example && self.0.intent.borrow().is_none();
        if free && let Some(bytes) = bytes {
            let (height, width) = self.0.model.borrow().view.size;
            if let (Ok(height), Ok(width)) = (u32::try_from(height), u32::try_from(width)) {
                let size = (height, width);
                self.begin(Goal::Answer, Start::Answers { bytes, size });
            }
        }
    }

    /// The recorded network's probabilities for one of its samples; empty for any other image.
    pub(super) fn recorded_answer(&self, index: u32) -> Vec<f32> {
        let record = self.0.record.borrow();
        if self.phase() != Phase::Example {
            return vec![];
        }
        record
            .iter()
            .flat_map(|record| &record.samples)
            .find(|sample| sample.index == index)
            .map_or(vec![], |sample| sample.probabilities.clone())
    }
}
