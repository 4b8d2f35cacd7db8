//! Sends what is recorded in batches, without making any task wait for Kafka.
//!
//! ```text
//!  Recorder ─┐                     one OS thread
//!  Recorder ─┼─▶ shards ─▶ encode ─▶ lanes ─▶ ready ─▶ Transport ─▶ Kafka
//!  Topic    ─┘                                   events ◀─ reports ◀─┘
//! ```
//! Up the stream: [`recorder`](crate::recorder). Down the stream: a [`transport`], in production librdkafka.

mod options;
mod error;
mod stats;
mod topic;
mod shared;
mod worker;
mod closing;
mod rebuild;
mod engine;
mod lanes;
mod slab;
mod watch;
mod events;
pub mod transport;
#[cfg(test)]
mod tests;

pub use self::{
    error::{RecorderError, StartError},
    events::Event,
    options::{Compression, SenderOptions},
    stats::{DropReason, Dropped, ShutdownReport, Stats},
    topic::{SendError, Topic},
};

use std::{
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde::Serialize;
use tokio::sync::{broadcast, mpsc, oneshot};

use self::{
    engine::{Engine, Limits},
    events::Events,
    shared::Shared,
    transport::Transport,
    worker::{Command, Worker},
};
use crate::{
    record::{IntoRecord, LaneId, Record},
    recorder::{Gatherer, Measured, Recorder, Shards, Source},
    topic::TopicName,
};

/// What the Kafka client may hold at a time: enough to keep it busy, little enough to stay in order and in bounds.
const HANDED_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// How many questions to the worker may wait.
const COMMANDS_MAX: usize = 64;

/// How long a sender that is dropped without a shutdown goes on sending.
const ABANDONED: Duration = Duration::from_secs(5);

/// One long-lived, idempotent producer with its batches. A cloneable handle of a thread of its own.
///
/// The last handle that is dropped without [`shutdown`](Self::shutdown) warns, and the thread goes on for a few
/// seconds to send what is there.
#[derive(Clone)]
pub struct Sender {
    inner: Arc<Inner>,
}

struct Inner {
    commands: mpsc::Sender<Command>,
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
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
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
            rebuild: rebuild::Rebuild::default(),
            watch: watch::Watch::default(),
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
        self.tell(Command::Stats(reply)).await;
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
        self.tell(Command::Flush(reply)).await;
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
        // A deadline beyond what the clock can tell is none.
        self.tell(Command::Shutdown(began.checked_add(deadline), Some(reply))).await;
        let stats = match answer.await {
            Ok(stats) => stats,
            Err(_) => self.stats().await,
        };
        ShutdownReport { stats, took: began.elapsed() }
    }

    /// A refused command says that the thread has ended; its reply then says the same.
    async fn tell(&self, command: Command) {
        self.inner.commands.send(command).await.ok();
        self.inner.shared.bell.ring();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.shared.closed_stats().is_none() {
            tracing::warn!(
                "a sender was dropped without a shutdown; it sends what it can and ends"
            );
            drop(self.commands.try_send(Command::Shutdown(Some(Instant::now() + ABANDONED), None)));
            self.shared.bell.ring();
        }
    }
}
