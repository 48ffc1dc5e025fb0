//! A configuration or a machine within a message: as JSON text.
//!
//! Tagged parts could not be read back from the compact form of messages, and a type's code for reading
//! and writing exists once.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json;

pub fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&json::write(value))
}

pub fn deserialize<'a, T: DeserializeOwned, D: Deserializer<'a>>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    json::read(text.as_bytes()).map_err(D::Error::custom)
}
