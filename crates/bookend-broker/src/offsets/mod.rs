//! What the groups committed: kept in memory, and in a log that is rewritten before it grows out of proportion.
//!
//! A commit is answered once its entry stands in the log, so it survives `kill -9`. Offsets are kept
//! by the topic's id, so those of a deleted topic are never taken for those of its successor.

mod entry;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
    time::Instant,
};

use bookend_log::{Log, Options};
use kafka_protocol::ResponseError;
use uuid::Uuid;

use self::entry::Change;
use crate::error::StartError;

/// Segments are small: space comes back by whole segments.
const SEGMENT_BYTES_MAX: u64 = 1024 * 1024;
/// A log smaller than this is never rewritten.
const COMPACT_BYTES_MIN: u64 = 4 * 1024 * 1024;
/// A log this many times larger than what it says is rewritten.
const COMPACT_FACTOR: u64 = 4;
/// How much of the log is read at a time when it is replayed.
const REPLAY_BYTES: usize = 1024 * 1024;
/// The longest text that may stand beside a committed offset, as in Apache Kafka.
pub(crate) const METADATA_BYTES_MAX: usize = 4_096;

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Option<Box<str>>,
}

/// A partition, by its topic's id.
pub(crate) type Place = (Uuid, i32);

type ByGroup = HashMap<Box<str>, BTreeMap<Place, Committed>>;

/// The committed offsets of all groups.
#[derive(Debug)]
pub(crate) struct Offsets {
    by_group: RwLock<ByGroup>,
    /// Taken before `by_group`, so that memory follows the log's order.
    stored: Mutex<Stored>,
}

#[derive(Debug)]
struct Stored {
    log: Log,
    /// The size at which the log is rewritten.
    compact_at: u64,
}

impl Offsets {
    /// Opens the log in `dir`; offsets of topics that `is_known` does not know are dropped.
    pub(crate) fn open(
        dir: &Path,
        options: Options,
        is_known: impl Fn(Uuid) -> bool,
    ) -> Result<Self, StartError> {
        let options = Options { segment_bytes_max: SEGMENT_BYTES_MAX, ..options };
        let (log, recovery) = Log::open(dir, options)?;
        if let Some(cut) = recovery.cut {
            tracing::warn!(dir = %dir.display(), "{cut}");
        }
        let mut by_group = ByGroup::new();
        let mut from = log.start();
        while from < log.end() {
            for stored in log.read(from, REPLAY_BYTES)? {
                from = stored.first + u64::from(stored.count);
                let change = entry::decode(&stored.payload)
                    .ok_or(StartError::NotAnOffset { entry: stored.first })?;
                apply(&mut by_group, change);
            }
        }
        retain_topics(&mut by_group, is_known);
        let stored = Stored { log, compact_at: COMPACT_BYTES_MIN };
        Ok(Self { by_group: RwLock::new(by_group), stored: Mutex::new(stored) })
    }

    /// Commits offsets of one group, all or none, if `may_commit` agrees; it is asked in the order of the commits.
    /// Blocks on the disk.
    pub(crate) fn commit(
        &self,
        group: &str,
        offsets: Vec<(Place, Committed)>,
        may_commit: impl FnOnce() -> Result<(), ResponseError>,
    ) -> Result<(), ResponseError> {
        let mut stored = self.stored();
        may_commit()?;
        if offsets.is_empty() {
            return Ok(());
        }
        let change = Change { group: group.into(), offsets };
        stored.log.append(1, 0, &entry::encode(&change)).map_err(|error| refused(&error))?;
        let mut by_group = self.by_group.write().unwrap_or_else(PoisonError::into_inner);
        apply(&mut by_group, change);
        drop(by_group);
        if stored.log.bytes() > stored.compact_at {
            self.compact(&mut stored);
        }
        Ok(())
    }

    /// What the group committed for a partition.
    pub(crate) fn find(&self, group: &str, place: Place) -> Option<Committed> {
        self.read(|by_group| by_group.get(group)?.get(&place).cloned())
    }

    /// All that the group committed.
    pub(crate) fn of_group(&self, group: &str) -> Vec<(Place, Committed)> {
        self.read(|by_group| {
            let offsets = by_group.get(group).into_iter().flatten();
            offsets.map(|(place, committed)| (*place, committed.clone())).collect()
        })
    }

    /// Forgets all offsets of a topic. Its id never comes back, so the log need not know.
    pub(crate) fn forget_topic(&self, topic: Uuid) {
        let mut by_group = self.by_group.write().unwrap_or_else(PoisonError::into_inner);
        retain_topics(&mut by_group, |id| id != topic);
    }

    /// Syncs the log if its policy asks for it.
    pub(crate) fn sync_if_due(&self, now: Instant) {
        let mut stored = self.stored();
        if stored.log.sync_due(now)
            && let Err(error) = stored.log.sync()
        {
            tracing::error!(%error, "committed offsets could not be synced");
        }
    }

