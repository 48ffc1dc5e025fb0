//! The Board tab: a real or a virtual board, what it is, what a step on it takes, whether its words
//! equal the simulator's, and every frame that passed.
//!
//! Nothing is computed of a board here: the worker holds the session and sends a
//! [`BoardView`](crate::worker::message::board::BoardView), and the panels draw it.

pub mod line;
pub mod passed;
pub mod share;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod console;
#[cfg(target_arch = "wasm32")]
mod figures;
#[cfg(target_arch = "wasm32")]
mod frames;
#[cfg(target_arch = "wasm32")]
mod help;
#[cfg(target_arch = "wasm32")]
mod rail;
#[cfg(target_arch = "wasm32")]
mod ride;
#[cfg(target_arch = "wasm32")]
mod tab;
#[cfg(target_arch = "wasm32")]
mod time;
#[cfg(target_arch = "wasm32")]
mod verify;
#[cfg(target_arch = "wasm32")]
mod what;

#[cfg(target_arch = "wasm32")]
pub use rail::BoardRail;
#[cfg(target_arch = "wasm32")]
pub use tab::BoardTab;
