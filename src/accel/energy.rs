//! Energy of a training step: counts times cost per event from a named table, and power at rest times
//! time. Modelled, not measured.
//!
//! | event | counted as |
//! | --- | --- |
//! | multiply | each multiply-accumulate, by the product of its operands' widths; [`UPDATE_MULTIPLIES`] of 32 x 32 bits for each parameter updated |
//! | add | one of 32 bits for each multiply-accumulate and for each value that an elementwise operation reads |
//! | SRAM | each bit that a memory on chip moves ([`super::traffic`]) |
//! | DRAM | each bit of a sample loaded; with external memory also each bit of activations and gradients |
//! | static | the device's power at rest times the step's time |

use serde::Serialize;

use super::job::width;
use super::machine::Memory;
use super::timing::{Element, StepTiming};
use super::traffic::{Traffic, traffic};
use crate::exec::fixed::FixedFormats;
use crate::program::{OpKind, Program};

/// Multiplications of 32 x 32 bits in the update of one parameter: two for each moment, the square, the
/// quotient by the root (counted as one) and the step.
pub const UPDATE_MULTIPLIES: u64 = 7;

/// Dynamic power of an FPGA over that of standard cells (Kuon and Rose, IEEE TCAD 26(2), 2007).
pub const FPGA_OVER_ASIC: f64 = 14.0;

/// A low and a high figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Span {
    /// The low figure.
    pub low: f64,
    /// The high figure.
    pub high: f64,
}

impl Span {
    fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            low: change(self.low),
            high: change(self.high),
        }
    }
}

/// Cost per event, in picojoules.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EnergyTable {
    /// Its name in options.
    pub name: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// A multiplication of 32 x 32 bits; others by the product of their widths.
    pub multiply_32: f64,
    /// An addition of 32 bits.
    pub add_32: f64,
    /// A bit read from or written to SRAM.
    pub sram_bit: f64,
    /// A bit read from or written to DRAM.
    pub dram_bit: Span,
}

/// All tables.
pub const TABLES: [EnergyTable; 2] = [
    EnergyTable {
        name: "horowitz-45nm",
        source: "M. Horowitz, Computing's energy problem, ISSCC 2014: 45 nm, 64 bits from 8 KB of SRAM 10 pJ, from DRAM 1.3 to 2.6 nJ",
        multiply_32: 3.1,
        add_32: 0.1,
        sram_bit: 10.0 / 64.0,
        dram_bit: Span {
            low: 1300.0 / 64.0,
            high: 2600.0 / 64.0,
        },
    },
    EnergyTable {
        name: "accelergy-40nm",
        source: "Accelergy's 40 nm table (from Aladdin) for multiplication and addition; memories as in horowitz-45nm",
        multiply_32: 8.63,
        add_32: 0.21,
        sram_bit: 10.0 / 64.0,
        dram_bit: Span {
            low: 1300.0 / 64.0,
            high: 2600.0 / 64.0,
        },
    },
];

impl EnergyTable {
    /// The table of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TABLES.into_iter().find(|table| table.name == name)
    }

    /// Picojoules of a multiplication of operands of these widths.
    #[must_use]
    pub fn multiply(&self, bits: [u32; 2]) -> f64 {
        self.multiply_32 * f64::from(bits[0] * bits[1]) / 1024.0
    }
}

/// Energy of a step in joules, by what it went to. All modelled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Energy {
    /// The table.
    pub table: EnergyTable,
    /// What multiplies, adds and SRAM were multiplied by: 1, or [`FPGA_OVER_ASIC`].
    pub factor: f64,
    /// Multiplications.
    pub multiply: f64,
    /// Additions.
    pub add: f64,
    /// Memories on chip.
    pub sram: f64,
    /// External memory.
    pub dram: Span,
    /// Power at rest times time.
    #[serde(rename = "static")]
    pub static_: f64,
    /// The whole step.
    pub total: Span,
    /// The whole step over its samples.
    pub per_sample: Span,
}

/// Energy of a step. With `fpga_factor` what happens on chip costs [`FPGA_OVER_ASIC`] times as much.
#[must_use]
pub fn energy(
    step: &StepTiming,
    program: &Program,
    formats: FixedFormats,
    table: EnergyTable,
    fpga_factor: bool,
) -> Energy {
    let (mut multiply, mut adds) = (0.0, 0);
    let mut moved = Traffic::default();
    for (ops, times) in step.parts() {
        for timing in ops {
            moved.add_times(&traffic(program, timing, &step.machine, formats), times);
            adds += times * timing.counters.macs;
            let Some(op) = timing.op else { continue };
            match &program.ops[op].kind {
                OpKind::Contract { a, b, .. } => {
                    let bits = [a, b].map(|view| width(program, formats, view.buffer));
                    multiply += (times * timing.counters.macs) as f64 * table.multiply(bits);
                }
                OpKind::Update { parameter, .. } => {
                    let values = times * program.buffer(*parameter).len as u64;
                    multiply += (UPDATE_MULTIPLIES * values) as f64 * table.multiply([32, 32]);
                }
                _ => {}
            }
            if timing.element == Element::Elementwise {
                adds += times * (timing.counters.reads + timing.counters.rereads);
            }
        }
    }
    let external = step.machine.memory != Memory::OnChip;
    let outside = moved.outside + if external { moved.activations } else { 0 };
    let factor = if fpga_factor { FPGA_OVER_ASIC } else { 1.0 };
    let on_chip = |picojoules: f64| picojoules * 1e-12 * factor;
    let multiply = on_chip(multiply);
    let add = on_chip(adds as f64 * table.add_32);
    let sram = on_chip((moved.total() - outside) as f64 * table.sram_bit);
    let dram = table.dram_bit.map(|bit| outside as f64 * bit * 1e-12);
    let static_ = step.machine.device.budget().static_watts * step.seconds();
    let total = dram.map(|dram| multiply + add + sram + dram + static_);
    Energy {
        table,
        factor,
        multiply,
        add,
        sram,
        dram,
        static_,
        total,
        per_sample: total.map(|joules| joules / step.batch.max(1) as f64),
    }
}
