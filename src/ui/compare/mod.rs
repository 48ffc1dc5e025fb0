//! The Compare tab: other methods beside the tensor train, trained here or taken from stored runs of the
//! command line. It is a program of its own (`src/bin/compare.rs`), which draws where the page lets it
//! (`ui::stage`).
//!
//! [`model`] is what it shows, [`guide`] how a design is found as E-RNN does; both compile and are tested natively.

pub mod guide;
pub mod model;
pub mod plot;
pub mod setup;
pub mod standing;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod curves;
#[cfg(target_arch = "wasm32")]
mod drawings;
#[cfg(target_arch = "wasm32")]
mod exploration;
#[cfg(target_arch = "wasm32")]
mod marks;
#[cfg(target_arch = "wasm32")]
mod methods;
#[cfg(target_arch = "wasm32")]
mod scatter;
#[cfg(target_arch = "wasm32")]
mod table;
#[cfg(target_arch = "wasm32")]
mod transport;

#[cfg(target_arch = "wasm32")]
pub use app::start;
