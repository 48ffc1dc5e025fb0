//! What the worker reports, and what is done when it dies.

use std::rc::Rc;

use gloo::timers::callback::Timeout;
use js_sys::Uint8Array;

use super::{DEMO, Goal, Intent, Kept, MAX_DEATHS, Session, Start};
use crate::ui::client::{Client, Report};
use crate::ui::datasets;
use crate::ui::format;
use crate::ui::model::{DataState, Origin, Phase, WorkerState};
use crate::worker::message::{Event, Request, RunId, Ticket};

impl Session {
    pub(super) fn spawn_worker(&self) {
        let session = Rc::downgrade(&self.0);
        let handler = Rc::new(move |report: Report| {
            if let Some(inner) = session.upgrade() {
                Session(inner).hear(report);
            }
        });
        self.0.in_worker.take();
        self.0.asking.set(false);
        match Client::start(handler) {
            Ok(client) => drop(self.0.client.replace(Some(client))),
            Err(message) => self.change(|m| {
                m.phase = Phase::Failed;
                m.tell(true, message);
            }),
        }
    }

    pub(super) fn hear(&self, report: Report) {
        match report {
            Report::Died(said) => {
                // Not inside the dying worker's own handler, which is about to be dropped.
                let session = self.clone();
                Timeout::new(0, move || session.recover(&said)).forget();
            }
            Report::Event(event, bulk) => self.event(*event, bulk),
        }
    }

    pub(super) fn event(&self, event: Event, mut bulk: Vec<Uint8Array>) {
        match &event {
            Event::Ready { .. } => {
                self.change(|m| m.worker = WorkerState::Ready);
                self.pursue();
                return;
            }
            Event::Loaded { data } => {
                self.0.in_worker.replace(Some(data.name.clone()));
                if data.name == datasets::OWN {
                    self.edit(|draft| draft.config.data = datasets::OWN.into());
                }
            }
            Event::DataRefused { name, message } => {
                let (name, message) = (name.clone(), message.clone());
                self.0.files.take();
                self.change(|m| {
                    m.apply(Event::DataRefused {
                        name,
                        message: message.clone(),
                    });
                });
                self.fail(message);
                return;
            }
            Event::RunRefused { message, .. } => {
                self.fail(message.clone());
                return;
            }
            Event::Checkpoint { run, ticket, step } => {
                if let Some(bytes) = bulk.pop() {
                    self.checkpoint(*run, *ticket, *step, bytes);
                }
                return;
            }
            Event::Prediction { .. } => {
                self.0.asking.set(false);
            }
            Event::Epoch { .. } => self.0.deaths.set(0),
            _ => {}
        }
        let prepared = match &event {
            Event::Prepared { run, .. } => Some(*run),
            _ => None,
        };
        let drawn = matches!(&event, Event::Progress { progress, .. } if progress.snapshot.is_some())
            || prepared.is_some()
            || (matches!(event, Event::Prediction { .. }) && self.0.ask_again.take());
        let laid = matches!(event, Event::Image { .. });
        self.0.model.borrow_mut().apply(event);
        match prepared {
            Some(run) => self.prepared(run),
            None => self.pursue(),
        }
        if laid {
            let pixels = self
                .0
                .model
                .borrow()
                .pad
                .image
                .as_ref()
                .map(|i| i.pixels.clone());
            self.0.drawing.replace(pixels);
        }
        self.changed();
        if drawn || laid {
            self.ask();
        }
    }

    pub(super) fn prepared(&self, run: RunId) {
        if run == DEMO {
            self.0.intent.take();
            self.0.model.borrow_mut().pad.network = true;
            return;
        }
        if run != self.0.model.borrow().run {
            return;
        }
        let Some(intent) = self.0.intent.take() else {
            return;
        };
        match intent.goal {
            Goal::Train => {
                self.0.model.borrow_mut().phase = Phase::Running;
                self.send(Request::Train);
            }
            Goal::Step => self.send(Request::Step),
            Goal::Show | Goal::Answer => {}
        }
        if intent.before != Phase::Running {
            self.0.kept.take();
        }
    }

    pub(super) fn checkpoint(
        &self,
        run: RunId,
        ticket: Option<Ticket>,
        step: u64,
        bytes: Uint8Array,
    ) {
        if let Some(ticket) = ticket {
            let deliver = self.0.deliver.take();
            if let Some((asked, deliver)) = deliver
                && asked == ticket
            {
                deliver(bytes);
            }
        } else if run == self.0.model.borrow().run {
            self.0.kept.replace(Some(Kept { step, bytes }));
            self.0.deaths.set(0);
        }
    }

    /// Replace a worker that died, and go on from the last checkpoint.
    pub(super) fn recover(&self, said: &str) {
        self.0.deaths.set(self.0.deaths.get() + 1);
        self.0.client.take();
        let model = self.model();
        let said = said.lines().last().unwrap_or_default().trim();
        if self.0.deaths.get() > MAX_DEATHS {
            self.0.intent.take();
            self.change(|m| {
                m.phase = Phase::Failed;
                m.tell(true, format!(
                    "The training worker keeps stopping ({said}). Change the settings and press Train to try again, or reload the page."
                ));
            });
            self.0.deaths.set(0);
            self.spawn_worker();
            return;
        }
        self.change(|m| {
            m.worker = WorkerState::Starting;
            m.data = DataState::Absent;
        });
        self.spawn_worker();
        let intent = self.0.intent.take();
        if let Some(intent) = intent {
            // It died while a network was being built: build it again.
            self.0.intent.replace(Some(Intent {
                asked: false,
                ..intent
            }));
            self.pursue();
        } else if model.view.origin == Origin::Live {
            let goal = if model.phase == Phase::Running {
                Goal::Train
            } else {
                Goal::Show
            };
            let kept = self.0.kept.borrow().clone();
            let (start, step) = match kept {
                Some(kept) => {
                    let data = model.view.config.data.clone();
                    (
                        Start::Checkpoint {
                            data,
                            bytes: kept.bytes,
                        },
                        kept.step,
                    )
                }
                None => (Start::Fresh(Box::new((*model.view.config).clone())), 0),
            };
            self.begin(goal, start);
            if let Some(intent) = &mut *self.0.intent.borrow_mut() {
                intent.before = Phase::Running;
            }
            self.change(|m| {
                m.tell(false, format!(
                    "The training worker stopped ({said}) and was restarted from its checkpoint at step {}.",
                    format::count(step)
                ));
            });
        }
    }
}
