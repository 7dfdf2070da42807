//! A record's time as RFC 3339 has it. It reads no clock. A crate does the same by the formatting machinery, which takes longer
//! than all the rest of a record.

/// Bytes of `1970-01-01T00:00:00.000000Z`.
const BYTES: usize = 27;
/// RFC 3339 ends with the year 9999; what is later is written as its end.
const LAST_US: u64 = 253_402_300_799_999_999;
const SECOND_US: u64 = 1_000_000;
const DAY_S: u64 = 86_400;

/// A time in microseconds since 1970.
pub(super) fn rfc3339(unix_us: u64) -> [u8; BYTES] {
    let unix_us = unix_us.min(LAST_US);
    let (unix_s, us) = (unix_us / SECOND_US, unix_us % SECOND_US);
    let (days, of_day) = (unix_s / DAY_S, unix_s % DAY_S);
    let (year, month, day) = date(days);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], day);
    digits(&mut text[11..13], of_day / 3600);
    digits(&mut text[14..16], of_day / 60 % 60);
    digits(&mut text[17..19], of_day % 60);
    digits(&mut text[20..26], us);
    text
}

/// Year, month and day of so many days after the first of 1970. Years are counted from March, so that the day which not every
/// year has is the last, and in eras of 400 years, which all have the same days.
fn date(days: u64) -> (u64, u64, u64) {
    // From the first of March of the year 0.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on have 153 days in five.
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Fills the text with the last digits of a number.
fn digits(text: &mut [u8], mut number: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[track_caller]
    fn check(unix_us: u64) {
        let want = humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_micros(unix_us)).to_string();
        assert_eq!(String::from_utf8_lossy(&rfc3339(unix_us)), want);
    }

    /// Goal: every day has its date. Method: an era of them, and of the later ones some of each month, with times of theirs, as a
    /// crate that is used by many writes them.
    #[test]
    fn days_until_the_year_9999() {
        let last = LAST_US / SECOND_US / DAY_S;
        for day in (0..146_097).chain((146_097..=last).step_by(13)) {
            check(day * DAY_S * SECOND_US + day * 987_654_321 % (DAY_S * SECOND_US));
        }
        for last in [LAST_US, LAST_US - 1, 951_868_799_999_999, 951_868_800_000_000] {
            check(last);
        }
    }

    #[test]
    fn a_time_beyond_writing_is_the_last_one() {
        assert_eq!(&rfc3339(u64::MAX), b"9999-12-31T23:59:59.999999Z");
    }
}
