//! Reads the values that clap has no reader for. Each refusal says what would be right.

use std::time::Duration;

use bookend::{Partition, TopicName};
use bookend_broker::Fsync;

use super::look::ResetTopic;

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

/// Reads a setting of librdkafka.
pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    pair(text).ok_or_else(|| "write KEY=VALUE, as in security.protocol=ssl".to_owned())
}

/// Reads a setting of a topic.
pub(super) fn topic_setting(text: &str) -> Result<(String, String), String> {
    pair(text).ok_or_else(|| "write KEY=VALUE, as in retention.ms=86400000".to_owned())
}

/// Reads `key=value`; the value may hold further `=`.
fn pair(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    (!key.trim().is_empty()).then(|| (key.trim().to_owned(), value.to_owned()))
}

/// Reads a group's name, which is any text but none at all.
pub(super) fn group(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("name the group".to_owned()) } else { Ok(text.to_owned()) }
}

/// Reads a topic's name by Kafka's rules.
pub(super) fn topic(text: &str) -> Result<TopicName, String> {
    TopicName::new(text).map_err(|error| error.to_string())
}

/// Reads a partition's number.
pub(super) fn partition(text: &str) -> Result<Partition, String> {
    match text.parse() {
        Ok(number @ 0..) => Ok(Partition(number)),
        _ => Err(format!("`{text}` is no partition: write its number, from 0")),
    }
}

/// Reads `TOPIC` or `TOPIC:PARTITION`; a colon stands in no topic's name.
pub(super) fn reset_topic(text: &str) -> Result<ResetTopic, String> {
    let (name, number) = text.split_once(':').map_or((text, None), |(name, it)| (name, Some(it)));
    Ok(ResetTopic { topic: topic(name)?, partition: number.map(partition).transpose()? })
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
            assert!(setting(text).unwrap_err().contains("security.protocol=ssl"), "{text}");
            let said = topic_setting(text).unwrap_err();
            assert!(said.ends_with("as in retention.ms=86400000"), "{text}: {said}");
        }
        assert_eq!(topic_setting("a=1"), Ok(("a".to_owned(), "1".to_owned())));
    }

    #[test]
    fn topics_and_partitions() {
        for (read, number) in [("A.b_c-1", None), ("A.b_c-1:7", Some(Partition(7)))] {
            let topic = TopicName::new("A.b_c-1").unwrap();
            assert_eq!(reset_topic(read), Ok(ResetTopic { topic, partition: number }), "{read}");
        }
        for text in ["", ":", ":0", "A:", "A:-1", "A:x", "A:0:0", "A b", "A:99999999999"] {
            assert!(reset_topic(text).is_err(), "{text}");
        }
    }
}
