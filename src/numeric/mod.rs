//! Number formats, rounding, reproducible random streams, and the few functions whose bits must not
//! depend on a platform.
//!
//! What decides the bits of a fixed-point run uses integers, tables, or the exactly rounded float
//! operations `+ - * / sqrt` in a fixed order ([`exact`]); never a platform's `exp`, `ln` or `pow`.

pub mod crc;
pub mod exact;
mod format;
mod grouped;
mod order;
mod rounding;
mod storage;
mod stream;

pub use format::Format;
pub use grouped::grouped;
pub use order::{median, sort_by_key};
pub use rounding::{Rounding, shift_round};
pub use storage::Storage;
pub use stream::{Seed, Stream};
