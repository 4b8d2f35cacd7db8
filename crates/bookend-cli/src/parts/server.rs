//! The server: three topics into one store, each message once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use bookend::{
    Kafka, Module, Offset, Position, Timestamp, Token, TopicName, TopicPartition,
    extract::{Batch, Json, State},
    kafka::Cluster,
    service::{BatchOf, Service, ServiceHandle, ServiceStats},
    settle::{Failure, fatal, permanent, transient},
};
use bookend_store::sqlite::{OpenError, Options, Store, reset};

use super::{
    TOPICS,
    kafka::{FIRST_TOPIC, KAFKA, SECOND_TOPIC, TXT_ELAPSED},
};
use crate::{
    background::Background,
    measurements::{Measurement, Measurements, TopicRows, View},
    message::TextElapsed,
};

/// Names the server to Kafka, together with its store: what is committed stands for the rows of that store, and
/// another one, or one that was reset, is filled from the beginning.
const GROUP: &str = "bookend-metrics";
/// The store commits what comes together: one transaction costs as much for one row as for many.
const BATCH: BatchOf = BatchOf::records(1_000).or_after(Duration::from_millis(20));

/// How often a server that closes looks whether everything is stored.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long handlers may still store when it closes: nothing that is cut off is lost, the next start stores it.
const DRAIN: Duration = Duration::from_secs(2);
/// [`DRAIN`], and then what the service allows itself: 3 s to commit, 5 s to leave the group, and a little to notice.
const END_WAIT_MAX: Duration = Duration::from_secs(DRAIN.as_secs() + 3 + 5 + 2);

const STORE: Token<Store<Measurements>> = Token::new("STORE");
/// The receiving side of the process.
pub(crate) const SERVER: Token<Server> = Token::new("SERVER");

/// The receiving side of a process.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    kafka: Kafka,
    store: Store<Measurements>,
    service: ServiceHandle,
    running: Background,

    /// The rows by topic when the store closed.
    last_rows: Arc<OnceLock<BTreeMap<String, u64>>>,
}

impl Server {
    /// Makes sure that the store belongs to this cluster, then consumes.
    async fn start(
        kafka: Kafka,
        cluster: &Cluster,
        store: Store<Measurements>,
    ) -> anyhow::Result<Self> {
        store.bind(&cluster.id).await?;
        store.check_ends(&ends(&kafka).await?).await?;
        let service = Service::new(format!("{GROUP}-{}", store.id().await?))
            .on_batch(FIRST_TOPIC, store_measurements, BATCH)
            .on_batch(SECOND_TOPIC, store_measurements, BATCH)
            .on_batch(TXT_ELAPSED, store_measurements, BATCH)
            .with_drain_timeout(DRAIN)
            .with_state(store.clone());
        let handle = service.handle();
        let running = Background::spawn(|asked| {
            let run = service.run(kafka.clone(), asked.wait());
            async move { run.await.map(drop) }
        });
        Ok(Self { kafka, store, service: handle, running, last_rows: Arc::default() })
    }

    /// The stored rows by topic. Also after the store has closed.
    pub(crate) async fn stored(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        if let Some(rows) = self.last_rows.get() {
            return Ok(rows.clone());
        }
        let rows = self.store.read(TopicRows::read).await?;
        Ok(rows.into_iter().map(|row| (row.topic, row.rows.unsigned_abs())).collect())
    }

    /// What the page shows.
    pub(crate) async fn view(&self) -> anyhow::Result<View> {
        let now = now();
        Ok(self.store.read(move |tx| View::read(tx, now.0)).await?)
    }

    /// How the consumer is.
    pub(crate) fn consumer(&self) -> ServiceStats {
        self.service.stats()
    }

    /// Completes when it has ended without being asked to, with the reason.
    pub(crate) async fn failed(&self) -> anyhow::Error {
        match self.running.ended().await {
            Ok(()) => anyhow::anyhow!("the server ended unasked"),
            Err(reason) => anyhow::anyhow!("the server gave up: {reason}"),
        }
    }

    /// Waits until everything that Kafka has is stored, for a limited time.
    pub(super) async fn catch_up(&self, wait: Duration) {
        let caught_up = async {
            let ends = ends(&self.kafka).await?;
            let mut look = tokio::time::interval(LOOK_EVERY);
            while !self.has_reached(&ends).await? {
                look.tick().await;
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(wait, caught_up).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("cannot tell whether everything is stored: {error:#}"),
            Err(_) => tracing::warn!(
                "not everything that Kafka has is stored yet; the next start goes on"
            ),
        }
    }

    /// Whether everything before these ends is stored, or settled because it could not be read.
    async fn has_reached(&self, ends: &[(TopicPartition, Offset)]) -> anyhow::Result<bool> {
        let stored: BTreeMap<_, _> = self.store.positions().await?.into_iter().collect();
        let consumed = self.consumer().partitions;
        let settled =
            |at: &TopicPartition| consumed.iter().find(|is| is.partition == *at)?.settled_below;
        let reached = |(at, end): &(TopicPartition, Offset)| {
            *end == Offset(0) || stored.get(at).copied().max(settled(at)) >= Some(*end)
        };
        Ok(ends.iter().all(reached))
    }

    /// Finishes what is in hand, commits, and leaves the group.
    async fn close(self) -> anyhow::Result<()> {
        let ended = self.running.end(END_WAIT_MAX).await;
        // An error leaves the cell empty, and whoever asks later learns of it.
        if let Ok(rows) = self.stored().await {
            self.last_rows.get_or_init(|| rows);
        }
        ended.map_err(|error| anyhow::anyhow!("the server: {error:#}"))
    }
}

/// Stores the measurements of one partition, in one transaction with their positions.
async fn store_measurements(
    batch: Batch<(Json<TextElapsed>, Position, Option<Timestamp>)>,
    State(store): State<Store<Measurements>>,
) -> Result<(), Failure> {
    let now = now();
    let row = |(Json(message), at, timestamp): (Json<TextElapsed>, Position, Option<Timestamp>)| {
        let TextElapsed { text_length, response_time } = message;
        (at, Measurement::new(text_length, response_time, timestamp, now))
    };
    let rows: Vec<_> = batch.into_iter().map(row).collect();
    match store.apply(rows).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_transient() => Err(transient(error)),
        Err(error) if error.is_permanent() => Err(permanent(error)),
        Err(error) => Err(fatal(error)),
    }
}

async fn ends(kafka: &Kafka) -> anyhow::Result<Vec<(TopicPartition, Offset)>> {
    let topics = [FIRST_TOPIC, SECOND_TOPIC, TXT_ELAPSED]
        .map(TopicName::new)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    Ok(kafka.ends(&topics).await?)
}

fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

fn store_path(folder: &Path) -> PathBuf {
    folder.join("store.db")
}

/// Empties the store of a data folder.
pub(crate) fn reset_store(folder: &Path) -> Result<(), OpenError> {
    reset(store_path(folder))
}

/// Provides [`SERVER`] from what [`kafka()`](super::kafka()) provides, with its data in the folder.
pub(crate) fn server<'m>(module: Module<'m>, folder: &'m Path) -> Module<'m> {
    module
        .provide(STORE, (), async move |()| Store::open(store_path(folder), Options::default()))
        .on_shutdown(STORE, async |store: Store<Measurements>| store.close().await)
        .provide(SERVER, (KAFKA, TOPICS, STORE), async |(kafka, cluster, store)| {
            Server::start(kafka, &cluster, store).await
        })
        .on_shutdown(SERVER, Server::close)
}
