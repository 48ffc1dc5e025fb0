//! The accelerator on the page: its settings, the present run timed on it, and the panels that show
//! where cycles, joules and memory go.
//!
//! Nothing is computed of the method here: a run's configuration and ranks compile to a Program, and
//! [`crate::accel`] times, fits and weighs it.

pub mod course;
pub mod listing;
pub mod setup;
pub mod timed;

#[cfg(target_arch = "wasm32")]
mod bench;
#[cfg(target_arch = "wasm32")]
mod budget;
#[cfg(target_arch = "wasm32")]
mod controls;
#[cfg(target_arch = "wasm32")]
mod figures;
#[cfg(target_arch = "wasm32")]
mod floorplan;
#[cfg(target_arch = "wasm32")]
mod operations;
#[cfg(target_arch = "wasm32")]
mod roofline;
#[cfg(target_arch = "wasm32")]
mod stalls;
#[cfg(target_arch = "wasm32")]
mod strip;
#[cfg(target_arch = "wasm32")]
mod tab;
#[cfg(target_arch = "wasm32")]
mod versus;

#[cfg(target_arch = "wasm32")]
pub use bench::speeds as event_speeds;
#[cfg(target_arch = "wasm32")]
pub use controls::{Controls, DEVICES};
#[cfg(target_arch = "wasm32")]
pub use figures::utilisation;
#[cfg(target_arch = "wasm32")]
pub use strip::AccelStrip;
#[cfg(target_arch = "wasm32")]
pub use tab::AccelTab;
