//! Runs that the visitor keeps in this browser: named, listed, shown beside the present one, opened again, and
//! carried elsewhere as one file.
//!
//! `kept` says what stands in the list, `shelf` (in a browser) is where they are, `list` shows them.

pub mod kept;
#[cfg(target_arch = "wasm32")]
mod list;
#[cfg(target_arch = "wasm32")]
mod shelf;

#[cfg(target_arch = "wasm32")]
pub use list::Runs;
