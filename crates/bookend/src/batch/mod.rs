//! Decides when messages leave: by count, by bytes, or because the first of them has waited long enough.
//!
//! Pure: no clock, no I/O; time is an argument. Up the stream: [`recorder`](crate::recorder) and topics, by way of
//! the [`sender`](crate::sender)'s worker, which also hands full batches on to Kafka.

mod partitioner;

pub use self::partitioner::murmur2;
pub(crate) use self::partitioner::partition_of;

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use crate::record::Headers;

/// What a message costs beyond its bytes: our bookkeeping while it waits, librdkafka's once it is handed over.
pub(crate) const OVERHEAD_BYTES: usize = 256;

/// When a batch is full. It leaves at whichever limit is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Messages in a batch, at least 1; 1,000 unless told.
    pub records_max: usize,
    /// Bytes of keys, values and headers in a batch; 256 KiB unless told. One message may be larger.
    pub bytes_max: usize,
    /// How long the first message of a batch waits for others; 20 ms unless told. The clock starts at that message
    /// and never starts over, so a lone message leaves within this time.
    pub linger: Duration,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { records_max: 1_000, bytes_max: 256 * 1_024, linger: Duration::from_millis(20) }
    }
}

/// A message as it goes on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) key: Option<Bytes>,
    pub(crate) headers: Headers,
    pub(crate) value: Bytes,
    pub(crate) created_at: SystemTime,
}

impl Encoded {
    pub(crate) fn new(
        key: Option<Bytes>,
        headers: Headers,
        value: Bytes,
        created_at: SystemTime,
    ) -> Self {
        Self { key, headers, value, created_at }
    }

    /// Bytes on the wire, but for framing.
    pub(crate) fn bytes(&self) -> usize {
        let header = |header: &crate::record::Header| {
            header.name.len() + header.value.as_ref().map_or(0, Bytes::len)
        };
        self.key.as_ref().map_or(0, Bytes::len)
            + self.value.len()
            + self.headers.iter().map(header).sum::<usize>()
    }

    /// What this message counts against a cap: its bytes and its bookkeeping.
    pub(crate) fn weight(&self) -> usize {
        self.bytes() + OVERHEAD_BYTES
    }
}

/// Messages of one lane that gather until a limit is reached. `T` carries an [`Encoded`] and what its owner adds.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    messages: Vec<T>,
    bytes: usize,
    /// When the first message came; the linger runs from here.
    since: Option<Instant>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { messages: Vec::new(), bytes: 0, since: None }
    }
}

impl<T> Batch<T> {
    /// Adds a message that came at `at`. Returns the batch when that filled it, and starts a new one.
    pub(crate) fn push(
        &mut self,
        at: Instant,
        message: T,
        bytes: usize,
        limits: &BatchLimits,
    ) -> Option<Vec<T>> {
        self.since.get_or_insert(at);
        self.messages.push(message);
        self.bytes += bytes;
        let full = self.messages.len() >= limits.records_max || self.bytes >= limits.bytes_max;
        full.then(|| self.close())
    }

    /// When the first message came that is in here.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// When the linger of what is in here ends; never, if that is beyond what the clock can tell.
    pub(crate) fn due_at(&self, limits: &BatchLimits) -> Option<Instant> {
        self.since?.checked_add(limits.linger)
    }

    /// Takes what is in here, and starts a new batch.
    pub(crate) fn close(&mut self) -> Vec<T> {
        std::mem::take(self).messages
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Goal: no batch passes a limit by more than its last message, every message leaves in order and once, and
        // none waits past its linger. Method: random arrivals; the owner closes what is due before each.
        #[test]
        fn keeps_its_limits(
            arrivals in prop::collection::vec((0u64..30, 1usize..400), 0..200),
            records_max in 1usize..20,
            bytes_max in 1usize..2_000,
        ) {
            let limits = BatchLimits { records_max, bytes_max, linger: Duration::from_millis(20) };
            let start = Instant::now();
            let (mut now, mut batch, mut left) = (start, Batch::default(), Vec::new());
            for (n, &(pause_ms, bytes)) in arrivals.iter().enumerate() {
                now += Duration::from_millis(pause_ms);
                if batch.due_at(&limits).is_some_and(|due| due <= now) {
                    left.push(batch.close());
                }
                left.extend(batch.push(now, (n, bytes, now), bytes, &limits));
                prop_assert_eq!(batch.since(), batch.messages.first().map(|&(_, _, at)| at));
            }
            left.push(batch.close());
            for batch in &left {
                prop_assert!(batch.len() <= records_max);
                let all_but_last = batch.iter().rev().skip(1).map(|&(_, bytes, _)| bytes).sum::<usize>();
                prop_assert!(all_but_last < bytes_max);
            }
            let order: Vec<_> = left.iter().flatten().map(|&(n, ..)| n).collect();
            prop_assert_eq!(order, (0..arrivals.len()).collect::<Vec<_>>());
        }
    }
}
