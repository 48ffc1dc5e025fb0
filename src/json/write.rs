//! From a type with serde's `Serialize` to text.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// A value as compact JSON; numbers that are not finite as `null`.
#[must_use]
pub fn write<T: Serialize + ?Sized>(value: &T) -> String {
    let mut text = Vec::new();
    let mut to = Serializer::with_formatter(&mut text, Compact);
    // Into memory nothing fails but a map whose keys are no strings, which this crate has none of.
    let _ = value.serialize(&mut to);
    String::from_utf8(text).unwrap_or_default()
}

/// Compact text with floating-point numbers by the standard library, whose tables are linked anyway:
/// the fewest digits that read back, written in full where `serde_json` does so, too.
struct Compact;

impl Formatter for Compact {
    fn write_f32<W: io::Write + ?Sized>(&mut self, to: &mut W, value: f32) -> io::Result<()> {
        let size = value.abs();
        to.write_all(float(size == 0.0 || (1e-6..1e13).contains(&size), &value, &value).as_bytes())
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
        let size = value.abs();
        to.write_all(float(size == 0.0 || (1e-5..1e16).contains(&size), &value, &value).as_bytes())
    }
}

/// A number with all its digits about the point, or with an exponent.
fn float(full: bool, plain: &dyn std::fmt::Display, short: &dyn std::fmt::LowerExp) -> String {
    if !full {
        let text = format!("{short:e}");
        let signed = text.contains("e-");
        return if signed {
            text
        } else {
            text.replace('e', "e+")
        };
    }
    let mut text = plain.to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}
