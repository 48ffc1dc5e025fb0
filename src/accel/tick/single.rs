//! The control of an element with one stage: its phase begins with the operation.

use super::super::timing::{Cause, OpTiming, Stage};
use super::stage::{Control, Parameters, Step};

/// One stage, and the cycles in which there were no others.
pub(super) struct Single {
    control: Control,
    stage: Stage,
    now: u64,
}

impl Single {
    /// A stage with a latency before and a pipeline after its beats.
    pub fn new(stage: Stage, latency: u32, depth: u32) -> Self {
        Self {
            control: Control::new(Parameters {
                stage,
                tiles: 1,
                latency,
                depth,
            }),
            stage,
            now: 0,
        }
    }

    /// Whether the operation still runs.
    pub fn runs(&self) -> bool {
        !self.control.done()
    }

    /// One cycle; `work` is the datapath's.
    #[inline]
    pub fn clock(&mut self, work: impl FnOnce() -> Step) {
        self.control.clock(self.now, None, |_| work());
        self.now += 1;
    }

    /// Writes phase, cycles and tallies.
    pub fn report(self, timing: &mut OpTiming) {
        for tally in &mut timing.tallies {
            // Stages that the element lacks.
            tally.add(Cause::FillDrain, self.now);
        }
        timing.cycles = self.now;
        timing.beats = self.control.tally.of(Cause::Busy);
        timing.tallies[self.stage as usize] = self.control.tally;
        timing.phases = self.control.phases;
    }
}
