//! The one table of settings: name, type, default, what is allowed, and what it means.
//!
//! Names, types and most defaults are Apache Kafka's: <https://kafka.apache.org/documentation/#topicconfigs> and
//! <https://kafka.apache.org/documentation/#brokerconfigs>. What stands here is honored; a setting of Apache Kafka
//! that does not stand here is not, so it is refused. [`Allowed::Default`] is a promise this broker keeps by its
//! nature: it can be read and repeated, not changed.

/// A setting of a topic.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// What Apache Kafka calls the broker's default of it.
    pub(crate) broker_name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: &'static str,
    pub(crate) allowed: Allowed,
    pub(crate) doc: &'static str,
}

/// The type of a setting's value, as `DescribeConfigs` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Text,
    Int,
    Long,
    List,
}

/// The values that a setting may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// A number within these bounds.
    Range(i64, i64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The default and nothing else.
    Default,
}

impl Setting {
    /// Whether a client may set it to anything but its default.
    pub(crate) fn can_change(&self) -> bool {
        self.allowed != Allowed::Default
    }
}

/// The setting of that name.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    TOPIC.iter().find(|setting| setting.name == name)
}

pub(super) const RETENTION_MS: &str = "retention.ms";
pub(super) const RETENTION_BYTES: &str = "retention.bytes";
pub(super) const SEGMENT_BYTES: &str = "segment.bytes";
pub(super) const MAX_MESSAGE_BYTES: &str = "max.message.bytes";
pub(super) const TIMESTAMP_TYPE: &str = "message.timestamp.type";
pub(super) const CLEANUP_POLICY: &str = "cleanup.policy";
pub(super) const LOG_APPEND_TIME: &str = "LogAppendTime";

const INT_MAX: i64 = i32::MAX as i64;

/// All settings of a topic, by name.
pub(crate) const TOPIC: [Setting; 14] = [
    Setting {
        name: CLEANUP_POLICY,
        broker_name: "log.cleanup.policy",
        kind: Kind::List,
        default: "delete",
        allowed: Allowed::Default,
        doc: "Old segments are deleted, by age and by size. Compaction is not supported.",
    },
    Setting {
        name: "compression.type",
        broker_name: "compression.type",
        kind: Kind::Text,
        default: "producer",
        allowed: Allowed::Default,
        doc: "Batches are stored in the codec in which they were sent.",
    },
    Setting {
        name: MAX_MESSAGE_BYTES,
        broker_name: "message.max.bytes",
        kind: Kind::Int,
        default: "1048588",
        allowed: Allowed::Range(0, INT_MAX),
        doc: "The largest record batch taken, after compression.",
    },
    Setting {
        name: "message.timestamp.after.max.ms",
        broker_name: "log.message.timestamp.after.max.ms",
        kind: Kind::Long,
        default: "9223372036854775807",
        allowed: Allowed::Default,
        doc: "Records may be of any time to come.",
    },
    Setting {
        name: "message.timestamp.before.max.ms",
        broker_name: "log.message.timestamp.before.max.ms",
        kind: Kind::Long,
        default: "9223372036854775807",
        allowed: Allowed::Default,
        doc: "Records may be of any time gone by.",
    },
    Setting {
        name: TIMESTAMP_TYPE,
        broker_name: "log.message.timestamp.type",
        kind: Kind::Text,
        default: "CreateTime",
        allowed: Allowed::OneOf(&["CreateTime", LOG_APPEND_TIME]),
        doc: "Whether a record's time is its producer's, or that of the append.",
    },
    Setting {
        name: "min.insync.replicas",
        broker_name: "min.insync.replicas",
        kind: Kind::Int,
        default: "1",
        allowed: Allowed::Default,
        doc: "There is one replica.",
    },
    Setting {
        name: "preallocate",
        broker_name: "log.preallocate",
        kind: Kind::Boolean,
        default: "false",
        allowed: Allowed::Default,
        doc: "Files grow with what is written.",
    },
    Setting {
        name: "remote.storage.enable",
        broker_name: "remote.log.storage.system.enable",
        kind: Kind::Boolean,
        default: "false",
        allowed: Allowed::Default,
        doc: "There is no tiered storage.",
    },
    Setting {
        name: RETENTION_BYTES,
        broker_name: "log.retention.bytes",
        kind: Kind::Long,
        default: "-1",
        allowed: Allowed::Range(-1, i64::MAX),
        doc: "How large a partition may grow before its oldest segments are deleted; -1 is without limit.",
    },
    Setting {
        name: RETENTION_MS,
        broker_name: "log.retention.ms",
        kind: Kind::Long,
        default: "604800000",
        allowed: Allowed::Range(-1, i64::MAX),
        doc: "How old a segment's latest record may become before the segment is deleted; -1 is without limit.",
    },
    Setting {
        name: SEGMENT_BYTES,
        broker_name: "log.segment.bytes",
        kind: Kind::Int,
        default: "67108864",
        allowed: Allowed::Range(14, INT_MAX),
        doc: "The size at which a segment is closed; space comes back by whole segments.",
    },
    Setting {
        name: "segment.jitter.ms",
        broker_name: "log.roll.jitter.ms",
        kind: Kind::Long,
        default: "0",
        allowed: Allowed::Default,
        doc: "Segments are closed by their size alone.",
    },
    Setting {
        name: "unclean.leader.election.enable",
        broker_name: "unclean.leader.election.enable",
        kind: Kind::Boolean,
        default: "false",
        allowed: Allowed::Default,
        doc: "There is one replica, and it leads.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: the front page of the crate has every setting that can be changed, and its default.
    #[test]
    fn the_front_page_tells_the_settings() {
        let page = include_str!("../lib.rs");
        for setting in TOPIC.iter().filter(|setting| setting.can_change()) {
            let row = page.lines().find(|line| line.contains(&format!("| `{}` |", setting.name)));
            assert!(row.is_some_and(|row| row.contains(setting.default)), "{}", setting.name);
        }
        assert_eq!(
            page.matches("//! | `").count(),
            TOPIC.iter().filter(|s| s.can_change()).count()
        );
    }

    // Goal: what a reader of the table relies on. Method: each default against what is allowed, and the order.
    #[test]
    fn the_table_is_in_order_and_its_defaults_are_allowed() {
        assert!(TOPIC.is_sorted_by_key(|setting| setting.name));
        for setting in &TOPIC {
            let allowed = match setting.allowed {
                Allowed::Default => true,
                Allowed::OneOf(words) => words.contains(&setting.default),
                Allowed::Range(min, max) => (min..=max).contains(&setting.default.parse().unwrap()),
            };
            assert!(allowed, "{}", setting.name);
            assert!(setting.doc.ends_with('.'), "{}", setting.name);
        }
    }
}
