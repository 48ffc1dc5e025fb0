//! The numbers of a simulated line as they are typed.

use crate::link::line::LineSettings;
use crate::ui::draft::parse_number;

/// Steps from one check to the next, as offered.
pub const CHECKS: [u32; 3] = [1, 10, 100];
/// Speeds of a simulated line that are offered; 0 for one that takes no time.
pub const LINES: [u32; 5] = [115_200, 460_800, 1_000_000, 3_000_000, 0];
/// Longest delay of a line in milliseconds.
const MAX_DELAY: f32 = 1_000.0;
/// Highest share of frames of each kind of fault, in percent: above it nothing comes through.
const MAX_SHARE: f32 = 50.0;

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
    /// Frames before which the line stands still.
    Stall,
    /// Frames after which the board's power fails.
    Reset,
}

impl Field {
    /// The faults.
    pub const FAULTS: [Self; 7] = [
        Self::Corrupt,
        Self::Drop,
        Self::Duplicate,
        Self::Reorder,
        Self::Garbage,
        Self::Stall,
        Self::Reset,
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
            Self::Stall => "line.stall",
            Self::Reset => "line.reset",
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
            Self::Stall => (
                "stalled, %",
                "Share of frames before which the line stands still for 0.3 s",
            ),
            Self::Reset => (
                "power fails, %",
                "Share of frames to the board after which its power fails: it forgets everything, and has to be connected to again",
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
            Self::Stall => &mut line.faults.stall,
            Self::Reset => &mut line.faults.reset,
        }
    }
}

impl Field {
    /// Its value as text.
    #[must_use]
    pub fn text(self, mut line: LineSettings) -> String {
        let value = *self.place(&mut line);
        if self == Self::Delay {
            value.to_string()
        } else {
            // Shares are kept as parts of one; the percentage shown is the one typed.
            ((f64::from(value) * 1e8).round() / 1e6).to_string()
        }
    }

    /// The line with this field as it was typed.
    ///
    /// # Errors
    /// What is wrong with the text and what is accepted.
    pub fn set(self, mut line: LineSettings, text: &str) -> Result<LineSettings, String> {
        let value = parse_number(text, "1")?;
        let (most, unit, scale) = match self {
            Self::Delay => (MAX_DELAY, "ms", 1.0),
            _ => (MAX_SHARE, "%", 0.01),
        };
        if !(0.0..=most).contains(&value) {
            return Err(format!("{text} is not between 0 and {most} {unit}."));
        }
        *self.place(&mut line) = value * scale;
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_typed_in_percent() {
        let line = Field::Drop.set(LineSettings::default(), "1.1").unwrap();
        assert!((line.faults.drop - 0.011).abs() < 1e-6);
        assert_eq!(Field::Drop.text(line), "1.1");
        assert_eq!(Field::Garbage.text(line), "0");
    }

    #[test]
    fn what_cannot_be_used_says_what_can() {
        for text in ["-1", "2000", "fast", "NaN", ""] {
            for field in [Field::Delay, Field::Corrupt] {
                assert!(field.set(LineSettings::default(), text).is_err(), "{text}");
            }
        }
        let line = Field::Delay.set(LineSettings::default(), "2.5").unwrap();
        assert_eq!(Field::Delay.text(line), "2.5");
    }

    #[test]
    fn the_first_line_is_offered() {
        assert!(LINES.contains(&LineSettings::default().baud));
    }
}
