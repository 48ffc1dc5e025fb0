//! What both engines say of an operation and of a whole step: every phase of every tile, where every
//! cycle went, and what was counted.

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::program::{Part, Pass};

/// An element of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Element {
    /// Brings a sample's values in.
    Input,
    /// Contracts the innermost index: its lanes are summed (PE1).
    Last,
    /// Contracts other indices: its lanes run along a free one (PE2).
    Middle,
    /// Outer products (PE3).
    Outer,
    /// Bias, `ReLU`, softmax, sums, rounding of sums, updates.
    Elementwise,
}

/// A stage of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Memory to input buffer.
    Load,
    /// Input buffer through the array to output buffer.
    Compute,
    /// Output buffer to memory.
    Store,
}

/// One stage of one element: a row of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Track {
    /// The element.
    pub element: Element,
    /// Its stage.
    pub stage: Stage,
}

/// All tracks, in the order they are shown. An element with one stage has a compute track (the input
/// a load track).
pub const TRACKS: [Track; 9] = [
    Track::new(Element::Input, Stage::Load),
    Track::new(Element::Last, Stage::Load),
    Track::new(Element::Last, Stage::Compute),
    Track::new(Element::Last, Stage::Store),
    Track::new(Element::Middle, Stage::Load),
    Track::new(Element::Middle, Stage::Compute),
    Track::new(Element::Middle, Stage::Store),
    Track::new(Element::Outer, Stage::Compute),
    Track::new(Element::Elementwise, Stage::Compute),
];

impl Track {
    /// A stage of an element.
    #[must_use]
    pub const fn new(element: Element, stage: Stage) -> Self {
        Self { element, stage }
    }

    /// Its place in [`TRACKS`].
    #[must_use]
    pub fn index(self) -> usize {
        TRACKS.iter().position(|&track| track == self).unwrap_or(0)
    }

    /// Its name in counters and traces, such as `PE1.load`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.element, self.stage) {
            (Element::Input, _) => "input",
            (Element::Last, Stage::Load) => "PE1.load",
            (Element::Last, Stage::Compute) => "PE1.compute",
            (Element::Last, Stage::Store) => "PE1.store",
            (Element::Middle, Stage::Load) => "PE2.load",
            (Element::Middle, Stage::Compute) => "PE2.compute",
            (Element::Middle, Stage::Store) => "PE2.store",
            (Element::Outer, _) => "PE3",
            (Element::Elementwise, _) => "elementwise",
        }
    }
}

/// What a track did in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A beat: an access or a row of products.
    Busy,
    /// Waited for its tile to be loaded.
    LoadBound,
    /// Waited for the array: a load for a free input buffer, a store for results.
    ComputeBound,
    /// Waited for a store: a free output buffer, or (without overlap) the end of the tile before.
    StoreBound,
    /// A pipeline filling or draining: before the stage's first tile, after its last, and each phase's
    /// depth.
    FillDrain,
    /// More than one value of an access in one bank, a narrow or slow port, or a port that another
    /// stage held.
    PortConflict,
    /// Another element's operation was running.
    Idle,
}

/// All causes, in the order they are shown.
pub const CAUSES: [Cause; 7] = [
    Cause::Busy,
    Cause::LoadBound,
    Cause::ComputeBound,
    Cause::StoreBound,
    Cause::FillDrain,
    Cause::PortConflict,
    Cause::Idle,
];

impl Cause {
    /// Its name in counters, tables and traces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::LoadBound => "load-bound",
            Self::ComputeBound => "compute-bound",
            Self::StoreBound => "store-bound",
            Self::FillDrain => "fill-drain",
            Self::PortConflict => "port-conflict",
            Self::Idle => "idle",
        }
    }
}

/// Cycles by cause. They sum to the cycles of what is tallied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally(pub [u64; CAUSES.len()]);

impl Tally {
    /// Adds cycles.
    pub fn add(&mut self, cause: Cause, cycles: u64) {
        self.0[cause as usize] += cycles;
    }

    /// Adds another tally `times` times.
    pub fn add_times(&mut self, other: &Self, times: u64) {
        for (sum, cycles) in self.0.iter_mut().zip(other.0) {
            *sum += cycles * times;
        }
    }

    /// Cycles of one cause.
    #[must_use]
    pub fn of(&self, cause: Cause) -> u64 {
        self.0[cause as usize]
    }

    /// All cycles.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// One stage working on one tile. Times are cycles from the operation's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Which stage.
    pub stage: Stage,
    /// Which tile, from 0, in the order they run.
    pub tile: u32,
    /// First cycle.
    pub start: u64,
    /// The cycle after the last.
    pub end: u64,
    /// Cycles among them that accesses took beyond one each.
    pub conflict: u32,
    /// Cycles at the end in which the pipeline drains.
    pub drain: u32,
}

