//! The accelerator: a machine, how a Program runs on it, and where every cycle goes.
//!
//! [`machine`] describes a machine. [`job`] maps each operation of a Program to an element: loops,
//! tiles and addresses. Two engines time the jobs: [`event`] computes every phase of every tile
//! directly; `tick` advances registers, buffers and ports cycle by cycle, moves real values, and is
//! written to be turned into RTL. They agree on every boundary. [`timeline`] answers for any range of
//! any number of steps; [`trace`] writes such a range for other programs.

pub mod event;
pub mod job;
pub mod machine;
pub mod published;
pub mod runs;
pub mod timeline;
pub mod timing;
pub mod trace;

pub use event::time;
pub use machine::{Machine, MachineError};
pub use timeline::Timeline;
pub use timing::{
    Cause, Counters, Element, OpTiming, Phase, Stage, StepTiming, TRACKS, Tally, Track,
};
