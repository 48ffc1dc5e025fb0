//! From a [`Json`] to a type with serde's `Deserialize`.

use std::slice::Iter;
use std::vec::IntoIter;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::parse::parse;
use super::value::{Json, JsonError};

/// Read a value from its text.
///
/// # Errors
/// If the text is no JSON or does not describe such a value; the field at fault is named.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    from_value(&parse(text)?)
}

/// Read a value from a parsed text. An `f32` is rounded by way of `f64`.
///
/// # Errors
/// If it does not describe such a value; the field at fault is named.
pub fn from_value<T: DeserializeOwned>(json: &Json) -> Result<T, JsonError> {
    T::deserialize(Part::from(json))
}

/// A value at its place: the field's name, empty within an array, and nothing where a field is absent.
#[derive(Clone, Copy)]
struct Part<'a> {
    name: &'static str,
    json: Option<&'a Json>,
}

impl<'a> From<&'a Json> for Part<'a> {
    fn from(json: &'a Json) -> Self {
        let json = Some(json);
        Self { name: "", json }
    }
}

impl<'a> Part<'a> {
    fn json(self) -> Result<&'a Json, JsonError> {
        let missing = || JsonError::new(format!("missing field `{}`", self.name));
        self.json.ok_or_else(missing)
    }

    /// The elements of an array, or of an object by these names.
    fn parts(
        self,
        fields: &[&'static str],
        expected: &dyn Expected,
    ) -> Result<Parts<'a>, JsonError> {
        let parts: Vec<Self> = match self.json()? {
            Json::List(items) => items.iter().map(Self::from).collect(),
            Json::Object(object) if !fields.is_empty() => {
                for (place, (name, _)) in object.iter().enumerate() {
                    if object[..place].iter().any(|(before, _)| before == name) {
                        return Err(JsonError::new(format!("field `{name}` stands twice")));
                    }
                    if !fields.contains(&name.as_str()) {
                        let known = fields.join("`, `");
                        let said = format!("unknown field `{name}`, expected `{known}`");
                        return Err(JsonError::new(said));
                    }
                }
                let of = |&name: &&'static str| {
                    let found = object.iter().find(|(field, _)| field == name);
                    let json = found.map(|(_, json)| json);
                    Self { name, json }
                };
                fields.iter().map(of).collect()
            }
            other => return Err(wrong(other, expected)),
        };
        Ok(Parts(parts.into_iter()))
    }
}

/// What a value is, where another was expected.
fn wrong(json: &Json, expected: &dyn Expected) -> JsonError {
    let found = match json {
        Json::Null => Unexpected::Other("null"),
        Json::Bool(value) => Unexpected::Bool(*value),
        Json::Unsigned(value) => Unexpected::Unsigned(*value),
        Json::Signed(value) => Unexpected::Signed(*value),
        Json::Float(value) => Unexpected::Float(*value),
        Json::Text(text) => Unexpected::Str(text),
        Json::List(_) => Unexpected::Seq,
        Json::Object(_) => Unexpected::Map,
    };
    JsonError::invalid_type(found, expected)
}

/// Reads what is neither array nor object by the method for what stands in the text.
macro_rules! scalars {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            match self.json()? {
                Json::Bool(value) => visitor.visit_bool(*value),
                Json::Unsigned(value) => visitor.visit_u64(*value),
                Json::Signed(value) => visitor.visit_i64(*value),
                Json::Float(value) => visitor.visit_f64(*value),
                Json::Text(text) => visitor.visit_str(text),
                other => Err(wrong(other, &visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Part<'de> {
    type Error = JsonError;

    scalars! {
        deserialize_bool deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.json {
            Some(Json::Null) => visitor.visit_unit(),
            Some(Json::List(_)) => self.deserialize_seq(visitor),
            Some(Json::Object(_)) => self.deserialize_map(visitor),
            _ => self.deserialize_string(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.json {
            None | Some(Json::Null) => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.json()? {
            Json::Null => visitor.visit_unit(),
            other => Err(wrong(other, &visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.json()? {
            Json::Object(fields) => visitor.visit_map(Entries {
                fields: fields.iter(),
                value: Part::from(&Json::Null),
            }),
            other => Err(wrong(other, &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let mut parts = self.parts(fields, &visitor)?;
        let value = visitor.visit_seq(&mut parts)?;
        parts.end()?;
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_enum(self.chosen()?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.json()? {
            Json::Text(text) => visitor.visit_str(text),
            other => Err(wrong(other, &visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }
}

/// Elements of an array, or fields in the order of their declaration.
struct Parts<'a>(IntoIter<Part<'a>>);

impl Parts<'_> {
    fn end(&self) -> Result<(), JsonError> {
        if self.0.as_slice().is_empty() {
            Ok(())
        } else {
            Err(JsonError::new("an array with too many elements".into()))
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Parts<'de> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        let Some(part) = self.0.next() else {
            return Ok(None);
        };
        match seed.deserialize(part) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(part.at(error)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

impl<'a> Part<'a> {
    /// An error found here, with the field's name; that a field is missing says its name already.
    fn at(self, error: JsonError) -> JsonError {
        if self.json.is_none() || self.name.is_empty() {
            return error;
        }
        error.within(self.name)
    }

    fn chosen(self) -> Result<Chosen<'a>, JsonError> {
        let (variant, content) = match self.json()? {
            Json::Text(variant) => (variant, None),
            Json::Object(fields) if fields.len() == 1 => (&fields[0].0, Some(&fields[0].1)),
            other => return Err(wrong(other, &"a name or an object of one field")),
        };
        Ok(Chosen { variant, content })
    }
}

/// Names and values of an object for a type that takes any names.
struct Entries<'a> {
    fields: Iter<'a, (String, Json)>,
    value: Part<'a>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, JsonError> {
        let Some((name, value)) = self.fields.next() else {
            return Ok(None);
        };
        self.value = Part::from(value);
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        seed.deserialize(self.value)
    }
}

/// The name of an enum's variant, and what it holds.
struct Chosen<'a> {
    variant: &'a str,
    content: Option<&'a Json>,
}

impl<'de> EnumAccess<'de> for Chosen<'de> {
    type Error = JsonError;
    type Variant = Part<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Part<'de>), JsonError> {
        let value = seed.deserialize(StrDeserializer::new(self.variant))?;
        let part = Part {
            name: "content",
            json: self.content,
        };
        Ok((value, part))
    }
}

impl<'de> VariantAccess<'de> for Part<'de> {
    type Error = JsonError;

    fn unit_variant(self) -> Result<(), JsonError> {
        match self.json {
            None | Some(Json::Null) => Ok(()),
            Some(other) => Err(wrong(other, &"nothing")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, JsonError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_struct("", &[], visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_struct("", fields, visitor)
    }
}
