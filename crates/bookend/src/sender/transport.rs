//! What the sender needs of a Kafka client; the seam at which tests put their own.
//!
//! Up the stream: the sender's worker, one thread that owns the transport. Down the stream: Kafka.

use std::time::SystemTime;

use bytes::Bytes;

use crate::{
    record::{Headers, MessageId},
    topic::{Partition, TopicName},
};

/// Names one message between hand-over and report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub usize);

/// A message for the client. Borrowed: the sender keeps it until the report.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Where it goes.
    pub topic: &'a TopicName,
    /// Where in the topic; the sender has picked it.
    pub partition: Partition,
    /// The key's bytes.
    pub key: Option<&'a Bytes>,
    /// The value's bytes.
    pub value: &'a Bytes,
    /// In order.
    pub headers: &'a Headers,
    /// The id, which goes into a header of its own behind the others; see [`ID_HEADER`](crate::record::ID_HEADER).
    pub id: Option<MessageId>,
    /// When it was recorded.
    pub created_at: SystemTime,
}

/// Why the client did not take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTaken {
    /// Its queue is full; the sender tries again.
    Busy,
    /// It is larger than the client or the broker allows.
    TooLarge,
    /// It can never be sent; the text says why.
    Refused(String),
    /// The client is broken and has to be rebuilt; the text says why.
    Broken(String),
}

/// What became of one message that the client took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which message.
    pub ticket: Ticket,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All in-sync replicas have it.
    Acked,
    /// It failed for good; the value says how.
    Failed(NotTaken),
    /// It was purged before it was sent.
    Unsent,
    /// It was purged in flight: nobody knows.
    Unknown,
}

/// A Kafka client as the sender's worker drives it. No call may wait for a broker.
pub trait Transport: Send + 'static {
    /// How many partitions `topic` has; `None` while that is not known. Asks in the background.
    fn partitions(&mut self, topic: &TopicName) -> Option<u32>;

    /// The largest message that is taken, in bytes.
    fn message_bytes_max(&self) -> usize;

    /// Takes a message. Messages of one partition are delivered in the order they were taken.
    ///
    /// # Errors
    /// [`NotTaken`] says what to do with the message instead.
    fn send(&mut self, ticket: Ticket, message: Outgoing<'_>) -> Result<(), NotTaken>;

    /// Adds what was reported meanwhile. Never waits.
    fn poll(&mut self, reports: &mut Vec<Report>);

    /// Gives up on all that was taken, and reports it as [`Verdict::Unsent`] or [`Verdict::Unknown`].
    fn purge(&mut self, reports: &mut Vec<Report>);

    /// Starts over with a new client. What the old one still had is forgotten unreported: the sender sends it again.
    ///
    /// # Errors
    /// The client's own words; the sender tries again later.
    fn rebuild(&mut self) -> Result<(), String>;
}
