//! How records go: when they are old, when there are too many, or because a client deletes them; and producers, when
//! they are silent for long.

use std::{io, sync::atomic::Ordering};

use kafka_protocol::ResponseError;

use super::{Partition, Stored, offset};
use crate::settings::Settings;

impl Partition {
    /// Lets go what the topic's settings no longer keep, whole segments at a time; returns the bytes that gives back.
    /// Also forgets producers that are silent for long.
    ///
    /// A segment goes once its latest record is too old, also the one that is written to.
    pub(crate) fn retain(&self, settings: &Settings, now_ms: i64) -> u64 {
        let mut stored = self.write();
        if self.is_closed() {
            return 0;
        }
        stored.producers.expire(now_ms);
        let dropped = drop_old(&mut stored, settings, now_ms);
        let moved = self.follow_start(&stored);
        drop(stored);
        if moved {
            // Who waits below the new start waits for nothing.
            self.waiters.wake_all();
        }
        match dropped {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(dir = %self.dir.display(), %error, "old records could not be deleted");
                0
            }
        }
    }

    /// Deletes all records before `before`; returns the first offset there is from now on.
    pub(crate) fn delete_before(&self, before: i64) -> Result<i64, ResponseError> {
        let mut stored = self.write();
        if self.is_closed() {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        let index = u64::try_from(before).map_err(|_| ResponseError::OffsetOutOfRange)?;
        if before > self.end() {
            return Err(ResponseError::OffsetOutOfRange);
        }
        let deleted = stored.log.advance_start(index);
        self.follow_start(&stored);
        drop(stored);
        self.waiters.wake_all();
        deleted.map(|_| self.start()).map_err(|error| {
            tracing::error!(dir = %self.dir.display(), %error, "records could not be deleted");
            ResponseError::KafkaStorageError
        })
    }

    /// Tells readers where the log starts now; says whether it has moved.
    fn follow_start(&self, stored: &Stored) -> bool {
        let start = offset(stored.log.start());
        // With nothing left, the start is the end; never past it, also for a moment.
        self.end.fetch_max(start, Ordering::AcqRel);
        self.start.swap(start, Ordering::AcqRel) != start
    }
}

fn drop_old(stored: &mut Stored, settings: &Settings, now_ms: i64) -> io::Result<u64> {
    let mut freed = 0;
    if let Some(age) = settings.retention_ms {
        freed += stored.log.drop_older_than(now_ms.saturating_sub(age))?;
    }
    if let Some(bytes) = settings.retention_bytes {
        freed += stored.log.drop_to_bytes(bytes)?;
    }
    Ok(freed)
}
