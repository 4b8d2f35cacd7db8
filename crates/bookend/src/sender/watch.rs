//! Says once that Kafka does not acknowledge any more, and once that it does again.
//!
//! Upstream: the [`worker`](super::worker), which tells the time. Downstream: the log.

use std::time::{Duration, Instant};

use tracing::{info, warn};

/// How long the oldest message waits before somebody should know.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often the oldest message is looked for; that costs a look at each one in flight.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the watch has seen and said.
#[derive(Debug, Default)]
pub(super) struct Watch {
    looked: Option<Instant>,
    warned: bool,
}

/// What there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    Away(Duration),
    Back,
}

impl Watch {
    /// Looks for the oldest message once in a while, and says what changed.
    pub(super) fn look(&mut self, now: Instant, oldest: impl FnOnce() -> Option<Instant>) {
        match self.news(now, oldest) {
            Some(News::Away(waiting)) => {
                warn!(
                    ?waiting,
                    "Kafka acknowledges nothing; messages wait in memory until it does"
                );
            }
            Some(News::Back) => info!("Kafka acknowledges again"),
            None => {}
        }
    }

    fn news(&mut self, now: Instant, oldest: impl FnOnce() -> Option<Instant>) -> Option<News> {
        let is_soon = |looked| now.saturating_duration_since(looked) < LOOK_EVERY;
        // Once it has warned, the end is not to be missed: the worker may sleep after it.
        if !self.warned && self.looked.is_some_and(is_soon) {
            return None;
        }
        self.looked = Some(now);
        let waiting =
            oldest().map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest));
        let is_away = waiting >= PATIENCE;
        if is_away == self.warned {
            return None;
        }
        self.warned = is_away;
        Some(if is_away { News::Away(waiting) } else { News::Back })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: one word per change, however often it is asked, and a batch that merely lingers is no change.
    #[test]
    fn says_each_change_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::default();
        let mut news = |now: u64, oldest: Option<u64>| watch.news(at(now), || oldest.map(at));
        assert_eq!(news(10, Some(9)), None);
        assert_eq!(news(14, Some(9)), Some(News::Away(Duration::from_secs(5))));
        assert_eq!(news(15, Some(9)), None);
        assert_eq!(news(60, Some(9)), None);
        assert_eq!(news(60, None), Some(News::Back));
        assert_eq!(news(60, Some(9)), None, "not asked again within the second");
    }
}
