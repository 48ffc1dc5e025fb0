//! How often the page draws what its worker reports: as often as frames come in time.
//!
//! Drawing the page is style, layout and paint of everything that a report changed. Where that does not fit between
//! two frames (a slow processor, one that trains on every core, a screen drawn without a graphics processor), what
//! moves would stutter with each report, so reports are drawn more rarely until few frames come late.

/// Least and most time between two drawings of reports, in milliseconds.
const BETWEEN: [f64; 2] = [100.0, 500.0];
/// A frame that takes longer than this comes late, in milliseconds; at 60 a second one takes 16.7.
const LATE: f64 = 20.0;
/// What a late frame does to the time between two drawings, and one in time: in balance, one frame of a dozen after a
/// drawing is late.
const RARER: f64 = 1.4;
const SOONER: f64 = 0.97;

/// The pace, on any clock in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    between: f64,
    drawn: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            between: BETWEEN[0],
            drawn: f64::NEG_INFINITY,
        }
    }
}

impl Pace {
    /// Time until a report may be drawn.
    #[must_use]
    pub fn wait(&self, now: f64) -> f64 {
        (self.drawn + self.between - now).clamp(0.0, self.between)
    }

    /// A report was drawn.
    #[must_use]
    pub fn drawn(self, now: f64) -> Self {
        Self { drawn: now, ..self }
    }

    /// A frame that followed a drawing took so long.
    #[must_use]
    pub fn framed(self, milliseconds: f64) -> Self {
        let factor = if milliseconds > LATE { RARER } else { SOONER };
        let between = (self.between * factor).clamp(BETWEEN[0], BETWEEN[1]);
        Self { between, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drawings of `seconds` during which reports come all the time, and the share of frames that were late,
    /// where the frame after a drawing takes as long as `frame` says.
    fn watch(seconds: f64, mut frame: impl FnMut() -> f64) -> (f64, f64) {
        let (mut pace, mut now) = (Pace::default(), 0.0);
        let (mut drawings, mut frames, mut late) = (0.0, 0.0, 0.0);
        while now < seconds * 1000.0 {
            let long = if pace.wait(now) > 0.0 {
                1000.0 / 60.0
            } else {
                pace = pace.drawn(now);
                drawings += 1.0;
                let long = frame();
                pace = pace.framed(long);
                long
            };
            now += long;
            frames += 1.0;
            late += f64::from(long > 20.0);
        }
        (drawings / seconds, late / frames)
    }

    #[test]
    fn a_page_that_draws_in_time_draws_about_ten_times_a_second() {
        let (rate, late) = watch(10.0, || 1000.0 / 60.0);
        assert!((8.5..=10.1).contains(&rate), "{rate}");
        assert!(late.abs() < 1e-9);
    }

    #[test]
    fn one_that_is_always_late_still_draws_twice_a_second() {
        let (rate, late) = watch(60.0, || 45.0);
        assert!((1.8..=2.2).contains(&rate), "{rate}");
        assert!(late < 0.05, "{late}");
    }

    #[test]
    fn few_frames_are_late_however_often_a_drawing_is() {
        for tenths in 0_u8..=10 {
            let mut drawing = 0_u8;
            let (_, late) = watch(60.0, || {
                drawing = (drawing + 1) % 10;
                if drawing < tenths { 33.0 } else { 16.7 }
            });
            assert!(late < 0.05, "{tenths} of 10 late: {late}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_hold_it_up() {
        let pace = Pace::default().drawn(1e9);
        assert!(pace.wait(0.0) <= 100.0);
        assert!(Pace::default().wait(0.0).abs() < 1e-9, "the first at once");
    }
}
