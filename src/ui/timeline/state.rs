//! What the timeline shows: window, selection, markers, focused track, and how commands change them.

use std::ops::Range;
use std::rc::Rc;

use super::keys::Command;
use super::window::Window;
use crate::accel::Timeline;
use crate::accel::timeline::Slice;
use crate::accel::timing::{Cause, TRACKS, Track};

/// How long a movement takes, in milliseconds.
pub const MOVE_MS: f64 = 140.0;
/// Factor of one zoom.
const ZOOM: f64 = 0.6;
/// Share of the width of one pan.
const PAN: f64 = 0.18;

/// A slice that was selected, by a cycle in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picked {
    /// Its track.
    pub track: Track,
    /// A cycle of it.
    pub cycle: u64,
}

/// A movement of the window under way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Motion {
    from: Window,
    to: Window,
    /// When it began, in milliseconds.
    since: f64,
}

/// What is shown.
#[derive(Clone, Debug)]
pub struct State {
    /// The timeline.
    pub timeline: Rc<Timeline>,
    /// What is seen now.
    pub window: Window,
    motion: Option<Motion>,
    /// A selected range; not empty.
    pub selection: Option<Range<u64>>,
    /// Up to two markers, the older first.
    pub markers: Vec<u64>,
    /// The focused track, by its place in [`TRACKS`].
    pub track: usize,
    /// The selected slice.
    pub picked: Option<Picked>,
    /// The cycle under the pointer.
    pub pointer: Option<f64>,
}

impl State {
    /// All of a timeline.
    #[must_use]
    pub fn new(timeline: Rc<Timeline>) -> Self {
        let window = Window::whole(timeline.cycles());
        Self {
            timeline,
            window,
            motion: None,
            selection: None,
            markers: vec![],
            track: 2,
            picked: None,
            pointer: None,
        }
    }

    /// Another timeline in place of this one: the whole stays the whole, a part stays at its place in
    /// its step. What was selected is no more.
    pub fn replace(&mut self, timeline: Rc<Timeline>) {
        let (old, all) = (self.goal(), self.timeline.cycles());
        let step = |timeline: &Timeline, step: u64| {
            let start = timeline.step_start(step) as f64;
            (start, timeline.step_start(step + 1) as f64 - start)
        };
        let middle = old.at(0.5);
        let place = self.timeline.place(middle as u64);
        let window = match place {
            Some(place) if old.span < all as f64 && timeline.steps() > 0 => {
                let (start, length) = step(&self.timeline, place.step);
                let share = (middle - start) / length;
                let (start, new) = step(&timeline, place.step.min(timeline.steps() - 1));
                let span = old.span * new / length;
                Window {
                    start: start + share * new - span / 2.0,
                    span,
                }
            }
            _ => Window::whole(timeline.cycles()),
        };
        let track = self.track;
        *self = Self::new(timeline);
        self.track = track;
        self.window = window.within(self.timeline.cycles());
    }

    /// Where the window is or is going.
    #[must_use]
    pub fn goal(&self) -> Window {
        self.motion.map_or(self.window, |motion| motion.to)
    }

    /// Goes to a window: within [`MOVE_MS`], or at once if `still`.
    pub fn go(&mut self, to: Window, now: f64, still: bool) {
        let to = to.within(self.timeline.cycles());
        if still {
            (self.window, self.motion) = (to, None);
        } else if to != self.goal() {
            self.motion = Some(Motion {
                from: self.window,
                to,
                since: now,
            });
        }
    }

    /// Moves the window on to a moment. Gives whether it is still moving.
    pub fn advance(&mut self, now: f64) -> bool {
        let Some(motion) = self.motion else {
            return false;
        };
        let t = ((now - motion.since) / MOVE_MS).clamp(0.0, 1.0);
        let ease = 1.0 - (1.0 - t) * (1.0 - t);
        self.window = Window::between(motion.from, motion.to, ease);
        if t >= 1.0 {
            self.motion = None;
        }
        self.motion.is_some()
    }

    /// The focused track.
    #[must_use]
    pub fn focused(&self) -> Track {
        TRACKS[self.track.min(TRACKS.len() - 1)]
    }

