//! Tensor-train networks trained in floating point and in bit-exact fixed point, with ranks that
//! shrink by themselves.
//!
//! The one idea: **a training step is a program**. A network, a precision and a schedule compile to
//! a [`program::Program`], a short list of operations on named buffers; the executors run it, the
//! planner orders it, and every count the page shows is read off it.
//!
//! | floor | module | holds |
//! | --- | --- | --- |
//! | 6 | [`compare`] | runs side by side, trained and costed |
//! | 6 | [`link`] | frames, commands, host session, virtual board |
//! | 6 | [`report`] | a step's plan and simulation as objects |
//! | 5 | [`train`] | configuration, trainer, optimisers, rank prior, metrics, checkpoints |
//! | 5 | [`accel`] | machine, tick and event engines, timeline, fit, energy, traces |
//! | 4 | [`methods`] | the neighbouring methods: layers, recurrent cells, networks |
//! | 3 | [`exec`] | float and fixed-point executors |
//! | 2 | [`program`] | buffers, operations, schedules, planner, cost counts |
//! | 1 | [`tt`], [`data`] | tensor-train algebra · data sets and their files |
//! | 0 | [`numeric`], [`kernels`], [`json`] | formats, rounding, random streams · matrix kernels · JSON |
//!
//! A module uses only floors below its own (`tests/floors.rs` checks it).

pub mod accel;
#[cfg(all(not(target_arch = "wasm32"), feature = "methods"))]
pub mod cli;
#[cfg(feature = "methods")]
pub mod compare;
#[cfg(not(target_arch = "wasm32"))]
pub mod data;
#[cfg(not(target_arch = "wasm32"))]
pub mod exec;
pub mod json;
#[cfg(not(target_arch = "wasm32"))]
pub mod kernels;
pub mod link;
#[cfg(all(not(target_arch = "wasm32"), feature = "methods"))]
pub mod methods;
#[cfg(not(target_arch = "wasm32"))]
pub mod numeric;
#[cfg(all(target_arch = "wasm32", feature = "package"))]
pub mod package;
#[cfg(not(target_arch = "wasm32"))]
pub mod program;
pub mod report;
pub mod train;
#[cfg(not(target_arch = "wasm32"))]
pub mod tt;
#[cfg(not(all(target_arch = "wasm32", feature = "package")))]
pub mod ui;
#[cfg(not(all(target_arch = "wasm32", feature = "package")))]
pub mod worker;

// The same modules, compiled for speed where the page around them is compiled for size.
#[cfg(all(target_arch = "wasm32", feature = "methods"))]
pub use railyard_engine::methods;
#[cfg(target_arch = "wasm32")]
pub use railyard_engine::{data, exec, kernels, numeric, program, tt};
