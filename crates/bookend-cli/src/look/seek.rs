//! A place in a partition, as people name it, and the offset that it is.

use bookend::{Offset, Timestamp, TopicPartition, kafka::OffsetRange};

use super::time;

/// From which offset on a time may have been meant, in milliseconds: April 1973.
const TIMES_FROM: i64 = 100_000_000_000;

/// A place in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seek {
    Earliest,
    Latest,
    /// This very offset.
    At(Offset),
    /// So many offsets before the end, as far as there are.
    Last(i64),
    /// The first record of this time or later.
    Time(Timestamp),
}

/// Reads a place.
pub(crate) fn seek(text: &str) -> Result<Seek, String> {
    let wrong = || {
        format!(
            "`{text}` is no place: write `earliest`, `latest`, an offset, -N for N before the end, a time as \
             2026-11-23T08:00:00Z or 2026-11-23 (UTC), or @ and milliseconds since 1970"
        )
    };
    let number = |digits: &str| match digits.parse::<i64>() {
        Ok(number @ 0..) if digits.starts_with(|first: char| first.is_ascii_digit()) => Ok(number),
        _ => Err(wrong()),
    };
    match text {
        "earliest" => Ok(Seek::Earliest),
        "latest" => Ok(Seek::Latest),
        _ => match text.as_bytes().first() {
            Some(b'-') => number(&text[1..]).map(Seek::Last),
            Some(b'@') => number(&text[1..]).map(|millis| Seek::Time(Timestamp(millis))),
            _ => match time::read(text) {
                Some(time) => Ok(Seek::Time(time)),
                None => number(text).map(|offset| Seek::At(Offset(offset))),
            },
        },
    }
}

/// The offset of a place in a partition that holds `range`; `found` is what the broker found for a time.
pub(crate) fn resolve(
    seek: Seek,
    at: &TopicPartition,
    range: OffsetRange,
    found: Option<Offset>,
) -> Result<Offset, String> {
    let OffsetRange { start, end } = range;
    match seek {
        Seek::Earliest => Ok(start),
        Seek::Latest => Ok(end),
        Seek::At(offset) if (start..=end).contains(&offset) => Ok(offset),
        Seek::At(offset) => {
            let hint = if offset.0 >= TIMES_FROM {
                format!("; milliseconds since 1970 are written @{offset}")
            } else {
                String::new()
            };
            Err(format!("offset {offset} is not in {at}, which holds {start} up to {end}{hint}"))
        }
        Seek::Last(count) => Ok(Offset(end.0.saturating_sub(count).max(start.0))),
        // The broker may have removed records since, or none is as late.
        Seek::Time(_) => Ok(found.unwrap_or(end).max(start)),
    }
}

#[cfg(test)]
mod tests {
    use bookend::{Partition, TopicName};

    use super::*;

    #[test]
    fn places() {
        let time = |millis| Seek::Time(Timestamp(millis));
        for (text, place) in [
            ("earliest", Seek::Earliest),
            ("latest", Seek::Latest),
            ("0", Seek::At(Offset(0))),
            ("1795408888123", Seek::At(Offset(1_795_408_888_123))),
            ("-5", Seek::Last(5)),
            ("@1795408888123", time(1_795_408_888_123)),
            ("2026-11-23T04:41:28.123Z", time(1_795_408_888_123)),
            ("2026-11-23", time(1_795_392_000_000)),
        ] {
            assert_eq!(seek(text), Ok(place), "{text}");
        }
        for text in
            ["", "-", "--5", "-+5", "+5", "@", "@-1", "now", "1.5", "5 ", "99999999999999999999"]
        {
            assert!(seek(text).is_err(), "{text}");
        }
    }

    #[test]
    fn places_become_offsets() {
        let at = TopicPartition::new(TopicName::new("A").unwrap(), Partition(1));
        let range = OffsetRange { start: Offset(10), end: Offset(20) };
        let time = Seek::Time(Timestamp(1));
        for (place, found, offset) in [
            (Seek::Earliest, None, 10),
            (Seek::Latest, None, 20),
            (Seek::At(Offset(10)), None, 10),
            (Seek::At(Offset(20)), None, 20),
            (Seek::Last(0), None, 20),
            (Seek::Last(3), None, 17),
            (Seek::Last(i64::MAX), None, 10),
            (time, Some(Offset(15)), 15),
            (time, Some(Offset(5)), 10),
            (time, None, 20),
        ] {
            assert_eq!(
                resolve(place, &at, range, found),
                Ok(Offset(offset)),
                "{place:?} {found:?}"
            );
        }
        for wrong in [9, 21] {
            let words = resolve(Seek::At(Offset(wrong)), &at, range, None).unwrap_err();
            assert!(words.ends_with("A/1, which holds 10 up to 20"), "{words}");
        }
        let words = resolve(Seek::At(Offset(1_795_392_000_000)), &at, range, None).unwrap_err();
        assert!(words.ends_with("are written @1795392000000"), "{words}");
    }
}
