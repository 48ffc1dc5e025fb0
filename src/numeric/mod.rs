//! Number formats, rounding and reproducible random streams.

mod rounding;

pub use rounding::Rounding;
