//! What the page is told of a board, and when.

use super::{Desk, course};
use crate::worker::adapter::Learner;
use crate::worker::message::board::{BoardEvent, BoardFit, BoardView};

/// Milliseconds from one view to the next.
const VIEW_MILLISECONDS: f64 = 100.0;
/// Milliseconds from one look at whether the run fits to the next.
const FIT_MILLISECONDS: f64 = 1_000.0;
/// Frames that are sent with a view.
const FRAMES: usize = 64;

/// What was told last.
#[derive(Default)]
pub(super) struct Told {
    view: BoardView,
    /// When, and when the next may be told.
    next: f64,
    /// Whether something has changed that was not told yet.
    behind: bool,
    /// Whether the run fits, and when that is looked at again.
    fit: Option<BoardFit>,
    next_fit: f64,
}

impl Told {
    /// When there is something to tell.
    pub fn due(&self, now: f64) -> Option<f64> {
        self.behind.then_some(self.next.max(now))
    }

    /// Another board: what was told of the one before says nothing of it.
    pub fn forget(&mut self) {
        self.behind = true;
        (self.next, self.next_fit, self.fit) = (0.0, 0.0, None);
    }
}

impl Desk {
    /// Tells the page what has changed: at once if the connection or the place has, otherwise about ten
    /// times a second.
    pub fn tell(&mut self, learner: Option<&Learner>, now: f64) {
        for event in self.console.take() {
            self.say(event);
        }
        let connection = self.connection();
        let turned = connection != self.told.view.connection || self.place != self.told.view.place;
        if now < self.told.next && !turned {
            self.told.behind |= self.changed();
            return;
        }
        if turned || now >= self.told.next_fit {
            self.told.fit = self
                .capabilities()
                .zip(learner)
                .map(|(board, learner)| course::fit(learner, board));
            self.told.next_fit = now + FIT_MILLISECONDS;
        }
        let view = self.view();
        if let Some(link) = &mut self.link {
            let (frames, skipped) = link.session.log().take_new(FRAMES);
            if !frames.is_empty() || skipped > 0 {
                self.say(BoardEvent::Frames { frames, skipped });
            }
        }
        self.told.behind = false;
        if view != self.told.view {
            self.told.view = view.clone();
            self.told.next = now + VIEW_MILLISECONDS;
            self.say(BoardEvent::View(Box::new(view)));
        }
    }

    /// Whether anything passed, or was done, since the last view.
    fn changed(&self) -> bool {
        let told = &self.told.view;
        self.link.as_ref().is_some_and(|link| {
            link.session.statistics() != told.statistics || link.session.state() != told.state
        }) || self.counters != told.counters
            || self.course.activity() != told.activity
            || self.course.verified() != told.verified
    }

    fn view(&self) -> BoardView {
        let capabilities = self.capabilities().cloned();
        let any = capabilities.as_ref().is_some_and(|board| board.any_machine);
        let machine = self.machine.clone().filter(|_| any).map(Box::new);
        let link = self.link.as_ref();
        BoardView {
            connection: self.connection(),
            place: self.place,
            capabilities,
            machine,
            fit: self.told.fit.clone(),
            state: link.map(|link| link.session.state()).unwrap_or_default(),
            activity: self.course.activity(),
            statistics: link
                .map(|link| link.session.statistics())
                .unwrap_or_default(),
            baud: link.map_or(0, |link| link.line.baud),
            times: self.course.times(),
            verified: self.course.verified(),
            counters: self.counters,
        }
    }
}
