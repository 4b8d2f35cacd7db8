//! When records are there: at once, or under [`Fsync::Always`](bookend_log::Fsync::Always) once they are synced.
//!
//! Readers shall not see what a power cut then takes, so with that policy the high watermark follows the sync. The
//! partition's lock is not held while the disk works: whoever appends meanwhile shares the next sync.

use std::{sync::atomic::Ordering, time::Instant};

use bookend_log::PendingSync;
use kafka_protocol::ResponseError;

use super::{Partition, Stored, offset};

/// What is still to be done before records are there.
pub(super) struct Pending {
    /// The log's end when it began.
    end: i64,
    sync: Option<PendingSync>,
}

impl Partition {
    /// Begins to commit all that the log holds now.
    pub(super) fn begin_commit(&self, stored: &mut Stored) -> Result<Pending, ResponseError> {
        let end = offset(stored.log.end());
        let sync = if self.synced_only { stored.log.begin_sync() } else { Ok(None) };
        Ok(Pending { end, sync: sync.map_err(|error| unsynced(&error))? })
    }

    /// Ends a commit: what it is about is there from now on.
    pub(super) fn commit(&self, pending: Pending) -> Result<(), ResponseError> {
        if let Some(sync) = pending.sync {
            let done = sync.run();
            self.write().log.end_sync(done).map_err(|error| unsynced(&error))?;
        }
        self.end.fetch_max(pending.end, Ordering::AcqRel);
        Ok(())
    }

    /// Whether something may have to be synced.
    pub(crate) fn is_unsynced(&self) -> bool {
        self.tail.is_unsynced()
    }

    /// Syncs the log if its policy asks for it, without holding up appends.
    pub(crate) fn sync_if_due(&self, now: Instant) {
        if !self.is_unsynced() || self.is_closed() {
            return;
        }
        let mut stored = self.write();
        if stored.log.synced_end() == stored.log.end() {
            // A segment's end, or records that went, brought a sync of their own.
            self.tail.begin_sync();
        } else if stored.log.sync_due(now) {
            self.tail.begin_sync();
            let pending = stored.log.begin_sync();
            drop(stored);
            self.end_sync(pending);
        }
    }

    /// Syncs the log before it is due, which closes its file.
    pub(super) fn sync_early(&self) {
        let mut stored = self.write();
        self.tail.begin_sync();
        let pending = stored.log.begin_sync();
        drop(stored);
        self.end_sync(pending);
    }

    /// Syncs the log and saves what is known of the producers, for a stop.
    pub(crate) fn sync(&self) {
        let mut stored = self.write();
        if self.is_closed() {
            return;
        }
        if stored.unsaved_bytes > 0 {
            self.save_producers(&mut stored);
        }
        let pending = stored.log.begin_sync();
        drop(stored);
        self.end_sync(pending);
    }

    fn end_sync(&self, pending: std::io::Result<Option<PendingSync>>) {
        let synced = pending.and_then(|pending| match pending {
            Some(pending) => {
                let done = pending.run();
                self.write().log.end_sync(done)
            }
            None => Ok(()),
        });
        if let Err(error) = synced {
            // What did not begin, for want of descriptors say, is tried again. A log that is closed for good is never due.
            let _crowded = self.tail.written();
            tracing::error!(%error, "a log could not be synced; what a power cut would lose grows");
        }
    }
}

fn unsynced(error: &std::io::Error) -> ResponseError {
    tracing::error!(%error, "a batch could not be synced");
    ResponseError::KafkaStorageError
}
