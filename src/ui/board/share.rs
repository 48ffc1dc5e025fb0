//! Where a step's time went, from the times of the latest steps.

use crate::link::run::StepTime;

/// Means over some steps. Milliseconds, unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Split {
    /// Steps.
    pub steps: usize,
    /// From the report before, or the start, to the report, measured.
    pub measured: f64,
    /// Cycles of a step.
    pub cycles: f64,
    /// These cycles at the board's clock.
    pub computed: f64,
    /// What the line needs for the step's bytes in the busier direction, by its time model.
    pub link: f64,
    /// The part of it in which the board computes, too.
    pub hidden: f64,
    /// What neither explains: waiting, the executor, the browser.
    pub rest: f64,
    /// Bytes of a step, in both directions.
    pub bytes: f64,
}

impl Split {
    /// The means of some steps' times; none of none.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        reason = "shown with three significant figures"
    )]
    pub fn of(times: &[StepTime]) -> Option<Self> {
        if times.is_empty() {
            return None;
        }
        let mean =
            |value: fn(&StepTime) -> f64| times.iter().map(value).sum::<f64>() / times.len() as f64;
        let (measured, computed, link) =
            (mean(|t| t.measured), mean(|t| t.computed), mean(|t| t.link));
        let over = measured - computed - link;
        Some(Self {
            steps: times.len(),
            measured,
            cycles: mean(|t| t.cycles as f64),
            computed,
            link,
            hidden: (-over).clamp(0.0, link.min(computed)),
            rest: over.max(0.0),
            bytes: mean(|t| t.bytes as f64),
        })
    }

    /// What cycles and line explain together: the one after the other, less what is at the same time.
    #[must_use]
    pub fn modelled(&self) -> f64 {
        self.computed + self.link - self.hidden
    }

    /// A time's share of the measured one.
    #[must_use]
    pub fn share(&self, milliseconds: f64) -> f64 {
        if self.measured > 0.0 {
            milliseconds / self.measured
        } else {
            0.0
        }
    }

    /// Share of the line in use: bits that passed, ten for a byte, over those that both directions could
    /// have carried in the measured time. None for a line without a speed.
    #[must_use]
    pub fn line_use(&self, baud: u32) -> Option<f64> {
        (baud > 0 && self.measured > 0.0)
            .then(|| self.bytes * 5.0 / f64::from(baud) * 1e3 / self.measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether two shares or times are equal but for rounding.
    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-12
    }

    fn time(measured: f64, computed: f64, link: f64) -> StepTime {
        StepTime {
            step: 1,
            measured,
            cycles: 1_000,
            computed,
            bytes: 500,
            link,
        }
    }

    #[test]
    fn of_no_step_there_is_no_split() {
        assert_eq!(Split::of(&[]), None);
    }

    #[test]
    fn what_neither_cycles_nor_line_explain_is_the_rest() {
        let split = Split::of(&[time(10.0, 4.0, 2.0), time(14.0, 4.0, 2.0)]).unwrap();
        assert_eq!((split.steps, split.measured), (2, 12.0));
        assert_eq!((split.rest, split.hidden), (6.0, 0.0));
        assert!(near(split.modelled(), 6.0));
        assert!(near(split.share(split.link), 2.0 / 12.0));
    }

    #[test]
    fn a_line_that_works_while_the_board_computes_is_counted_once() {
        let split = Split::of(&[time(10.0, 9.0, 3.0)]).unwrap();
        assert_eq!((split.rest, split.hidden), (0.0, 2.0));
        assert!(near(split.modelled(), 10.0));
    }

    #[test]
    fn a_model_of_the_line_above_the_measured_time_hides_no_more_than_was_computed() {
        let split = Split::of(&[time(520.0, 1.5, 528.0)]).unwrap();
        assert_eq!((split.rest, split.hidden), (0.0, 1.5));
        assert!(near(split.modelled(), 528.0));
    }

    #[test]
    fn a_line_is_hidden_as_a_whole_at_most() {
        // A measured time below the cycles' (an unpaced virtual board) hides the whole line.
        let split = Split::of(&[time(5.0, 9.0, 3.0)]).unwrap();
        assert_eq!((split.rest, split.hidden), (0.0, 3.0));
    }

    #[test]
    fn line_use_is_bits_over_what_would_have_passed() {
        // 500 bytes are 5,000 bits; in 10 ms a line of 1 Mbit/s carries 10,000 each way.
        let split = Split::of(&[time(10.0, 4.0, 2.0)]).unwrap();
        assert_eq!(split.line_use(1_000_000), Some(0.25));
        assert_eq!(split.line_use(0), None);
    }
}
