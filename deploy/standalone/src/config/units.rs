//! Sizes and times as people write them, and back. It never judges whether one makes sense.

use std::time::Duration;

/// Units of bytes: the binary ones, and the decimal ones for who means them.
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
];
/// Units of time, in milliseconds.
const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// The JSON Schema patterns that say what [`size`] and [`time`] read.
pub const SIZE_PATTERN: &str = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)$";
pub const TIME_PATTERN: &str = "^([0-9]+(ms|s|m|h|d))+$";

/// Bytes, from a number with a unit.
pub fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*bytes)
}

/// Milliseconds, from numbers with units.
pub fn time(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0u64;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        let (_, each) = TIMES.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*each)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(sum)
}

/// Bytes as people write them.
pub fn size_text(bytes: u64) -> String {
    let fits = |(_, unit): &&(&str, u64)| bytes > 0 && bytes.is_multiple_of(*unit);
    match SIZES[..3].iter().find(fits) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

/// A time as people write it.
pub fn time_text(time: Duration) -> String {
    let mut left = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, each) in TIMES.iter().rev() {
        if left >= *each {
            text.push_str(&format!("{}{unit}", left / each));
            left %= each;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_as_they_are_written() {
        for (text, want) in [("4MiB", 4 << 20), ("512 KiB", 512 << 10), ("7B", 7), ("2GB", 2_000_000_000)] {
            assert_eq!(size(text), Some(want), "{text}");
        }
        for text in ["", "4", "4M", "4Mi", "MiB", "-1B", "4  MiB", "1.5MiB", "99999999999999GiB"] {
            assert_eq!(size(text), None, "{text}");
        }
        for (text, want) in [("30s", 30_000), ("1h30m", 5_400_000), ("500ms", 500), ("1d", 86_400_000)] {
            assert_eq!(time(text), Some(want), "{text}");
            assert_eq!(time_text(Duration::from_millis(want)), text);
        }
        for text in ["", "30", "s", "1.5s", "30 s", "30sec", "99999999999999999999d"] {
            assert_eq!(time(text), None, "{text}");
        }
        assert_eq!([size_text(0), size_text(1500), size_text(4 << 20)], ["0", "1500", "4MiB"]);
    }
}
