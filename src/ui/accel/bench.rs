//! How fast the event engine times training steps in this browser.

use serde::Serialize;

use crate::accel::machine::{Machine, PRESETS};
use crate::accel::time;
use crate::program::{NetworkShape, Schedule, compile};
use crate::train::config::{Precision, Preset, RunConfig};

/// Speed of the event engine on one machine and schedule.
#[derive(Serialize)]
pub struct EventSpeed {
    engine: &'static str,
    machine: &'static str,
    schedule: Schedule,
    /// Cycles of one step.
    step_cycles: u64,
    /// Simulated cycles per second of wall time.
    cycles_per_second: f64,
}

/// Times steps of preset `paper` on every preset machine for about so long each; `now` is a clock in
/// milliseconds.
pub fn speeds(milliseconds: f64, now: impl Fn() -> f64) -> Vec<EventSpeed> {
    let config = RunConfig::preset(Preset::Paper, Precision::Fixed);
    let Ok(layers) = config.shapes() else {
        return vec![];
    };
    let network = NetworkShape {
        exponents: vec![0; layers.len()],
        layers,
        classes: 10,
    };
    let formats = config.fixed_formats();
    let mut found = vec![];
    for machine in PRESETS {
        for schedule in [Schedule::Paper, Schedule::Planned] {
            let program = compile(&network, schedule, config.batch);
            let Some(preset) = Machine::preset(machine) else {
                continue;
            };
            let (start, mut cycles, mut steps) = (now(), 0, 0_u32);
            let mut elapsed = 0.0;
            while elapsed < milliseconds {
                cycles += time(&program, &preset, formats).map_or(0, |step| step.cycles());
                steps += 1;
                elapsed = now() - start;
            }
            found.push(EventSpeed {
                engine: "event",
                machine,
                schedule,
                step_cycles: cycles / u64::from(steps.max(1)),
                cycles_per_second: cycles as f64 * 1000.0 / elapsed.max(1.0),
            });
        }
    }
    found
}
