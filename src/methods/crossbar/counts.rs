//! What a matrix takes on crossbars: cells, reads, conversions, buffers, time and energy.

use serde::{Deserialize, Serialize};

use super::{Device, Layout, Scheme};
use crate::methods::circulant::Blocks;

/// Counts of one inference through one or several matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Crossbars.
    pub crossbars: u64,
    /// Cells of these.
    pub capacity: u64,
    /// Cells that hold a weight's bits, or a copy's.
    pub cells: u64,
    /// Reads: one crossbar, one bit of its inputs, all its columns at once.
    pub reads: u64,
    /// Reads one after the other; crossbars of a matrix are read together, matrices in turn.
    pub turns: u64,
    /// Rows driven, those whose input bit is 0 among them.
    pub driven: u64,
    /// Cells that take part in a read, over all reads.
    pub sensed: u64,
    /// Conversions of a column's current, each of which is shifted and added once.
    pub conversions: u64,
    /// Bytes of input registers and of sums at the outputs.
    pub buffer_bytes: u64,
    /// Bytes of inputs fetched into the registers.
    pub fetched_bytes: u64,
}

/// Time of a read, in which the converters take all columns; as ISAAC's cycle.
const READ_NS: f64 = 100.0;

impl Counts {
    /// Counts of a matrix of these blocks.
    #[must_use]
    pub fn new(device: &Device, scheme: Scheme, blocks: Blocks) -> Self {
        let layout = Layout::new(device, scheme, blocks);
        let [rows, block_rows, down, across, copies, turns] = [
            layout.rows,
            layout.block_rows,
            layout.down,
            layout.across,
            layout.copies,
            layout.turns,
        ]
        .map(|count| count as u64);
        let slices = device.slices() as u64;
        let bits = u64::from(device.input_bits);
        let turns = turns * bits;
        let columns = block_rows * copies * slices;
        let cells = rows * columns;
        // Registers: a slice of the inputs beside each crossbar, or one for all that stand beside each other.
        let registers = if scheme >= Scheme::Sharing { 1 } else { across };
        let held = rows * registers * bits;
        let fetches = if scheme == Scheme::Dense || scheme >= Scheme::Reuse {
            1
        } else {
            layout.turns as u64
        };
        // A sum of as many products as there are rows.
        let sum_bits = u64::from(device.weight_bits) + bits + u64::from(rows.max(1).ilog2()) + 1;
        let sums = blocks.outputs as u64 * sum_bits;
        Self {
            crossbars: down * across,
            capacity: down * across * (device.rows * device.columns) as u64,
            cells,
            reads: down * across * turns,
            turns,
            driven: rows * across * turns,
            sensed: cells * turns,
            conversions: down * columns * turns,
            buffer_bytes: (held + sums).div_ceil(8),
            fetched_bytes: (held * fetches).div_ceil(8),
        }
    }

    /// Share of the cells that is used, 0 to 1.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        self.cells as f64 / self.capacity.max(1) as f64
    }

    /// Time of an inference in seconds, if nothing but reads takes time.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.turns as f64 * READ_NS * 1e-9
    }

    /// Energy of an inference with converters as `device` has.
    #[must_use]
    pub fn energy(&self, device: &Device, of: &Energies) -> Energy {
        let steps = i32::from(device.resolution()) - 8;
        let conversion = of.conversion * crate::numeric::exact::pow2_f64(steps);
        Energy {
            cells: self.sensed as f64 * of.cell,
            rows: self.driven as f64 * of.row,
            conversions: self.conversions as f64 * conversion,
            adds: self.conversions as f64 * of.add,
            fetches: self.fetched_bytes as f64 * of.fetched_byte,
        }
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            crossbars: self.crossbars + other.crossbars,
            capacity: self.capacity + other.capacity,
            cells: self.cells + other.cells,
            reads: self.reads + other.reads,
            turns: self.turns + other.turns,
            driven: self.driven + other.driven,
            sensed: self.sensed + other.sensed,
            conversions: self.conversions + other.conversions,
            buffer_bytes: self.buffer_bytes + other.buffer_bytes,
            fetched_bytes: self.fetched_bytes + other.fetched_bytes,
        }
    }
}

/// Energies of events in joules.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Energies {
    /// A cell that takes part in a read.
    pub cell: f64,
    /// A row driven by a bit.
    pub row: f64,
    /// A conversion of 8 bits; twice as much for each bit more (ours).
    pub conversion: f64,
    /// A shift and an addition of what was converted.
    pub add: f64,
    /// A byte of inputs fetched from the embedded memory.
    pub fetched_byte: f64,
}

impl Energies {
    /// Assumed (ours), for 32 nm: conversion, addition and fetch as the public `hwcomponents-library`
    /// (Accelergy) derives them for ISAAC (Shafiee et al., ISCA 2016); cell and row by our own estimate of
    /// such an array's power, which was not checked against the paper. Leakage, the sample-and-hold circuits
    /// (10 uW), writing of cells and everything between tiles are left out.
    pub const ASSUMED: Self = Self {
        // 8 arrays of 128 x 128 cells: 2.4 mW, a read in 100 ns; 30 pJ a read, shared by all cells.
        cell: 2.4e-3 / 8.0 * 100e-9 / (128.0 * 128.0),
        // 8 x 128 drivers: 4 mW, a bit in 100 ns.
        row: 4e-3 / (8.0 * 128.0) * 100e-9,
        // 8 converters of 8 bits and 1.2 giga samples per second: 16 mW.
        conversion: 16e-3 / (8.0 * 1.2e9),
        // All shift-and-add units beside those converters: 0.2 mW.
        add: 0.2e-3 / (8.0 * 1.2e9),
        // 20.45 pJ for 256 bits.
        fetched_byte: 20.45e-12 / 32.0,
    };
}

