//! What all connections share: this broker as the one node of its cluster.

use std::{
    num::NonZero,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use bookend_log::{Fsync, Options};
use tokio::{sync::Semaphore, task::JoinSet, time::MissedTickBehavior};
use uuid::Uuid;

use crate::{
    buffers::Buffers,
    catalog::Catalog,
    error::StartError,
    fault::Faults,
    folder::Folder,
    group::{Groups, describe::Activity},
    offsets::{Offsets, retention::World},
    records::OpenFiles,
    seldom::Seldom,
};

/// This broker's id in its cluster.
pub(crate) const NODE_ID: i32 = 1;
/// Under an interval policy, how often per interval it is asked which log is due.
const SYNC_CHECKS: u32 = 4;
/// How many partitions are synced at a time under an interval policy.
const SYNCS_AT_ONCE: usize = 8;
/// How often it is asked which offsets have expired: ten times per retention time, within these bounds.
const EXPIRY_CHECK_MIN: Duration = Duration::from_millis(50);
const EXPIRY_CHECK_MAX: Duration = Duration::from_mins(1);
/// How long after its start a broker first looks for old records at the latest, as Apache Kafka does.
const FIRST_RETENTION: Duration = Duration::from_secs(30);

/// How many refusals are logged in a second; the others are counted.
const REFUSALS: u32 = 10;

/// The state behind all connections.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) catalog: Catalog,
    pub(crate) offsets: Offsets,
    pub(crate) groups: Groups,
    pub(crate) faults: Faults,
    /// What fetches read into.
    pub(crate) buffers: Buffers,
    /// What fetches need not read.
    pub(crate) open_files: OpenFiles,
    /// A turn to unpack records; there are as many as processors.
    pub(crate) unpacking: Semaphore,
    /// Of a topic that is created without a number.
    pub(crate) partitions: u32,
    /// Whether clients create topics by asking for them.
    pub(crate) auto_create: bool,
    /// How often clients were refused something, for the log.
    pub(crate) refusals: Mutex<Seldom>,
    /// Behind all else, so that it is free only when nothing here can write to it any more.
    pub(crate) folder: Folder,
    /// Last, so that whoever waits for the end of the node finds its folder free.
    pub(crate) alive: Option<Alive>,
}

/// Tells whoever has the other end of the channel that the node is gone, by going itself.
#[derive(Debug)]
pub(crate) struct Alive(#[expect(dead_code, reason = "nothing is sent")] mpsc::SyncSender<()>);

impl Alive {
    pub(crate) fn new(gone: mpsc::SyncSender<()>) -> Self {
        Self(gone)
    }
}

impl Node {
    /// Opens what stands in `folder`. Blocks on the disk.
    pub(crate) fn open(folder: Folder, fsync: Fsync, partitions: u32) -> Result<Self, StartError> {
        let dir = folder.path();
        let options = Options { fsync, ..Options::default() };
        let catalog = Catalog::open(dir, &options)?;
        let is_known = |id| catalog.find_id(id).is_some();
        let offsets = Offsets::open(&dir.join("offsets"), options, now_ms(), is_known)?;
        let (groups, faults) = (Groups::default(), Faults::default());
        let unpacking = Semaphore::new(thread::available_parallelism().map_or(1, NonZero::get));
        let refusals = Mutex::new(Seldom::new(REFUSALS));
        Ok(Self {
            catalog,
            offsets,
            groups,
            faults,
            buffers: Buffers::default(),
            open_files: OpenFiles::of_process(),
            unpacking,
            partitions,
            auto_create: true,
            refusals,
            folder,
            alive: None,
        })
    }

    /// Forgets committed offsets that have been of no use for the time of `retention`, for ever; the broker runs it as
    /// a task.
    pub(crate) async fn run_offsets_retention(self: Arc<Self>, retention: Duration) {
        let mut checks =
            tokio::time::interval((retention / 10).clamp(EXPIRY_CHECK_MIN, EXPIRY_CHECK_MAX));
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            checks.tick().await;
            let node = Arc::clone(&self);
            blocking(move || node.offsets.expire(&*node, now_ms(), retention)).await;
        }
    }

    /// Syncs what is due, for ever; the broker runs it as a task. Does nothing under the other policies.
    pub(crate) async fn run_sync(self: Arc<Self>, fsync: Fsync) {
        let Fsync::Interval(interval) = fsync else { return };
        let mut checks =
            tokio::time::interval((interval / SYNC_CHECKS).max(Duration::from_millis(1)));
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            checks.tick().await;
            self.sync_if_due(Instant::now()).await;
        }
    }

    /// Several logs at a time, as one fsync after the other would take longer than the interval where many are written.
    async fn sync_if_due(self: &Arc<Self>, now: Instant) {
        let topics = self.catalog.all();
        let partitions = topics.iter().flat_map(|topic| &topic.partitions);
        let unsynced: Vec<_> = partitions.filter(|p| p.is_unsynced()).cloned().collect();
        let mut syncs = JoinSet::new();
        let node = Arc::clone(self);
        syncs.spawn(blocking(move || node.offsets.sync_if_due(now)));
        for several in unsynced.chunks(unsynced.len().div_ceil(SYNCS_AT_ONCE).max(1)) {
            let several = several.to_vec();
            syncs.spawn(blocking(move || several.iter().for_each(|p| p.sync_if_due(now))));
        }
        syncs.join_all().await;
    }

    /// Lets go what the topics' settings no longer keep, every `interval`, for ever; the broker runs it as a task.
    pub(crate) async fn run_retention(self: Arc<Self>, interval: Duration) {
        let interval = interval.max(Duration::from_millis(1));
        let first = tokio::time::Instant::now() + interval.min(FIRST_RETENTION);
        let mut checks = tokio::time::interval_at(first, interval);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            checks.tick().await;
            let node = Arc::clone(&self);
            blocking(move || node.retain(now_ms())).await;
        }
    }

    /// Lets go what the topics' settings no longer keep at that time. Blocks on the disk.
    pub(crate) fn retain(&self, now_ms: i64) {
        for topic in self.catalog.all() {
            for (index, partition) in topic.partitions.iter().enumerate() {
                let bytes = partition.retain(&topic.settings, now_ms);
                if bytes > 0 {
                    tracing::info!(topic = %topic.name, index, bytes, "old records deleted");
                }
            }
        }
    }

    /// Syncs everything. Blocks on the disk.
    pub(crate) fn sync(&self) {
        for topic in self.catalog.all() {
            for partition in &topic.partitions {
                partition.sync();
            }
        }
        self.offsets.sync();
    }
}

