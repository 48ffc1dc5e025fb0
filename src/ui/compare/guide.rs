//! How a recurrent network and its hardware are found as E-RNN does (HPCA 2019): phase I picks cell and
//! block under an accuracy floor, phase II processing elements and widths under a device's budget.
//!
//! Phase I compares runs: those stored and those of this visit. Phase II models: the array with the fewest
//! cycles whose multipliers and memories fit the device. That gates are straight lines costs no multiplier
//! here; what it costs in accuracy only a run tells.

use super::model::{Model, alike};
use super::standing::Candidate;
use crate::accel::Machine;
use crate::accel::energy::TABLES;
use crate::compare::{Cost, Images, Task};
use crate::methods::{CellKind, Squash};
use crate::train::config::{Precision, RunConfig};

/// Cells of phase I.
pub const CELLS: [CellKind; 2] = [CellKind::Lstm, CellKind::Gru];
/// Arrays of phase II: lanes and rows.
pub const ARRAYS: [(usize, usize); 6] = [(8, 8), (16, 8), (16, 16), (32, 8), (32, 16), (32, 32)];
/// Widths of weights and activations of phase II.
pub const WIDTHS: [u8; 3] = [8, 12, 16];

/// A design of phase I.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// The cell.
    pub cell: CellKind,
    /// Side of the circulant blocks.
    pub block: f32,
    /// Its configuration.
    pub config: RunConfig,
    /// The best of its runs on the images at hand, if there is one.
    pub run: Option<Candidate>,
}

/// A design of phase II.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// Lanes and rows of the array.
    pub array: (usize, usize),
    /// Bits of weights and activations.
    pub bits: u8,
    /// Multipliers (one DSP slice each, at these widths), and how many the device has.
    pub multipliers: (u64, u64),
    /// Whether weights fit the device's block RAM.
    pub on_chip: bool,
    /// Cycles of a sample.
    pub cycles: u64,
    /// Microseconds of a sample at the machine's clock.
    pub microseconds: f64,
    /// Microjoules of a sample.
    pub microjoules: f64,
}

impl Hardware {
    /// Whether the device has room for it.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.on_chip && self.multipliers.0 <= self.multipliers.1
    }
}

/// The line of a model that is trained toward circulant gates.
#[must_use]
pub fn line(model: &Model) -> Option<usize> {
    let toward = |line: &super::model::Line| {
        line.contender.task == Task::Rows && line.contender.after() == "E-RNN"
    };
    model.lines.iter().position(toward)
}

/// The designs of phase I.
#[must_use]
pub fn designs(model: &Model) -> Vec<Design> {
    let Some(at) = line(model) else {
        return Vec::new();
    };
    let line = &model.lines[at];
    let mut designs = Vec::new();
    for cell in CELLS {
        let candidates = model.candidates_of(at, cell);
        for &block in line.settings.iter().filter(|block| **block <= 32.0) {
            let config = line.contender.config(block, cell);
            let runs = candidates
                .iter()
                .filter(|one| alike(&one.config, &config) && !one.under_way);
            let best = runs.max_by(|a, b| a.accuracy.mean.total_cmp(&b.accuracy.mean));
            designs.push(Design {
                cell,
                block,
                config,
                run: best.cloned(),
            });
        }
    }
    designs
}

/// What phase I picks: the smallest network as accurate as the floor.
#[must_use]
pub fn picked(designs: &[Design], floor: f64) -> Option<usize> {
    let sound = designs.iter().enumerate().filter_map(|(at, design)| {
        let run = design.run.as_ref()?;
        (run.accuracy.mean >= floor).then_some((run.cost.parameter_bits, at))
    });
    sound.min().map(|(_, at)| at)
}

/// The run of a design in fixed point with straight-line gates, as the hardware would compute it.
#[must_use]
pub fn in_hardware(config: &RunConfig, bits: u8) -> RunConfig {
    let mut config = config.clone();
    config.precision = Precision::Fixed;
    config.bits.core = bits;
    config.bits.activation = bits;
    config.bits.master = config.bits.master.max(bits);
    if let Some(cell) = &mut config.network.cell {
        cell.squash = Squash::Pieces;
    }
    config
}

/// The hardware of a design, array by array and width by width.
#[must_use]
pub fn hardware(config: &RunConfig, machine: &Machine) -> Vec<Hardware> {
    let budget = machine.device.budget();
    let mut all = Vec::new();
    for bits in WIDTHS {
        let config = in_hardware(config, bits);
        for array in ARRAYS {
            let machine = machine.clone().with_array(array.0, array.1);
            let Ok((cost, _)) = Cost::deployed(&config, Images::MNIST, &machine, TABLES[0]) else {
                continue;
            };
            let multipliers = (array.0 * array.1) as u64;
            all.push(Hardware {
                array,
                bits,
                multipliers: (multipliers, budget.multipliers),
                on_chip: cost.inference.on_chip,
                cycles: cost.inference.cycles,
                microseconds: cost.inference.microseconds,
                microjoules: cost.inference.microjoules,
            });
        }
    }
    all
}

/// What phase II picks at a width: the fastest that fits, and of those as fast the smallest array.
#[must_use]
pub fn fastest(all: &[Hardware], bits: u8) -> Option<usize> {
    let fitting = all
        .iter()
        .enumerate()
        .filter(|(_, one)| one.bits == bits && one.fits());
    let best = fitting.min_by_key(|(_, one)| (one.cycles, one.multipliers.0));
    best.map(|(at, _)| at)
}
