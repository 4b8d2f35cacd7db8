//! What a store has applied: per partition by offset, per sender's lane by sequence.
//!
//! Pure: no database, no clock. A store asks [`Progress::apply`] for each message, writes the rows of the new ones
//! and the [`Change`]s in one transaction, and loads the progress again with [`Progress::restore`] when it opens, or
//! when a transaction failed. The state is one range per partition and lane, plus one per hole: never one entry per
//! message.

mod ranges;

pub use self::ranges::Ranges;

use std::collections::HashMap;

use bookend::{Partition, Position, TopicName, TopicPartition, record::LaneId};

/// Whether a message was applied before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Apply it now.
    New,
    /// It was applied, here or where it stood the first time; leave it out.
    Seen,
}

/// What the numbers of a range count.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Offsets of a partition.
    Offsets(TopicPartition),
    /// Sequences of a sender's lane.
    Sequences(LaneId),
}

/// A range to write down, or to strike out, in the transaction that holds the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose range it is.
    pub lane: Lane,
    /// The range's first number, which names it within the lane.
    pub first: u64,
    /// Its last number; `None` strikes the range out, as it was merged into the one below.
    pub last: Option<u64>,
}

/// Every range of every partition and sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    offsets: HashMap<TopicName, HashMap<Partition, Ranges>>,
    sequences: HashMap<LaneId, Ranges>,
    /// Lanes with changes that were not taken yet.
    changed: Vec<Lane>,
}

impl Progress {
    /// Notes that the message at `at` is applied, and says whether it is new.
    ///
    /// It was seen when its position was applied, or when its id was, wherever it stood then. The id of a message
    /// whose position was applied is not noted: it was when the position was, or its sender has expired since.
    pub fn apply(&mut self, at: &Position) -> Verdict {
        let offsets = match self.offsets.get_mut(&at.topic) {
            Some(partitions) => partitions.entry(at.partition).or_default(),
            None => {
                self.offsets.entry(at.topic.clone()).or_default().entry(at.partition).or_default()
            }
        };
        let was_changed = offsets.is_changed();
        if offsets.apply(at.offset.0.cast_unsigned()) == Verdict::Seen {
            return Verdict::Seen;
        }
        if !was_changed {
            self.changed.push(Lane::Offsets(TopicPartition::new(at.topic.clone(), at.partition)));
        }
        let Some(id) = at.id else { return Verdict::New };
        let sequences = self.sequences.entry(id.lane).or_default();
        let was_changed = sequences.is_changed();
        let verdict = sequences.apply(id.sequence);
        if !was_changed && verdict == Verdict::New {
            self.changed.push(Lane::Sequences(id.lane));
        }
        verdict
    }

    /// What to write down since this was last asked.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for lane in std::mem::take(&mut self.changed) {
            for (first, last) in self.ranges(lane.clone()).take_changes() {
                changes.push(Change { lane: lane.clone(), first, last });
            }
        }
        changes
    }

    /// Adds a range that was read back.
    pub fn restore(&mut self, lane: Lane, first: u64, last: u64) {
        self.ranges(lane).restore(first, last);
    }

    /// Forgets what was applied of a lane, as of a sender that is gone for good.
    pub fn forget(&mut self, lane: &Lane) {
        match lane {
            Lane::Offsets(at) => {
                if let Some(partitions) = self.offsets.get_mut(&at.topic) {
                    partitions.remove(&at.partition);
                }
            }
            Lane::Sequences(lane) => {
                self.sequences.remove(lane);
            }
        }
        self.changed.retain(|changed| changed != lane);
    }

    fn ranges(&mut self, lane: Lane) -> &mut Ranges {
        match lane {
            Lane::Offsets(at) => {
                self.offsets.entry(at.topic).or_default().entry(at.partition).or_default()
            }
            Lane::Sequences(lane) => self.sequences.entry(lane).or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
