//! The timeline: an epoch of billions of cycles down to single ones, on a canvas.
//!
//! [`window`] is what is seen, [`state`] what is selected; [`keys`] turns keys into commands that the
//! state follows. [`scene`] says what to draw for a state, out of [`marks`]; [`raster`] turns bars
//! into pixels and [`svg`] into a file. All of that compiles natively and is tested there. `picture`
//! puts it on the canvas in animation frames, outside of what Yew renders; `desk` holds the state and
//! tells Yew once things have come to rest; `pointer` follows mouse, wheel and fingers; `panels`
//! shows sums, the selected slice and the table; `exports` lists what can be saved.

pub mod details;
pub mod formula;
pub mod keys;
pub mod layout;
pub mod marks;
pub mod raster;
pub mod scene;
pub mod search;
pub mod state;
pub mod svg;
pub mod table;
pub mod window;
pub mod words;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "wasm32")]
mod component;
#[cfg(target_arch = "wasm32")]
mod desk;
#[cfg(target_arch = "wasm32")]
mod exports;
#[cfg(target_arch = "wasm32")]
mod panels;
#[cfg(target_arch = "wasm32")]
mod picture;
#[cfg(target_arch = "wasm32")]
mod pointer;

#[cfg(target_arch = "wasm32")]
pub use component::TimelineView;
