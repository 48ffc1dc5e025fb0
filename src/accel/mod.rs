//! The accelerator: a machine, how a Program runs on it, and where every cycle goes.
//!
//! [`machine`] describes a machine. [`job`] maps each operation of a Program to an element: loops,
//! tiles and addresses. Two engines time the jobs: [`event`] computes every phase of every tile
//! directly; [`tick`] advances registers, buffers and ports cycle by cycle, moves real values, and is
//! written to be turned into RTL. They agree on every boundary. [`timeline`] answers for any range of
//! any number of steps.
//!
//! Beside time: [`traffic`] (bits by memory), [`fit`](mod@fit) (does it fit the [`device`]),
//! [`energy`](mod@energy), [`roofline`](mod@roofline), [`compare`](mod@compare) (against a processor).
//! [`trace`] writes a range of steps for other programs.

#[cfg(test)]
mod budget_tests;
pub mod compare;
pub mod device;
pub mod energy;
pub mod event;
pub mod fit;
pub mod job;
pub mod machine;
pub mod published;
pub mod roofline;
pub mod runs;
pub mod tick;
pub mod timeline;
pub mod timing;
pub mod trace;
pub mod traffic;

pub use compare::{Comparison, Processor, compare};
pub use device::Budget;
pub use energy::{Energy, EnergyTable, energy};
pub use event::time;
pub use fit::{Fit, MemoryUse, fit};
pub use machine::{Device, Machine, MachineError};
pub use roofline::{Roofline, roofline};
pub use tick::TickEngine;
pub use timeline::Timeline;
pub use timing::{
    Cause, Counters, Element, OpTiming, Phase, Stage, StepTiming, TRACKS, Tally, Track,
};
pub use traffic::Traffic;
