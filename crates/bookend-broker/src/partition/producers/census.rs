//! How many producers all partitions of a broker remember together; each says here how many are its own.
//!
//! Upstream: the [`catalog`](crate::catalog), which hands one census to its partitions.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The producers remembered by all partitions together, some 200 bytes each.
const ALL_MAX: usize = 100_000;

/// The count that partitions share.
#[derive(Debug, Clone)]
pub(crate) struct Census(Arc<Count>);

#[derive(Debug)]
struct Count {
    all: AtomicUsize,
    max: usize,
}

/// What one partition adds to the count, taken back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    count: Arc<Count>,
    own: usize,
}

impl Census {
    fn new(max: usize) -> Self {
        Self(Arc::new(Count { all: AtomicUsize::new(0), max }))
    }

    /// A partition without producers as yet.
    pub(super) fn share(&self) -> Share {
        Share { count: Arc::clone(&self.0), own: 0 }
    }
}

impl Default for Census {
    fn default() -> Self {
        Self::new(ALL_MAX)
    }
}

impl Share {
    /// The partition remembers that many from now on; returns by how many all together are too many.
    pub(super) fn set(&mut self, own: usize) -> usize {
        // Fewer are more by what wraps around, as the counter does.
        let more = own.wrapping_sub(self.own);
        self.own = own;
        let before = self.count.all.fetch_add(more, Ordering::Relaxed);
        before.wrapping_add(more).saturating_sub(self.count.max)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::{super::*, *};

    impl Census {
        /// How many are remembered.
        pub(crate) fn count(&self) -> usize {
            self.0.all.load(Ordering::Relaxed)
        }
    }

    const PARTITIONS: usize = 4;
    const MAX: usize = 20;

    /// What happens to a partition.
    #[derive(Debug, Clone)]
    enum Event {
        Batch {
            producer: i64,
        },
        Expiry,
        Deletion,
        /// It is closed, and opened with what it knew.
        Restart,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            20 => (0..30_i64).prop_map(|producer| Event::Batch { producer }),
            1 => Just(Event::Expiry),
            1 => Just(Event::Deletion),
            1 => Just(Event::Restart),
        ]
    }

    proptest! {
        // Goal: the census is the sum of what partitions remember, whatever happens to them, and what it says is too
        // many is not added to: only a partition of a few may have one more all the same.
        #[test]
        fn the_census_is_right(
            events in prop::collection::vec((0..PARTITIONS, event(), 0..EXPIRY_MS / 8), 0..200),
        ) {
            let census = Census::new(MAX);
            let mut partitions: Vec<_> =
                (0..PARTITIONS).map(|_| Producers::new(&census)).collect();
            let mut now_ms = 0;
            for (offset, (index, event, pause_ms)) in (0..).zip(events) {
                now_ms += pause_ms;
                let producers = &mut partitions[index];
                match event {
                    Event::Batch { producer } => {
                        let stamp = Stamp { producer, epoch: 0, first: 0, count: 1 };
                        producers.record(&stamp, offset, now_ms);
                        prop_assert!(producers.by_id.contains_key(&producer));
                    }
                    Event::Expiry => {
                        producers.expire(now_ms);
                        let since = now_ms - EXPIRY_MS;
                        prop_assert!(producers.by_id.values().all(|it| it.seen_ms > since));
                    }
                    Event::Deletion => producers.forget_all(),
                    Event::Restart => {
                        let known = producers.by_id.clone();
                        *producers = Producers::new(&census); // the one from before is dropped
                        *producers = Producers::restore(known, &census);
                    }
                }
                let sum = partitions.iter().map(|producers| producers.by_id.len()).sum::<usize>();
                prop_assert_eq!(census.count(), sum);
                prop_assert!(sum <= MAX + PARTITIONS * PRODUCERS_MIN);
            }
            drop(partitions);
            prop_assert_eq!(census.count(), 0);
        }
    }

    fn record(producers: &mut Producers, producer: i64, offset: i64) {
        producers.record(&Stamp { producer, epoch: 0, first: 0, count: 1 }, offset, 0);
    }

    // Goal: a partition that adds one beyond the bound forgets its own; one of a few forgets nobody, neither then nor at a
    // restart, so that nobody who writes under many names takes what keeps others' records from being stored twice.
    #[test]
    fn beyond_the_bound_a_partition_of_many_forgets_its_own() {
        let min = i64::try_from(PRODUCERS_MIN).unwrap();
        let census = Census::new(PRODUCERS_MIN + 2);
        let [mut many, mut few] = [Producers::new(&census), Producers::new(&census)];
        for producer in 0..min + 2 {
            record(&mut many, producer, producer);
        }
        record(&mut many, 0, min + 2);
        for producer in 0..min {
            record(&mut few, producer, producer);
        }
        assert_eq!((few.by_id.len(), census.count()), (PRODUCERS_MIN, 2 * PRODUCERS_MIN + 2));
        record(&mut many, 77, min + 3);
        let known = |producers: &Producers, id| producers.by_id.contains_key(&id);
        assert!(known(&many, 0) && !known(&many, 1) && known(&many, 77));
        assert_eq!((many.by_id.len(), few.by_id.len()), (PRODUCERS_MIN + 2, PRODUCERS_MIN));
        let (crowded, census) = ([&many, &few].map(|it| it.by_id.clone()), Census::new(1));
        let again = crowded.map(|by_id| Producers::restore(by_id, &census));
        assert!(again.iter().all(|it| it.by_id.len() == PRODUCERS_MIN && known(it, 0)));
    }
}
