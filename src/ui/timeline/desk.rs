//! The state, held outside of Yew: changes ask for a frame at once, and tell Yew when they have come to
//! rest.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use serde::Serialize;
use yew::prelude::*;

use super::details::Details;
use super::layout::Layout;
use super::state::State;
use super::window::Window;
use crate::accel::Timeline;
use crate::accel::timing::{TRACKS, Track};
use crate::json;
use crate::program::Program;
use crate::ui::canvas::Redraw;
use crate::ui::frames::now;
use crate::ui::theme::reduced_motion;

/// Time without a change after which panels follow, in milliseconds.
const REST_MS: u32 = 90;

/// The state with what has to follow it.
pub struct Desk {
    state: RefCell<State>,
    /// The rows' canvas.
    pub rows: Redraw,
    /// The mini-map's canvas.
    pub map: Redraw,
    /// The rows' element.
    pub node: NodeRef,
    /// The mini-map's element.
    pub map_node: NodeRef,
    rested: RefCell<Option<Callback<()>>>,
    rest: RefCell<Option<Timeout>>,
    /// Whether zooms and pans are not animated.
    still: Cell<bool>,
}

impl Desk {
    /// With all of a timeline in sight.
    pub fn new(timeline: Rc<Timeline>) -> Rc<Self> {
        Rc::new(Self {
            state: RefCell::new(State::new(timeline)),
            rows: Redraw::default(),
            map: Redraw::default(),
            node: NodeRef::default(),
            map_node: NodeRef::default(),
            rested: RefCell::default(),
            rest: RefCell::default(),
            still: Cell::new(reduced_motion()),
        })
    }

    /// Whom to tell when things have come to rest.
    pub fn on_rest(&self, rested: Option<Callback<()>>) {
        self.rest.take();
        self.rested.replace(rested);
    }

    /// Reads the state.
    pub fn with<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.borrow())
    }

    /// Moves the window on to the time of a frame; gives whether it is still moving.
    pub fn advance(&self, now: f64) -> bool {
        self.state.borrow_mut().advance(now)
    }

    /// Takes another timeline, if it is another.
    pub fn take(&self, timeline: &Rc<Timeline>) {
        if !Rc::ptr_eq(&self.state.borrow().timeline, timeline) {
            self.state.borrow_mut().replace(timeline.clone());
            self.rows.request();
            self.map.request();
        }
    }

    /// Changes the state; the picture follows in the next frame, the panels when it has come to rest.
    pub fn act(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.borrow_mut());
        self.rows.request();
        self.map.request();
        let rested = self.rested.borrow().clone();
        let rest = rested.map(|rested| Timeout::new(REST_MS, move || rested.emit(())));
        // Setting a new one drops and so stops the old one.
        self.rest.replace(rest);
    }

    /// Goes to a window.
    pub fn go(&self, to: impl FnOnce(&State) -> Window) {
        let (moment, still) = (now(), self.still());
        self.act(|state| {
            let to = to(state);
            state.go(to, moment, still);
        });
    }

    /// Whether movements are left out.
    pub fn still(&self) -> bool {
        self.still.set(reduced_motion());
        self.still.get()
    }

    /// Where rows lie in the picture as it is.
    pub fn layout(&self) -> Layout {
        let element = self.node.cast::<web_sys::Element>();
        let size = element.map_or((600, 400), |e| (e.client_width(), e.client_height()));
        Layout::new(f64::from(size.0), f64::from(size.1))
    }

    /// What is known of the selected slice.
    pub fn details(&self, program: Option<&Program>) -> Option<Details> {
        self.with(|state| super::details::details(state, program))
    }

    /// What is shown, as JSON text for tests.
    pub fn json(&self) -> String {
        self.with(|state| {
            let range = state.window.range();
            let shown = Shown {
                cycles: state.timeline.cycles(),
                range: [range.start, range.end],
                moving: state.goal() != state.window,
                tracks: TRACKS.map(Track::name),
                track: state.focused().name(),
                selection: state.selection.as_ref().map(|s| [s.start, s.end]),
                markers: &state.markers,
                slice: state.slice().map(|slice| Slice {
                    op: slice.op.name.clone(),
                    cause: slice.cause.name(),
                    start: slice.start,
                    end: slice.end,
                }),
            };
            json::write(&shown)
        })
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    cycles: u64,
    range: [u64; 2],
    moving: bool,
    tracks: [&'a str; TRACKS.len()],
    track: &'a str,
    selection: Option<[u64; 2]>,
    markers: &'a [u64],
    slice: Option<Slice<'a>>,
}

#[derive(Serialize)]
struct Slice<'a> {
    op: String,
    cause: &'a str,
    start: u64,
    end: u64,
}
