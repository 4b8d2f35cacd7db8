//! What can be set about a topic, and what is refused because it would not be honored.
//!
//! [`table`] knows every setting; [`Settings`] is one topic's, as text for admin clients and as values for the
//! partitions. Upstream: [`wire`](crate::wire), which takes and tells settings, and [`catalog`](crate::catalog), which
//! keeps them.

pub(crate) mod table;

use std::collections::BTreeMap;

use self::table::{Allowed, Kind, Setting};

/// The settings of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// What was set, by name; all else has its default.
    given: BTreeMap<&'static str, Box<str>>,
    /// How old records become; for ever, if none.
    pub(crate) retention_ms: Option<i64>,
    /// How large a partition becomes; without limit, if none.
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) segment_bytes: u64,
    pub(crate) batch_bytes_max: usize,
    /// Whether the time of a record is that of its append.
    pub(crate) append_time: bool,
}

/// What a client asks to be done with a setting (KIP-339).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    Set(&'a str),
    /// Back to the default.
    Delete,
    /// More elements of a list.
    Append(&'a str),
    /// Fewer elements of a list.
    Subtract(&'a str),
}

/// Why a setting is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingError {
    #[error("this broker does not honor `{name}`; what it honors is {}", honored())]
    NotHonored { name: String },
    #[error("this broker does not support `{name}={value}`, only `{name}={only}`")]
    Only { name: &'static str, value: String, only: &'static str },
    #[error(
        "this broker does not compact: it deletes old segments, so `cleanup.policy` is `delete`, not `{0}`"
    )]
    Compact(String),
    #[error("`{name}` is a number from {min} to {max}, not `{value}`")]
    OutOfRange { name: &'static str, value: String, min: i64, max: i64 },
    #[error("`{name}` is one of {words:?}, not `{value}`")]
    Word { name: &'static str, value: String, words: &'static [&'static str] },
    #[error("`{0}` is no list, so nothing can be appended to it or taken out of it")]
    NoList(&'static str),
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(BTreeMap::new())
    }
}

impl Settings {
    /// These settings, and the defaults of all others.
    pub(crate) fn new<'a>(
        given: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SettingError> {
        let changes = given.into_iter().map(|(name, value)| (name, Change::Set(value)));
        Self::default().changed(changes)
    }

    /// These settings after some changes, all or none.
    pub(crate) fn changed<'a>(
        &self,
        changes: impl IntoIterator<Item = (&'a str, Change<'a>)>,
    ) -> Result<Self, SettingError> {
        let mut given = self.given.clone();
        for (name, change) in changes {
            let not_honored = || SettingError::NotHonored { name: name.to_owned() };
            let setting = table::find(name).ok_or_else(not_honored)?;
            let value = match change {
                Change::Delete => {
                    given.remove(setting.name);
                    continue;
                }
                Change::Set(value) => value.trim().to_owned(),
                Change::Append(_) | Change::Subtract(_) if setting.kind != Kind::List => {
                    return Err(SettingError::NoList(setting.name));
                }
                Change::Append(added) => {
                    let before = given.get(setting.name).map_or(setting.default, |value| value);
                    let mut elements: Vec<_> = elements(before).collect();
                    elements.extend(self::elements(added).filter(|one| !before.contains(one)));
                    elements.join(",")
                }
                Change::Subtract(removed) => {
                    let before = given.get(setting.name).map_or(setting.default, |value| value);
                    let stays = |one: &&str| elements(removed).all(|gone| gone != *one);
                    elements(before).filter(stays).collect::<Vec<_>>().join(",")
                }
            };
            check(setting, &value)?;
            given.insert(setting.name, value.into());
        }
        Ok(Self::of(given))
    }

    /// What was set, by name.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.given.iter().map(|(name, value)| (*name, &**value))
    }

    /// What was set for that setting; none if it has its default.
    pub(crate) fn get(&self, setting: &Setting) -> Option<&str> {
        self.given.get(setting.name).map(|value| &**value)
    }

    fn of(given: BTreeMap<&'static str, Box<str>>) -> Self {
        let text = |name| {
            let setting = table::find(name).expect("the table has all that is read here");
            given.get(name).map_or(setting.default, |value| value)
        };
        let number = |name| text(name).parse::<i64>().expect("it was checked to be a number");
        Self {
            retention_ms: (number(table::RETENTION_MS) >= 0).then_some(number(table::RETENTION_MS)),
            // Negative is -1, without limit.
            retention_bytes: u64::try_from(number(table::RETENTION_BYTES)).ok(),
            segment_bytes: number(table::SEGMENT_BYTES).unsigned_abs(),
            batch_bytes_max: usize::try_from(number(table::MAX_MESSAGE_BYTES))
                .unwrap_or(usize::MAX),
            append_time: text(table::TIMESTAMP_TYPE) == table::LOG_APPEND_TIME,
            given,
        }
    }
}

fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|element| !element.is_empty())
}

fn check(setting: &Setting, value: &str) -> Result<(), SettingError> {
    let (name, given) = (setting.name, || value.to_owned());
    match setting.allowed {
        Allowed::Default if value == setting.default => Ok(()),
        Allowed::Default if name == table::CLEANUP_POLICY => Err(SettingError::Compact(given())),
        Allowed::Default => Err(SettingError::Only { name, value: given(), only: setting.default }),
        Allowed::OneOf(words) if words.contains(&value) => Ok(()),
        Allowed::OneOf(words) => Err(SettingError::Word { name, value: given(), words }),
        Allowed::Range(min, max) => match value.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(()),
            _ => Err(SettingError::OutOfRange { name, value: given(), min, max }),
        },
    }
}

/// The settings that can be changed, for a sentence.
fn honored() -> String {
    let names = table::TOPIC.iter().filter(|setting| setting.can_change()).map(|s| s.name);
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: each setting is honored or refused, in words that help. Method: one setting at a time.
    #[test]
    fn a_setting_is_honored_or_refused() {
        let check = |name, value, expected: Result<(), &str>| {
            let settings = Settings::new([(name, value)]).map(drop).map_err(|e| e.to_string());
            match expected {
                Ok(()) => assert_eq!(settings, Ok(()), "{name}={value}"),
                Err(words) => assert!(settings.unwrap_err().contains(words), "{name}={value}"),
            }
        };
        check("retention.ms", "-1", Ok(()));
        check("retention.ms", " 5 ", Ok(()));
        check("retention.ms", "-2", Err("a number from -1 to"));
        check("retention.ms", "soon", Err("not `soon`"));
        check("segment.bytes", "13", Err("from 14 to 2147483647"));
        check("max.message.bytes", "2147483648", Err("from 0 to 2147483647"));
        check("message.timestamp.type", "LogAppendTime", Ok(()));
        check("message.timestamp.type", "Never", Err("[\"CreateTime\", \"LogAppendTime\"]"));
        check("cleanup.policy", "delete", Ok(()));
        check("cleanup.policy", "compact", Err("does not compact"));
        check("cleanup.policy", "compact,delete", Err("does not compact"));
        check("compression.type", "zstd", Err("only `compression.type=producer`"));
        check("min.insync.replicas", "2", Err("only `min.insync.replicas=1`"));
        check(
            "segment.ms",
            "5",
            Err("what it honors is max.message.bytes, message.timestamp.type"),
        );
    }

    // KIP-339: set, delete, and the elements of a list.
    #[test]
    fn changes_are_all_made_or_none() {
        let old = Settings::new([("retention.ms", "5"), ("segment.bytes", "100")]).unwrap();
        assert_eq!((old.retention_ms, old.segment_bytes), (Some(5), 100));
        let new = old
            .changed([("retention.ms", Change::Delete), ("retention.bytes", Change::Set("7"))])
            .unwrap();
        assert_eq!((new.retention_ms, new.retention_bytes), (Some(604_800_000), Some(7)));
        assert_eq!(
            new.given().collect::<Vec<_>>(),
            [("retention.bytes", "7"), ("segment.bytes", "100")]
        );
        let policy = |change| old.changed([("cleanup.policy", change)]).map(drop);
        assert_eq!(policy(Change::Append("delete")), Ok(()));
        assert_eq!(
            policy(Change::Append("compact")),
            Err(SettingError::Compact("delete,compact".into()))
        );
        assert_eq!(policy(Change::Subtract("delete")), Err(SettingError::Compact(String::new())));
        let no_list = old.changed([("retention.ms", Change::Append("1"))]);
        assert_eq!(no_list, Err(SettingError::NoList("retention.ms")));
    }

    #[test]
    fn the_defaults_are_those_of_the_table() {
        let settings = Settings::default();
        assert_eq!(settings.retention_ms, Some(7 * 24 * 3_600_000));
        assert_eq!(settings.retention_bytes, None);
        assert_eq!(settings.segment_bytes, bookend_log::Options::default().segment_bytes_max);
        assert_eq!(settings.batch_bytes_max, 1_048_588);
        assert!(!settings.append_time);
    }
}