/// Energy of an inference in joules, by what takes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Cells.
    pub cells: f64,
    /// Drivers of rows.
    pub rows: f64,
    /// Converters.
    pub conversions: f64,
    /// Shifts and additions.
    pub adds: f64,
    /// Fetches of inputs.
    pub fetches: f64,
}

impl Energy {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.cells + self.rows + self.conversions + self.adds + self.fetches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The padded network 896-512-16 on the default device.
    fn network(scheme: Scheme, side: usize) -> Counts {
        let device = Device::default();
        let layer = |n, m| Counts::new(&device, scheme, Blocks::new(n, m, side));
        layer(896, 512) + layer(512, 16)
    }

    #[test]
    fn a_dense_layer_takes_the_crossbars_of_its_cells() {
        let found = Counts::new(&Device::default(), Scheme::Dense, Blocks::new(896, 512, 8));
        // 7 x 128 rows and 512 x 4 = 16 x 128 columns, all full; 8 bits of inputs.
        assert_eq!(found.crossbars, 7 * 16);
        assert!((found.utilisation() - 1.0).abs() < 1e-12);
        assert_eq!((found.turns, found.reads), (8, 8 * 112));
        assert_eq!(found.conversions, 7 * 2048 * 8);
        // Each crossbar fetches its 128 inputs.
        assert_eq!(found.fetched_bytes, 112 * 128);
    }

    #[test]
    fn each_step_does_what_it_says() {
        for side in [8, 16, 32, 64, 128] {
            let [dense, circulant, slicing, duplication, reuse, sharing] =
                Scheme::ALL.map(|scheme| network(scheme, side));
            assert!(circulant.crossbars < dense.crossbars);
            // Slicing: fewer crossbars, better used, the same reads one after the other.
            assert!(slicing.crossbars < circulant.crossbars, "{side}");
            assert!(slicing.utilisation() > circulant.utilisation());
            assert_eq!(
                (slicing.turns, slicing.cells),
                (circulant.turns, circulant.cells)
            );
            // Duplication: the same crossbars, better used, fewer reads.
            assert_eq!(duplication.crossbars, slicing.crossbars);
            assert!(duplication.utilisation() > slicing.utilisation());
            assert!(duplication.turns < slicing.turns);
            // Reuse and sharing: the same cells and reads, less fetched; sharing: less held.
            assert_eq!(
                (reuse.cells, reuse.reads),
                (duplication.cells, duplication.reads)
            );
            assert!(reuse.fetched_bytes < duplication.fetched_bytes);
            assert!(sharing.fetched_bytes <= reuse.fetched_bytes);
            assert!(sharing.buffer_bytes <= reuse.buffer_bytes);
            // Every output is a dot product over all inputs, however its cells are arranged.
            for other in [circulant, slicing, duplication, reuse, sharing] {
                assert_eq!(other.conversions, dense.conversions);
            }
        }
    }

    #[test]
    fn a_full_read_takes_the_assumed_power_times_its_time() {
        // One crossbar, full: 128 inputs, 32 outputs of 8 bits; one bit of inputs, one read.
        let device = Device {
            input_bits: 1,
            ..Device::default()
        };
        let found = Counts::new(&device, Scheme::Dense, Blocks::new(128, 32, 1));
        assert_eq!(
            (found.crossbars, found.reads, found.conversions),
            (1, 1, 128)
        );
        let energy = found.energy(&device, &Energies::ASSUMED);
        assert!((energy.cells - 30e-12).abs() < 1e-15);
        assert!((energy.rows - 50e-12).abs() < 1e-15);
        // 128 conversions of 8 bits at 1.67 pJ.
        assert!((energy.conversions - 213.3e-12).abs() < 1e-13);
        let wide = Device {
            converter_bits: Some(9),
            ..device
        };
        let wide = found.energy(&wide, &Energies::ASSUMED);
        assert!((wide.conversions - 2.0 * energy.conversions).abs() < 1e-18);
    }

    /// Run by hand with `--run-ignored only --no-capture table`.
    #[test]
    #[ignore = "a table"]
    fn the_table_of_the_padded_network() {
        println!(
            "| block | scheme | crossbars | used | reads | in turn | buffers, bytes | fetched, bytes | us | nJ |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for side in [8, 16, 32, 64] {
            for scheme in Scheme::ALL {
                let found = network(scheme, side);
                println!(
                    "| {side} | {} | {} | {:.1} % | {} | {} | {} | {} | {:.1} | {:.1} |",
                    scheme.title(),
                    found.crossbars,
                    100.0 * found.utilisation(),
                    found.reads,
                    found.turns,
                    found.buffer_bytes,
                    found.fetched_bytes,
                    1e6 * found.seconds(),
                    1e9 * found.energy(&Device::default(), &Energies::ASSUMED).total()
                );
            }
        }
    }
}
