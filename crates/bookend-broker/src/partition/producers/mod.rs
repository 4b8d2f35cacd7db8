//! What a partition remembers of idempotent producers: enough to know a batch again.
//!
//! A producer numbers its records per partition (KIP-98). The last five batches of each producer
//! are kept, as many as a client has in flight: a batch sent again is answered with the offset it
//! got, a gap is refused. Pure: the partition asks before it appends and tells afterwards. When it
//! opens it reads its [`snapshot`], and replays what came later through [`Producers::record`].
//!
//! A producer is forgotten once it was silent for a day, or when there are too many: a partition that has no room for one
//! more forgets those of its own that are silent for longest, and so does one of more than a few when, by the [`census`],
//! all partitions together have none. One that was forgotten is a new one, whose first batch may have any number
//! (KIP-360). So it goes on and sees no error; but a batch from before that it sends again, because it missed the answer,
//! is not known again and stands in the log twice.

pub(crate) mod census;
pub(crate) mod snapshot;

use std::collections::HashMap;

use kafka_protocol::ResponseError;

use self::census::{Census, Share};
use super::batch::Stamp;

/// The batches remembered per producer: a client has at most five requests in flight.
const BATCHES_KEPT: usize = 5;
/// The producers remembered per partition.
const PRODUCERS_MAX: usize = 10_000;
/// The producers that a partition remembers however many the others do: who writes little is not to suffer for who
/// writes under many names.
const PRODUCERS_MIN: usize = 10;
/// Where there are too many, one of so many is forgotten at once, as it takes a look at all to find them.
const FORGOTTEN: usize = 10;
/// For how long a silent producer is remembered: Apache Kafka's `producer.id.expiration.ms`.
const EXPIRY_MS: i64 = 86_400_000;
/// When a batch was seen that was learned from the log: before the next look at it. The log has only the time that the
/// client gave its records, and that may be of any year.
pub(crate) const REPLAYED_MS: i64 = i64::MAX;

/// The producers of one partition.
#[derive(Debug)]
pub(crate) struct Producers {
    by_id: ById,
    share: Share,
}

pub(crate) type ById = HashMap<i64, Producer>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Producer {
    epoch: i16,
    /// When its last batch came, by the broker's clock.
    seen_ms: i64,
    /// Oldest first; the last one is always there.
    batches: [Option<Kept>; BATCHES_KEPT],
}

/// A batch that was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    first: i32,
    last: i32,
    base_offset: i64,
}

/// What to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is new.
    Append,
    /// It stands in the log already, from this offset on.
    Duplicate { base_offset: i64 },
}

impl Producers {
    /// None as yet, to be counted in `census`.
    pub(crate) fn new(census: &Census) -> Self {
        Self { by_id: ById::new(), share: census.share() }
    }

    /// Goes on with those that an earlier process knew, as many as there is room for.
    pub(crate) fn restore(by_id: ById, census: &Census) -> Self {
        let mut producers = Self { by_id, share: census.share() };
        let own = producers.by_id.len();
        let too_many = producers.share.set(own);
        producers.forget_silent(too_many.min(own.saturating_sub(PRODUCERS_MIN)));
        producers.share.set(producers.by_id.len());
        producers
    }

    /// Judges the batch that has this stamp.
    pub(crate) fn judge(&self, stamp: &Stamp) -> Result<Verdict, ResponseError> {
        // A producer that is not known, or no longer, may start anywhere (KIP-360).
        let Some(producer) = self.by_id.get(&stamp.producer) else { return Ok(Verdict::Append) };
        if stamp.epoch < producer.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if stamp.epoch > producer.epoch {
            let fresh = stamp.first == 0;
            return if fresh {
                Ok(Verdict::Append)
            } else {
                Err(ResponseError::OutOfOrderSequenceNumber)
            };
        }
        let again = |kept: &&Kept| kept.first == stamp.first && kept.last == last(stamp);
        if let Some(kept) = producer.batches.iter().flatten().find(again) {
            return Ok(Verdict::Duplicate { base_offset: kept.base_offset });
        }
        let expected = producer.newest().map_or(0, |newest| after(newest.last, 1));
        if stamp.first == expected {
            Ok(Verdict::Append)
        } else {
            Err(ResponseError::OutOfOrderSequenceNumber)
        }
    }

    /// Remembers a batch that came at `now_ms` and stands in the log from `base_offset` on.
    pub(crate) fn record(&mut self, stamp: &Stamp, base_offset: i64, now_ms: i64) {
        if !self.by_id.contains_key(&stamp.producer) {
            self.make_room();
        }
        let empty = Producer { epoch: stamp.epoch, seen_ms: now_ms, batches: [None; BATCHES_KEPT] };
        let producer = self.by_id.entry(stamp.producer).or_insert(empty);
        if producer.epoch != stamp.epoch {
            *producer = empty;
        }
        producer.seen_ms = now_ms;
        producer.batches.rotate_left(1);
        producer.batches[BATCHES_KEPT - 1] =
            Some(Kept { first: stamp.first, last: last(stamp), base_offset });
    }

    /// Forgets who has been silent for too long.
    pub(crate) fn expire(&mut self, now_ms: i64) {
        self.by_id.retain(|_, producer| {
            // What comes later was replayed, or the clock was wrong: it counts from now on.
            producer.seen_ms = producer.seen_ms.min(now_ms);
            now_ms.saturating_sub(producer.seen_ms) < EXPIRY_MS
        });
        self.by_id.shrink_to(2 * self.by_id.len());
        self.share.set(self.by_id.len());
    }

