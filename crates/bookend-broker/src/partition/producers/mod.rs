//! What a partition remembers of idempotent producers: enough to know a batch again.
//!
//! A producer numbers its records per partition (KIP-98). The last five batches of each producer
//! are kept, as many as a client has in flight: a batch sent again is answered with the offset it
//! got, a gap is refused. Pure: the partition asks before it appends and tells afterwards. When it
//! opens it reads its [`snapshot`], and replays what came later through [`Producers::record`].

pub(crate) mod snapshot;

use std::collections::HashMap;

use kafka_protocol::ResponseError;

use super::batch::Stamp;

/// The batches remembered per producer: a client has at most five requests in flight.
const BATCHES_KEPT: usize = 5;
/// The producers remembered per partition; beyond that the one silent for longest is forgotten.
const PRODUCERS_MAX: usize = 10_000;

/// The producers of one partition.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Producer {
    epoch: i16,
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

    /// Remembers a batch that stands in the log from `base_offset` on.
    pub(crate) fn record(&mut self, stamp: &Stamp, base_offset: i64) {
        if self.by_id.len() >= PRODUCERS_MAX && !self.by_id.contains_key(&stamp.producer) {
            self.forget_oldest();
        }
        let empty = Producer { epoch: stamp.epoch, batches: [None; BATCHES_KEPT] };
        let producer = self.by_id.entry(stamp.producer).or_insert(empty);
        if producer.epoch != stamp.epoch {
            *producer = empty;
        }
        producer.batches.rotate_left(1);
        producer.batches[BATCHES_KEPT - 1] =
            Some(Kept { first: stamp.first, last: last(stamp), base_offset });
    }

    fn forget_oldest(&mut self) {
        let newest = |producer: &Producer| producer.newest().map(|kept| kept.base_offset);
        if let Some(id) = self.by_id.iter().min_by_key(|(_, p)| newest(p)).map(|(id, _)| *id) {
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

    fn stamp(epoch: i16, first: i32, count: u32) -> Stamp {
        Stamp { producer: 7, epoch, first, count }
    }

    // Goal: KIP-98's rules. Method: six batches of ten appended at offsets 0 to 59, then one question each.
    #[test]
    fn a_batch_is_known_again_for_five_batches() {
        let mut producers = Producers::default();
        for n in 0..6 {
            producers.record(&stamp(1, n * 10, 10), i64::from(n) * 10);
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
        assert_eq!(Producers::default().judge(&stamp(3, 77, 2)), Ok(Verdict::Append));
    }

    #[test]
    fn sequence_numbers_start_over_after_the_last() {
        let mut producers = Producers::default();
        producers.record(&stamp(0, i32::MAX - 1, 3), 0); // MAX-1, MAX, 0
        assert_eq!(producers.judge(&stamp(0, 1, 1)), Ok(Verdict::Append));
        assert_eq!(
            producers.judge(&stamp(0, i32::MAX - 1, 3)),
            Ok(Verdict::Duplicate { base_offset: 0 })
        );
    }

    #[test]
    fn the_one_silent_for_longest_is_forgotten() {
        let mut producers = Producers::default();
        for id in 0..=PRODUCERS_MAX {
            let id = i64::try_from(id).unwrap();
            producers.record(&Stamp { producer: id, epoch: 0, first: 0, count: 1 }, id);
        }
        assert_eq!(producers.by_id.len(), PRODUCERS_MAX);
        assert!(!producers.by_id.contains_key(&0));
    }
}
