//! How the log of committed offsets stays small: what it amounts to is written behind it, then the rest is dropped.
//!
//! A crash anywhere in between loses nothing. Before the drop, the log holds everything twice at most, and to say it
//! again changes nothing. The drop goes from the oldest segment on, and what remains in front of the rewritten part is
//! the log's end as it was: whatever it says, the rewritten part behind it says last. A power cut must not take the
//! rewritten part after the old one is gone, so it is synced in between, whatever the policy.

use super::{Offsets, Stored, entry, state::State};

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
        self.read(|state| {
            let mut several = Vec::new();
            let mut bytes = 0;
            for (name, group) in &state.groups {
                several.extend(State::changes_of(name, group));
                bytes += group.bytes();
                if bytes >= stored.sizes.entry {
                    stored.log.append(1, 0, &entry::encode_all(&several))?;
                    (several, bytes) = (Vec::new(), 0);
                }
            }
            stored.log.append(1, 0, &entry::encode_all(&several)).map(drop)
        })?;
        let size = stored.log.bytes() - before;
        stored.log.sync()?;
        stored.compact_at = stored.sizes.compact_min.max(size * COMPACT_FACTOR);
        Ok(stored.log.drop_before(from)?)
    }
}
