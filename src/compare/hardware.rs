//! Arrays and widths for a network that is found already: phase II of E-RNN's exploration (HPCA 2019).
//!
//! That gates are straight lines costs no multiplier here; what it costs in accuracy only a run tells.

use serde::{Deserialize, Serialize};

use super::{Cost, Images, deployed};
use crate::accel::Machine;
use crate::accel::energy::EnergyTable;
use crate::methods::Squash;
use crate::train::ConfigError;
use crate::train::config::{Precision, RunConfig};

/// Arrays to choose from: lanes and rows.
pub const ARRAYS: [(usize, usize); 6] = [(8, 8), (16, 8), (16, 16), (32, 8), (32, 16), (32, 32)];
/// Widths of weights and activations to choose from.
pub const WIDTHS: [u8; 3] = [8, 12, 16];

/// An array at a width. Modelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// The hardware of a design on a machine with another array, array by array and width by width.
///
/// # Errors
/// If the configuration is not valid.
pub fn hardware(
    config: &RunConfig,
    images: Images,
    machine: &Machine,
    table: EnergyTable,
) -> Result<Vec<Hardware>, ConfigError> {
    let budget = machine.device.budget();
    let mut all = Vec::new();
    for bits in WIDTHS {
        let config = in_hardware(config, bits);
        let (network, steps) = deployed(&config, images)?;
        for array in ARRAYS {
            let machine = machine.clone().with_array(array.0, array.1);
            let (cost, _) = Cost::new(&config, (&network, steps), &machine, table);
            all.push(Hardware {
                array,
                bits,
                multipliers: ((array.0 * array.1) as u64, budget.multipliers),
                on_chip: cost.inference.on_chip,
                cycles: cost.inference.cycles,
                microseconds: cost.inference.microseconds,
                microjoules: cost.inference.microjoules,
            });
        }
    }
    Ok(all)
}

/// What is picked at a width: the fastest that fits, and of those as fast the smallest array.
#[must_use]
pub fn fastest(all: &[Hardware], bits: u8) -> Option<usize> {
    let fitting = all
        .iter()
        .enumerate()
        .filter(|(_, one)| one.bits == bits && one.fits());
    let best = fitting.min_by_key(|(_, one)| (one.cycles, one.multipliers.0));
    best.map(|(at, _)| at)
}
