//! Commits offsets and reports how it went, without holding up the thread that polls.
//!
//! librdkafka's asynchronous commit answers through a callback that rust-rdkafka never sets; the synchronous one tells
//! the truth and blocks for as long as the coordinator is away. So a thread of its own makes synchronous commits, one
//! after the other; what comes in meanwhile is merged into the next. Up the stream:
//! [`consumer`](super::consumer).

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaResult,
};

use super::callbacks::Callbacks;
use crate::{
    service::{Event, Wake},
    topic::{Offset, TopicPartition},
};

/// Per partition, the offset to commit next.
type Offsets = HashMap<TopicPartition, Offset>;

/// The near end of the committing thread, which ends when this is dropped.
pub(super) struct Committer {
    waiting: Arc<Mutex<Offsets>>,
    /// One token is enough: the thread takes all that waits.
    token: SyncSender<()>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(consumer: Arc<BaseConsumer<Callbacks>>, wake: Wake) -> io::Result<Self> {
        let waiting = Arc::new(Mutex::new(Offsets::new()));
        let (token, tokens) = sync_channel(1);
        let offsets = Arc::clone(&waiting);
        let work = move || work(&consumer, &offsets, &tokens, &wake);
        thread::Builder::new().name("bookend-commits".to_owned()).spawn(work)?;
        Ok(Self { waiting, token })
    }

    /// Has these offsets committed soon, in place of those that wait for the same partitions.
    pub(super) fn commit(&self, offsets: &[(TopicPartition, Offset)]) {
        lock(&self.waiting).extend(offsets.iter().cloned());
        // A token that is there already, or a thread that has ended, is as good: the answer tells.
        self.token.try_send(()).ok();
    }

    /// Forgets what waits for partitions that are given up: another member may be further by then.
    pub(super) fn forget(&self, partitions: &[TopicPartition]) {
        lock(&self.waiting).retain(|partition, _| !partitions.contains(partition));
    }
}

fn lock(waiting: &Mutex<Offsets>) -> MutexGuard<'_, Offsets> {
    waiting.lock().expect("no code that holds this lock can panic")
}

fn work(
    consumer: &BaseConsumer<Callbacks>,
    waiting: &Mutex<Offsets>,
    tokens: &Receiver<()>,
    wake: &Wake,
) {
    while tokens.recv().is_ok() {
        let offsets = std::mem::take(&mut *lock(waiting));
        if offsets.is_empty() {
            continue;
        }
        let event = match commit(consumer, &offsets) {
            Ok(()) => Event::Committed(offsets.into_iter().collect()),
            Err(error) => Event::CommitFailed {
                partitions: offsets.into_keys().collect(),
                reason: error.to_string(),
            },
        };
        consumer.context().news().push_back(event);
        wake.wake();
    }
}

fn commit(consumer: &BaseConsumer<Callbacks>, offsets: &Offsets) -> KafkaResult<()> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (at, offset) in offsets {
        let offset = rdkafka::Offset::Offset(offset.0);
        list.add_partition_offset(at.topic.as_str(), at.partition.0, offset)?;
    }
    consumer.commit(&list, CommitMode::Sync)
}
