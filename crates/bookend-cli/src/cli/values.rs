//! Reads the values that clap has no reader for. Each refusal says what would be right.

use std::time::Duration;

use bookend_broker::Fsync;

/// Reads `20ms`, `1.5s`, or a bare number of milliseconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit_ms) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000.0)
    } else {
        (text, 1.0)
    };
    let wrong = || format!("`{text}` is no time: write `20ms` or `1s`");
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * unit_ms / 1_000.0).map_err(|_| wrong())
}

/// Reads `always`, `never`, or the time between two.
pub(super) fn fsync(text: &str) -> Result<Fsync, String> {
    match text {
        "always" => Ok(Fsync::Always),
        "never" => Ok(Fsync::Never),
        _ => duration(text).map(Fsync::Interval).map_err(|_| {
            format!("`{text}` does not say when: write `always`, `never`, or a time as in `1s`")
        }),
    }
}

/// Reads a rate per second: a number that is not negative.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate),
        _ => Err(format!("`{text}` is no rate: write texts per second, or 0 for no limit")),
    }
}

/// Reads `key=value`; the value may hold further `=`.
pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("write KEY=VALUE, as in security.protocol=ssl".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [("20ms", 20), ("1s", 1_000), ("1.5s", 1_500), ("7", 7), ("0", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "ms", "-1s", "1m", "NaN", "1e300s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fsyncs() {
        let second = Fsync::Interval(Duration::from_secs(1));
        for (text, it) in [("always", Fsync::Always), ("never", Fsync::Never), ("1s", second)] {
            assert_eq!(fsync(text), Ok(it), "{text}");
        }
        assert!(fsync("sometimes").unwrap_err().contains("`always`, `never`"));
    }

    #[test]
    fn rates() {
        assert_eq!(rate("2.5"), Ok(2.5));
        for text in ["", "-0.1", "inf", "NaN", "fast"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn settings() {
        assert_eq!(setting("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(setting("a="), Ok(("a".to_owned(), String::new())));
        for text in ["", "a", "=b"] {
            assert!(setting(text).is_err(), "{text}");
        }
    }
}
