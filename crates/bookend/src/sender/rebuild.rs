//! When a broken client is made anew: at once the first time, then after longer and longer pauses.
//!
//! Pure; the [`worker`](super::worker) tells the time.

use std::time::{Duration, Instant};

/// The pause before the second attempt; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A client that held this long was good: the next fault is a new one.
const GOOD: Duration = Duration::from_mins(2);

/// The state of a client's repair.
#[derive(Debug, Default)]
pub(super) struct Rebuild {
    due: Option<Instant>,
    pause: Duration,
    broke: Option<Instant>,
}

impl Rebuild {
    /// Takes note that the client is broken. Returns the pause before the next attempt, or `None` if one is due anyway.
    pub(super) fn broken(&mut self, now: Instant) -> Option<Duration> {
        if self.due.is_some() {
            return None;
        }
        if self.broke.is_none_or(|broke| now.saturating_duration_since(broke) > GOOD) {
            self.pause = Duration::ZERO;
        }
        let pause = self.pause;
        self.due = Some(now + pause);
        self.broke = Some(now);
        self.pause = (pause * 2).clamp(PAUSE, PAUSE_MAX);
        Some(pause)
    }

    /// Whether the client is to be left alone until it is made anew.
    pub(super) fn is_pending(&self) -> bool {
        self.due.is_some()
    }

    /// Whether now is the time.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// The attempt has begun.
    pub(super) fn begun(&mut self) {
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: a client that breaks again and again is tried ever less often, one that held is tried at once.
    #[test]
    fn pauses_grow_until_a_client_holds() {
        let mut rebuild = Rebuild::default();
        let mut now = Instant::now();
        for seconds in [0, 1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(rebuild.broken(now), Some(Duration::from_secs(seconds)));
            assert_eq!(rebuild.broken(now), None, "one attempt for all its messages");
            assert_eq!(rebuild.is_due(now), seconds == 0);
            now += Duration::from_secs(seconds);
            assert!(rebuild.is_due(now));
            rebuild.begun();
            assert!(!rebuild.is_pending());
        }
        now += GOOD + Duration::from_secs(1);
        assert_eq!(rebuild.broken(now), Some(Duration::ZERO));
    }
}
