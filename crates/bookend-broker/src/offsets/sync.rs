//! When changes survive a power cut. The log is not held while the disk works: whoever commits meanwhile shares the next
//! fsync.

use std::{sync::MutexGuard, time::Instant};

use bookend_log::PendingSync;
use kafka_protocol::ResponseError;

use super::{Offsets, Stored};

impl Offsets {
    /// Syncs the log if its policy asks for it.
    pub(crate) fn sync_if_due(&self, now: Instant) {
        let mut stored = self.stored();
        if stored.log.sync_due(now) {
            // What fails is reported, and due again unless the log is closed for good.
            self.sync_without(stored).ok();
        }
    }

    /// Whether a power cut would take something.
    #[cfg(test)]
    pub(crate) fn is_unsynced(&self) -> bool {
        let stored = self.stored();
        stored.log.synced_end() < stored.log.end()
    }

    /// Syncs the log.
    pub(crate) fn sync(&self) {
        // What fails is reported.
        self.sync_without(self.stored()).ok();
    }

    /// Ends a change that was written: under some policies it is synced.
    ///
    /// Who asks meanwhile may see it: had a power cut taken it, that would be as if they had asked before.
    pub(super) fn end_change(&self, stored: MutexGuard<'_, Stored>) -> Result<(), ResponseError> {
        if self.synced_only { self.sync_without(stored) } else { Ok(()) }
    }

    /// Syncs the log as it is, and lets go of it meanwhile.
    fn sync_without(&self, mut stored: MutexGuard<'_, Stored>) -> Result<(), ResponseError> {
        let pending = stored.log.begin_sync();
        drop(stored);
        let synced = pending.and_then(|pending| {
            let done = pending.map(PendingSync::run);
            done.map_or(Ok(()), |done| self.stored().log.end_sync(done))
        });
        synced.map_err(|error| {
            tracing::error!(%error, "committed offsets could not be synced");
            ResponseError::KafkaStorageError
        })
    }
}
