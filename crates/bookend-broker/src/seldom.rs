//! Says what may happen a thousand times a second once a second, or a few times, with how often it happened.
//!
//! Upstream: [`server`](crate::server) and [`wire`](crate::wire), for what clients can make happen.

use std::time::{Duration, Instant};

/// What the reports are counted in.
const INTERVAL: Duration = Duration::from_secs(1);

/// Counts what happens between two reports of it. Time is an argument.
#[derive(Debug)]
pub(crate) struct Seldom {
    /// How many reports there may be in an interval.
    reports_max: u32,
    reports: u32,
    begun: Option<Instant>,
    since: u64,
}

impl Seldom {
    pub(crate) fn new(reports_max: u32) -> Self {
        Self { reports_max, reports: 0, begun: None, since: 0 }
    }

    /// It happened once more; returns how often since the last report if it is time for one.
    pub(crate) fn count(&mut self, now: Instant) -> Option<u64> {
        self.since += 1;
        if self.begun.is_none_or(|at| now.saturating_duration_since(at) >= INTERVAL) {
            (self.begun, self.reports) = (Some(now), 0);
        }
        if self.reports == self.reports_max {
            return None;
        }
        self.reports += 1;
        Some(std::mem::take(&mut self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_said_seldom_and_counted() {
        let begin = Instant::now();
        let mut seldom = Seldom::new(1);
        let after = |millis| begin + Duration::from_millis(millis);
        let said = [0, 1, 999, 1_000, 1_001, 2_500].map(|millis| seldom.count(after(millis)));
        assert_eq!(said, [Some(1), None, None, Some(3), None, Some(2)]);
    }

    #[test]
    fn several_may_be_said_at_once() {
        let begin = Instant::now();
        let mut seldom = Seldom::new(2);
        let said = [0, 1, 2, 3, 1_000].map(|m| seldom.count(begin + Duration::from_millis(m)));
        assert_eq!(said, [Some(1), Some(1), None, None, Some(3)]);
    }
}
