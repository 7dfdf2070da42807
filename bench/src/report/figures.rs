//! Figures as people read them: three digits that matter, a unit, thousands apart. Text from outside made harmless.
//! Pure.

/// Server bytes in a message; more says nothing more.
const LINE_CHARS_MAX: usize = 300;

/// Microseconds as `7.25 us`, `412 us`, `1.23 ms`, `2.50 s`.
pub fn latency(us: f64) -> String {
    if !us.is_finite() || us < 0.0 {
        return "-".to_owned();
    }
    // What rounds up to a thousand is one of the next unit.
    let (value, unit) = match us {
        _ if us < 999.5 => (us, "us"),
        _ if us < 999_500.0 => (us / 1e3, "ms"),
        _ => (us / 1e6, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

/// `127,431/s`; a tenth where it matters.
pub fn rate(rps: f64) -> String {
    if !rps.is_finite() {
        return "-".to_owned();
    }
    if rps < 99.95 && rps.fract() != 0.0 { format!("{rps:.1}/s") } else { format!("{}/s", count(rps.round() as u64)) }
}

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as `43 %`; below a tenth with one decimal.
pub fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    match percent {
        _ if !percent.is_finite() => "-".to_owned(),
        _ if percent.abs() >= 9.95 || percent == 0.0 => format!("{percent:.0} %"),
        _ if percent.abs() >= 0.1 => format!("{percent:.1} %"),
        _ => format!("{percent:.2} %"),
    }
}

/// Any value, without a unit: large ones with thousands apart.
pub fn plain(value: f64) -> String {
    match value {
        _ if !value.is_finite() => "-".to_owned(),
        _ if value.abs() < 1000.0 => three_digits(value),
        _ if value < 0.0 => format!("-{}", count(value.abs().round() as u64)),
        _ => count(value.round() as u64),
    }
}

/// `1.23`, `12.3`, `123`, `0`.
fn three_digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Text from outside on one line: a terminal obeys no byte of it, and no letter reorders what stands around it.
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    for (index, letter) in text.trim().chars().enumerate() {
        if index == LINE_CHARS_MAX {
            line.push('…');
            break;
        }
        match letter {
            '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.extend(letter.escape_unicode());
            }
            _ if letter.is_control() => line.extend(letter.escape_default()),
            _ => line.push(letter),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        for (us, want) in [
            (0.0, "0 us"),
            (7.254, "7.25 us"),
            (9.996, "10.0 us"),
            (41.23, "41.2 us"),
            (412.3, "412 us"),
            (999.4, "999 us"),
            (999.6, "1.00 ms"),
            (12_345.0, "12.3 ms"),
            (999_600.0, "1.00 s"),
            (61_000_000.0, "61.0 s"),
            (f64::NAN, "-"),
            (-1.0, "-"),
        ] {
            assert_eq!(latency(us), want);
        }
        for (rps, want) in [(0.0, "0/s"), (12.34, "12.3/s"), (999.6, "1,000/s"), (127_431.2, "127,431/s")] {
            assert_eq!(rate(rps), want);
        }
        for (number, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), want);
        }
        for (ratio, want) in [(0.0, "0 %"), (0.4321, "43 %"), (0.0123, "1.2 %"), (0.0004, "0.04 %"), (1.0, "100 %")] {
            assert_eq!(percent(ratio), want);
        }
        for (value, want) in [(0.0, "0"), (7.2, "7.20"), (1234.5, "1,235"), (-2000.0, "-2,000")] {
            assert_eq!(plain(value), want);
        }
    }

    #[test]
    fn outside_text_commands_nothing() {
        assert_eq!(one_line("  a\u{1b}[2Jb\r\nc\t"), "a\\u{1b}[2Jb\\r\\nc");
        assert_eq!(one_line("abc\u{202e}def"), "abc\\u{202e}def");
        assert_eq!(one_line(&"x".repeat(1000)).chars().count(), LINE_CHARS_MAX + 1);
        assert_eq!(one_line("Grüße"), "Grüße");
    }
}
