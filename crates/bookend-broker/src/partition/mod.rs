//! One partition: a log of record batches, who produced them, and who waits for more.
//!
//! A batch is stored as the producer sent it, one log entry each; a log index is a Kafka offset. What is the
//! broker's to say in a batch, its offset and the leader's epoch, is written in when it is appended, so that a file can
//! be served as it stands. [`read`] serves them, [`replay`] learns at
//! the start who produced what, [`commit`] says when records are there for consumers, [`tail`] whether they wait for a sync, [`times`] finds them by their
//! time, [`retention`] lets them go, [`waiters`] are those who want to know of new ones.
//!
//! Most of it blocks on the disk, so [`wire`](crate::wire) calls it on a blocking thread; the log's bounds and the
//! waiters are at hand without.

pub(crate) mod batch;
mod commit;
mod producers;
mod read;
mod replay;
mod retention;
mod tail;
mod times;
mod waiters;

use std::{
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use bookend_log::{Fsync, Log, Options};
use kafka_protocol::ResponseError;

use self::{
    batch::Batch,
    producers::{Producers, Verdict},
    read::unreadable,
    replay::learn,
    tail::Tail,
    waiters::Waiters,
};
pub(crate) use self::{
    producers::census::Census,
    read::Batches,
    times::Found,
    waiters::{Waiter, Watch},
};
use crate::error::StartError;

/// There is one leader for ever, so there is one epoch.
pub(crate) const LEADER_EPOCH: i32 = 0;
/// After how many bytes the producers are saved again, which bounds what the next start reads: as many as a segment has,
/// within these bounds.
const SNAPSHOT_BYTES: std::ops::RangeInclusive<u64> = 16 * 1024..=64 * 1024 * 1024;

/// One partition of one topic.
#[derive(Debug)]
pub(crate) struct Partition {
    dir: PathBuf,
    /// Whether records are there for consumers only once they are synced.
    synced_only: bool,
    stored: RwLock<Stored>,
    /// The offsets there are, for those who only want to know whether there is something new.
    start: AtomicI64,
    end: AtomicI64,
    /// How many bytes of batches consumers could have seen since this partition was opened.
    bytes_seen: AtomicU64,
    /// Its topic was deleted.
    closed: AtomicBool,
    tail: Tail,
    waiters: Waiters,
}

#[derive(Debug)]
struct Stored {
    log: Log,
    producers: Producers,
    /// Appended since the producers were saved.
    unsaved_bytes: u64,
    /// How much that may be.
    snapshot_bytes: u64,
}

/// What became of a produce.
#[derive(Debug, Clone, Copy)]
struct Appended {
    /// The offset of the first record.
    first: i64,
    /// How many bytes are new.
    bytes: u64,
}

impl Partition {
    /// Opens the log in `dir` and learns from it who produced what; `census` counts the producers.
    pub(crate) fn open(dir: &Path, options: Options, census: &Census) -> Result<Self, StartError> {
        let (log, recovery) = Log::open(dir, options)?;
        if let Some(cut) = recovery.cut {
            tracing::warn!(dir = %dir.display(), "{cut}");
        }
        let (producers, unsaved_bytes) = learn(dir, &log, census)?;
        let snapshot_bytes = snapshot_bytes(options.segment_bytes_max);
        Ok(Self {
            dir: dir.to_owned(),
            synced_only: options.fsync == Fsync::Always,
            start: AtomicI64::new(offset(log.start())),
            end: AtomicI64::new(offset(log.end())),
            bytes_seen: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            // An earlier process may have ended before its sync.
            tail: Tail::new(options.fsync, log.end() > log.synced_end()),
            stored: RwLock::new(Stored { log, producers, unsaved_bytes, snapshot_bytes }),
            waiters: Waiters::default(),
        })
    }

    /// The first offset there is.
    pub(crate) fn start(&self) -> i64 {
        self.start.load(Ordering::Acquire)
    }

    /// The offset behind the last record that consumers may see: the high watermark.
    pub(crate) fn end(&self) -> i64 {
        self.end.load(Ordering::Acquire)
    }

    /// How many bytes consumers could have seen since this partition was opened.
    pub(crate) fn bytes_seen(&self) -> u64 {
        self.bytes_seen.load(Ordering::Acquire)
    }

    /// How much the log takes on the disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.read_lock().log.bytes()
    }

    /// Appends `batch` and wakes who waits for it. Returns the offset of its first record, also if the log holds it
    /// since an earlier try.
    ///
    /// `now_ms` is when its producer was seen, and the age of a batch whose records have no time.
    pub(crate) fn append(&self, batch: &Batch, now_ms: i64) -> Result<i64, ResponseError> {
        let (appended, pending, is_crowded) = {
            let mut stored = self.write();
            let appended = self.append_once(&mut stored, batch, now_ms)?;
            let is_crowded = appended.bytes > 0 && self.tail.written();
            (appended, self.begin_commit(&mut stored), is_crowded)
        };
        if is_crowded {
            self.sync_early();
        }
        self.commit(pending?)?;
        // In this order, a fetch that looks in between finds the records, or the bytes, or is woken.
        self.bytes_seen.fetch_add(appended.bytes, Ordering::AcqRel);
        self.waiters.arrived(appended.bytes);
        if appended.bytes == 0 {
            // The first try may have ended before its records were there for consumers.
            self.waiters.wake_all();
        }
        Ok(appended.first)
    }

    fn append_once(
        &self,
        stored: &mut Stored,
        batch: &Batch,
        now_ms: i64,
    ) -> Result<Appended, ResponseError> {
        if self.is_closed() {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        let verdict = batch.stamp.map_or(Ok(Verdict::Append), |s| stored.producers.judge(&s))?;
        if let Verdict::Duplicate { base_offset } = verdict {
            return Ok(Appended { first: base_offset, bytes: 0 });
        }
        let first = append_new(stored, batch, now_ms)?;
        let bytes = batch.bytes.len() as u64;
        stored.unsaved_bytes += bytes;
        if stored.unsaved_bytes >= stored.snapshot_bytes {
            self.save_producers(stored);
        }
        Ok(Appended { first, bytes })
    }

    /// Whether a read from there gives anything but "nothing yet".
    pub(crate) fn has_news(&self, from: i64) -> bool {
        self.end() != from || self.start() > from || self.is_closed()
    }

    /// Lets `waiter` know of what is appended from now on, as long as the watch is kept.
    pub(crate) fn watch(&self, waiter: &std::sync::Arc<Waiter>) -> Watch<'_> {
        self.waiters.watch(waiter)
    }

    /// Sets the size of the segments to come.
    pub(crate) fn set_segment_bytes(&self, bytes: u64) {
        let mut stored = self.write();
        stored.log.set_segment_bytes_max(bytes);
        stored.snapshot_bytes = snapshot_bytes(bytes);
    }

    /// Takes no more records: the topic is being deleted.
    pub(crate) fn close(&self) {
        // Under the lock, so that no append is under way when the files go.
        let mut stored = self.write();
        self.closed.store(true, Ordering::Release);
        stored.producers.forget_all();
        drop(stored);
        self.waiters.wake_all();
    }

    /// Whether the topic was deleted.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn read_lock(&self) -> RwLockReadGuard<'_, Stored> {
        self.stored.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Stored> {
        self.stored.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append_new(stored: &mut Stored, batch: &Batch, now_ms: i64) -> Result<i64, ResponseError> {
    // Records without a time are as old as their append.
    let time_ms = if batch.max_timestamp < 0 { now_ms } else { batch.max_timestamp };
    let (head, rest) = batch::placed(&batch.bytes, offset(stored.log.end()), LEADER_EPOCH);
    let appended = stored.log.append_unsynced(batch.count, time_ms, [&head, rest]);
    let base_offset = appended.map(offset).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "a batch could not be appended");
        ResponseError::KafkaStorageError
    })?;
    if let Some(stamp) = &batch.stamp {
        stored.producers.record(stamp, base_offset, now_ms);
    }
    Ok(base_offset)
}

fn snapshot_bytes(segment_bytes: u64) -> u64 {
    segment_bytes.clamp(*SNAPSHOT_BYTES.start(), *SNAPSHOT_BYTES.end())
}

/// A log index as Kafka writes it.
fn offset(index: u64) -> i64 {
    i64::try_from(index).expect("a log of 2^63 records does not fit on any disk")
}

#[cfg(test)]
mod tests;
