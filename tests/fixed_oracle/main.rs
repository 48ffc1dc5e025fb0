//! The fixed-point executor equals a plain interpreter in integers: every buffer of every operation,
//! every outcome, every binary point and every shift, on any number of threads, with no difference.

mod integers;
mod long_sums;
#[path = "../support/networks.rs"]
mod networks;
mod random;
mod rig;
