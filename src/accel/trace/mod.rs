//! Files that other programs open: any range of a [`Timeline`] as a Chrome trace, a Perfetto trace, a
//! value change dump, a Kanata log, or a table.
//!
//! A range is cut at its edges: a slice that begins before it begins with it. All formats but the
//! table are refused beyond [`budget::EVENTS`] events, with the number of cycles that would fit; the
//! table then holds sums by cause instead of slices.

pub mod budget;
mod chrome;
mod csv;
mod kanata;
mod perfetto;
mod vcd;
mod window;
mod wire;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::timeline::Timeline;
use crate::numeric::grouped;
use window::Window;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Chrome trace events, as JSON. 1 cycle is 1 us.
    Chrome,
    /// Perfetto track events, as protobuf. 1 cycle is 1 us.
    Perfetto,
    /// A value change dump. 1 cycle is the clock's period if that is whole picoseconds, else 1 ns.
    Vcd,
    /// A Kanata log, for Konata. Counts cycles.
    Kanata,
    /// A table of slices, or of sums for a long range. Counts cycles.
    Csv,
}

/// All formats.
pub const FORMATS: [Format; 5] = [
    Format::Chrome,
    Format::Perfetto,
    Format::Vcd,
    Format::Kanata,
    Format::Csv,
];

impl Format {
    /// Its name in flags and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Perfetto => "perfetto",
            Self::Vcd => "vcd",
            Self::Kanata => "kanata",
            Self::Csv => "csv",
        }
    }

    /// The end of a file's name, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Chrome => "json",
            Self::Perfetto => "pftrace",
            Self::Vcd => "vcd",
            Self::Kanata => "log",
            Self::Csv => "csv",
        }
    }

    /// The media type.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Self::Chrome => "application/json",
            Self::Perfetto => "application/octet-stream",
            Self::Vcd | Self::Kanata => "text/plain",
            Self::Csv => "text/csv",
        }
    }

    /// What one cycle becomes in a file, for a clock in MHz: `1 us`, `10 ns`, or `1 cycle`.
    #[must_use]
    pub fn unit(self, clock_mhz: f64) -> String {
        match self {
            Self::Chrome | Self::Perfetto => "1 us".into(),
            Self::Vcd => vcd::Time::new(clock_mhz).cycle(),
            Self::Kanata | Self::Csv => "1 cycle".into(),
        }
    }

    /// The last cycle whose time the format's readers can hold.
    fn last_cycle(self, clock_mhz: f64) -> u64 {
        match self {
            // Readers of JSON hold times as 64-bit floating point.
            Self::Chrome => (1 << 53) - 1,
            Self::Perfetto => i64::MAX as u64 / perfetto::NANOSECONDS,
            Self::Vcd => i64::MAX as u64 / vcd::Time::new(clock_mhz).units,
            Self::Kanata | Self::Csv => i64::MAX as u64,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        FORMATS
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| {
                let names = FORMATS.map(Format::name).join(", ");
                format!("{name:?} is no trace format; choose one of {names}")
            })
    }
}

/// Why a range cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceError {
    /// The range holds no cycle.
    Empty {
        /// Its first cycle.
        start: u64,
        /// The cycle after its last.
        end: u64,
    },
    /// The range starts at or beyond the timeline's end.
    Beyond {
        /// Its first cycle.
        start: u64,
        /// Cycles of the timeline.
        cycles: u64,
    },
    /// The range has more events than a file may hold.
    TooLong {
        /// Its first cycle.
        start: u64,
        /// Its cycles.
        cycles: u64,
        /// Cycles from its first that fit.
        fits: u64,
    },
    /// The range ends later than the format can count.
    TooLate {
        /// The format.
        format: Format,
        /// The cycle after the range's last.
        end: u64,
        /// The last end that is accepted.
        last: u64,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty { start, end } => write!(
                f,
                "the range from cycle {} to {} has no cycle; choose an end after its start",
                grouped(start),
                grouped(end)
            ),
            Self::Beyond { cycles: 0, .. } => {
                f.write_str("the timeline has no cycle; run at least one training step first")
            }
            Self::Beyond { start, cycles } => write!(
                f,
                "the range starts at cycle {}, but the timeline has {} cycles; choose a start of at \
                 most {}",
                grouped(start),
                grouped(cycles),
                grouped(cycles - 1)
            ),
            Self::TooLong {
                start,
                cycles,
                fits,
            } => write!(
                f,
                "the range has {} cycles, with more than the {} events that a file may hold; from \
                 cycle {} choose at most {} cycles, or the format csv, which then holds sums",
                grouped(cycles),
                grouped(budget::EVENTS),
                grouped(start),
                grouped(fits)
            ),
            Self::TooLate { format, end, last } => write!(
                f,
                "the range ends at cycle {}, later than times in the format {format} can be; choose an \
                 end of at most {}",
                grouped(end),
                grouped(last)
            ),
        }
    }
}

impl std::error::Error for TraceError {}

/// Writes a range of cycles. An end beyond the timeline's means the timeline's.
///
/// # Errors
/// If the range is empty, starts beyond the timeline's end, holds more than [`budget::EVENTS`] events
/// (not for [`Format::Csv`]), or ends later than the format's times reach.
pub fn write(
    timeline: &Timeline,
    range: Range<u64>,
    format: Format,
) -> Result<Vec<u8>, TraceError> {
    let Range { start, end } = range;
    if start >= end {
        return Err(TraceError::Empty { start, end });
    }
    let cycles = timeline.cycles();
    let window = Window::new(timeline, start..end).ok_or(TraceError::Beyond { start, cycles })?;
    let end = window.range.end;
    let last = format.last_cycle(window.machine.clock_mhz);
    if end > last {
        return Err(TraceError::TooLate { format, end, last });
    }
    let fits = budget::fits(timeline, start..end);
    if format == Format::Csv {
        return Ok(csv::write(&window, fits < end - start).into_bytes());
    }
    if fits < end - start {
        return Err(TraceError::TooLong {
            start,
            cycles: end - start,
            fits,
        });
    }
    Ok(match format {
        Format::Chrome => chrome::write(&window).into_bytes(),
        Format::Perfetto => perfetto::write(&window),
        Format::Vcd => vcd::write(&window).into_bytes(),
        Format::Kanata => kanata::write(&window).into_bytes(),
        Format::Csv => csv::write(&window, false).into_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 3_740_000_000].map(grouped),
            ["0", "999", "1,000", "3,740,000,000"]
        );
    }

    #[test]
    fn names_are_read_back() {
        for format in FORMATS {
            assert_eq!(format.name().parse(), Ok(format));
            let json = serde_json::to_string(&format).expect("a name");
            assert_eq!(json, format!("{:?}", format.name()));
        }
        assert_eq!(
            "fst".parse::<Format>(),
            Err(
                "\"fst\" is no trace format; choose one of chrome, perfetto, vcd, kanata, csv"
                    .into()
            )
        );
    }
}
