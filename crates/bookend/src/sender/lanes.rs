//! A lane is one partition of one topic; all recorders of a topic share its lanes.
//!
//! Owned by the [`engine`](super::engine), which fills lanes and lets their batches leave.

use std::{collections::VecDeque, time::Instant};

use crate::{
    batch::{Batch, Encoded, partition_of},
    record::{LaneId, MessageId},
    topic::{Partition, TopicName},
};

/// A message with its place in line.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) message: Encoded,
    pub(super) topic: usize,
    pub(super) partition: Partition,
    /// Given when the message joins its lane.
    pub(super) id: Option<MessageId>,
    /// When it was recorded.
    pub(super) at: Instant,
    /// Which flush it belongs to.
    pub(super) generation: u64,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: LaneId,
    pub(super) next_sequence: u64,
    pub(super) batch: Batch<Queued>,
}

/// The lanes of one topic. While the number of partitions is unknown, messages wait unrouted.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) name: TopicName,
    pub(super) lanes: Vec<Lane>,
    pub(super) unrouted: VecDeque<Queued>,
    /// The lane that takes messages without a key until its batch leaves.
    pub(super) sticky: usize,
}

impl Lanes {
    pub(super) fn new(name: TopicName) -> Self {
        let (lanes, unrouted) = Default::default();
        Self { name, lanes, unrouted, sticky: 0 }
    }

    /// The partition of a message with this key, or of the next ones without.
    pub(super) fn pick(&self, key: Option<&[u8]>) -> Partition {
        match key {
            Some(key) => partition_of(key, u32::try_from(self.lanes.len()).unwrap_or(u32::MAX)),
            None => Partition(i32::try_from(self.sticky).unwrap_or_default()),
        }
    }

    /// The lane of a partition that [`pick`](Self::pick) gave.
    pub(super) fn lane(&mut self, partition: Partition) -> &mut Lane {
        &mut self.lanes[usize::try_from(partition.0).unwrap_or_default()]
    }

    /// A batch of this partition left: messages without a key go on to the next lane.
    pub(super) fn left(&mut self, partition: Partition) {
        if usize::try_from(partition.0) == Ok(self.sticky) {
            self.sticky = (self.sticky + 1) % self.lanes.len();
        }
    }
}

impl Lane {
    pub(super) fn new(id: LaneId) -> Self {
        Self { id, next_sequence: 0, batch: Batch::default() }
    }

    /// The id of the lane's next message.
    pub(super) fn next_id(&mut self) -> MessageId {
        let id = MessageId { lane: self.id, sequence: self.next_sequence };
        self.next_sequence += 1;
        id
    }
}