/// What was moved and multiplied. Values, not bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Reads of operands, each value once: what the Program counts.
    pub reads: u64,
    /// Further reads of values already read: a weight for each tile, a logit for each pass.
    pub rereads: u64,
    /// Writes of results: what the Program counts.
    pub writes: u64,
    /// Reads and writes of the optimiser's state, which the Program does not hold.
    pub state: u64,
}

impl Counters {
    /// Adds others `times` times.
    pub fn add_times(&mut self, other: &Self, times: u64) {
        self.macs += other.macs * times;
        self.reads += other.reads * times;
        self.rereads += other.rereads * times;
        self.writes += other.writes * times;
        self.state += other.state * times;
    }
}

/// One operation in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpTiming {
    /// The operation's place in the Program, or none for the loading of a sample.
    pub op: Option<usize>,
    /// Its name.
    pub name: String,
    /// When it runs.
    pub part: Part,
    /// What it is for.
    pub pass: Pass,
    /// The layer it belongs to.
    pub layer: usize,
    /// The element it runs on.
    pub element: Element,
    /// Its loops as the element sees them, such as `A 28 B 32 C 16 D 32`.
    pub shape: String,
    /// Number of tiles.
    pub tiles: u32,
    /// Tiles of one group of lanes, which [`super::machine::Overlap::Groups`] lets overlap.
    pub group: u32,
    /// Whether its results go through the transposer.
    pub transposed: bool,
    /// Cycles from its first to its last.
    pub cycles: u64,
    /// Beats of the array (or of the elementwise lanes).
    pub beats: u64,
    /// All phases: load, compute and store of the first tile, then of the next; for an element with one
    /// stage, its one phase.
    pub phases: Vec<Phase>,
    /// Where the cycles of load, compute and store went.
    pub tallies: [Tally; 3],
    /// What was counted.
    pub counters: Counters,
}

impl OpTiming {
    /// The phase of a tile in a stage.
    #[must_use]
    pub fn phase(&self, stage: Stage, tile: u32) -> Option<&Phase> {
        if self.staged() {
            self.phases.get(3 * tile as usize + stage as usize)
        } else {
            let phase = self.phases.get(tile as usize)?;
            (phase.stage == stage).then_some(phase)
        }
    }

    /// Whether the element has three stages.
    #[must_use]
    pub fn staged(&self) -> bool {
        matches!(self.element, Element::Last | Element::Middle)
    }

    /// The tracks it uses, with its tallies.
    pub fn tracks(&self) -> impl Iterator<Item = (Track, &Tally)> {
        TRACKS
            .iter()
            .filter(|track| track.element == self.element)
            .map(|&track| (track, &self.tallies[track.stage as usize]))
    }
}

/// A whole training step in time.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTiming {
    /// The machine.
    pub machine: Machine,
    /// Samples per batch.
    pub batch: usize,
    /// Operations once per batch before the samples.
    pub before: Vec<OpTiming>,
    /// Operations once per sample; the first loads it.
    pub sample: Vec<OpTiming>,
    /// Operations once per batch after the samples.
    pub after: Vec<OpTiming>,
}

impl StepTiming {
    /// The operations of the three parts with how often each part runs.
    #[must_use]
    pub fn parts(&self) -> [(&[OpTiming], u64); 3] {
        [
            (&self.before[..], 1),
            (&self.sample[..], self.batch as u64),
            (&self.after[..], 1),
        ]
    }

    /// Cycles of one sample.
    #[must_use]
    pub fn sample_cycles(&self) -> u64 {
        self.sample.iter().map(|op| op.cycles).sum()
    }

    /// Cycles once per batch: before and after the samples.
    #[must_use]
    pub fn batch_cycles(&self) -> u64 {
        self.before
            .iter()
            .chain(&self.after)
            .map(|op| op.cycles)
            .sum()
    }

    /// Cycles of the whole step.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.batch_cycles() + self.sample_cycles() * self.batch as u64
    }

    /// Seconds of the whole step at the machine's clock.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.cycles() as f64 / (self.machine.clock_mhz * 1e6)
    }

    /// What was counted in the whole step.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut all = Counters::default();
        for (ops, times) in self.parts() {
            for op in ops {
                all.add_times(&op.counters, times);
            }
        }
        all
    }

    /// Where every cycle of the step went, track by track in the order of [`TRACKS`]. Each sums to
    /// [`Self::cycles`].
    #[must_use]
    pub fn tallies(&self) -> [Tally; TRACKS.len()] {
        let mut all = [Tally::default(); TRACKS.len()];
        for (ops, times) in self.parts() {
            for op in ops {
                for (tally, track) in all.iter_mut().zip(TRACKS) {
                    if track.element == op.element {
                        tally.add_times(&op.tallies[track.stage as usize], times);
                    } else {
                        tally.add(Cause::Idle, op.cycles * times);
                    }
                }
            }
        }
        all
    }
}
