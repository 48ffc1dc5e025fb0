//! A small set of the visitor's own, made on the page: pictures drawn or taken with the camera, class by class.
//!
//! `set` holds what was gathered, `camera` (in a browser) looks through the camera, `dialog` shows both.

#[cfg(target_arch = "wasm32")]
mod camera;
#[cfg(target_arch = "wasm32")]
mod dialog;
pub mod set;

#[cfg(target_arch = "wasm32")]
pub use dialog::Gather;
