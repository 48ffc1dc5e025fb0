//! A parsed JSON text, and what can be wrong with one.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from 0 that fits.
    Unsigned(u64),
    /// A whole number below 0 that fits.
    Signed(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object: names and values as they stand in the text.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value of a field, if this is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else {
            return None;
        };
        let found = fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Unsigned(value) => to.serialize_u64(*value),
            Self::Signed(value) => to.serialize_i64(*value),
            Self::Float(value) => to.serialize_f64(*value),
            Self::Text(text) => to.serialize_str(text),
            Self::List(items) => items.serialize(to),
            Self::Object(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// Why a text was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError(Box<What>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct What {
    message: String,
    /// Fields that lead to the place, joined by dots; empty for the whole.
    field: String,
}

impl JsonError {
    /// An error with this message.
    #[cold]
    pub(super) fn new(message: String) -> Self {
        let field = String::new();
        Self(Box::new(What { message, field }))
    }

    /// The same error, found within a field.
    #[cold]
    pub(super) fn within(mut self, name: &str) -> Self {
        let field = &mut self.0.field;
        if !field.is_empty() {
            field.insert(0, '.');
        }
        field.insert_str(0, name);
        self
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if !self.0.field.is_empty() {
            write!(f, " in `{}`", self.0.field)?;
        }
        Ok(())
    }
}

impl std::error::Error for JsonError {}

impl serde::de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}
