//! What all groups have committed, in memory: what the log's changes amount to.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::{
    Committed, Place,
    entry::{Change, What},
};

/// What a group takes in memory besides its name, about.
const GROUP_BYTES: usize = 256;
/// What an offset takes in memory besides its metadata, about.
const OFFSET_BYTES: usize = 128;

/// Whether a group has members, as far as it must be remembered: its offsets live as long as they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Members {
    /// It never had any: its offsets are those of standalone consumers.
    Never,
    /// It has some.
    Present,
    /// It has had none since then.
    GoneSince(i64),
}

/// An offset, and when it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) committed: Committed,
    pub(super) time_ms: i64,
}

/// What is kept for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupOffsets {
    /// Empty if it never had members.
    pub(super) protocol_type: Box<str>,
    pub(super) members: Members,
    pub(super) offsets: BTreeMap<Place, Kept>,
}

/// What is kept for all groups; none is without offsets.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) groups: HashMap<Box<str>, GroupOffsets>,
    /// What all of it takes in memory, about.
    pub(super) bytes: usize,
}

impl State {
    /// Lets a change happen.
    pub(super) fn apply(&mut self, change: Change) {
        let Change { group, time_ms, what } = change;
        match what {
            What::Committed { by, offsets } => self.commit(group, time_ms, by, offsets),
            What::Joined(protocol_type) => {
                if let Some(group) = self.groups.get_mut(&group) {
                    group.join(protocol_type);
                }
            }
            What::Emptied => {
                if let Some(group) = self.groups.get_mut(&group) {
                    group.members = Members::GoneSince(time_ms);
                }
            }
            What::Forgotten(places) => {
                let places: HashSet<_> = places.into_iter().collect();
                self.forget(&group, |place| places.contains(place));
            }
        }
    }

    fn commit(
        &mut self,
        name: Box<str>,
        time_ms: i64,
        by: Option<Box<str>>,
        offsets: Vec<(Place, Committed)>,
    ) {
        let Self { groups, bytes } = self;
        let new = || GroupOffsets {
            protocol_type: Box::default(),
            members: Members::Never,
            offsets: BTreeMap::new(),
        };
        if !groups.contains_key(&name) {
            *bytes += GROUP_BYTES + name.len();
        }
        let group = groups.entry(name).or_insert_with(new);
        if let Some(protocol_type) = by {
            group.join(protocol_type);
        }
        for (place, committed) in offsets {
            *bytes += weight(&committed);
            if let Some(old) = group.offsets.insert(place, Kept { committed, time_ms }) {
                *bytes -= weight(&old.committed);
            }
        }
    }

    /// Forgets all offsets of topics that `keep` does not want.
    pub(super) fn retain_topics(&mut self, keep: impl Fn(Uuid) -> bool) {
        let names: Vec<_> = self.groups.keys().cloned().collect();
        for name in names {
            self.forget(&name, |(topic, _)| !keep(*topic));
        }
    }

    /// Forgets the offsets of a group that `forgotten` names, and the group if none is left.
    fn forget(&mut self, name: &str, forgotten: impl Fn(&Place) -> bool) {
        let Some(group) = self.groups.get_mut(name) else { return };
        for (_, kept) in group.offsets.extract_if(.., |place, _| forgotten(place)) {
            self.bytes -= weight(&kept.committed);
        }
        if group.offsets.is_empty() {
            self.groups.remove(name);
            self.bytes -= GROUP_BYTES + name.len();
        }
    }

    /// The changes that lead from nothing to a group as it is.
    pub(super) fn changes_of(name: &str, group: &GroupOffsets) -> Vec<Change> {
        let change = |time_ms, what| Change { group: name.into(), time_ms, what };
        let mut by_time: BTreeMap<i64, Vec<_>> = BTreeMap::new();
        for (place, kept) in &group.offsets {
            by_time.entry(kept.time_ms).or_default().push((*place, kept.committed.clone()));
        }
        let committed = |(time_ms, offsets)| change(time_ms, What::Committed { by: None, offsets });
        let mut changes: Vec<_> = by_time.into_iter().map(committed).collect();
        // Behind the first commit, as they are about a group that is there.
        if group.members != Members::Never {
            changes.push(change(0, What::Joined(group.protocol_type.clone())));
        }
        if let Members::GoneSince(time_ms) = group.members {
            changes.push(change(time_ms, What::Emptied));
        }
        changes
    }
}

impl GroupOffsets {
    /// What it takes in memory besides its name, about.
    pub(super) fn bytes(&self) -> usize {
        GROUP_BYTES + self.offsets.values().map(|kept| weight(&kept.committed)).sum::<usize>()
    }

    fn join(&mut self, protocol_type: Box<str>) {
        self.protocol_type = protocol_type;
        self.members = Members::Present;
    }
}

/// What an offset takes in memory, about.
pub(super) fn weight(committed: &Committed) -> usize {
    OFFSET_BYTES + committed.metadata.as_ref().map_or(0, |metadata| metadata.len())
}
