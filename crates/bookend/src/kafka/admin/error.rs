//! What can go wrong with a question to a cluster or a change to it.

/// A question that was not answered, or a change that was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The brokers did not answer, or not as they should; check that they run, then try again.
    #[error("asking Kafka at {brokers} failed: {reason}")]
    Failed {
        /// Where they were asked.
        brokers: String,
        /// librdkafka's own words.
        reason: String,
    },
    /// The brokers answered, and said no; the reason says what to change.
    #[error("{what}: refused, {reason}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The broker's reason.
        reason: String,
    },
    /// The topic is gone, or there is another of its name by now; begin again where that one is meant.
    #[error("topic `{topic}` was deleted")]
    Deleted {
        /// The topic's name.
        topic: String,
    },
    /// The group has members, and only they may move its offsets; stop them first.
    #[error("group `{group}` has members, and only they can move its offsets; stop them first")]
    GroupInUse {
        /// The group's name.
        group: String,
    },
}