/// The time as records have it: milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Runs what blocks on the disk where it holds up nobody.
///
/// # Panics
/// When `work` does.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and drops whoever waits here.
            Err(_) => std::future::pending().await,
        },
    }
}

impl World for Node {
    fn activity(&self, group: &str) -> Activity {
        self.groups.activity(group)
    }

    fn topic_name(&self, id: Uuid) -> Option<Arc<str>> {
        self.catalog.find_id(id).map(|topic| Arc::clone(&topic.name))
    }
}

#[cfg(test)]
mod tests {
    use bookend_log::testing::PowerCut;

    use super::*;
    use crate::{
        offsets::Committed,
        partition::batch::tests::{one, sample},
    };

    // Goal: under an interval policy what was written is synced without anybody asking. Method: more partitions than are
    // synced at a time, and committed offsets; then the worst power cut.
    #[tokio::test]
    async fn what_was_written_is_synced_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let disk = PowerCut::default();
        let _plugged = disk.plug_in(dir.path());
        let fsync = Fsync::Interval(Duration::from_millis(4));
        let open = || {
            let folder = Folder::take(Some(dir.path().to_owned())).unwrap();
            Arc::new(Node::open(folder, fsync, 1).unwrap())
        };
        let node = open();
        let topic = node.catalog.create("t", 20).unwrap();
        let batch = one(sample(None, 1, 5));
        for partition in &topic.partitions {
            partition.append(&batch, 5).unwrap();
        }
        let committed = Committed { offset: 1, leader_epoch: 0, metadata: None };
        let offsets = vec![((topic.id, 0), committed)];
        node.offsets.commit("g", offsets, 5, || Ok(None)).unwrap();
        let syncing = tokio::spawn(Arc::clone(&node).run_sync(fsync));
        let until = async |done: &dyn Fn() -> bool| {
            let waiting = async {
                while !done() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it is done");
        };
        let partitions = &topic.partitions;
        until(&|| !partitions.iter().any(|p| p.is_unsynced()) && !node.offsets.is_unsynced()).await;
        syncing.abort();
        assert!(syncing.await.unwrap_err().is_cancelled());
        // A sync that has begun goes on, and the power is cut when nothing runs any more.
        let is_idle = |p| Arc::strong_count(p) == 1;
        until(&|| Arc::strong_count(&node) == 1 && partitions.iter().all(is_idle)).await;
        let id = topic.id;
        drop((node, topic));
        disk.cut(dir.path(), |ways| ways - 1).unwrap();
        let node = open();
        let topic = node.catalog.find("t").unwrap();
        assert!(topic.partitions.iter().all(|partition| partition.end() == 1));
        assert!(node.offsets.find("g", (id, 0)).is_some());
    }
}