    /// The slice of a track at a cycle.
    #[must_use]
    pub fn slice_at(&self, track: Track, cycle: u64) -> Option<Slice<'_>> {
        if cycle >= self.timeline.cycles() {
            return None;
        }
        let found = self.timeline.slices(track, cycle..cycle + 1, 1)?;
        found.into_iter().next()
    }

    /// The selected slice.
    #[must_use]
    pub fn slice(&self) -> Option<Slice<'_>> {
        let picked = self.picked?;
        self.slice_at(picked.track, picked.cycle)
    }

    /// The cycle that commands without a place work on: under the pointer, of the selected slice if it
    /// is seen, or in the middle.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        let seen = self.goal().range();
        let picked = self.slice().map(|slice| slice.start.max(seen.start));
        let cycle = self
            .pointer
            .map(|cycle| cycle as u64)
            .or(picked)
            .filter(|cycle| seen.contains(cycle))
            .unwrap_or(self.goal().at(0.5) as u64);
        cycle.min(self.timeline.cycles().saturating_sub(1))
    }

    /// Selects the slice at a cycle; nothing where the track is idle.
    pub fn pick(&mut self, track: Track, cycle: u64) {
        self.track = track.index();
        let slice = self.slice_at(track, cycle);
        let work = slice.is_some_and(|slice| slice.cause != Cause::Idle);
        self.picked = work.then_some(Picked { track, cycle });
    }

    /// Selects a range; nothing, if it is empty.
    pub fn select(&mut self, range: Range<u64>) {
        let range = range.start..range.end.min(self.timeline.cycles());
        self.selection = (range.start < range.end).then_some(range);
    }

    /// Sets a marker; of three the oldest goes.
    pub fn mark(&mut self, cycle: u64) {
        if self.markers.len() == 2 {
            self.markers.remove(0);
        }
        self.markers.push(cycle);
    }

    /// Follows a command. Help and search are not the state's.
    pub fn follow(&mut self, command: Command, now: f64, still: bool) {
        let goal = self.goal();
        match command {
            Command::ZoomIn | Command::ZoomOut => {
                let factor = if command == Command::ZoomIn {
                    ZOOM
                } else {
                    1.0 / ZOOM
                };
                let share = self.pointer.map_or(0.5, |at| self.window.share(at));
                self.go(goal.zoomed(factor, share.clamp(0.0, 1.0)), now, still);
            }
            Command::Left => self.go(goal.panned(-PAN), now, still),
            Command::Right => self.go(goal.panned(PAN), now, still),
            Command::Up => self.track = self.track.saturating_sub(1),
            Command::Down => self.track = (self.track + 1).min(TRACKS.len() - 1),
            Command::Fit => {
                let slice = self.slice().map(|slice| slice.start..slice.end);
                if let Some(range) = self.selection.clone().or(slice) {
                    self.go(Window::around(&range), now, still);
                }
            }
            Command::Whole => self.go(Window::whole(self.timeline.cycles()), now, still),
            Command::Next | Command::Previous => {
                self.walk(command == Command::Next, now, still);
            }
            Command::Pick => self.pick(self.focused(), self.cursor()),
            Command::Mark => self.mark(self.cursor()),
            Command::Clear => {
                self.picked = None;
                self.selection = None;
                self.markers.clear();
            }
            Command::Help | Command::Search => {}
        }
    }

    /// On to the next slice of the focused track that is not idle, or back.
    fn walk(&mut self, forward: bool, now: f64, still: bool) {
        let track = self.focused();
        let here = self
            .slice()
            .filter(|_| self.picked.is_some_and(|picked| picked.track == track));
        let from = here.map_or(
            self.cursor(),
            |slice| {
                if forward { slice.end } else { slice.start }
            },
        );
        let Some(cycle) = self.timeline.next_work(track, from, forward) else {
            return;
        };
        self.picked = Some(Picked { track, cycle });
        if let Some(range) = self.slice().map(|slice| slice.start..slice.end) {
            self.go(self.goal().showing(&range), now, still);
        }
    }
}
