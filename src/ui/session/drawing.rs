//! When the page is drawn: at once after what the visitor did, and at its [`Pace`] after what the worker reported of a
//! run that trains.
//!
//! [`Pace`]: crate::ui::pace::Pace

use gloo::timers::callback::Timeout;

use super::Session;
use crate::ui::frames::{next_frame, now};
use crate::ui::model::{Model, Phase};

impl Session {
    pub(in crate::ui) fn change(&self, change: impl FnOnce(&mut Model)) {
        change(&mut self.0.model.borrow_mut());
        self.changed();
    }

    /// Draw the page anew, after what is kept beside the model changed.
    pub(in crate::ui) fn redraw(&self) {
        self.changed();
    }

    pub(super) fn changed(&self) {
        self.0.undrawn.set(false);
        let listener = self.0.listener.borrow().clone();
        if let Some(listener) = listener {
            listener(self.model());
        }
    }

    /// The worker reported something, and the model has it.
    pub(super) fn reported(&self) {
        if self.phase() != Phase::Running {
            self.changed();
            return;
        }
        self.0.undrawn.set(true);
        if self.0.drawing_soon.replace(true) {
            return;
        }
        let wait = self.0.pace.get().wait(now());
        let session = self.clone();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some hundred milliseconds"
        )]
        Timeout::new(wait as u32, move || {
            next_frame(move |now| session.draw_report(now));
        })
        .forget();
    }

    fn draw_report(&self, now: f64) {
        self.0.drawing_soon.set(false);
        if !self.0.undrawn.get() {
            return;
        }
        self.0.pace.set(self.0.pace.get().drawn(now));
        self.changed();
        // The elements are drawn before the next frame, the canvases before the one after it.
        let session = self.clone();
        next_frame(move |second| {
            session.framed(second - now);
            next_frame(move |third| session.framed(third - second));
        });
    }

    fn framed(&self, milliseconds: f64) {
        self.0.pace.set(self.0.pace.get().framed(milliseconds));
    }
}
