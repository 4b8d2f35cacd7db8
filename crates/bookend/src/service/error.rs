//! How a service ends: with a report, or with an error.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{stats::TopicStats, transport::TransportError};
use crate::{
    record::Position,
    router::Misuse,
    topic::{Offset, TopicName, TopicPartition},
    words,
};

/// What a service did, and what it left for the next.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ServiceReport {
    /// What was counted, by topic.
    pub topics: BTreeMap<TopicName, TopicStats>,
    /// Messages that were taken and not settled; they come again.
    pub given_back: u64,
    /// Partitions whose handler was cut off at the deadline.
    #[serde(serialize_with = "as_texts")]
    pub cut_off: Vec<TopicPartition>,
    /// Partitions whose last commit was not acknowledged; some of their settled messages may come again.
    #[serde(serialize_with = "as_texts")]
    pub uncommitted: Vec<TopicPartition>,
}

fn as_texts<S: serde::Serializer>(
    all: &[TopicPartition],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.iter().map(ToString::to_string))
}

/// Each fault on a line of its own.
fn lines(faults: &[Misuse]) -> String {
    faults.iter().fold(String::new(), |lines, fault| lines + "\n  " + &fault.to_string())
}

/// Why a service did not start, or did not go on.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It is wired wrong; nothing was connected. Correct each of the lines named.
    #[error("the service is wired wrong:{}", lines(.0))]
    Misuse(Vec<Misuse>),
    /// It could not connect, or its topics could not be made sure of.
    #[error("the service could not connect")]
    Connect(#[source] TransportError),
    /// The offset to go on from is not in the log: the messages expired before they were consumed, or the topic is
    /// another of the same name. Nothing was skipped. Choose: move the group's offset (`kafka-consumer-groups
    /// --reset-offsets`), or run under another group name to begin at the beginning.
    #[error(
        "{partition} has the offsets {first} to {end}, and group `{group}` would go on at {next}: the messages \
         expired or the topic was made anew; reset the group's offset to choose where to go on, or use another group"
    )]
    OutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The consumer group.
        group: String,
        /// The offset to go on from.
        next: Offset,
        /// The first offset there is.
        first: Offset,
        /// The offset behind the last there is.
        end: Offset,
    },
    /// A handler ended with a fatal error or with `Outcome::Stop`. The message is not settled and comes again.
    #[error("a handler stopped the service at {}/{} offset {}: {cause}", position.topic, position.partition, position.offset)]
    Stopped {
        /// The message.
        position: Position,
        /// The handler's error.
        cause: String,
    },
    /// The client gave up for good, by its own words.
    #[error("the connection to Kafka cannot go on: {reason}")]
    Failed {
        /// Why.
        reason: String,
    },
    /// The runtime that runs the handlers is gone, or a worker was dropped.
    #[error("the handlers of {partition} are not run any more: is the runtime shut down?")]
    WorkerGone {
        /// The first partition that noticed.
        partition: TopicPartition,
    },
}

/// In words, so that `main` may return it.
impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words::of_error(self, f)
    }
}
