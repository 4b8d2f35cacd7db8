//! Sends what is recorded in batches, without making any task wait for Kafka.
//!
//! ```text
//!  Recorder ─┐                     one OS thread
//!  Recorder ─┼─▶ shards ─▶ encode ─▶ lanes ─▶ ready ─▶ Transport ─▶ Kafka
//!  Topic    ─┘                                   events ◀─ reports ◀─┘
//! ```
//! Up the stream: [`recorder`](crate::recorder). Down the stream: a [`transport`], in production librdkafka.

mod engine;
mod events;
mod shared;
mod slab;
mod stats;
mod topic;
pub mod transport;
mod worker;
#[cfg(test)]
mod tests;

pub use self::{
    events::Event,
    stats::{DropReason, Dropped, Stats},
    topic::{SendError, Topic},
};

use std::{
    fmt,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde::Serialize;
use tokio::sync::{broadcast, oneshot};

use self::{
    engine::{Engine, Limits},
    events::Events,
    shared::Shared,
    transport::Transport,
    worker::{Command, Worker},
};
use crate::{
    batch::BatchLimits,
    record::{IntoRecord, LaneId, Record},
    recorder::{Gatherer, Measured, Recorder, Shards, Source},
    topic::{InvalidTopicName, TopicName},
};

/// What the Kafka client may hold at a time: enough to keep it busy, little enough to stay in order and in bounds.
const HANDED_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// How many questions to the worker may wait.
const COMMANDS_MAX: usize = 64;

/// How long a sender that is dropped without a shutdown goes on sending.
const ABANDONED: Duration = Duration::from_secs(5);

/// How batches are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// As the first system did.
    #[default]
    Gzip,
    /// Fast, and small enough.
    Snappy,
    /// Faster still.
    Lz4,
    /// The smallest for its speed.
    Zstd,
}

impl Compression {
    /// The name in Kafka's `compression.type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// How a sender batches and what it may hold. Every value is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderOptions {
    /// When a batch leaves.
    pub batch: BatchLimits,
    /// How batches are compressed; gzip unless told.
    pub compression: Compression,
    /// Bytes of messages that wait for their report, at most; 64 MiB unless told. What comes on top while the broker
    /// is away is dropped as [`DropReason::MemoryFull`].
    pub memory_bytes_max: usize,
    /// Whether each message carries an id in a header, by which a store recognizes one that was sent again.
    pub ids: bool,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            batch: BatchLimits::default(),
            compression: Compression::default(),
            memory_bytes_max: 64 * 1_024 * 1_024,
            ids: true,
        }
    }
}

/// A sender could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// librdkafka made no producer of the settings; its words say which one to correct.
    #[error("the Kafka client could not be made: {0}")]
    Client(String),
    /// The system gave no thread or no random bytes; check its limits.
    #[error("the sender's thread could not be started: {0}")]
    System(String),
}

/// A recorder or topic could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// Kafka would refuse the topic's name.
    #[error(transparent)]
    Topic(#[from] InvalidTopicName),
    /// The sender was shut down; make recorders before.
    #[error("the sender was shut down")]
    Closed,
}

/// What a shutdown leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownReport {
    /// The last stats; nothing is queued any more.
    pub stats: Stats,
    /// How long the shutdown took.
    pub took: Duration,
}

impl ShutdownReport {
    /// How many messages are lost or may be: dropped for any reason, or in flight when the deadline came.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.stats.dropped.total() + self.stats.unknown
    }
}

/// One long-lived, idempotent producer with its batches. A cloneable handle of a thread of its own.
///
/// The last handle that is dropped without [`shutdown`](Self::shutdown) warns, and the thread goes on for a few
/// seconds to send what is there.
#[derive(Clone)]
pub struct Sender {
    inner: Arc<Inner>,
}

