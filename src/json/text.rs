//! A configuration or a machine within a message or a record that is encoded otherwise: as JSON text.
//!
//! Tagged parts could not be read back from `postcard`'s form, and a type's code for reading and
//! writing exists once.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{read, write};

/// Write a value as JSON text.
///
/// # Errors
/// Those of the format around it.
pub fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&write(value))
}

/// Read a value from JSON text.
///
/// # Errors
/// Those of the format around it, and what is wrong with the text.
pub fn deserialize<'a, T: DeserializeOwned, D: Deserializer<'a>>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    read(text.as_bytes()).map_err(D::Error::custom)
}
