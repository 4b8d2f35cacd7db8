//! A service: handlers over a consumer group.
//!
//! ```text
//!  Kafka ──▶ Transport ──▶ one thread ── lane per partition ──▶ worker per partition ──▶ handler
//!                │  ▲          ▲                                        │
//!                │  └ commits ─┘◀──────────── what is settled ──────────┘
//! ```
//! The thread takes messages, and never waits for a handler: a partition whose handler is slow is paused while the
//! others go on, and the group keeps its member. A worker handles the messages of its partition one call after the
//! other, in order, until each is settled. Only what is settled is committed.
//!
//! Up the stream: a [`Transport`], such as `Kafka`'s; down the stream: the handlers that [`Service::on`] wires.

mod transport;
mod error;
mod stats;
mod board;
mod lane;
mod flow;
mod mailbox;
mod worker;
mod held;
mod drain;
mod engine;
mod rebalance;
mod run;

pub use self::{
    error::{RunError, ServiceReport},
    stats::{PartitionStats, Phase, Retrying, ServiceHandle, ServiceStats, TopicStats},
    transport::{
        Begun, Connect, Event, PartitionEnd, Subscription, Transport, TransportError, Wake,
    },
};
pub use crate::router::{BatchOf, Misuse, Site};

use std::{fmt, panic::Location, sync::Arc, time::Duration};

use self::board::Board;
use crate::{
    extract::{BatchArgs, FromMessage},
    handler::{AsyncFnOf, Each, InBatches},
    router::Router,
    settle::IntoOutcome,
};

/// How long a handler may be at one call before the service no longer counts as live.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long handlers may take to end when the service stops or gives a partition up.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Handlers by topic, over one consumer group; `S` is the state they share.
///
/// # Examples
/// ```no_run
/// # #[cfg(feature = "kafka")]
/// # mod example {
/// use bookend::{Kafka, KafkaOptions, Position, Service, extract::{Json, State}, settle::{Failure, transient}};
/// # #[derive(serde::Deserialize)]
/// # struct TextElapsed {}
/// # #[derive(Clone)]
/// # struct Store;
/// # impl Store { async fn put(&self, _: TextElapsed, _: Position) -> std::io::Result<()> { Ok(()) } }
///
/// async fn store_metric(
///     Json(metric): Json<TextElapsed>,
///     at: Position,
///     State(store): State<Store>,
/// ) -> Result<(), Failure> {
///     store.put(metric, at).await.map_err(transient)
/// }
///
/// # async fn example(store: Store) -> Result<(), Box<dyn std::error::Error>> {
/// let kafka = Kafka::new(KafkaOptions::new("localhost:9092"))?;
/// let shutdown = async { drop(tokio::signal::ctrl_c().await) };
/// Service::new("metrics")
///     .on("FIRST_TOPIC", store_metric)
///     .on("SECOND_TOPIC", store_metric)
///     .with_state(store)
///     .run(kafka, shutdown)
///     .await?;
/// # Ok(())
/// # }
/// # }
/// ```
pub struct Service<S = ()> {
    group: String,
    router: Router<S>,
    partitions: Option<u32>,
    drain: Duration,
    faults: Vec<Misuse>,
    board: Arc<Board>,
}

impl<S> Service<S> {
    /// A service whose consumer group is `group`. All members of a group share the messages.
    #[track_caller]
    #[must_use]
    pub fn new(group: impl Into<String>) -> Self {
        let group = group.into();
        let site = Site(Location::caller());
        let faults = group.is_empty().then_some(Misuse::InvalidGroup { site });
        Self {
            group,
            router: Router::new(),
            partitions: None,
            drain: DRAIN_TIMEOUT,
            faults: faults.into_iter().collect(),
            board: Arc::new(Board::new(HANDLER_TIMEOUT)),
        }
    }

    /// Handles each message of `topic`, one after the other within a partition.
    ///
    /// Faults, such as an invalid name or a topic that is handled twice, are reported by [`run`](Service::run), all
    /// together.
    #[track_caller]
    #[must_use]
    pub fn on<A, F>(mut self, topic: impl AsRef<str>, handler: F) -> Self
    where
        F: AsyncFnOf<A>,
        A: FromMessage<S>,
        F::Output: IntoOutcome,
        S: Clone + Send + Sync + 'static,
    {
        self.router.add(topic.as_ref(), None, Location::caller(), |state: &S| {
            Arc::new(Each::<F, A, S>::new(handler, state.clone()))
        });
        self
    }

    /// Handles the messages of `topic` in batches, one batch after the other within a partition.
    ///
    /// When a batch fails for good it is halved until only the message at fault is left aside; a handler may
    /// therefore see the others again.
    ///
    /// ```
    /// # use std::{convert::Infallible, time::Duration};
    /// use bookend::{Position, Service, extract::{Batch, Json}, service::BatchOf};
    ///
    /// async fn store_all(batch: Batch<(Json<u64>, Position)>) -> Result<(), Infallible> {
    ///     for (Json(number), at) in batch {
    ///         println!("{number} from offset {}", at.offset);
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let batch = BatchOf::records(1_000).or_after(Duration::from_millis(50));
    /// let service = Service::<()>::new("numbers").on_batch("NUMBERS", store_all, batch);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn on_batch<A, F>(mut self, topic: impl AsRef<str>, handler: F, batch: BatchOf) -> Self
    where
        F: AsyncFnOf<A>,
        A: BatchArgs<S>,
        F::Output: IntoOutcome,
        S: Clone + Send + Sync + 'static,
    {
        self.router.add(topic.as_ref(), Some(batch), Location::caller(), |state: &S| {
            Arc::new(InBatches::<F, A, S>::new(handler, state.clone()))
        });
        self
    }

    /// Sets with how many partitions a topic is created that is not there; the broker's default unless told.
    #[track_caller]
    #[must_use]
    pub fn with_partitions(mut self, partitions: u32) -> Self {
        if partitions == 0 {
            self.faults.push(Misuse::NoPartitions { site: Site(Location::caller()) });
        }
        self.partitions = Some(partitions);
        self
    }

    /// Sets how long handlers may take to end when the service stops or gives a partition up; 10 s unless told.
    /// Those that take longer are cut off, and their messages come again.
    #[must_use]
    pub fn with_drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain = timeout;
        self
    }

    /// Sets how long a handler may be at one call before the service no longer counts as live; 60 s unless told.
    /// Nothing is cut off then.
    #[must_use]
    pub fn with_handler_timeout(self, timeout: Duration) -> Self {
        self.board.set_handler_timeout(timeout);
        self
    }

    /// Gives the handlers their state.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a state is given away; handlers keep clones of it"
    )]
    pub fn with_state(self, state: S) -> Service<()> {
        Service {
            group: self.group,
            router: self.router.with_state(&state),
            partitions: self.partitions,
            drain: self.drain,
            faults: self.faults,
            board: self.board,
        }
    }

    /// A handle that tells how the service is, while it runs and after.
    #[must_use]
    pub fn handle(&self) -> ServiceHandle {
        ServiceHandle { board: Arc::clone(&self.board) }
    }
}

impl<S> fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("group", &self.group).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
