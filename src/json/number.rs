//! Reading a number from its digits, rounded to the nearest `f64`, ties to even.
//!
//! The standard library's reader does the same and is faster, with 10 KB of powers of five that the page
//! would fetch. Most numbers here have few digits: for them one multiplication or division is exact
//! (W. D. Clinger, "How to read floating point numbers accurately", 1990); the others are worked out in full.

/// Digits that can decide; of those behind them it matters only whether one is not zero.
const DECIDING: usize = 800;

/// The finite number that is written there, with or without sign, point and exponent.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let size = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, power) = match size.find(['e', 'E']) {
        Some(at) => (&size[..at], size[at + 1..].parse().ok()?),
        None => (size, 0_i32),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let digits: Vec<u8> = whole.bytes().chain(part.bytes()).collect();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let power = power.saturating_sub_unsigned(part.len() as u32);
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    let value = magnitude(&digits[zeros..], power);
    let signed = if text.starts_with('-') { -value } else { value };
    signed.is_finite().then_some(signed)
}

/// Digits times a power of ten.
fn magnitude(digits: &[u8], power: i32) -> f64 {
    // Where the first digit stands, so that what is far out of range costs nothing.
    let first = power.saturating_add_unsigned(digits.len() as u32);
    if digits.is_empty() || first < -330 {
        return 0.0;
    }
    if first > 310 {
        return f64::INFINITY;
    }
    if digits.len() <= 15 && power.unsigned_abs() <= 22 {
        let value = digits
            .iter()
            .fold(0.0, |value, &digit| value * 10.0 + f64::from(digit - b'0'));
        let ten = (0..power.unsigned_abs()).fold(1.0, |ten, _| ten * 10.0);
        return if power < 0 { value / ten } else { value * ten };
    }
    let (deciding, rest) = digits.split_at(digits.len().min(DECIDING));
    let mut large = Large::default();
    for digit in deciding {
        large.scale(10, u32::from(digit - b'0'));
    }
    let mut inexact = rest.iter().any(|&digit| digit != b'0');
    let power = power + rest.len() as i32;
    for _ in 0..power {
        large.scale(10, 0);
    }
    // As many bits more as make the quotient long enough: ten takes less than four.
    let words = if power < 0 {
        power.unsigned_abs() / 8 + 4
    } else {
        3
    };
    large.0.splice(0..0, (0..words).map(|_| 0));
    for _ in power..0 {
        inexact |= large.divide(10) > 0;
    }
    large.rounded(-32 * words as i32, inexact)
}

/// A whole number in words of 32 bits, the lowest first, the highest not zero.
#[derive(Default)]
struct Large(Vec<u32>);

impl Large {
    /// Multiplies, and adds.
    fn scale(&mut self, by: u32, more: u32) {
        let mut carried = u64::from(more);
        for word in &mut self.0 {
            carried += u64::from(*word) * u64::from(by);
            *word = carried as u32;
            carried >>= 32;
        }
        if carried > 0 {
            self.0.push(carried as u32);
        }
    }

    /// Divides; the remainder.
    fn divide(&mut self, by: u32) -> u32 {
        let mut left = 0;
        for word in self.0.iter_mut().rev() {
            let now = left << 32 | u64::from(*word);
            *word = (now / u64::from(by)) as u32;
            left = now % u64::from(by);
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        left as u32
    }

    /// The nearest to it times a power of two; `inexact` where it is a little more than it says.
    fn rounded(&self, power: i32, inexact: bool) -> f64 {
        // 96 bits hold every bit that is kept and the one behind; the rest, if any, is one more.
        let (rest, high) = self.0.split_at(self.0.len() - 3);
        let inexact = inexact || rest.iter().any(|&word| word > 0);
        let high = high
            .iter()
            .rev()
            .fold(0, |bits, &word| bits << 32 | u128::from(word));
        let bits = high << 1 | u128::from(inexact);
        let power = power + 32 * rest.len() as i32 - 1;
        // An `f64` has 53 bits, and none below two to the power of -1074.
        let surplus = 128 - 53 - bits.leading_zeros() as i32;
        let dropped = surplus.max(-1074 - power).min(127);
        let (kept, behind) = (bits >> dropped, bits & ((1 << dropped) - 1));
        let half = 1 << (dropped - 1);
        let up = behind > half || (behind == half && kept & 1 == 1);
        let power = power + dropped;
        let unit = match power {
            972.. => return f64::INFINITY,
            -1022.. => f64::from_bits(((power + 1023) as u64) << 52),
            _ => f64::from_bits(1 << (power + 1074)),
        };
        (kept as u64 + u64::from(up)) as f64 * unit
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(text: &str) -> Option<f64> {
        text.parse().ok().filter(|value: &f64| value.is_finite())
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in [
            "0.013", "-1e-5", ".5", "+5.", "1E3", "0", "-0", "0e7", "00.10", "1e+2",
        ] {
            assert_eq!(
                number(text).map(f64::to_bits),
                known(text).map(f64::to_bits),
                "{text}"
            );
        }
        for text in [
            "", "-", ".", "e5", "1e", "1-2", "--1", " 1", "0x10", "inf", "nan", "1e999", "1.2.3",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn ties_and_ends_of_the_range_are_rounded_as_the_standard_library_does() {
        let tie = "9007199254740993";
        let above = [tie, ".", &"0".repeat(900), "1"].concat();
        for text in [
            tie,
            &above,
            "9007199254740995",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "4.9e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "1e-400",
            "123456789012345678901234567890e-30",
        ] {
            assert_eq!(number(text), known(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_read_as_the_standard_library_does(bits in any::<u64>(), digits in "[0-9]{1,40}", power in -345..315) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                prop_assert_eq!(number(&format!("{value:e}")), Some(value));
                prop_assert_eq!(number(&value.to_string()), Some(value));
            }
            let text = format!("{digits}e{power}");
            prop_assert_eq!(number(&text), known(&text), "{}", text);
        }
    }
}
