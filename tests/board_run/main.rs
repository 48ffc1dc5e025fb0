//! A training run on a virtual board gives the simulator's words, whatever happens on the way.

mod bench;
mod board;
mod disturbed;
mod equal;
mod shown;
