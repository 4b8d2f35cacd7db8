//! A message as it was consumed, and where it stood.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Serialize;

use super::{Headers, ID_HEADER, MessageId};
use crate::topic::{Offset, Partition, TopicName};

/// When a message was created or appended, in milliseconds since 1970, as the broker gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This timestamp as a time; `None` before 1970.
    #[must_use]
    pub fn to_system_time(self) -> Option<SystemTime> {
        let millis = u64::try_from(self.0).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
    }
}

/// Where a message stood when it was consumed, and the id its sender gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The topic.
    pub topic: TopicName,
    /// The partition within the topic.
    pub partition: Partition,
    /// The offset within the partition.
    pub offset: Offset,
    /// The sender's id; `None` for messages of senders that give none.
    pub id: Option<MessageId>,
}

/// A consumed message: bytes, nothing decoded. Cloning shares key and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic it was consumed from.
    pub topic: TopicName,
    /// The partition within the topic.
    pub partition: Partition,
    /// The offset within the partition.
    pub offset: Offset,
    /// `None` when the broker has none.
    pub timestamp: Option<Timestamp>,
    /// `None` is Kafka's null.
    pub key: Option<Bytes>,
    /// `None` is Kafka's null, a tombstone.
    pub value: Option<Bytes>,
    /// In the order they were sent.
    pub headers: Headers,
}

impl Message {
    /// Topic, partition, offset and id. A header of that name that is no id of ours counts as none.
    #[must_use]
    pub fn position(&self) -> Position {
        let id = self.headers.last(ID_HEADER).and_then(|bytes| MessageId::from_bytes(bytes).ok());
        Position { topic: self.topic.clone(), partition: self.partition, offset: self.offset, id }
    }
}
