//! Times as people write them: RFC 3339, shown in UTC with milliseconds.
//!
//! The calendar is the proleptic Gregorian one of ISO 8601, counted as in Howard Hinnant's `chrono`-compatible low-level
//! date algorithms: years begin in March, so that the leap day is a year's last.

use bookend::Timestamp;

const DAY_MS: i64 = 86_400_000;
/// Days of 400 years, after which the calendar repeats.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// `2026-11-23T04:41:28.123Z`.
pub(super) fn show(time: Timestamp) -> String {
    let (days, millis) = (time.0.div_euclid(DAY_MS), time.0.rem_euclid(DAY_MS));
    let (year, month, day) = date(days);
    let (hour, minute) = (millis / 3_600_000, millis / 60_000 % 60);
    let (second, milli) = (millis / 1_000 % 60, millis % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Reads RFC 3339: `2026-11-23T08:00:00Z`, with a fraction of a second or an offset such as `+01:00` if there is one. What
/// is finer than a millisecond is left off. A date alone is its midnight in UTC. `None` where it is no such time, or lies
/// before 1970.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00:00Z"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, offset_minutes) = if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        (clock, 0)
    } else {
        let (clock, offset) = clock.split_at_checked(clock.len().checked_sub(6)?)?;
        let sign = match offset.as_bytes()[0] {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let [hours, minutes] = numbers(&offset[1..], ':', [2, 2])?;
        (clock, (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))?)
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let is_time = hour < 24 && minute < 60 && second < 60;
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !is_time || !is_fraction || !(1..=12).contains(&month) {
        return None;
    }
    let milli: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let days = days(year, month, day)?;
    let minutes = hour * 60 + minute - offset_minutes;
    let time = days * DAY_MS + minutes * 60_000 + second * 1_000 + milli;
    (time >= 0).then_some(Timestamp(time))
}

/// Numbers with exactly so many digits, separated.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        *number = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days since 1970; `None` for a day that the month does not have.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let march_year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * ERA_DAYS + day_of_era - EPOCH_DAYS;
    (date(days) == (year, month, day)).then_some(days)
}

/// Year, month and day.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Method: numbers from GNU `date -u -d … +%s`.
    #[test]
    fn known_times() {
        for (text, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("2026-11-23T04:41:28.123Z", 1_795_408_888_123),
            ("2100-03-01T00:00:00.000Z", 4_107_542_400_000),
        ] {
            assert_eq!(show(Timestamp(millis)), text);
            assert_eq!(read(text), Some(Timestamp(millis)), "{text}");
        }
        assert_eq!(show(Timestamp(-1)), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_way_to_write_it() {
        for text in [
            "2026-11-23T08:00:00Z",
            "2026-11-23t08:00:00z",
            "2026-11-23 08:00:00Z",
            "2026-11-23T09:00:00+01:00",
            "2026-11-23T02:30:00-05:30",
            "2026-11-23T08:00:00.0009Z",
        ] {
            assert_eq!(read(text).map(show).as_deref(), Some("2026-11-23T08:00:00.000Z"), "{text}");
        }
    }

    #[test]
    fn a_date_is_its_midnight() {
        assert_eq!(read("2026-11-23").map(show).as_deref(), Some("2026-11-23T00:00:00.000Z"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "2026-11-31",
            "2026-11",
            "2026-11-23T",
            "2026-11-23T08:00:00",
            "2026-11-23T08:00Z",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T08:00:00.Z",
            "2026-11-23T08:00:00.xZ",
            "2026-11-23T08:00:00ü01:00",
            "+026-11-23T08:00:00Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        // Goal: every moment of our calendar is read as it is shown.
        #[test]
        fn what_is_shown_can_be_read(millis in 0..253_402_300_800_000_i64) {
            prop_assert_eq!(read(&show(Timestamp(millis))), Some(Timestamp(millis)));
        }

        #[test]
        fn survives_any_text(text in "\\PC{0,40}") {
            read(&text);
        }
    }
}
