//! The stretch of the timeline that fills the picture's width.

use std::ops::Range;

/// A visible stretch, in cycles; both may be fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The cycle at the left edge.
    pub start: f64,
    /// Cycles from the left edge to the right, at least one.
    pub span: f64,
}

impl Window {
    /// All of a timeline.
    #[must_use]
    pub fn whole(cycles: u64) -> Self {
        Self {
            start: 0.0,
            span: (cycles as f64).max(1.0),
        }
    }

    /// A range with some room beside it.
    #[must_use]
    pub fn around(range: &Range<u64>) -> Self {
        let length = (range.end.saturating_sub(range.start) as f64).max(1.0);
        Self {
            start: range.start as f64 - 0.05 * length,
            span: 1.1 * length,
        }
    }

    /// The nearest window of at least one cycle that lies on a timeline.
    #[must_use]
    pub fn within(self, cycles: u64) -> Self {
        let cycles = (cycles as f64).max(1.0);
        let span = self.span.clamp(1.0, cycles);
        Self {
            start: self.start.clamp(0.0, cycles - span),
            span,
        }
    }

    /// `factor` times as wide, with the cycle at `share` of the width held in place.
    #[must_use]
    pub fn zoomed(self, factor: f64, share: f64) -> Self {
        // Below one cycle and above the whole there is nothing to hold in place.
        let span = (self.span * factor).max(1.0);
        Self {
            start: self.start + share * (self.span - span),
            span,
        }
    }

    /// Moved by a share of its width.
    #[must_use]
    pub fn panned(self, share: f64) -> Self {
        Self {
            start: self.start + share * self.span,
            ..self
        }
    }

    /// Moved just so far that a range's start, or all of it if it fits, is seen.
    #[must_use]
    pub fn showing(self, range: &Range<u64>) -> Self {
        let (start, end) = (range.start as f64, range.end as f64);
        let room = 0.05 * self.span;
        let start = if start < self.start || end - start > self.span - 2.0 * room {
            if (self.start..self.start + self.span).contains(&start) {
                self.start
            } else {
                start - room
            }
        } else if end > self.start + self.span {
            end - self.span + room
        } else {
            self.start
        };
        Self { start, ..self }
    }

    /// The cycle at a share of the width.
    #[must_use]
    pub fn at(&self, share: f64) -> f64 {
        self.start + share * self.span
    }

    /// The share of the width at which a cycle lies.
    #[must_use]
    pub fn share(&self, cycle: f64) -> f64 {
        (cycle - self.start) / self.span
    }

    /// Cycles that are seen, in part at least.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        let start = self.start.max(0.0).floor() as u64;
        start..((self.start + self.span).ceil() as u64).max(start + 1)
    }

    /// On the way from one window to another; `t` from 0 to 1. What both show stays in place relative
    /// to what is around it: widths change by factors, not by sums.
    #[must_use]
    pub fn between(from: Self, to: Self, t: f64) -> Self {
        if t >= 1.0 {
            return to;
        }
        let span = from.span * (to.span / from.span).powf(t);
        let change = to.span - from.span;
        let part = if change.abs() < 1e-9 * from.span {
            t
        } else {
            (span - from.span) / change
        };
        Self {
            start: from.start + (to.start - from.start) * part,
            span,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = 3_700_000_000;

    #[test]
    fn zooming_holds_the_cycle_under_the_pointer() {
        let mut window = Window::whole(ALL);
        let held = window.at(0.3);
        for _ in 0..70 {
            window = window.zoomed(0.7, 0.3).within(ALL);
            assert!((window.at(0.3) - held).abs() < 1e-3, "{window:?}");
        }
        assert!((window.span - 1.0).abs() < 1e-9);
        for _ in 0..80 {
            window = window.zoomed(1.0 / 0.7, 0.3).within(ALL);
        }
        assert_eq!(window, Window::whole(ALL));
    }

    #[test]
    fn a_window_stays_on_the_timeline() {
        let window = Window::around(&(0..10)).panned(-7.0).within(ALL);
        assert!(window.start.abs() < 1e-9);
        let window = window.panned(1e12).within(ALL);
        assert_eq!(window.range().end, ALL);
        assert_eq!(Window::whole(0).within(0).range(), 0..1);
    }

    #[test]
    fn halfway_of_a_zoom_lies_on_the_way() {
        let from = Window::whole(ALL);
        let to = from.zoomed(0.01, 0.5);
        let middle = Window::between(from, to, 0.5);
        assert!((middle.span / from.span - 0.1).abs() < 1e-9);
        assert!((middle.at(0.5) - from.at(0.5)).abs() < 1e-3);
        assert_eq!(Window::between(from, to, 1.0), to);
    }

    #[test]
    fn a_range_is_brought_into_sight() {
        let window = Window {
            start: 100.0,
            span: 100.0,
        };
        assert_eq!(window.showing(&(120..130)), window);
        assert!(window.showing(&(90..95)).range().contains(&90));
        let right = window.showing(&(250..260)).range();
        assert!(right.contains(&250) && right.contains(&259));
        // Too long to be seen whole: its start.
        assert!(window.showing(&(500..900)).range().contains(&500));
    }
}
