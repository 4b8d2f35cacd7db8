//! Says what may happen a thousand times a second once a second, with how often it happened.

use std::time::{Duration, Instant};

/// The least time between two reports.
const INTERVAL: Duration = Duration::from_secs(1);

/// Counts what happens between two reports of it. Time is an argument.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    reported: Option<Instant>,
    since: u64,
}

impl Seldom {
    /// It happened once more; returns how often since the last report if it is time for one.
    pub(super) fn count(&mut self, now: Instant) -> Option<u64> {
        self.since += 1;
        if self.reported.is_some_and(|at| now.saturating_duration_since(at) < INTERVAL) {
            return None;
        }
        self.reported = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_said_seldom_and_counted() {
        let begin = Instant::now();
        let mut seldom = Seldom::default();
        let after = |millis| begin + Duration::from_millis(millis);
        let said = [0, 1, 999, 1_000, 1_001, 2_500].map(|millis| seldom.count(after(millis)));
        assert_eq!(said, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
