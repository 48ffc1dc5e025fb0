//! Roofline: what limits each operation, the multipliers or the memory's ports.

use serde::Serialize;

use super::machine::{Machine, Memory};
use super::timing::StepTiming;
use super::traffic::traffic;
use crate::exec::fixed::FixedFormats;
use crate::program::Program;

/// What an operation could at most be limited by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// The multipliers.
    Compute,
    /// The ports of the memory of activations and gradients.
    Memory,
}

/// One operation, or the whole step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RooflinePoint {
    /// Its name.
    pub name: String,
    /// Multiply-accumulates: of one run of the operation, or of the whole step.
    pub macs: u64,
    /// Bytes through the ports.
    pub bytes: f64,
    /// Multiply-accumulates per byte.
    pub macs_per_byte: f64,
    /// Multiply-accumulates per cycle as timed.
    pub macs_per_cycle: f64,
    /// Multiply-accumulates per cycle that the roof allows.
    pub roof: f64,
    /// Which part of the roof it lies under.
    pub bound: Bound,
}

/// A step under the machine's roof.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Roofline {
    /// Multiply-accumulates per cycle of the array.
    pub peak_macs_per_cycle: f64,
    /// Bytes per cycle of the ports, loads and stores together.
    pub bytes_per_cycle: f64,
    /// Multiply-accumulates per byte from which the array is the limit.
    pub ridge: f64,
    /// The operations that multiply, before, sample, after.
    pub ops: Vec<RooflinePoint>,
    /// The whole step, its elementwise operations included.
    pub whole: RooflinePoint,
}

/// Bytes per cycle of the ports of activations and gradients: a load and a store of the widest value at
/// once, one of them if they share a port; of external memory, its bandwidth.
#[must_use]
pub fn port_bytes(machine: &Machine, formats: FixedFormats) -> f64 {
    let bits = f64::from(formats.activation.max(formats.gradient));
    match machine.memory {
        Memory::OnChip => {
            let values = machine.input_width() as f64;
            values * bits / 8.0 * if machine.ports.shared { 1.0 } else { 2.0 }
        }
        Memory::External {
            bytes_per_cycle, ..
        } => f64::from(bytes_per_cycle),
    }
}

/// A step under its machine's roof.
#[must_use]
pub fn roofline(step: &StepTiming, program: &Program, formats: FixedFormats) -> Roofline {
    let machine = &step.machine;
    let peak = machine.multipliers() as f64;
    let bytes_per_cycle = port_bytes(machine, formats);
    let point = |name: &str, macs: u64, bits: u64, cycles: u64| {
        let bytes = bits as f64 / 8.0;
        let macs_per_byte = macs as f64 / bytes.max(1.0 / 8.0);
        let by_memory = macs_per_byte * bytes_per_cycle;
        RooflinePoint {
            name: name.into(),
            macs,
            bytes,
            macs_per_byte,
            macs_per_cycle: macs as f64 / cycles.max(1) as f64,
            roof: peak.min(by_memory),
            bound: if by_memory < peak {
                Bound::Memory
            } else {
                Bound::Compute
            },
        }
    };
    let (mut ops, mut all) = (vec![], 0);
    for (part, times) in step.parts() {
        for op in part {
            let bits = traffic(program, op, machine, formats).activations;
            all += times * bits;
            if op.counters.macs > 0 {
                ops.push(point(&op.name, op.counters.macs, bits, op.cycles));
            }
        }
    }
    Roofline {
        peak_macs_per_cycle: peak,
        bytes_per_cycle,
        ridge: peak / bytes_per_cycle,
        ops,
        whole: point("step", step.counters().macs, all, step.cycles()),
    }
}
