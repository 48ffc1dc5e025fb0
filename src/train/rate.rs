//! The learning rate of a step.

use super::config::{RateConfig, RateSchedule};
use crate::numeric::exact;

impl RateConfig {
    /// Rate of step `step` (from 0) of a run of `total` steps.
    #[must_use]
    pub fn at(&self, step: u64, total: u64) -> f32 {
        let warmup = u64::from(self.warmup_steps);
        let rise = if step < warmup {
            (step + 1) as f64 / warmup as f64
        } else {
            1.0
        };
        let done = step as f64 / total.max(1) as f64;
        let fall = match self.schedule {
            RateSchedule::Constant => 1.0,
            RateSchedule::Linear => 1.0 - done,
            RateSchedule::Cosine => 0.5 + 0.5 * exact::cos_turns(0.5 * done),
        };
        (f64::from(self.peak) * rise * fall.max(0.0)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(schedule: RateSchedule, warmup_steps: u32, step: u64) -> f32 {
        RateConfig {
            peak: 0.02,
            schedule,
            warmup_steps,
        }
        .at(step, 1000)
    }

    #[test]
    fn rates_rise_and_fall_as_named() {
        assert!((rate(RateSchedule::Constant, 0, 999) - 0.02).abs() < 1e-9);
        assert!((rate(RateSchedule::Linear, 0, 500) - 0.01).abs() < 1e-9);
        assert!((rate(RateSchedule::Cosine, 0, 500) - 0.01).abs() < 1e-9);
        assert!((rate(RateSchedule::Cosine, 0, 250) - 0.02 * 0.853_553_4).abs() < 1e-8);
        assert!((rate(RateSchedule::Constant, 100, 49) - 0.01).abs() < 1e-9);
    }
}
