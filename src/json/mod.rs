//! JSON, read and written: configurations, machines, records, logs, and the heads of checkpoints.
//!
//! Any type with serde's derives is read and written, but each by one way only, so that a type's
//! code exists once: a text is first parsed to a [`Json`], which hands a struct its fields in the
//! order of their declaration. A field that a struct does not know is an error that names it; an
//! option that is absent is `None`.

mod number;
mod parse;
mod read;
pub mod text;
mod value;
mod write;

pub use number::number;
pub use parse::parse;
pub use read::{from_value, read};
pub use value::{Json, JsonError};
pub use write::write;

#[cfg(test)]
mod tests;
