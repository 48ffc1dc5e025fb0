//! A training run on a virtual board gives the simulator's words, whatever happens on the way.

#[path = "../support/bands.rs"]
mod bands;
mod bench;
mod board;
mod disturbed;
mod equal;
mod shown;
