//! How the log of committed offsets stays small: what it amounts to is written behind it, then the rest is dropped.
//!
//! A crash anywhere in between loses nothing. Before the drop, the log holds everything twice at most, and to say it
//! again changes nothing. The drop goes from the oldest segment on, and what remains in front of the rewritten part is
//! the log's end as it was: whatever it says, the rewritten part behind it says last. A power cut must not take the
//! rewritten part after the old one is gone, so it is synced in between, whatever the policy.

use super::{
    Offsets, Stored,
    entry::{self, Change},
    state::State,
};

/// A log this many times larger than what it says is rewritten.
const COMPACT_FACTOR: u64 = 4;

/// When and how the log is rewritten; tests make everything small.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// A log smaller than this is never rewritten.
    pub(super) compact_min: u64,
    /// How much goes into one entry, about: under some policies each costs a sync.
    pub(super) entry: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { compact_min: 4 * 1024 * 1024, entry: 256 * 1024 }
    }
}

impl Offsets {
    /// Rewrites the log if it has grown out of proportion.
    pub(super) fn compact_if_large(&self, stored: &mut Stored) {
        if stored.log.bytes() <= stored.compact_at {
            return;
        }
        match self.compact(stored) {
            Ok(freed) => tracing::debug!(freed, "the log of committed offsets was rewritten"),
            // Nothing is lost: the old entries are still there. It is tried again at the next size.
            Err(error) => {
                stored.compact_at = stored.log.bytes() * 2;
                let error = &*error as &dyn std::error::Error;
                tracing::warn!(error, "the log of committed offsets could not be rewritten");
            }
        }
    }

    fn compact(
        &self,
        stored: &mut Stored,
    ) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
        let from = stored.log.end();
        let before = stored.log.bytes();
        // Whoever wants to read what is kept does not wait for the disk. Nothing of it changes meanwhile, as changes go
        // through the log; only topics may go that were deleted, and their ids mean nothing any more.
        let names: Vec<_> = self.read(|state| state.groups.keys().cloned().collect());
        let mut left = names.iter().peekable();
        while left.peek().is_some() {
            let several = self.read(|state| some_of(state, &mut left, stored.sizes.entry));
            stored.log.append_unsynced(1, 0, [&entry::encode_all(&several), &[]])?;
        }
        let size = stored.log.bytes() - before;
        stored.log.sync()?;
        stored.compact_at = stored.sizes.compact_min.max(size * COMPACT_FACTOR);
        Ok(stored.log.drop_before(from)?)
    }
}

/// The changes that lead to the next groups of `names`, for an entry of about that many bytes.
fn some_of<'a>(
    state: &State,
    names: &mut impl Iterator<Item = &'a Box<str>>,
    bytes_wanted: usize,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut bytes = 0;
    while bytes < bytes_wanted
        && let Some(name) = names.next()
    {
        if let Some(group) = state.groups.get(name) {
            changes.extend(State::changes_of(name, group));
            bytes += group.bytes();
        }
    }
    changes
}
