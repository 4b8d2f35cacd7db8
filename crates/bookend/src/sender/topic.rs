//! Sends plain messages: what a recorder is for tasks, a topic is for everything else.
//!
//! Up the stream: any code, a handler too. Down the stream: the same shards, batches and lanes as recorders.

use std::{fmt, time::Instant};

use bytes::Bytes;

use crate::{
    record::Record,
    recorder::{Refusal, Shards},
};

/// A way to send messages of type `M` to one topic. A copyable handle; make it once, at start-up.
pub struct Topic<M: 'static> {
    pub(super) shards: &'static Shards<Record<M>>,
}

impl<M> Clone for Topic<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Topic<M> {}

impl<M> fmt::Debug for Topic<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").finish_non_exhaustive()
    }
}

/// A message that was not taken. It comes back, and counts nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError<M: fmt::Debug> {
    /// More messages wait than the queue holds; try again in a few milliseconds.
    #[error("the queue is full")]
    Full(Record<M>),
    /// The sender was shut down; nothing is taken any more.
    #[error("the sender was shut down")]
    Closed(Record<M>),
}

impl<M: Send + fmt::Debug + 'static> Topic<M> {
    /// Queues a message under `key`; messages of one key stay in order. Never waits.
    ///
    /// # Errors
    /// [`SendError`] returns the message.
    pub fn send(&self, key: impl Into<Bytes>, message: M) -> Result<(), SendError<M>> {
        self.send_record(Record::new(message).with_key(key))
    }

    /// Queues a message with its headers, and a key if it has one. Never waits.
    ///
    /// # Errors
    /// [`SendError`] returns the message.
    pub fn send_record(&self, record: Record<M>) -> Result<(), SendError<M>> {
        self.shards.push(Instant::now(), record).map_err(|(refusal, record)| match refusal {
            Refusal::Contended | Refusal::Full => SendError::Full(record),
            Refusal::Closed => SendError::Closed(record),
        })
    }
}
