//! From text to a [`Json`] (RFC 8259).

use super::number::number;
use super::value::{Json, JsonError};

/// Most arrays and objects within one another.
const MAX_DEPTH: usize = 128;

/// The value that a text holds.
///
/// # Errors
/// If it is no JSON, or nested more than 128 deep; line and column are named.
pub fn parse(text: &[u8]) -> Result<Json, JsonError> {
    let text = std::str::from_utf8(text).map_err(|error| JsonError::new(error.to_string()))?;
    let mut parser = Parser { text, at: 0 };
    let parsed = parser.value(0).and_then(|value| {
        if parser.peek().is_some() {
            return Err("more than one value");
        }
        Ok(value)
    });
    parsed.map_err(|what| {
        let before = &text.as_bytes()[..parser.at.min(text.len())];
        let line = before.split(|&byte| byte == b'\n').count();
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n');
        JsonError::new(format!("{what} at line {line} column {}", column.count()))
    })
}

/// What is wrong where the parser stands.
type Fault = &'static str;

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    /// The next byte, if there is one.
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte after white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Steps over this byte after white space, if it comes next.
    fn skip(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn expect(&mut self, byte: u8, otherwise: Fault) -> Result<(), Fault> {
        if self.skip(byte) {
            Ok(())
        } else {
            Err(otherwise)
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Fault> {
        if !self.text[self.at..].starts_with(word) {
            return Err("expected a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Json, Fault> {
        if depth > MAX_DEPTH {
            return Err("nested too deep");
        }
        match self.peek() {
            None => Err("the text ends where a value is expected"),
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                if self.skip(b']') {
                    return Ok(Json::List(items));
                }
                loop {
                    items.push(self.value(depth + 1)?);
                    if !self.skip(b',') {
                        break;
                    }
                }
                self.expect(b']', "expected `,` or `]`")?;
                Ok(Json::List(items))
            }
            Some(b'{') => {
                self.at += 1;
                let mut fields = Vec::new();
                if self.skip(b'}') {
                    return Ok(Json::Object(fields));
                }
                loop {
                    if self.peek() != Some(b'"') {
                        return Err("expected a name in quotes");
                    }
                    let name = self.string()?;
                    self.expect(b':', "expected `:`")?;
                    fields.push((name, self.value(depth + 1)?));
                    if !self.skip(b',') {
                        break;
                    }
                }
                self.expect(b'}', "expected `,` or `}`")?;
                Ok(Json::Object(fields))
            }
            Some(_) => self.number(),
        }
    }

    /// Steps over digits: how many.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let start = self.at;
        let negative = self.byte() == Some(b'-');
        self.at += usize::from(negative);
        let leading_zero = self.byte() == Some(b'0');
        let digits = self.digits();
        if digits == 0 {
            return Err("expected a value");
        }
        if leading_zero && digits > 1 {
            return Err("a number with a leading zero");
        }
        let mut whole = true;
        if self.byte() == Some(b'.') {
            whole = false;
            self.at += 1;
            if self.digits() == 0 {
                return Err("a number without digits after its point");
            }
        }
        if let Some(b'e' | b'E') = self.byte() {
            whole = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err("a number without digits in its exponent");
            }
        }
        let text = &self.text[start..self.at];
        if whole
            && !negative
            && let Ok(value) = text.parse()
        {
            return Ok(Json::Unsigned(value));
        }
        // Minus zero is a floating-point number.
        if whole
            && negative
            && let Ok(value) = text.parse()
            && value != 0
        {
            return Ok(Json::Signed(value));
        }
        let value = number(text).ok_or("number out of range")?;
        Ok(Json::Float(value))
    }

    /// The string whose opening quote comes next.
    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            while self
                .byte()
                .is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
            {
                self.at += 1;
            }
            text.push_str(&self.text[start..self.at]);
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(_) => return Err("a control character within a string"),
                None => return Err("the text ends within a string"),
            }
        }
    }

    /// The character that an escape stands for; its backslash is behind.
    fn escape(&mut self) -> Result<char, Fault> {
        let byte = self.byte().ok_or("the text ends within a string")?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                let second = if first & 0xfc00 == 0xd800 && self.text[self.at..].starts_with("\\u")
                {
                    self.at += 2;
                    Some(self.unit()?)
                } else {
                    None
                };
                let mut units = std::iter::once(first).chain(second);
                let mut decoded = char::decode_utf16(&mut units);
                match (decoded.next(), decoded.next()) {
                    (Some(Ok(character)), None) => character,
                    _ => return Err("half of a surrogate pair"),
                }
            }
            _ => return Err("an unknown escape"),
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u16, Fault> {
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or("expected four hexadecimal digits")
    }
}
