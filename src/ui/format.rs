//! Numbers as people read them: fixed places, decimal units, a thin grouping of thousands.

/// `6,104`.
#[must_use]
pub fn count(value: u64) -> String {
    crate::numeric::grouped(value)
}

/// Bytes with three significant figures: `7.66 KB`, `1.87 MB` (1 KB = 1,000 bytes).
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    reason = "shown with three significant figures"
)]
pub fn bytes(value: u64) -> String {
    match value {
        0..1_000 => format!("{value} B"),
        1_000..1_000_000 => format!("{} KB", significant(value as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{} MB", significant(value as f64 / 1e6)),
        _ => format!("{} GB", significant(value as f64 / 1e9)),
    }
}

/// Bits as bytes.
#[must_use]
pub fn bits(value: u64) -> String {
    bytes(value.div_ceil(8))
}

/// Three significant figures, without an exponent.
#[must_use]
pub fn significant(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A factor: `301×`, `31.6×`.
#[must_use]
pub fn factor(value: f64) -> String {
    if value >= 1_000.0 {
        format!("{}×", whole(value))
    } else if (value - 1.0).abs() < 0.005 {
        "1×".into()
    } else {
        format!("{}×", significant(value))
    }
}

/// A large number in full: `1,262,848`.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rounded count, not negative"
)]
pub fn whole(value: f64) -> String {
    count(value.round().max(0.0) as u64)
}

/// A large number in short: `1.26 M`, `11.8 k`.
#[must_use]
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1e9 => format!("{} G", significant(value / 1e9)),
        v if v >= 1e6 => format!("{} M", significant(value / 1e6)),
        v if v >= 1e4 => format!("{} k", significant(value / 1e3)),
        _ => whole(value),
    }
}

/// A small quantity with its unit's prefix: `18.9 µs`, `4.20 mJ`.
#[must_use]
pub fn si(value: f64, unit: &str) -> String {
    let prefixes = [
        (1.0, ""),
        (1e-3, "m"),
        (1e-6, "µ"),
        (1e-9, "n"),
        (1e-12, "p"),
    ];
    let (scale, prefix) = prefixes
        .into_iter()
        .find(|(scale, _)| value.abs() >= *scale)
        .unwrap_or((1.0, ""));
    [&significant(value / scale), " ", prefix, unit].concat()
}

/// A share as percent with one place: `88.4`.
#[must_use]
pub fn percent(share: f32) -> String {
    format!("{:.1}", share * 100.0)
}

/// Seconds as `0:14` or `1:02:03`.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded to below 100 hours, not negative"
)]
pub fn clock(seconds: f64) -> String {
    let total = seconds.clamp(0.0, 359_999.0).round() as u64;
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Modes or ranks as text: `7 4 2 16`.
#[must_use]
pub fn list(values: &[usize]) -> String {
    values
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(14_959_104), "14,959,104");
    }

    #[test]
    fn the_papers_memory_reads_as_in_the_literature() {
        // 14,959,104 bits dense, 61,312 bits at full rank and 4/8 bits.
        assert_eq!(bits(14_959_104), "1.87 MB");
        assert_eq!(bits(61_312), "7.66 KB");
        assert_eq!(factor(14_959_104.0 / 61_312.0), "244×");
        assert_eq!(factor(31.58), "31.6×");
        assert_eq!(factor(1.0), "1×");
        assert_eq!(factor(1019.7), "1,020×");
    }

    #[test]
    fn small_quantities_have_prefixes() {
        assert_eq!(si(18.9e-6, "s"), "18.9 µs");
        assert_eq!(si(0.0042, "J"), "4.20 mJ");
        assert_eq!(si(1.4, "s"), "1.40 s");
        assert_eq!(si(0.0, "J"), "0.00 J");
    }

    #[test]
    fn time_is_a_clock() {
        assert_eq!(clock(14.2), "0:14");
        assert_eq!(clock(3_723.0), "1:02:03");
        assert_eq!(clock(f64::INFINITY), "99:59:59");
    }
}