    /// Forgets everyone, as the topic is deleted.
    pub(crate) fn forget_all(&mut self) {
        self.by_id = ById::new();
        self.share.set(0);
    }

    /// Takes room for one more, where there is none that of the partition's own silent ones. A few it has in any case, so
    /// all together are too many by those at most.
    fn make_room(&mut self) {
        let own = self.by_id.len();
        let too_many = self.share.set(own + 1);
        if own >= PRODUCERS_MAX || too_many > 0 && own >= PRODUCERS_MIN {
            self.forget_silent((own / FORGOTTEN).max(1));
            self.share.set(self.by_id.len() + 1);
        }
    }

    /// Forgets that many, those silent for longest.
    fn forget_silent(&mut self, count: usize) {
        let newest = |producer: &Producer| producer.newest().map(|kept| kept.base_offset);
        let mut silent: Vec<_> = self.by_id.iter().map(|(id, it)| (newest(it), *id)).collect();
        if count < silent.len() {
            silent.select_nth_unstable(count);
            silent.truncate(count);
        }
        for (_, id) in silent {
            self.by_id.remove(&id);
        }
    }
}

impl Producer {
    fn newest(&self) -> Option<&Kept> {
        self.batches[BATCHES_KEPT - 1].as_ref()
    }
}

/// The sequence number of a batch's last record.
fn last(stamp: &Stamp) -> i32 {
    after(stamp.first, stamp.count - 1)
}

/// Sequence numbers run from 0 to `i32::MAX` and start over.
fn after(sequence: i32, steps: u32) -> i32 {
    let wide = (i64::from(sequence) + i64::from(steps)) % (i64::from(i32::MAX) + 1);
    i32::try_from(wide).expect("a remainder by 2^31 fits")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They know the same of the same producers.
    impl PartialEq for Producers {
        fn eq(&self, other: &Self) -> bool {
            self.by_id == other.by_id
        }
    }

    fn none() -> Producers {
        Producers::new(&Census::default())
    }

    fn stamp(epoch: i16, first: i32, count: u32) -> Stamp {
        Stamp { producer: 7, epoch, first, count }
    }

    // Goal: KIP-98's rules. Method: six batches of ten appended at offsets 0 to 59, then one question each.
    #[test]
    fn a_batch_is_known_again_for_five_batches() {
        let mut producers = none();
        for n in 0..6 {
            producers.record(&stamp(1, n * 10, 10), i64::from(n) * 10, 0);
        }
        let check = |stamp, expected| assert_eq!(producers.judge(&stamp), expected, "{stamp:?}");
        let gap = Err(ResponseError::OutOfOrderSequenceNumber);
        check(stamp(1, 60, 5), Ok(Verdict::Append));
        check(stamp(1, 50, 10), Ok(Verdict::Duplicate { base_offset: 50 }));
        check(stamp(1, 10, 10), Ok(Verdict::Duplicate { base_offset: 10 }));
        check(stamp(1, 0, 10), gap); // the sixth is forgotten
        check(stamp(1, 50, 9), gap); // not the batch that was sent
        check(stamp(1, 61, 5), gap);
        check(stamp(0, 60, 5), Err(ResponseError::InvalidProducerEpoch));
        check(stamp(2, 0, 5), Ok(Verdict::Append));
        check(stamp(2, 60, 5), gap);
    }

    #[test]
    fn an_unknown_producer_may_start_anywhere() {
        assert_eq!(none().judge(&stamp(3, 77, 2)), Ok(Verdict::Append));
    }

    #[test]
    fn sequence_numbers_start_over_after_the_last() {
        let mut producers = none();
        producers.record(&stamp(0, i32::MAX - 1, 3), 0, 0); // MAX-1, MAX, 0
        assert_eq!(producers.judge(&stamp(0, 1, 1)), Ok(Verdict::Append));
        assert_eq!(
            producers.judge(&stamp(0, i32::MAX - 1, 3)),
            Ok(Verdict::Duplicate { base_offset: 0 })
        );
    }

    #[test]
    fn those_silent_for_longest_are_forgotten() {
        let mut producers = none();
        for id in 0..=PRODUCERS_MAX {
            let id = i64::try_from(id).unwrap();
            producers.record(&Stamp { producer: id, epoch: 0, first: 0, count: 1 }, id, 0);
        }
        let forgotten = PRODUCERS_MAX / FORGOTTEN;
        assert_eq!(producers.by_id.len(), PRODUCERS_MAX - forgotten + 1);
        let first_known = i64::try_from(forgotten).unwrap();
        assert_eq!(producers.by_id.keys().min(), Some(&first_known));
    }

    // Goal: a producer is forgotten a day after its last batch, one from the log a day after the first look at it.
    #[test]
    fn the_silent_are_forgotten_after_a_day() {
        let mut producers = none();
        producers.record(&Stamp { producer: 1, ..stamp(0, 0, 1) }, 0, 5);
        producers.record(&Stamp { producer: 2, ..stamp(0, 0, 1) }, 1, REPLAYED_MS);
        let mut known_at = |now_ms| {
            producers.expire(now_ms);
            [1, 2].map(|id| producers.by_id.contains_key(&id))
        };
        assert_eq!(known_at(6), [true, true]);
        assert_eq!(known_at(EXPIRY_MS + 4), [true, true]);
        assert_eq!(known_at(EXPIRY_MS + 5), [false, true]);
        assert_eq!(known_at(EXPIRY_MS + 6), [false, false]);
    }
}