struct Inner {
    commands: mpsc::SyncSender<Command>,
    shared: Arc<Shared>,
    events: broadcast::Sender<Event>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    /// Starts a sender on a transport of your own; the compression is then the transport's affair. `Sender::start`
    /// does it on Kafka.
    ///
    /// # Errors
    /// [`StartError::System`] when the thread cannot be made.
    pub fn start_on(transport: impl Transport, options: SenderOptions) -> Result<Self, StartError> {
        let mut own = LaneId([0; 12]);
        getrandom::fill(&mut own.0).map_err(|error| StartError::System(error.to_string()))?;
        let limits = Limits {
            batch: options.batch,
            ids: options.ids,
            memory_bytes_max: options.memory_bytes_max,
            handed_bytes_max: HANDED_BYTES_MAX,
            message_bytes_max: transport.message_bytes_max(),
        };
        let shared = Arc::new(Shared::new(Box::leak(Box::default())));
        let (commands, receiver) = mpsc::sync_channel(COMMANDS_MAX);
        let events = Events::new();
        let inner = Inner { commands, shared: Arc::clone(&shared), events: events.sender() };
        let worker = Worker {
            engine: Engine::new(own, limits),
            transport,
            commands: receiver,
            shared,
            events,
            linger: options.batch.linger,
            sources: Vec::new(),
            flushes: Vec::new(),
            taken: Vec::new(),
            reports: Vec::new(),
            rebuild: worker::Rebuild::default(),
        };
        thread::Builder::new()
            .name("bookend-sender".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| StartError::System(error.to_string()))?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes a recorder whose messages go to `topic`. `make_message` runs on the sender's thread, never on the
    /// task's; it returns an `M`, or a [`Record<M>`] with key and headers. Should it panic, its message is dropped
    /// and counted.
    ///
    /// # Errors
    /// [`RecorderError`] when the name is no topic's, or the sender was shut down.
    pub fn recorder<B, M, R>(
        &self,
        topic: impl AsRef<str>,
        mut make_message: impl FnMut(Measured<B>) -> R + Send + 'static,
    ) -> Result<Recorder<B, M>, RecorderError>
    where
        B: Send + 'static,
        M: Serialize + 'static,
        R: IntoRecord<M>,
    {
        let shards = self.shards(topic, move |slot: crate::recorder::Slot<B>, finished_at| {
            let crate::recorder::Slot { before, elapsed, outcome } = slot;
            make_message(Measured { before, elapsed, outcome, finished_at }).into_record()
        })?;
        Ok(Recorder::new(shards))
    }

    /// Makes a handle for plain messages to `topic`.
    ///
    /// # Errors
    /// [`RecorderError`] when the name is no topic's, or the sender was shut down.
    pub fn topic<M>(&self, topic: impl AsRef<str>) -> Result<Topic<M>, RecorderError>
    where
        M: Serialize + Send + 'static,
    {
        Ok(Topic { shards: self.shards(topic, |record: Record<M>, _| record)? })
    }

    fn shards<T, M>(
        &self,
        topic: impl AsRef<str>,
        make: impl FnMut(T, SystemTime) -> Record<M> + Send + 'static,
    ) -> Result<&'static Shards<T>, RecorderError>
    where
        T: Send + 'static,
        M: Serialize + 'static,
    {
        let topic = TopicName::new(topic)?;
        let shards: &'static Shards<T> = Box::leak(Box::new(Shards::new(self.inner.shared.bell)));
        let source: Box<dyn Source> = Box::new(Gatherer::new(topic, shards, make));
        self.inner.shared.add(source).map_err(|_| RecorderError::Closed)?;
        Ok(shards)
    }

    /// What happens to messages after they were recorded. A listener that is too slow misses some.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// Where every message is, at one moment. Also after the shutdown.
    ///
    /// # Panics
    /// When the sender's thread has died, which is a defect of this library.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn stats(&self) -> Stats {
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Stats(reply));
        let answer = answer.await.ok().or_else(|| self.inner.shared.closed_stats());
        answer.expect("the sender's thread answers until it has closed")
    }

    /// Waits until everything recorded before this call is acked or dropped, whatever the linger. While the broker
    /// is away it waits for it.
    ///
    /// # Cancel safety
    /// Nothing is lost; the messages still leave at once.
    pub async fn flush(&self) {
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Flush(reply));
        // An error says that the sender has shut down, and then everything is acked or dropped.
        drop(answer.await);
    }

    /// Stops the intake, sends what is there, and ends the thread: once everything is settled, or after `deadline`.
    /// What is recorded from now on counts as [`DropReason::Closed`].
    ///
    /// # Panics
    /// When the sender's thread has died, which is a defect of this library.
    ///
    /// # Cancel safety
    /// The shutdown goes on; only its report is lost, and [`stats`](Self::stats) still tells.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let began = Instant::now();
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Shutdown(began + deadline, Some(reply)));
        let stats = match answer.await {
            Ok(stats) => stats,
            Err(_) => self.stats().await,
        };
        ShutdownReport { stats, took: began.elapsed() }
    }

    /// A refused command says that the thread has ended; its reply then says the same.
    fn tell(&self, command: Command) {
        drop(self.inner.commands.send(command));
        self.inner.shared.bell.ring();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.shared.closed_stats().is_none() {
            tracing::warn!(
                "a sender was dropped without a shutdown; it sends what it can and ends"
            );
            drop(self.commands.try_send(Command::Shutdown(Instant::now() + ABANDONED, None)));
            self.shared.bell.ring();
        }
    }
}