    /// Syncs the log.
    pub(crate) fn sync(&self) {
        if let Err(error) = self.stored().log.sync() {
            tracing::error!(%error, "committed offsets could not be synced");
        }
    }

    /// Writes everything anew, then drops what stood before. A crash in between repeats some of it, which
    /// changes nothing.
    fn compact(&self, stored: &mut Stored) {
        let from = stored.log.end();
        let before = stored.log.bytes();
        let written = self.read(|by_group| {
            by_group.iter().try_for_each(|(group, offsets)| {
                let offsets = offsets.iter().map(|(place, c)| (*place, c.clone())).collect();
                let change = Change { group: group.clone(), offsets };
                stored.log.append(1, 0, &entry::encode(&change)).map(drop)
            })
        });
        let size = stored.log.bytes() - before;
        stored.compact_at = COMPACT_BYTES_MIN.max(size * COMPACT_FACTOR);
        let dropped = written
            .map_err(|error| error.to_string())
            .and_then(|()| stored.log.drop_before(from).map_err(|error| error.to_string()));
        match dropped {
            Ok(bytes) => tracing::debug!(bytes, "the log of committed offsets was rewritten"),
            // Nothing is lost: the old entries are still there. It is tried again at the next size.
            Err(error) => {
                stored.compact_at = stored.log.bytes() * 2;
                tracing::warn!(error, "the log of committed offsets could not be rewritten");
            }
        }
    }

    fn read<T>(&self, f: impl FnOnce(&ByGroup) -> T) -> T {
        f(&self.by_group.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apply(by_group: &mut ByGroup, change: Change) {
    by_group.entry(change.group).or_default().extend(change.offsets);
}

fn retain_topics(by_group: &mut ByGroup, keep: impl Fn(Uuid) -> bool) {
    by_group.retain(|_, offsets| {
        offsets.retain(|(topic, _), _| keep(*topic));
        !offsets.is_empty()
    });
}

fn refused(error: &bookend_log::AppendError) -> ResponseError {
    tracing::error!(error = error as &dyn std::error::Error, "offsets could not be committed");
    ResponseError::KafkaStorageError
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Uuid = Uuid::from_bytes([1; 16]);
    const SECOND: Uuid = Uuid::from_bytes([2; 16]);

    fn open(dir: &Path) -> Offsets {
        Offsets::open(dir, Options::default(), |_| true).unwrap()
    }

    fn at(offset: i64) -> Committed {
        Committed { offset, leader_epoch: 0, metadata: Some("why".into()) }
    }

    // Goal: the last commit of a partition counts, also after a restart.
    #[test]
    fn a_commit_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let offsets = open(dir.path());
        offsets.commit("g", vec![((FIRST, 0), at(3)), ((SECOND, 1), at(4))], || Ok(())).unwrap();
        offsets.commit("g", vec![((FIRST, 0), at(5))], || Ok(())).unwrap();
        drop(offsets);
        let offsets = open(dir.path());
        assert_eq!(offsets.find("g", (FIRST, 0)), Some(at(5)));
        assert_eq!(offsets.find("h", (FIRST, 0)), None);
        assert_eq!(offsets.of_group("g"), [((FIRST, 0), at(5)), ((SECOND, 1), at(4))]);
    }

    // Goal: offsets go with their topic, at once and at the next start.
    #[test]
    fn offsets_of_a_deleted_topic_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let offsets = open(dir.path());
        offsets.commit("g", vec![((FIRST, 0), at(3)), ((SECOND, 0), at(4))], || Ok(())).unwrap();
        offsets.forget_topic(FIRST);
        assert_eq!(offsets.of_group("g"), [((SECOND, 0), at(4))]);
        drop(offsets);
        let offsets = Offsets::open(dir.path(), Options::default(), |id| id == SECOND).unwrap();
        assert_eq!(offsets.of_group("g"), [((SECOND, 0), at(4))]);
    }

    // Goal: the log's size follows what it says, not how often it was said. Method: one offset committed until the
    // log would be twice as large as it may get.
    #[test]
    fn the_log_does_not_grow_with_the_number_of_commits() {
        let dir = tempfile::tempdir().unwrap();
        let offsets = open(dir.path());
        let long = "x".repeat(METADATA_BYTES_MAX);
        let rounds = 2 * i64::try_from(COMPACT_BYTES_MIN).unwrap() / 4_096;
        for n in 0..rounds {
            let committed =
                Committed { offset: n, leader_epoch: 0, metadata: Some(long.as_str().into()) };
            offsets.commit("g", vec![((FIRST, 0), committed)], || Ok(())).unwrap();
        }
        assert!(offsets.stored().log.bytes() <= COMPACT_BYTES_MIN + SEGMENT_BYTES_MAX);
        assert!(offsets.stored().log.start() > 0);
        drop(offsets);
        assert_eq!(open(dir.path()).find("g", (FIRST, 0)).unwrap().offset, rounds - 1);
    }
}
