//! Draining: finishing what is in hand, and committing it, before partitions are given up.
//!
//! Pure: what to do next with some partitions, from where they stand and from the time.

use std::time::{Duration, Instant};

use super::held::Held;

/// How long a commit may take after the handlers have ended.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(3);

/// A drain under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drain {
    /// Handlers that are still at work then are cut off.
    handlers_until: Instant,
    /// The commit is no longer waited for then.
    commit_until: Instant,
}

/// The next step of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Handlers are at work, until then at most.
    Handling(Instant),
    /// They have ended, or are to be cut off; commit, and wait until then at most.
    Committing(Instant),
    /// Nothing is left to be waited for.
    Over,
}

impl Drain {
    /// Begins: handlers have `patience` to end.
    pub(super) fn begin(now: Instant, patience: Duration) -> Self {
        let handlers_until = now + patience;
        Self { handlers_until, commit_until: handlers_until + COMMIT_TIMEOUT }
    }

    /// No time for handlers any more.
    pub(super) fn hurry(&mut self, now: Instant) {
        *self = Self::begin(now, Duration::ZERO);
    }

    /// Where the drain of these partitions stands at `now`.
    pub(super) fn step<'a>(&mut self, held: impl Iterator<Item = &'a Held>, now: Instant) -> Step {
        let (mut have_ended, mut are_committed) = (true, true);
        for held in held {
            have_ended &= held.has_ended;
            are_committed &= held.is_committed();
        }
        if !have_ended && now < self.handlers_until {
            return Step::Handling(self.handlers_until);
        }
        // Handlers that ended early leave the commit its own time, not theirs.
        self.commit_until = self.commit_until.min(now + COMMIT_TIMEOUT);
        if have_ended && are_committed || now >= self.commit_until {
            return Step::Over;
        }
        Step::Committing(self.commit_until)
    }
}
