//! One partition: a log of record batches, who produced them, and who waits for more.
//!
//! A batch is stored as the producer sent it, one log entry each; a log index is a Kafka offset. What is the
//! broker's to say in a batch, its offset and the leader's epoch, is written in when it is served.
//! Everything here blocks on the disk, so [`wire`](crate::wire) calls it on a blocking thread; the log's
//! bounds and the waiters are at hand without.

pub(crate) mod batch;
mod producers;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Instant,
};

use bookend_log::{Entry, Log, Options};
use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
use tokio::sync::Notify;

use self::{
    batch::Batch,
    producers::{Producers, Verdict},
};
use crate::error::StartError;

/// There is one leader for ever, so there is one epoch.
pub(crate) const LEADER_EPOCH: i32 = 0;
/// How much of the log is read at a time when it is replayed.
const REPLAY_BYTES: usize = 4 * 1024 * 1024;

/// One partition of one topic.
#[derive(Debug)]
pub(crate) struct Partition {
    stored: RwLock<Stored>,
    /// The offsets there are, for those who only want to know whether there is something new.
    start: AtomicI64,
    end: AtomicI64,
    /// Its topic was deleted.
    closed: AtomicBool,
    waiters: Mutex<Vec<Weak<Notify>>>,
}

#[derive(Debug)]
struct Stored {
    log: Log,
    producers: Producers,
}

/// A record that was looked for by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
}

impl Partition {
    /// Opens the log in `dir` and learns from it who produced what.
    pub(crate) fn open(dir: &Path, options: Options) -> Result<Self, StartError> {
        let (log, recovery) = Log::open(dir, options)?;
        if let Some(cut) = recovery.cut {
            tracing::warn!(dir = %dir.display(), "{cut}");
        }
        let producers = replay(&log)?;
        Ok(Self {
            start: AtomicI64::new(offset(log.start())),
            end: AtomicI64::new(offset(log.end())),
            closed: AtomicBool::new(false),
            stored: RwLock::new(Stored { log, producers }),
            waiters: Mutex::default(),
        })
    }

    /// The first offset there is.
    pub(crate) fn start(&self) -> i64 {
        self.start.load(Ordering::Acquire)
    }

    /// The offset that the next record gets.
    pub(crate) fn end(&self) -> i64 {
        self.end.load(Ordering::Acquire)
    }

    /// Appends `batches`, all or none unless the disk fails, and wakes who waits for them. Returns
    /// the offset of the first record, also if the log holds it since an earlier try.
    pub(crate) fn append(&self, batches: &[Batch]) -> Result<i64, ResponseError> {
        let appended = self.append_all(&mut self.write(), batches);
        // Also after an error: some of them may be in.
        self.wake();
        appended
    }

