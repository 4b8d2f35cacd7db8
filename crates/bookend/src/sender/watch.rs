//! Looks at the sender once a second: metrics for machines, and a word for people when something changes.
//!
//! Upstream: the [`worker`](super::worker), which tells the time. Downstream: the log and the metrics.

use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use tracing::{info, warn};

use super::stats::{DropReason, Dropped, Stats};
use crate::telemetry::Metric;

/// How long the oldest message waits before somebody should know.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks while messages move.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the watch has seen and said.
#[derive(Debug, Default)]
pub(super) struct Watch {
    looked: Option<Instant>,
    is_away: bool,
    dropped: Dropped,
}

/// What there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    Away(Duration),
    Back,
    /// The first message that is dropped for this reason.
    Dropping(DropReason),
}

impl Watch {
    /// Whether it is time for a look. While it waits for Kafka's return it always is: the worker may sleep after it.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let is_soon = |looked| now.saturating_duration_since(looked) < LOOK_EVERY;
        self.is_away || !self.looked.is_some_and(is_soon)
    }

    /// Publishes the metrics, and says what changed.
    pub(super) fn look(&mut self, now: Instant, stats: &Stats) {
        publish(stats);
        for news in self.news(now, stats) {
            match news {
                News::Away(waiting) => {
                    warn!(
                        ?waiting,
                        "Kafka acknowledges nothing; messages wait in memory until it does"
                    );
                }
                News::Back => info!("Kafka acknowledges again"),
                News::Dropping(reason) => {
                    warn!(%reason, "messages are dropped; the count is in the ledger and the metrics");
                }
            }
        }
    }

    fn news(&mut self, now: Instant, stats: &Stats) -> Vec<News> {
        self.looked = Some(now);
        let fresh = stats
            .dropped
            .iter()
            .filter(|&(reason, count)| count > 0 && self.dropped.get(reason) == 0);
        let mut news: Vec<_> = fresh.map(|(reason, _)| News::Dropping(reason)).collect();
        self.dropped = stats.dropped;
        let waiting = stats.oldest_waiting.unwrap_or_default();
        let is_away = waiting >= PATIENCE;
        if is_away != self.is_away {
            self.is_away = is_away;
            news.push(if is_away { News::Away(waiting) } else { News::Back });
        }
        news
    }
}

/// The metrics of the whole process; with several senders, those of the one that looked last.
pub(super) fn publish(stats: &Stats) {
    counter!(Metric::Recorded.as_str()).absolute(stats.recorded);
    for (reason, count) in stats.dropped.iter().filter(|(_, count)| *count > 0) {
        counter!(Metric::Dropped.as_str(), "reason" => reason.as_str()).absolute(count);
    }
    gauge!(Metric::Queued.as_str()).set(approximate(stats.queued));
    gauge!(Metric::Handed.as_str()).set(approximate(stats.handed));
    let waiting = stats.oldest_waiting.unwrap_or_default();
    gauge!(Metric::OldestWaiting.as_str()).set(waiting.as_secs_f64());
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; 2^53 messages do not fit into memory"
)]
fn approximate(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(seconds: u64) -> Stats {
        Stats { oldest_waiting: Some(Duration::from_secs(seconds)), ..Stats::default() }
    }

    // Goal: one word per change, however often it looks, and a batch that merely lingers is no change.
    #[test]
    fn says_each_change_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::default();
        assert!(watch.is_due(at(10)));
        assert_eq!(watch.news(at(10), &waiting(1)), []);
        assert!(!watch.is_due(at(10)));
        assert_eq!(watch.news(at(14), &waiting(5)), [News::Away(Duration::from_secs(5))]);
        assert_eq!(watch.news(at(60), &waiting(51)), []);
        assert!(watch.is_due(at(60)), "the return is not to be missed");
        assert_eq!(watch.news(at(60), &Stats::default()), [News::Back]);
        let mut dropping = Stats::default();
        dropping.dropped.add(DropReason::MemoryFull, 3);
        assert_eq!(watch.news(at(61), &dropping), [News::Dropping(DropReason::MemoryFull)]);
        dropping.dropped.add(DropReason::MemoryFull, 3);
        assert_eq!(watch.news(at(62), &dropping), []);
    }
}
