//! The Learn tab: the method in fourteen short steps, each with a figure that the library itself computes.
//!
//! [`step`] says what the steps are and holds their words; [`sums`] computes what the figures show, with the
//! floors below; the rest draws it. The tab needs no network: its figures compute on the page.

pub mod lessons;
pub mod lot;
pub mod step;
pub mod sums;
mod words;

#[cfg(target_arch = "wasm32")]
mod figures;
#[cfg(target_arch = "wasm32")]
mod progress;
#[cfg(target_arch = "wasm32")]
mod rail;
#[cfg(target_arch = "wasm32")]
mod tab;
#[cfg(target_arch = "wasm32")]
mod teachers;

#[cfg(target_arch = "wasm32")]
pub use rail::{LearnRail, Props as RailProps};
#[cfg(target_arch = "wasm32")]
pub use tab::LearnTab;
