//! One sample's forward pass of a method's network on a machine's array: cycles and energy. Modelled, and
//! simpler than the engines that time a Program, so that all methods stand side by side (ours).
//!
//! Layers run one after another, and so do the units of a layer (a circulant layer's transforms and its
//! products). Each unit has the whole array, lanes x rows multipliers, and as many adders and shifters:
//!
//! - products that lie together fill `together / (ceil(together / lanes) lanes)` of the lanes;
//! - a unit takes as many cycles as the longest of its products, its other additions and its shifts;
//! - weights are read once a sample, at their stored width: from block RAM if all of them fit there, else
//!   from external memory; each value that a layer takes or gives moves once through block RAM.

use serde::{Deserialize, Serialize};

use crate::accel::Machine;
use crate::accel::energy::EnergyTable;
use crate::methods::{Network, Unit};

/// Modelled cost of one sample's forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inference {
    /// Cycles of the array.
    pub cycles: u64,
    /// Microseconds at the machine's clock.
    pub microseconds: f64,
    /// Share of the multipliers' cycles that multiply.
    pub utilisation: f64,
    /// Whether all weights fit the device's block RAM.
    pub on_chip: bool,
    /// Energy in microjoules: arithmetic, block RAM and external memory (the mean of the table's span).
    pub microjoules: f64,
    /// Its part for external memory.
    pub external_microjoules: f64,
}

/// A unit of a layer's hardware on a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The layer, from 0.
    pub layer: u32,
    /// What it is, such as `FFT`.
    pub name: String,
    /// How often a sample needs it: once, or in each time step.
    pub times: u64,
    /// Cycles each time.
    pub cycles: u64,
    /// Multiplications each time.
    pub multiplies: u64,
    /// Products that lie together, so that neighbouring lanes can take them at once.
    pub together: u64,
}

/// A network's hardware: units that a sample goes through one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its units, layer by layer.
    pub stages: Vec<Stage>,
}

impl Pipeline {
    /// That of a network over `time_steps`.
    #[must_use]
    pub fn new(network: &Network, time_steps: u64, machine: &Machine) -> Self {
        let (lanes, rows) = (machine.lanes as u64, machine.rows as u64);
        let layers = network.timed(time_steps).enumerate();
        let stages = layers.flat_map(|(layer, (times, operator))| {
            operator.units().into_iter().map(move |unit| Stage {
                layer: layer as u32,
                name: unit.name.into(),
                times,
                cycles: unit_cycles(&unit, lanes, rows),
                multiplies: unit.work.multiplies,
                together: unit.together,
            })
        });
        Self {
            stages: stages.collect(),
        }
    }

    /// Cycles of one sample, its units one after another.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.stages
            .iter()
            .map(|stage| stage.times * stage.cycles)
            .sum()
    }

    /// Cycles from one sample to the next, if every unit had an array of its own and took the next sample
    /// when it is done with one.
    #[must_use]
    pub fn interval(&self) -> u64 {
        let each = self.stages.iter().map(|stage| stage.times * stage.cycles);
        each.max().unwrap_or(0)
    }
}

impl Pipeline {
    /// Share of the lanes that are filled on a processor with vectors of so many values, as in a mobile
    /// phone, 0 to 1: products that lie together are taken as many at a time.
    #[must_use]
    pub fn filled(&self, width: u64) -> f64 {
        let products = |stage: &Stage| stage.times * stage.multiplies;
        let lanes = |stage: &Stage| {
            let together = stage.together.max(1);
            let groups = products(stage).div_ceil(together);
            groups * together.next_multiple_of(width.max(1))
        };
        let all: u64 = self.stages.iter().map(lanes).sum();
        self.stages.iter().map(products).sum::<u64>() as f64 / all.max(1) as f64
    }
}

