//! How long a retry waits: doubling, capped, with jitter, so that many waiting workers do not come back at once.

use std::time::Duration;

/// The shape of a wait between tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// The wait before the second try, at most.
    pub(crate) first: Duration,
    /// No wait is longer.
    pub(crate) longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The wait after failed try number `attempt` (from 1): between half and all of `first × 2^(attempt - 1)`,
    /// capped at `longest`.
    pub(crate) fn delay(&self, attempt: u32, jitter: &mut Jitter) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        let half = full / 2;
        half + half.mul_f64(jitter.fraction())
    }
}

/// A seeded stream of fractions (`SplitMix64`): good enough to spread waits, and the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next fraction, from 0 to below 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        let high = u32::try_from(bits >> 32).expect("32 bits are left of 64 after a shift by 32");
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Goal: every wait lies between half and all of the doubled, capped wait, and a seed repeats itself.
        #[test]
        fn waits_are_bounded_and_repeatable(seed: u64, attempt in 1u32.., first in 1u64..1_000, factor in 1u64..1_000) {
            let backoff = Backoff {
                first: Duration::from_millis(first),
                longest: Duration::from_millis(first * factor),
            };
            let full = (u128::from(first) << (attempt - 1).min(31)).min(u128::from(first * factor));
            let delay = backoff.delay(attempt, &mut Jitter::seeded(seed));
            prop_assert!(delay.as_micros() <= full * 1_000, "{delay:?} of {full} ms");
            prop_assert!(delay.as_micros() >= full * 500, "{delay:?} of {full} ms");
            prop_assert_eq!(delay, backoff.delay(attempt, &mut Jitter::seeded(seed)));
        }
    }

    // Goal: two seeds spread.
    #[test]
    fn seeds_differ() {
        let delay = |seed| Backoff::default().delay(3, &mut Jitter::seeded(seed));
        assert_ne!(delay(1), delay(2));
    }
}