    fn append_all(&self, stored: &mut Stored, batches: &[Batch]) -> Result<i64, ResponseError> {
        if self.is_closed() {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        let stamps: Vec<_> = batches.iter().map(|batch| (batch.stamp, batch.count)).collect();
        let verdicts = stored.producers.judge(&stamps, offset(stored.log.end()))?;
        let mut first = None;
        for (batch, verdict) in batches.iter().zip(verdicts) {
            let base_offset = match verdict {
                Verdict::Duplicate { base_offset } => base_offset,
                Verdict::Append => self.append_one(stored, batch)?,
            };
            first.get_or_insert(base_offset);
        }
        first.ok_or(ResponseError::InvalidRecord)
    }

    fn append_one(&self, stored: &mut Stored, batch: &Batch) -> Result<i64, ResponseError> {
        let appended = stored.log.append(batch.count, batch.max_timestamp, &batch.bytes);
        let base_offset = appended.map(offset).map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "a batch could not be appended");
            ResponseError::KafkaStorageError
        })?;
        if let Some(stamp) = &batch.stamp {
            stored.producers.record(stamp, base_offset);
        }
        self.end.store(offset(stored.log.end()), Ordering::Release);
        Ok(base_offset)
    }

    /// Reads whole batches from the one that holds `from`, up to `bytes_max` but at least one; none at the end.
    pub(crate) fn read(&self, from: i64, bytes_max: usize) -> Result<Bytes, ResponseError> {
        let from = u64::try_from(from).map_err(|_| ResponseError::OffsetOutOfRange)?;
        let entries =
            self.read_lock().log.read(from, bytes_max).map_err(|error| unreadable(&error))?;
        Ok(join(entries))
    }

    /// The first batch with a record of at least that time; the batch is opaque, so its first offset stands for it.
    pub(crate) fn find_time(&self, timestamp: i64) -> Result<Option<Found>, ResponseError> {
        let found =
            self.read_lock().log.find_time(timestamp).map_err(|error| unreadable(&error))?;
        Ok(found.map(|entry| Found { offset: offset(entry.first), timestamp: entry.time_ms }))
    }

    /// The batch with the latest record.
    pub(crate) fn latest_time(&self) -> Result<Option<Found>, ResponseError> {
        let found = self.read_lock().log.latest_time().map_err(|error| unreadable(&error))?;
        Ok(found.map(|entry| Found { offset: offset(entry.first), timestamp: entry.time_ms }))
    }

    /// Notifies `waiter` once, at the next append or when the partition is closed.
    pub(crate) fn watch(&self, waiter: &Arc<Notify>) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.retain(|known| known.strong_count() > 0 && known.as_ptr() != Arc::as_ptr(waiter));
        waiters.push(Arc::downgrade(waiter));
    }

    /// Syncs the log if its policy asks for it.
    pub(crate) fn sync_if_due(&self, now: Instant) {
        let mut stored = self.write();
        if stored.log.sync_due(now) && !self.is_closed() {
            report_sync(stored.log.sync());
        }
    }

    /// Syncs the log.
    pub(crate) fn sync(&self) {
        report_sync(self.write().log.sync());
    }

    /// Takes no more records: the topic is being deleted.
    pub(crate) fn close(&self) {
        // Under the lock, so that no append is under way when the files go.
        let stored = self.write();
        self.closed.store(true, Ordering::Release);
        drop(stored);
        self.wake();
    }

    /// Whether the topic was deleted.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn wake(&self) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        for waiter in waiters.drain(..).filter_map(|waiter| waiter.upgrade()) {
            waiter.notify_one();
        }
    }

    fn read_lock(&self) -> RwLockReadGuard<'_, Stored> {
        self.stored.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Stored> {
        self.stored.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Learns from the headers of all batches what the partition knew of its producers.
fn replay(log: &Log) -> Result<Producers, StartError> {
    let mut producers = Producers::default();
    let mut from = log.start();
    while from < log.end() {
        for entry in log.read(from, REPLAY_BYTES)? {
            from = entry.first + u64::from(entry.count);
            let at = offset(entry.first);
            match batch::parse(entry.payload.into()) {
                Ok(batch) => {
                    if let Some(stamp) = batch.stamp {
                        producers.record(&stamp, at);
                    }
                }
                Err(_) => return Err(StartError::NotABatch { offset: at }),
            }
        }
    }
    Ok(producers)
}

/// The batches as they are served, one behind the other.
fn join(mut entries: Vec<Entry>) -> Bytes {
    for entry in &mut entries {
        batch::place(&mut entry.payload, offset(entry.first), LEADER_EPOCH);
    }
    if entries.len() == 1 {
        return entries.remove(0).payload.into();
    }
    let mut all = BytesMut::with_capacity(entries.iter().map(|entry| entry.payload.len()).sum());
    for entry in entries {
        all.extend_from_slice(&entry.payload);
    }
    all.freeze()
}

/// A log index as Kafka writes it.
fn offset(index: u64) -> i64 {
    i64::try_from(index).expect("a log of 2^63 records does not fit on any disk")
}

fn unreadable(error: &bookend_log::ReadError) -> ResponseError {
    if matches!(error, bookend_log::ReadError::OutOfRange { .. }) {
        return ResponseError::OffsetOutOfRange;
    }
    tracing::error!(error = error as &dyn std::error::Error, "a partition could not be read");
    match error {
        bookend_log::ReadError::Corrupt { .. } => ResponseError::CorruptMessage,
        _ => ResponseError::KafkaStorageError,
    }
}

fn report_sync(result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "a log could not be synced; what a power cut would lose grows");
    }
}

