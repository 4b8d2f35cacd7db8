//! Back-pressure of one partition: when to stop taking its messages, and when to go on.
//!
//! Pausing throws away what the client has prefetched, so a lane that is full for a moment only makes the whole
//! service wait a little; only one that stays full is paused, and then the others go on without it.

use std::time::{Duration, Instant};

/// How much may be held per partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HighWater {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// How long a full lane holds up the others before it is paused.
pub(crate) const GRACE: Duration = Duration::from_millis(20);

/// Where a partition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Below high water.
    Open,
    /// At high water since then.
    Full(Instant),
    /// Not fetched until it is below low water.
    Paused,
}

/// What is to be done with the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    Stay,
    /// Do not poll until then, or until something is settled.
    Wait(Instant),
    /// Stop fetching.
    Pause,
    /// Fetch again.
    Resume,
}

impl Flow {
    /// Moves on with `records` and `bytes` held at `now`.
    pub(crate) fn turn(
        &mut self,
        high: HighWater,
        records: usize,
        bytes: usize,
        now: Instant,
    ) -> Turn {
        let full = records >= high.records || bytes >= high.bytes;
        let low = records <= high.records / 2 && bytes <= high.bytes / 2;
        match *self {
            Self::Open if full => {
                *self = Self::Full(now);
                Turn::Wait(now + GRACE)
            }
            Self::Full(_) if low => {
                *self = Self::Open;
                Turn::Stay
            }
            Self::Full(since) if now >= since + GRACE => {
                *self = Self::Paused;
                Turn::Pause
            }
            Self::Full(since) => Turn::Wait(since + GRACE),
            Self::Paused if low => {
                *self = Self::Open;
                Turn::Resume
            }
            Self::Open | Self::Paused => Turn::Stay,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HIGH: HighWater = HighWater { records: 10, bytes: 1_000 };

    fn check(flow: &mut Flow, records: usize, bytes: usize, now: Instant, expected: Turn) {
        assert_eq!(
            flow.turn(HIGH, records, bytes, now),
            expected,
            "{records} records, {bytes} bytes"
        );
    }

    // Goal: a lane that empties within the grace is never paused; one that does not is, and is resumed at low water.
    #[test]
    fn pauses_only_what_stays_full() {
        let (mut flow, start) = (Flow::Open, Instant::now());
        check(&mut flow, 9, 999, start, Turn::Stay);
        check(&mut flow, 10, 0, start, Turn::Wait(start + GRACE));
        check(&mut flow, 6, 0, start, Turn::Wait(start + GRACE));
        check(&mut flow, 5, 0, start, Turn::Stay);
        check(&mut flow, 1, 1_000, start, Turn::Wait(start + GRACE));
        check(&mut flow, 1, 1_000, start + GRACE, Turn::Pause);
        check(&mut flow, 6, 0, start + GRACE, Turn::Stay);
        check(&mut flow, 5, 501, start + GRACE, Turn::Stay);
        check(&mut flow, 5, 500, start + GRACE, Turn::Resume);
    }

    proptest! {
        // Goal: pauses and resumes alternate, and a lane is paused only at least a grace after it was last low.
        #[test]
        fn pauses_and_resumes_alternate(steps in prop::collection::vec((0usize..20, 0u64..15), 0..200)) {
            let (mut flow, mut now, mut paused) = (Flow::Open, Instant::now(), false);
            let mut low_at = now;
            for (records, millis) in steps {
                now += Duration::from_millis(millis);
                match flow.turn(HIGH, records, 0, now) {
                    Turn::Pause => {
                        prop_assert!(!paused && now - low_at >= GRACE);
                        paused = true;
                    }
                    Turn::Resume => {
                        prop_assert!(paused && records <= 5);
                        paused = false;
                    }
                    Turn::Wait(until) => prop_assert!(!paused && until > now && until <= now + GRACE),
                    Turn::Stay => prop_assert!(paused || records < 10),
                }
                if records <= 5 {
                    low_at = now;
                }
            }
        }
    }
}
