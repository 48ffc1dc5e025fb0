//! The state machine that load, compute and store have in common.
//!
//! | state | in each cycle | next |
//! | --- | --- | --- |
//! | `Wait` | nothing, unless nothing blocks the phase: then its first cycle is this one | `Request`, `Work` |
//! | `Request` | external memory has not answered yet | `Work` after the latency |
//! | `Work` | the datapath's cycle: a beat, or the rest of an access | `Drain` after the last |
//! | `Drain` | the pipeline runs empty | `Wait` for the next tile after its depth, or `Done` |
//! | `Done` | nothing | |

use super::super::timing::{Cause, Phase, Stage, Tally};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Wait,
    Request,
    Work,
    Drain,
    Done,
}

/// What a datapath did in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Whether it was a beat; otherwise the rest of an access.
    pub beat: bool,
    /// Whether it was the phase's last.
    pub last: bool,
}

/// What a stage signals to its neighbours at the end of a cycle.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signals {
    /// A phase began in this cycle.
    pub began: bool,
    /// A phase ended with this cycle.
    pub ended: bool,
}

/// Parameters of a stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters {
    pub stage: Stage,
    pub tiles: u32,
    /// Cycles before the first word of a phase.
    pub latency: u32,
    /// Cycles after the last.
    pub depth: u32,
}

/// One stage's control with its counters.
#[derive(Clone, Debug)]
pub(super) struct Control {
    parameters: Parameters,
    // Registers.
    state: State,
    /// The tile it works on or waits for.
    pub tile: u32,
    /// Cycles left of the latency or the pipeline.
    left: u32,
    // What is observed.
    start: u64,
    conflict: u32,
    /// Cycles by cause.
    pub tally: Tally,
    /// Phases that have ended.
    pub phases: Vec<Phase>,
}

impl Control {
    pub fn new(parameters: Parameters) -> Self {
        Self {
            state: State::Wait,
            tile: 0,
            left: 0,
            start: 0,
            conflict: 0,
            tally: Tally::default(),
            phases: Vec::with_capacity(parameters.tiles as usize),
            parameters,
        }
    }

    /// Whether it is between two phases.
    #[inline]
    pub fn waits(&self) -> bool {
        self.state == State::Wait
    }

    /// Whether every tile has passed.
    #[inline]
    pub fn done(&self) -> bool {
        self.state == State::Done
    }

    /// One cycle. `blocked` says what a waiting phase waits for; `work` is a cycle of the datapath on a
    /// tile.
    #[inline]
    pub fn clock(
        &mut self,
        now: u64,
        blocked: Option<Cause>,
        work: impl FnOnce(u32) -> Step,
    ) -> Signals {
        let mut signals = Signals::default();
        if self.state == State::Wait {
            if let Some(cause) = blocked {
                // Before its first tile a stage fills.
                let cause = if self.tile == 0 {
                    Cause::FillDrain
                } else {
                    cause
                };
                self.tally.add(cause, 1);
                return signals;
            }
            signals.began = true;
            (self.start, self.conflict) = (now, 0);
            self.left = self.parameters.latency;
            self.state = if self.left > 0 {
                State::Request
            } else {
                State::Work
            };
        }
        match self.state {
            State::Request => {
                self.conflict += 1;
                self.tally.add(Cause::PortConflict, 1);
                self.left -= 1;
                if self.left == 0 {
                    self.state = State::Work;
                }
            }
            State::Work => {
                let step = work(self.tile);
                if step.beat {
                    self.tally.add(Cause::Busy, 1);
                } else {
                    self.conflict += 1;
                    self.tally.add(Cause::PortConflict, 1);
                }
                if step.last {
                    self.left = self.parameters.depth;
                    self.state = State::Drain;
                    if self.left == 0 {
                        signals.ended = self.end(now);
                    }
                }
            }
            State::Drain => {
                self.tally.add(Cause::FillDrain, 1);
                self.left -= 1;
                if self.left == 0 {
                    signals.ended = self.end(now);
                }
            }
            State::Wait | State::Done => self.tally.add(Cause::FillDrain, 1),
        }
        signals
    }

    fn end(&mut self, now: u64) -> bool {
        self.phases.push(Phase {
            stage: self.parameters.stage,
            tile: self.tile,
            start: self.start,
            end: now + 1,
            conflict: self.conflict,
            drain: self.parameters.depth,
        });
        self.tile += 1;
        self.state = if self.tile == self.parameters.tiles {
            State::Done
        } else {
            State::Wait
        };
        true
    }
}
