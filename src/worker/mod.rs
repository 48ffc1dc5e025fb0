//! The training worker and what it says to the page.
//!
//! [`message`] is the protocol: plain types, so that it compiles and is tested natively.
//! [`engine`] is the worker without a browser: requests in, events out, training in slices between.
//! [`shard`] has the workers that run shards of its batches.
//! `scope` (wasm32 only) joins the engine to the worker's global scope; `spawn` starts a worker.

mod adapter;
mod board;
#[cfg(target_arch = "wasm32")]
mod channel;
pub mod engine;
pub mod message;
#[cfg(all(target_arch = "wasm32", feature = "methods"))]
mod race;
#[cfg(target_arch = "wasm32")]
mod scope;
pub mod shard;
#[cfg(target_arch = "wasm32")]
mod spawn;

#[cfg(all(target_arch = "wasm32", feature = "methods"))]
pub use race::start as start_race;
#[cfg(target_arch = "wasm32")]
pub use scope::start;
#[cfg(target_arch = "wasm32")]
pub use spawn::{in_worker, spawn};
