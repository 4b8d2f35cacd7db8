//! What the groups committed: kept in memory, and in a log that is rewritten before it grows out of proportion.
//!
//! A commit is answered once its [entry] stands in the log, so it survives `kill -9`; and under
//! [`Fsync::Always`](bookend_log::Fsync::Always) once that is synced, which all who commit meanwhile share. Offsets are kept
//! by the topic's id, so those of a deleted topic are never taken for those of its successor. For how long they
//! are kept says [`retention`]; that a group has members, or has none since when, is in the log for its sake.

mod entry;
mod state;
pub(crate) mod retention;
mod rewrite;
mod sync;
#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use bookend_log::{Fsync, Log, Options};
use kafka_protocol::{ResponseError, protocol::StrBytes};
use uuid::Uuid;

use self::{
    entry::{Change, What},
    retention::World,
    rewrite::Sizes,
    state::{GroupOffsets, Members, State, weight},
};
use crate::{error::StartError, group::GROUPS_MAX};

/// Segments are small: space comes back by whole segments.
const SEGMENT_BYTES_MAX: u64 = 1024 * 1024;
/// How much of the log is read at a time when it is replayed.
const REPLAY_BYTES: usize = 1024 * 1024;
/// What all committed offsets may take in memory.
const BYTES_MAX: usize = 256 * 1024 * 1024;
/// The longest text that may stand beside a committed offset, as in Apache Kafka.
pub(crate) const METADATA_BYTES_MAX: usize = 4_096;

/// What there may be of committed offsets, for people.
pub(crate) fn bounds() -> String {
    let all = BYTES_MAX >> 20;
    format!("there is room for {GROUPS_MAX} groups with committed offsets, {all} MiB in all")
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Option<Box<str>>,
}

/// A partition, by its topic's id.
pub(crate) type Place = (Uuid, i32);

/// The committed offsets of all groups.
#[derive(Debug)]
pub(crate) struct Offsets {
    state: RwLock<State>,
    /// Taken before `state`, so that memory follows the log's order. Neither is held through an fsync, but for those of
    /// a rewrite and of a new segment, through which `stored` is.
    stored: Mutex<Stored>,
    /// Whether a change is answered only once it is synced.
    synced_only: bool,
}

#[derive(Debug)]
struct Stored {
    log: Log,
    sizes: Sizes,
    /// The size at which the log is rewritten.
    compact_at: u64,
}

impl Offsets {
    /// Opens the log in `dir`; offsets of topics that `is_known` does not know are dropped. Members did not survive
    /// the last process, so groups that had some have none as of now.
    pub(crate) fn open(
        dir: &Path,
        options: Options,
        now_ms: i64,
        is_known: impl Fn(Uuid) -> bool,
    ) -> Result<Self, StartError> {
        let options = Options { segment_bytes_max: SEGMENT_BYTES_MAX, ..options };
        Self::open_with(dir, options, Sizes::default(), now_ms, is_known)
    }

    fn open_with(
        dir: &Path,
        options: Options,
        sizes: Sizes,
        now_ms: i64,
        is_known: impl Fn(Uuid) -> bool,
    ) -> Result<Self, StartError> {
        let (log, recovery) = Log::open(dir, options)?;
        if let Some(cut) = recovery.cut {
            tracing::warn!(dir = %dir.display(), "{cut}");
        }
        let mut state = State::default();
        let mut from = log.start();
        while from < log.end() {
            for stored in log.read(from, REPLAY_BYTES)? {
                from = stored.first + u64::from(stored.count);
                // Times were not always kept: without one, an offset's time begins now.
                let time_ms = if stored.time_ms > 0 { stored.time_ms } else { now_ms };
                let changes = entry::decode(time_ms, &stored.payload)
                    .ok_or(StartError::NotAnOffset { entry: stored.first })?;
                for change in changes {
                    state.apply(change);
                }
            }
        }
        state.retain_topics(is_known);
        let had_members = state.groups.iter().filter(|(_, g)| g.members == Members::Present);
        let emptied = had_members.map(|(name, _)| Change {
            group: name.clone(),
            time_ms: now_ms,
            what: What::Emptied,
        });
        let emptied: Vec<_> = emptied.collect();
        let stored = Mutex::new(Stored { log, sizes, compact_at: sizes.compact_min });
        let synced_only = options.fsync == Fsync::Always;
        let offsets = Self { state: RwLock::new(state), stored, synced_only };
        for change in emptied {
            // Where it cannot be written it is found again at the next start, and counts from then.
            offsets.change(&mut offsets.stored(), change).ok();
        }
        if synced_only {
            offsets.sync();
        }
        Ok(offsets)
    }

