//! The training worker and what it says to the page.
//!
//! [`message`] is the protocol: plain types, so that it compiles and is tested natively.
//! [`engine`] is the worker without a browser: requests in, events out, training in slices between.
//! [`shard`] has the workers that run shards of its batches.
//! `scope` (wasm32 only) joins the engine to the worker's global scope; `spawn` starts a worker.

mod adapter;
mod board;
pub mod engine;
pub mod message;
#[cfg(target_arch = "wasm32")]
mod scope;
pub mod shard;
#[cfg(target_arch = "wasm32")]
mod spawn;

#[cfg(target_arch = "wasm32")]
pub use scope::start;
#[cfg(target_arch = "wasm32")]
pub use spawn::{in_worker, spawn};