/// Cycles of a unit on lanes x rows multipliers.
#[must_use]
pub fn unit_cycles(unit: &Unit, lanes: u64, rows: u64) -> u64 {
    let together = unit.together.max(1);
    // Whole passes over the lanes for what lies together, and as many such groups as there are.
    let groups = unit.work.multiplies.div_ceil(together);
    let products = (groups * together.div_ceil(lanes)).div_ceil(rows);
    let others = unit.work.adds.saturating_sub(unit.work.multiplies);
    let others = others.div_ceil(lanes * rows);
    let shifts = unit.work.shifts.div_ceil(lanes * rows);
    products.max(others).max(shifts)
}

/// The cost of a sample's forward pass, over `time_steps` of a recurrent network; weights and activations
/// of these widths.
#[must_use]
pub fn inference(
    network: &Network,
    time_steps: u64,
    [weight_bits, activation_bits]: [u32; 2],
    machine: &Machine,
    table: EnergyTable,
) -> Inference {
    let (lanes, rows) = (machine.lanes as u64, machine.rows as u64);
    let budget = machine.device.budget();
    let storage = network.storage();
    let on_chip = storage.bits() <= budget.block_ram_blocks * budget.block_bits;
    let (mut cycles, mut multiplies, mut picojoules, mut external) = (0, 0, 0.0, 0.0);
    for (times, operator) in network.timed(time_steps) {
        for unit in operator.units() {
            cycles += times * unit_cycles(&unit, lanes, rows);
            multiplies += times * unit.work.multiplies;
            let each = unit.work.multiplies as f64 * table.multiply([weight_bits, activation_bits])
                + (unit.work.adds + unit.work.shifts) as f64 * table.add_32;
            picojoules += times as f64 * each;
        }
        let (inputs, outputs) = operator.sides();
        let moved = (inputs + outputs) as f64 * f64::from(activation_bits);
        picojoules += times as f64 * moved * table.sram_bit;
        // A recurrent layer's weights are read anew in each time step.
        let weights = times as f64 * operator.storage().bits() as f64;
        if on_chip {
            picojoules += weights * table.sram_bit;
        } else {
            external += weights * f64::midpoint(table.dram_bit.low, table.dram_bit.high);
        }
    }
    Inference {
        cycles,
        microseconds: cycles as f64 / machine.clock_mhz,
        utilisation: multiplies as f64 / (cycles * lanes * rows).max(1) as f64,
        on_chip,
        microjoules: (picojoules + external) * 1e-6,
        external_microjoules: external * 1e-6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::Work;

    #[test]
    fn lanes_that_nothing_fills_stand_idle() {
        let unit = |together| Unit {
            name: "products",
            work: Work {
                multiplies: 1600,
                adds: 1600,
                shifts: 0,
            },
            together,
        };
        // 16 lanes x 4 rows: 1600 / 64 cycles when full, twice as many when half of each pass is empty.
        assert_eq!(unit_cycles(&unit(160), 16, 4), 25);
        assert_eq!(unit_cycles(&unit(8), 16, 4), 50);
        assert_eq!(unit_cycles(&unit(20), 16, 4), 40);
    }

    #[test]
    fn vectors_are_filled_as_far_as_products_lie_together() {
        let stage = |multiplies, together| Stage {
            layer: 0,
            name: "products".into(),
            times: 2,
            cycles: 1,
            multiplies,
            together,
        };
        let pipeline = |stages: &[Stage]| Pipeline {
            stages: stages.to_vec(),
        };
        let four_rows = pipeline(&[stage(400, 4)]);
        for (width, share) in [(1, 1.0), (4, 1.0), (8, 0.5), (16, 0.25)] {
            assert!((four_rows.filled(width) - share).abs() < 1e-12, "{width}");
        }
        // 12 of 16, and 4 of 4.
        let both = pipeline(&[stage(12, 12), stage(4, 4)]);
        assert!((both.filled(16) - 16.0 / 32.0).abs() < 1e-12);
        assert!((both.filled(4) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_longest_of_products_and_shifts_counts() {
        let unit = Unit {
            name: "rebuild",
            work: Work {
                multiplies: 64,
                adds: 64,
                shifts: 640,
            },
            together: 64,
        };
        assert_eq!(unit_cycles(&unit, 16, 4), 10);
    }
}