    /// Commits offsets of one group, all or none, if `may_commit` agrees and says for whom: the protocol type of a
    /// member's group. It is asked in the order of the commits. Blocks on the disk.
    pub(crate) fn commit(
        &self,
        group: &str,
        offsets: Vec<(Place, Committed)>,
        now_ms: i64,
        may_commit: impl FnOnce() -> Result<Option<StrBytes>, ResponseError>,
    ) -> Result<(), ResponseError> {
        let mut stored = self.stored();
        let member_of = may_commit()?;
        if offsets.is_empty() {
            return Ok(());
        }
        let by = self.read(|state| {
            let known = state.groups.get(group);
            let heavier: usize = offsets.iter().map(|(_, committed)| weight(committed)).sum();
            if known.is_none() && state.groups.len() >= GROUPS_MAX
                || state.bytes + heavier > BYTES_MAX
            {
                return Err(ResponseError::PolicyViolation);
            }
            let is_known = known.is_some_and(|group| group.members == Members::Present);
            Ok(member_of.filter(|_| !is_known).map(|protocol_type| protocol_type.as_str().into()))
        })?;
        let what = What::Committed { by, offsets };
        self.change(&mut stored, Change { group: group.into(), time_ms: now_ms, what })?;
        self.compact_if_large(&mut stored);
        self.end_change(stored)
    }

    /// Whether it must be noted that the group has members. Of one without offsets nothing is kept.
    pub(crate) fn is_asleep(&self, group: &str) -> bool {
        self.read(|state| state.groups.get(group).is_some_and(|g| g.members != Members::Present))
    }

    /// Notes that a group has members: its offsets live as long as they do. Blocks on the disk.
    pub(crate) fn join(&self, group: &str, protocol_type: &str, now_ms: i64) {
        let mut stored = self.stored();
        if self.is_asleep(group) {
            let what = What::Joined(protocol_type.into());
            let change = Change { group: group.into(), time_ms: now_ms, what };
            // A log that cannot be written is reported; the group works all the same.
            self.change(&mut stored, change).and_then(|()| self.end_change(stored)).ok();
        }
    }

    /// What the group committed for a partition.
    pub(crate) fn find(&self, group: &str, place: Place) -> Option<Committed> {
        self.read(|state| Some(state.groups.get(group)?.offsets.get(&place)?.committed.clone()))
    }

    /// All that the group committed.
    pub(crate) fn of_group(&self, group: &str) -> Vec<(Place, Committed)> {
        self.read(|state| {
            let offsets = state.groups.get(group).into_iter().flat_map(|group| &group.offsets);
            offsets.map(|(place, kept)| (*place, kept.committed.clone())).collect()
        })
    }

    /// What all that the group committed takes in memory, about.
    pub(crate) fn weight_of(&self, group: &str) -> usize {
        self.read(|state| state.groups.get(group).map_or(0, GroupOffsets::bytes))
    }

    /// All groups that committed, with their protocol types: empty where there never was a member.
    pub(crate) fn groups(&self) -> Vec<(StrBytes, StrBytes)> {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        self.read(|state| {
            state.groups.iter().map(|(name, g)| (text(name), text(&g.protocol_type))).collect()
        })
    }

    /// The protocol type of a group that committed.
    pub(crate) fn protocol_type(&self, group: &str) -> Option<StrBytes> {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        self.read(|state| state.groups.get(group).map(|group| text(&group.protocol_type)))
    }

    /// Forgets those offsets of a group that `choose` names, between two commits. Blocks on the disk.
    pub(crate) fn forget(
        &self,
        group: &str,
        now_ms: i64,
        choose: impl FnOnce() -> Result<Vec<Place>, ResponseError>,
    ) -> Result<(), ResponseError> {
        let mut stored = self.stored();
        let mut places = choose()?;
        self.read(|state| {
            let group = state.groups.get(group);
            places.retain(|place| group.is_some_and(|group| group.offsets.contains_key(place)));
        });
        if places.is_empty() {
            return Ok(());
        }
        let what = What::Forgotten(places);
        self.change(&mut stored, Change { group: group.into(), time_ms: now_ms, what })?;
        self.end_change(stored)
    }

    /// Forgets all offsets of a topic. Its id never comes back, so the log need not know.
    pub(crate) fn forget_topic(&self, topic: Uuid) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.retain_topics(|id| id != topic);
    }

    /// Forgets what has been of no use for the time of `retention`. Blocks on the disk.
    pub(crate) fn expire(&self, world: &impl World, now_ms: i64, retention: Duration) {
        let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let mut stored = self.stored();
        let due = self.read(|state| retention::due(state, world, now_ms, retention_ms));
        for change in due {
            if let What::Forgotten(places) = &change.what {
                tracing::info!(
                    group = &*change.group,
                    count = places.len(),
                    "committed offsets expired"
                );
            }
            if self.change(&mut stored, change).is_err() {
                return; // it was reported, and is due again
            }
        }
        self.compact_if_large(&mut stored);
        // What fails is reported.
        self.end_change(stored).ok();
    }

    /// Writes a change, then lets it happen. It is to be [ended](Self::end_change).
    fn change(&self, stored: &mut Stored, change: Change) -> Result<(), ResponseError> {
        let appended =
            stored.log.append_unsynced(1, change.time_ms, [&entry::encode(&change), &[]]);
        appended.map_err(|error| refused(&error))?;
        self.state.write().unwrap_or_else(PoisonError::into_inner).apply(change);
        Ok(())
    }

    fn read<T>(&self, f: impl FnOnce(&State) -> T) -> T {
        f(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(error: &bookend_log::AppendError) -> ResponseError {
    tracing::error!(error = error as &dyn std::error::Error, "offsets could not be committed");
    ResponseError::KafkaStorageError
}
