//! What can be wrong with a service before it runs.

use std::{fmt, panic::Location};

use crate::topic::{InvalidTopicName, TopicName};

/// The line of code that wired something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Site(pub(crate) &'static Location<'static>);

/// `file:line`.
impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.file(), self.0.line())
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A service that is wired wrong, with the line to correct.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// Nothing is handled: add `.on(topic, handler)`.
    #[error("the service handles no topic: add `.on(topic, handler)`")]
    NoTopic,
    /// Kafka would refuse the topic's name.
    #[error("{site}: {source}")]
    InvalidTopic {
        /// Where it was given.
        site: Site,
        /// The name, and what a name may be.
        source: InvalidTopicName,
    },
    /// A topic's messages go to one handler: remove one of the two.
    #[error("topic `{topic}` is handled twice: {first} and {second}")]
    Duplicate {
        /// The topic.
        topic: TopicName,
        /// The first handler's line.
        first: Site,
        /// The second handler's line.
        second: Site,
    },
    /// A batch of 0 messages would never be full.
    #[error("{site}: a batch of topic `{topic}` has at least 1 message, not 0")]
    EmptyBatch {
        /// The topic.
        topic: String,
        /// The handler's line.
        site: Site,
    },
    /// Kafka has no group without a name.
    #[error("{site}: a service's name is its consumer group and cannot be empty")]
    InvalidGroup {
        /// Where it was given.
        site: Site,
    },
    /// A topic has at least one partition.
    #[error("{site}: a topic has at least 1 partition, not 0")]
    NoPartitions {
        /// Where it was given.
        site: Site,
    },
}
