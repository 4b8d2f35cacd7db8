//! What a service needs of Kafka: the one seam between the engine and a client.
//!
//! `Kafka` implements it with librdkafka; tests implement it with a script. A [`Transport`] is owned by the service's
//! one thread, and only [`poll`](Transport::poll) brings news.

use std::{error::Error, fmt, sync::Arc};

use crate::{
    record::Message,
    topic::{Offset, TopicName, TopicPartition},
};

/// Whatever a transport has to say about a failure.
pub type TransportError = Box<dyn Error + Send + Sync>;

/// What a service asks a transport for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The consumer group.
    pub group: String,
    /// Its topics.
    pub topics: Vec<TopicName>,
    /// With how many partitions a topic is created that is not there; `None` leaves it to the broker.
    pub partitions: Option<u32>,
}

/// Something a service can connect to.
pub trait Connect: Send {
    /// What it becomes.
    type Transport: Transport;

    /// Makes sure that the topics are there, and subscribes. The transport calls `wake` whenever it has news.
    ///
    /// # Errors
    /// Whatever keeps the service from starting.
    ///
    /// # Cancel safety
    /// Dropped before it completes, some topics may have been created; nothing is subscribed.
    fn connect(
        self,
        subscription: Subscription,
        wake: Wake,
    ) -> impl Future<Output = Result<Self::Transport, TransportError>> + Send;
}

/// A member of a consumer group, as the service's thread drives it.
///
/// Besides [`assign`](Self::assign), which may wait for a broker's answer for a second or two, and
/// [`close`](Self::close), no method blocks.
pub trait Transport: Send + 'static {
    /// The next news, if there is any. Once it has returned `None`, it calls its [`Wake`] when there is more.
    fn poll(&mut self) -> Option<Event>;

    /// Starts to consume partitions of an [`Event::Assigned`], each at its committed offset, or at the beginning
    /// where there is none; with none at all, only answers the group. Says which it could start; the service tries
    /// the others again.
    ///
    /// # Errors
    /// The committed offsets could not be read, and nothing was started; the service tries again.
    fn assign(&mut self, partitions: &[TopicPartition]) -> Result<Begun, TransportError>;

    /// Gives up partitions of an [`Event::Revoked`].
    fn unassign(&mut self, partitions: &[TopicPartition]);

    /// Whether the group has taken the assignment away already, so that nothing may be committed.
    fn is_lost(&self) -> bool;

    /// Stops fetching a partition.
    fn pause(&mut self, partition: &TopicPartition);

    /// Starts fetching it again, behind the last message that [`poll`](Self::poll) gave.
    fn resume(&mut self, partition: &TopicPartition);

    /// Has offsets committed. The answer comes as [`Event::Committed`] or [`Event::CommitFailed`].
    fn commit(&mut self, offsets: &[(TopicPartition, Offset)]);

    /// Leaves the group. May block its thread; nothing is polled afterwards.
    fn close(self);
}

/// What [`Transport::assign`] has started.
#[derive(Debug, Default)]
pub struct Begun {
    /// The partitions that are consumed now, each with its committed offset if it has one.
    pub partitions: Vec<(TopicPartition, Option<Offset>)>,
    /// Why one of the others is not.
    pub refused: Option<TransportError>,
}

/// Where a partition ends, as [`Event::Reachable`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionEnd {
    /// The partition.
    pub partition: TopicPartition,
    /// The offset behind its last record.
    pub end: Offset,
    /// Everything before has been fetched. Not all of it need be messages: transactions leave markers.
    pub is_fetched: bool,
}

/// News from a [`Transport`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message of an assigned partition; offsets rise within a partition.
    Message(Message),
    /// The group gives these partitions, beside those it gave before.
    Assigned(Vec<TopicPartition>),
    /// The group takes these back, and waits for [`Transport::unassign`].
    Revoked(Vec<TopicPartition>),
    /// These offsets are committed.
    Committed(Vec<(TopicPartition, Offset)>),
    /// These were not.
    CommitFailed {
        /// Of which partitions.
        partitions: Vec<TopicPartition>,
        /// The broker's reason.
        reason: String,
    },
    /// The brokers answer: trouble, if there was any, is over. Comes again and again, about once a second.
    Reachable {
        /// The ends of the partitions that are fetched, as far as they are known.
        ends: Vec<PartitionEnd>,
    },
    /// Something fails that may pass by itself, such as a broker that is away.
    Trouble(String),
    /// A partition's next offset is not in its log: the messages expired, or the topic is another.
    OutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The offset that is to be consumed next.
        next: Offset,
        /// The first offset there is.
        first: Offset,
        /// The offset behind the last there is.
        end: Offset,
    },
    /// Nothing more will come.
    Failed(String),
}

/// Tells the service's thread that there is news.
#[derive(Clone)]
pub struct Wake(Arc<dyn Fn() + Send + Sync>);

impl Wake {
    /// A wake that calls `f`, from any thread; `f` must not block.
    pub fn new(f: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(f))
    }

    /// Wakes.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wake")
    }
}
