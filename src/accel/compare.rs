//! Speed and energy against a processor. The processor's efficiency and the board's power are
//! assumptions that are always given; the published ratios stand beside, as published.

use serde::Serialize;

use super::timing::StepTiming;

/// Published speed of the accelerator over that of the embedded processor.
pub const PUBLISHED_SPEED_RATIO: f64 = 59.0;
/// Published energy of the embedded processor over that of the accelerator.
pub const PUBLISHED_ENERGY_RATIO: f64 = 123.0;

/// Share of the processor's peak that training is assumed to reach. Its contractions are small (16 values
/// long), so that calls, transposes and a cache of 512 KB leave little of the peak; large single-precision
/// products reach about half of it.
pub const DEFAULT_EFFICIENCY: f64 = 0.1;

/// A processor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Processor {
    /// Its name.
    pub name: &'static str,
    /// Peak of single-precision multiply-accumulates per second.
    pub macs_per_second: f64,
    /// Power at rest in watts.
    pub idle_watts: f64,
    /// Power under load in watts.
    pub loaded_watts: f64,
}

/// Raspberry Pi 3B: four Cortex-A53 at 1.2 GHz, two multiply-accumulates per core and cycle.
pub const RASPBERRY_PI_3B: Processor = Processor {
    name: "Raspberry Pi 3B, 4 x Cortex-A53 at 1.2 GHz",
    macs_per_second: 4.0 * 1.2e9 * 2.0,
    idle_watts: 1.4,
    loaded_watts: 3.7,
};

impl Processor {
    /// Power of the board that the published ratios imply: the processor's under load over 123/59.
    #[must_use]
    pub fn implied_board_watts(&self) -> f64 {
        self.loaded_watts * PUBLISHED_SPEED_RATIO / PUBLISHED_ENERGY_RATIO
    }
}

/// An accelerator against a processor on equal work. Modelled, but for what is named published.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The processor.
    pub processor: Processor,
    /// Share of its peak that it is assumed to reach.
    pub efficiency: f64,
    /// Power of the accelerator's board that is assumed, in watts.
    pub board_watts: f64,
    /// Seconds per sample on the processor.
    pub processor_seconds: f64,
    /// Seconds per sample on the accelerator.
    pub accelerator_seconds: f64,
    /// Processor's time over the accelerator's.
    pub speed_ratio: f64,
    /// Processor's energy under load over the board's.
    pub energy_ratio: f64,
    /// Efficiency at which the speed ratio would be the published one.
    pub implied_efficiency: f64,
    /// The published speed ratio.
    pub published_speed_ratio: f64,
    /// The published energy ratio.
    pub published_energy_ratio: f64,
}

/// Compares a step with the same multiply-accumulates on a processor.
///
/// # Errors
/// If the efficiency does not lie above 0 and at most at 1, or the power is not above 0 and at most 1000 W.
pub fn compare(
    step: &StepTiming,
    processor: Processor,
    efficiency: f64,
    board_watts: f64,
) -> Result<Comparison, String> {
    if !(efficiency > 0.0 && efficiency <= 1.0) {
        return Err(format!(
            "efficiency: {efficiency} is not accepted; choose a share of the peak above 0 and up to 1"
        ));
    }
    if !(board_watts > 0.0 && board_watts <= 1000.0) {
        return Err(format!(
            "board power: {board_watts} is not accepted; choose above 0 and up to 1000 W"
        ));
    }
    let batch = step.batch.max(1) as f64;
    let at_peak = step.counters().macs as f64 / batch / processor.macs_per_second;
    let accelerator_seconds = step.seconds() / batch;
    let processor_seconds = at_peak / efficiency;
    let speed_ratio = processor_seconds / accelerator_seconds;
    Ok(Comparison {
        processor,
        efficiency,
        board_watts,
        processor_seconds,
        accelerator_seconds,
        speed_ratio,
        energy_ratio: speed_ratio * processor.loaded_watts / board_watts,
        implied_efficiency: at_peak / (accelerator_seconds * PUBLISHED_SPEED_RATIO),
        published_speed_ratio: PUBLISHED_SPEED_RATIO,
        published_energy_ratio: PUBLISHED_ENERGY_RATIO,
    })
}

/// Speed of the accelerator over a measured one, in samples per second.
#[must_use]
pub fn against_measured(step: &StepTiming, samples_per_second: f64) -> f64 {
    step.batch as f64 / step.seconds() / samples_per_second
}
