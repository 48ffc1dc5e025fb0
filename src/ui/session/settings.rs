//! Settings, the pad, checkpoints and benchmarks.

use gloo::timers::callback::Timeout;
use js_sys::Uint8Array;
use wasm_bindgen_futures::spawn_local;

use super::{Deliver, Goal, Kept, Session};
use crate::ui::accel::setup::Accel;
use crate::ui::accel::timed::{Report, Steps};
use crate::ui::draft::Draft;
use crate::ui::later;
use crate::ui::model::{Dialog, Phase};
use crate::worker::message::{Request, SampleImage, Ticket};

impl Session {
    /// Change the settings; the address follows.
    pub fn edit(&self, change: impl FnOnce(&mut Draft)) {
        self.change(|m| {
            change(&mut m.draft);
            if m.notice.as_ref().is_some_and(|n| n.fault) {
                m.notice = None;
            }
        });
        let session = self.clone();
        let later = Timeout::new(300, move || {
            session.write_address();
            session.show_untrained();
        });
        self.0.address.replace(Some(later));
    }

    /// Before training, the network on display is the one of the settings.
    pub(super) fn show_untrained(&self) {
        let wanted = {
            let model = self.0.model.borrow();
            let same_data = model.draft.config.data == model.view.config.data;
            model.phase == Phase::Ready
                && same_data
                && model.settings_changed()
                && model.draft.fault().is_none()
        };
        if wanted {
            self.begin_draft(Goal::Show);
        }
    }

    /// Change the settings of the accelerator; the address follows.
    pub fn edit_accel(&self, change: impl FnOnce(&mut Accel)) {
        self.change(|m| change(&mut m.accel));
        self.write_address();
    }

    /// The run on display on the machine; nothing before there is a network.
    pub fn accelerator(&self) -> Option<Report> {
        let model = self.0.model.borrow();
        self.0.bench.borrow_mut().report(&model.view, &model.accel)
    }

    /// The steps that the timeline shows; nothing before there is a network.
    pub fn steps(&self) -> Option<Steps> {
        let model = self.0.model.borrow();
        self.0.bench.borrow_mut().steps(&model.view, &model.accel)
    }

    /// Say something to the visitor.
    pub fn tell(&self, fault: bool, text: &str) {
        self.change(|m| m.tell(fault, text));
    }

    /// Put the sentence away.
    pub fn dismiss(&self) {
        self.change(|m| m.notice = None);
    }

    /// What is drawn on the pad; none when it is empty.
    pub fn draw(&self, pixels: Option<Vec<u8>>) {
        let empty = pixels.is_none();
        self.0.drawing.replace(pixels);
        if empty {
            self.change(|m| {
                m.pad.image = None;
                m.pad.probabilities.clear();
            });
        } else {
            if self.0.model.borrow().pad.image.is_some() {
                self.change(|m| m.pad.image = None);
            }
            self.0.visitor_waits.set(true);
            self.ask();
        }
    }

    /// Lay a sample on the pad.
    pub fn lay(&self, image: SampleImage) {
        self.0.drawing.replace(Some(image.pixels.clone()));
        let recorded = self.recorded_answer(image.index);
        self.change(|m| {
            if !m.pad.network {
                m.pad.probabilities = recorded;
            }
            m.pad.image = Some(image);
            m.pad.laid += 1;
        });
        self.0.visitor_waits.set(true);
        self.ask();
    }

    /// Ask the network about the pad; one question at a time, the newest last.
    pub(super) fn ask(&self) {
        let Some(pixels) = self.0.drawing.borrow().clone() else {
            return;
        };
        if !self.0.model.borrow().pad.network {
            return;
        }
        if self.0.asking.replace(true) {
            self.0.ask_again.set(true);
            return;
        }
        let ticket = Ticket(self.number());
        self.send_with(
            Request::Predict { ticket },
            vec![Uint8Array::from(pixels.as_slice())],
        );
    }

    /// Ask for a checkpoint of the run as it stands.
    pub fn checkpoint_now(&self, deliver: Deliver) {
        if !self.stands() {
            // The worker died with the run: what there is is the last checkpoint.
            let kept = self.0.kept.borrow().clone();
            match kept {
                Some(Kept { bytes, .. }) => deliver(bytes),
                None => self.tell(
                    true,
                    "There is no checkpoint of this run: it was lost with its worker. Press Train to train anew.",
                ),
            }
            return;
        }
        let ticket = Ticket(self.number());
        self.0.deliver.replace(Some((ticket, deliver)));
        self.send(Request::Checkpoint { ticket });
    }

    /// Open a dialog, once the part of the program that shows it is there.
    pub fn open_dialog(&self, dialog: Dialog) {
        let session = self.clone();
        spawn_local(async move {
            if later::fetch().await {
                session.change(|m| m.dialog = Some(dialog));
            } else {
                session.tell(
                    true,
                    "This part of the page was not fetched: the connection failed. Try again.",
                );
            }
        });
    }

    /// Close it.
    pub fn close_dialog(&self) {
        self.change(|m| m.dialog = None);
    }

    /// Let the worker trap.
    pub fn crash_worker(&self) {
        self.send(Request::Crash);
    }

    /// Measure how fast configurations train; the model's `speeds` hold the answer.
    pub fn bench(&self, milliseconds: u32, repeats: u32, configs: Vec<String>) {
        self.change(|m| m.speeds = None);
        self.send(Request::Bench {
            milliseconds,
            repeats,
            configs,
        });
    }

    /// Let a worker that helps with training trap.
    pub fn crash_follower(&self) {
        self.send(Request::CrashFollower);
    }

    /// Measure one worker and two; the model's `workers` hold the answer.
    pub fn bench_workers(&self, milliseconds: u32) {
        self.change(|m| m.workers.speeds = None);
        self.send(Request::BenchWorkers { milliseconds });
    }

    /// Make sure some data set is in the worker (for the benchmark).
    pub fn has_data(&self) -> bool {
        self.0.in_worker.borrow().is_some()
    }

    /// Whether nothing is under way.
    pub fn idle(&self) -> bool {
        self.0.intent.borrow().is_none()
            && self.0.replay.borrow().is_none()
            && !self.0.asking.get()
            && !matches!(self.phase(), Phase::Running | Phase::Preparing)
    }
}