#[cfg(test)]
mod tests {
    use super::{
        batch::{Stamp, split, tests::sample},
        *,
    };

    fn open(dir: &Path) -> Partition {
        Partition::open(dir, Options::default()).unwrap()
    }

    fn stamped(first: i32, count: u32) -> Vec<Batch> {
        let stamp = Stamp { producer: 9, epoch: 0, first, count };
        split(sample(Some(stamp), count, 5).into(), true).unwrap()
    }

    // Goal: what was sent is served byte for byte but for offset and epoch. Method: three batches, read from inside
    // the second.
    #[test]
    fn batches_are_served_as_sent() {
        let dir = tempfile::tempdir().unwrap();
        let partition = open(dir.path());
        let sent = [sample(None, 3, 10), sample(None, 2, 20), sample(None, 1, 30)];
        for (bytes, base) in sent.iter().zip([0, 3, 5]) {
            let batches = split(bytes.clone().into(), true).unwrap();
            assert_eq!(partition.append(&batches), Ok(base));
        }
        assert_eq!(partition.end(), 6);
        let served = partition.read(4, usize::MAX).unwrap();
        assert_eq!(served.len(), sent[1].len() + sent[2].len());
        assert_eq!(served[..8], 3_i64.to_be_bytes());
        assert_eq!(served[16..sent[1].len()], sent[1][16..]);
        assert_eq!(served[sent[1].len()..][..8], 5_i64.to_be_bytes());
        assert_eq!(partition.read(0, 1).unwrap().len(), sent[0].len());
        assert_eq!(partition.read(6, 1_000).unwrap().len(), 0);
        assert_eq!(partition.read(7, 1_000), Err(ResponseError::OffsetOutOfRange));
        assert_eq!(partition.read(-1, 1_000), Err(ResponseError::OffsetOutOfRange));
        assert_eq!(partition.find_time(11), Ok(Some(Found { offset: 3, timestamp: 20 })));
        assert_eq!(partition.find_time(31), Ok(None));
        assert_eq!(partition.latest_time(), Ok(Some(Found { offset: 5, timestamp: 30 })));
    }

    // Goal: a batch sent again is known, also by a partition that was opened anew.
    #[test]
    fn a_repeated_batch_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let partition = open(dir.path());
        assert_eq!(partition.append(&stamped(0, 4)), Ok(0));
        assert_eq!(partition.append(&stamped(4, 2)), Ok(4));
        assert_eq!(partition.append(&stamped(4, 2)), Ok(4));
        drop(partition);
        let partition = open(dir.path());
        assert_eq!(partition.append(&stamped(4, 2)), Ok(4));
        assert_eq!(partition.append(&stamped(0, 4)), Ok(0));
        assert_eq!(partition.append(&stamped(7, 1)), Err(ResponseError::OutOfOrderSequenceNumber));
        assert_eq!(partition.append(&stamped(6, 1)), Ok(6));
        assert_eq!(partition.end(), 7);
    }

    // Goal: a folder of something else is refused at the start. Method: a log whose entry is no batch.
    #[test]
    fn a_log_of_something_else_does_not_open() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path(), Options::default()).unwrap();
        log.append(1, 0, b"no batch").unwrap();
        drop(log);
        let error = Partition::open(dir.path(), Options::default()).unwrap_err();
        assert!(matches!(error, StartError::NotABatch { offset: 0 }), "{error}");
    }

    // Goal: a topic under deletion neither takes records nor leaves anyone waiting.
    #[test]
    fn a_closed_partition_takes_nothing_and_wakes_who_waits() {
        let dir = tempfile::tempdir().unwrap();
        let partition = open(dir.path());
        let waiter = Arc::new(Notify::new());
        partition.watch(&waiter);
        partition.close();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(waiter.notified());
        assert_eq!(partition.append(&stamped(0, 1)), Err(ResponseError::UnknownTopicOrPartition));
    }
}
