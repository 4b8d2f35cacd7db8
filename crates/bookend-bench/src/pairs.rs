//! Interleaved rounds A B B A, the ratio of each, its median and how sure that is.
//!
//! [`compare`] takes wall time alone: a burst is shorter than the tick by which a kernel may account processor time. What
//! neighbors cannot disturb is counted instead, in [`counts`](crate::counts).

use std::time::{Duration, Instant};

/// How long a benchmark tries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// What one arm is timed for in one round, at least.
    pub(crate) round: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 21, round: Duration::from_millis(300) };
    pub(crate) const SMOKE: Self = Self { rounds: 3, round: Duration::from_millis(5) };
}

/// One arm: does a fixed amount of work once, and returns the time of the part that counts.
pub(crate) type Arm<'a> = &'a mut dyn FnMut() -> Duration;

/// How long `work` takes.
pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// A ratio over all rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    /// 95 %, by bootstrap.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Ratio {
    /// Whether this, of an arm against its like, is close enough to 1.
    pub(crate) fn is_one(self) -> bool {
        self.low >= 0.97 && self.high <= 1.03
    }
}

/// Two arms against each other, and the first against itself.
#[derive(Debug)]
pub(crate) struct Paired {
    pub(crate) wall: Ratio,
    /// The first arm's second half against its first half; away from 1 the run is void.
    pub(crate) null: Ratio,
    /// What one unit of the first arm's work took, for orientation only.
    pub(crate) base: Duration,
}

impl Paired {
    /// Whether the machine was calm enough to believe this.
    pub(crate) fn is_valid(&self) -> bool {
        self.null.is_one()
    }
}

/// Runs both arms in turns. The work of one call must be the same number of units in both.
pub(crate) fn compare(effort: Effort, units: u32, base: Arm<'_>, ours: Arm<'_>) -> Paired {
    let half = effort.round / 2;
    spend(half, base);
    spend(half, ours);
    let (mut wall, mut null, mut each) = (vec![], vec![], vec![]);
    for round in 0..effort.rounds {
        // A B B A, and B A A B in every other round.
        let [first, second, third, fourth] = if round % 2 == 0 {
            let (a, b) = (spend(half, base), spend(half, ours));
            let (c, d) = (spend(half, ours), spend(half, base));
            [a, d, b, c]
        } else {
            let (b, a) = (spend(half, ours), spend(half, base));
            let (d, c) = (spend(half, base), spend(half, ours));
            [a, d, b, c]
        };
        wall.push((third + fourth) / (first + second));
        null.push(second / first);
        each.push(f64::midpoint(first, second) / f64::from(units));
    }
    let base = Duration::from_secs_f64(median(&mut each));
    Paired { wall: ratio(&wall), null: ratio(&null), base }
}

/// Repeats an arm until it was timed long enough. Returns the mean seconds of one call.
fn spend(time: Duration, arm: Arm<'_>) -> f64 {
    let (mut total, mut calls) = (Duration::ZERO, 0u32);
    while total < time || calls == 0 {
        total += arm();
        calls += 1;
    }
    total.as_secs_f64() / f64::from(calls)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median, and the interval in which the medians of 95 % of 2,000 resamples lie.
pub(crate) fn ratio(values: &[f64]) -> Ratio {
    const RESAMPLES: usize = 2_000;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64; // a fixed seed: the same rounds, the same interval
    let mut pick = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap_or(0) % below
    };
    let mut medians: Vec<_> = (0..RESAMPLES)
        .map(|_| {
            let mut sample: Vec<_> = values.iter().map(|_| values[pick(values.len())]).collect();
            median(&mut sample)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let at = |per_mille: usize| medians[RESAMPLES * per_mille / 1_000];
    Ratio { median: median(&mut values.to_vec()), low: at(25), high: at(974) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: the interval holds the median, and shrinks to it when nothing varies.
    #[test]
    fn an_interval_holds_its_median() {
        let steady = ratio(&[1.5; 21]);
        assert_eq!((steady.low, steady.median, steady.high), (1.5, 1.5, 1.5));
        let spread: Vec<_> = (0..21).map(|n| 1.0 + f64::from(n) / 100.0).collect();
        let spread = ratio(&spread);
        assert!(spread.low < spread.median && spread.median < spread.high, "{spread:?}");
    }
}
