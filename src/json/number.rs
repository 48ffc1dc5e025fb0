//! Reading a number from its digits.
//!
//! What the standard library reads with weighs 15 KB as it is fetched (powers of five, and arithmetic for
//! the cases they do not decide). The browser has its own, which rounds to the nearest `f64` too.

/// The finite number that is written there, with or without sign, point and exponent.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    // The browser would read nothing as 0, and other bases and spaces too.
    let sound = !text.is_empty() && text.bytes().all(plain);
    sound
        .then(|| nearest(text))
        .filter(|number| number.is_finite())
}

#[cfg(not(target_arch = "wasm32"))]
fn nearest(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(target_arch = "wasm32")]
fn nearest(text: &str) -> f64 {
    wasm_bindgen::JsValue::from_str(text).unchecked_into_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, value) in [
            ("0.013", 0.013),
            ("-1e-5", -1e-5),
            (".5", 0.5),
            ("+5.", 5.0),
            ("1E3", 1e3),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in [
            "", "-", ".", "e5", "1e", "1-2", "--1", " 1", "0x10", "inf", "Infinity", "nan", "1e999",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
