//! What is set for the next connection: the virtual board, its line, the port's speed, and how often
//! a run is checked.

use std::collections::BTreeMap;

use crate::link::line::LineSettings;
use crate::link::virtual_board::VirtualSettings;
use crate::ui::draft::parse_number;
use crate::worker::message::board::Place;

/// Speeds offered in bits per second.
pub const SPEEDS: [u32; 3] = [115_200, 1_000_000, 3_000_000];
/// Steps from one check to the next, as offered.
pub const CHECKS: [u32; 3] = [1, 10, 100];
/// Longest delay of a line in milliseconds.
const MAX_DELAY: f32 = 1_000.0;
/// Highest share of frames of each kind of fault, in percent: above it nothing comes through.
const MAX_SHARE: f32 = 50.0;

/// The choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    /// The virtual board.
    pub board: VirtualSettings,
    /// Its line.
    pub line: LineSettings,
    /// Speed of a serial port.
    pub baud: u32,
    /// Steps from one check to the next.
    pub check: u32,
    /// Fields whose text could not be read, and why.
    unread: BTreeMap<&'static str, String>,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            board: VirtualSettings::default(),
            line: LineSettings::default(),
            baud: 1_000_000,
            check: 10,
            unread: BTreeMap::new(),
        }
    }
}

/// A number of the line that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The delay.
    Delay,
    /// Frames damaged.
    Corrupt,
    /// Frames lost.
    Drop,
    /// Frames doubled.
    Duplicate,
    /// Frames late.
    Reorder,
    /// Frames followed by random bytes.
    Garbage,
}

impl Field {
    /// The faults.
    pub const FAULTS: [Self; 5] = [
        Self::Corrupt,
        Self::Drop,
        Self::Duplicate,
        Self::Reorder,
        Self::Garbage,
    ];

    /// Its name in identities.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Delay => "line.delay",
            Self::Corrupt => "line.corrupt",
            Self::Drop => "line.drop",
            Self::Duplicate => "line.duplicate",
            Self::Reorder => "line.reorder",
            Self::Garbage => "line.garbage",
        }
    }

    /// Its label and what that leaves unsaid.
    #[must_use]
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::Delay => (
                "delay, ms",
                "Milliseconds from the last bit of a byte to its arrival, in each direction",
            ),
            Self::Corrupt => (
                "damaged, %",
                "Share of frames of which some bits are flipped",
            ),
            Self::Drop => ("lost, %", "Share of frames that never arrive"),
            Self::Duplicate => ("doubled, %", "Share of frames that arrive twice"),
            Self::Reorder => (
                "out of order, %",
                "Share of frames that arrive after one that was sent later",
            ),
            Self::Garbage => (
                "garbage after, %",
                "Share of frames after which random bytes arrive",
            ),
        }
    }

    fn place(self, line: &mut LineSettings) -> &mut f32 {
        match self {
            Self::Delay => &mut line.delay,
            Self::Corrupt => &mut line.faults.corrupt,
            Self::Drop => &mut line.faults.drop,
            Self::Duplicate => &mut line.faults.duplicate,
            Self::Reorder => &mut line.faults.reorder,
            Self::Garbage => &mut line.faults.garbage,
        }
    }
}

impl Choices {
    /// A field as text.
    #[must_use]
    pub fn text(&self, field: Field) -> String {
        let mut line = self.line;
        let value = *field.place(&mut line);
        if field == Field::Delay {
            value.to_string()
        } else {
            // Shares are kept as parts of one; a percentage read back is the one typed.
            let percent = (f64::from(value) * 1e8).round() / 1e6;
            percent.to_string()
        }
    }

    /// Take over a field's text, or keep why it could not be.
    pub fn edit(&mut self, field: Field, text: &str) {
        match read(field, text) {
            Ok(value) => {
                *field.place(&mut self.line) = value;
                self.unread.remove(field.name());
            }
            Err(message) => {
                self.unread.insert(field.name(), message);
            }
        }
    }

    /// What is wrong with a field's text.
    #[must_use]
    pub fn fault_of(&self, field: Field) -> Option<&str> {
        self.unread.get(field.name()).map(String::as_str)
    }

    /// Whether anything goes wrong on the line.
    #[must_use]
    pub fn faulty(&self) -> bool {
        let mut line = self.line;
        Field::FAULTS
            .into_iter()
            .any(|field| *field.place(&mut line) > 0.0)
    }

    /// Where the run trains if it is to train on the board.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::Board { check: self.check }
    }
}

fn read(field: Field, text: &str) -> Result<f32, String> {
    let value = parse_number(text, "1")?;
    let (most, unit, scale) = match field {
        Field::Delay => (MAX_DELAY, "ms", 1.0),
        _ => (MAX_SHARE, "%", 0.01),
    };
    if (0.0..=most).contains(&value) {
        Ok(value * scale)
    } else {
        Err(format!("{text} is not between 0 and {most} {unit}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_typed_in_percent() {
        let mut choices = Choices::default();
        assert!(!choices.faulty());
        choices.edit(Field::Drop, "1.1");
        assert!((choices.line.faults.drop - 0.011).abs() < 1e-6);
        assert_eq!(choices.text(Field::Drop), "1.1");
        assert!(choices.faulty());
    }

    #[test]
    fn what_cannot_be_read_is_marked_and_the_last_value_stays() {
        let mut choices = Choices::default();
        choices.edit(Field::Delay, "2.5");
        for text in ["-1", "2000", "fast", "NaN", ""] {
            choices.edit(Field::Delay, text);
            assert!(choices.fault_of(Field::Delay).is_some(), "{text}");
            assert_eq!(choices.line.delay, 2.5);
        }
        choices.edit(Field::Delay, "0");
        assert_eq!(choices.fault_of(Field::Delay), None);
        assert_eq!(choices.text(Field::Delay), "0");
    }

    #[test]
    fn the_first_speed_and_check_are_offered() {
        let choices = Choices::default();
        assert!(SPEEDS.contains(&choices.baud) && SPEEDS.contains(&choices.line.baud));
        assert!(CHECKS.contains(&choices.check));
    }
}
