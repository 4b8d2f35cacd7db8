//! The partitions a service holds, each with its lane, its worker and its progress.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use tokio::task::AbortHandle;
use tracing::warn;

use super::{
    board::{PartitionBoard, TopicBoard},
    flow::{Flow, HighWater, Turn},
    lane::Lane,
    mailbox::AssignmentId,
};
use crate::{
    record::Message,
    settle::{Progress, Settled},
    topic::{Offset, TopicPartition},
};

/// One assignment of one partition.
pub(super) struct Held {
    pub(super) partition: TopicPartition,
    pub(super) lane: Arc<Lane>,
    pub(super) worker: AbortHandle,
    pub(super) has_ended: bool,
    pub(super) high: HighWater,
    pub(super) topic: Arc<TopicBoard>,
    pub(super) board: Arc<PartitionBoard>,
    pub(super) progress: Progress,
    pub(super) flow: Flow,
    /// Where it began: at the committed offset, or else at its first message.
    pub(super) began: Option<Offset>,
    /// The mark that Kafka acknowledged.
    pub(super) committed: Option<Offset>,
    /// The mark that it was last asked to commit.
    pub(super) asked: Option<Offset>,
}

impl Held {
    /// Hands a message to the worker. `true` when the lane is then at high water.
    pub(super) fn take(&mut self, message: Message) -> bool {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers = message.headers.iter();
        let headers = headers.map(|header| header.name.len() + length(&header.value));
        let bytes = length(&message.key) + length(&message.value) + headers.sum::<usize>();
        // A draining lane takes nothing: what it leaves comes again.
        if self.lane.is_open() && self.progress.take(message.offset, bytes) {
            self.topic.consumed();
            self.began.get_or_insert(message.offset);
            self.lane.push(message);
            self.show_move();
        }
        self.progress.held() >= self.high.records || self.progress.bytes() >= self.high.bytes
    }

    pub(super) fn settle(&mut self, offset: Offset, settled: Settled) {
        if self.progress.settle(offset) {
            self.topic.settled(settled);
            self.show_move();
        }
    }

    fn show_move(&self) {
        self.board.moved(self.progress.held(), self.progress.mark().or(self.began));
    }

    /// Moves the flow on; a draining lane has none.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        if !self.lane.is_open() {
            return Turn::Stay;
        }
        let turn = self.flow.turn(self.high, self.progress.held(), self.progress.bytes(), now);
        match turn {
            Turn::Pause => self.board.paused(true),
            Turn::Resume => self.board.paused(false),
            Turn::Wait(_) | Turn::Stay => {}
        }
        turn
    }

    /// The mark, when Kafka was not yet asked to commit it.
    pub(super) fn to_commit(&self) -> Option<Offset> {
        self.progress.mark().filter(|mark| Some(*mark) != self.asked)
    }

    pub(super) fn is_committed(&self) -> bool {
        self.progress.mark().is_none_or(|mark| Some(mark) == self.committed)
    }

    /// Ends the worker, if need be in the middle of its call.
    pub(super) fn cut_off(&mut self) {
        if !self.has_ended {
            warn!(partition = %self.partition, "cut a handler off; its message comes again");
        }
        self.lane.close();
        self.worker.abort();
        self.has_ended = true;
    }
}

/// All of them, by assignment and by partition.
#[derive(Default)]
pub(super) struct HeldPartitions {
    held: BTreeMap<AssignmentId, Held>,
    ids: HashMap<TopicPartition, AssignmentId>,
}

impl HeldPartitions {
    pub(super) fn insert(&mut self, assignment: AssignmentId, held: Held) {
        self.ids.insert(held.partition.clone(), assignment);
        self.held.insert(assignment, held);
    }

    pub(super) fn remove(&mut self, partition: &TopicPartition) -> Option<Held> {
        self.held.remove(&self.ids.remove(partition)?)
    }

    /// By its assignment: `None` for one that was revoked since.
    pub(super) fn assignment(&mut self, assignment: AssignmentId) -> Option<&mut Held> {
        self.held.get_mut(&assignment)
    }

    pub(super) fn partition(&mut self, partition: &TopicPartition) -> Option<&mut Held> {
        self.held.get_mut(self.ids.get(partition)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        self.held.values_mut()
    }
}
