//! The worker's side of a recorder: takes what tasks left, makes messages of it and encodes them.
//!
//! Up the stream: [`shards`](super::shards). Down the stream: the [`sender`](crate::sender)'s engine.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use serde::Serialize;

use super::shards::{Shards, SourceCounts, Stamped};
use crate::{batch::Encoded, record::Record, topic::TopicName, words};

/// Why a message could not be made of what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmade {
    /// `make_message` or the value's `Serialize` panicked.
    Panicked,
    /// The value cannot be written as JSON.
    Unencodable,
}

/// One recorded value on its way into a batch.
#[derive(Debug)]
pub(crate) struct Taken {
    /// When it was recorded; batches are filled in this order.
    pub(crate) at: Instant,
    /// Index of the source's topic within the engine.
    pub(crate) topic: usize,
    /// The bytes to send, or why there are none.
    pub(crate) made: Result<Encoded, Unmade>,
}

/// Both clocks at one moment, so that an [`Instant`] can be told as wall time without reading a clock for each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) wall: SystemTime,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self { instant: Instant::now(), wall: SystemTime::now() }
    }

    /// The wall time of an instant near this one.
    pub(crate) fn wall_time(&self, at: Instant) -> SystemTime {
        let earlier = self.wall.checked_sub(self.instant.saturating_duration_since(at));
        earlier.unwrap_or(self.wall)
    }
}

/// A recorder or a topic, whatever its types, as the worker sees it.
pub(crate) trait Source: Send {
    /// The topic its messages go to.
    fn topic(&self) -> &TopicName;
    /// Hands out what was recorded up to `now`, and holds back the rest: a value from a later shard may be younger
    /// than one that an earlier shard gets right now.
    fn gather(&mut self, now: &Now, topic: usize, out: &mut Vec<Taken>);
    /// Refuses from now on.
    fn close(&self);
    /// Balances at any moment.
    fn counts(&self) -> SourceCounts;
}

/// A [`Source`] of values `T` that `make` turns into records.
pub(crate) struct Gatherer<T: 'static, F> {
    topic: TopicName,
    shards: &'static Shards<T>,
    make: F,
    spare: Vec<Stamped<T>>,
    held: Vec<Stamped<T>>,
    drained: Vec<Stamped<T>>,
    scratch: Vec<u8>,
}

impl<T, F> Gatherer<T, F> {
    pub(crate) fn new(topic: TopicName, shards: &'static Shards<T>, make: F) -> Self {
        let (spare, held, drained, scratch) = Default::default();
        Self { topic, shards, make, spare, held, drained, scratch }
    }
}

impl<T, M, F> Source for Gatherer<T, F>
where
    T: Send + 'static,
    M: Serialize,
    F: FnMut(T, SystemTime) -> Record<M> + Send,
{
    fn topic(&self) -> &TopicName {
        &self.topic
    }

    fn gather(&mut self, now: &Now, topic: usize, out: &mut Vec<Taken>) {
        let Self { shards, make, spare, held, drained, scratch, .. } = self;
        drained.append(held);
        shards.drain(spare, |stamped| drained.push(stamped));
        for Stamped { at, value } in drained.drain(..) {
            if at > now.instant {
                held.push(Stamped { at, value });
            } else {
                let made = encode(make, scratch, value, now.wall_time(at));
                out.push(Taken { at, topic, made });
            }
        }
    }

    fn close(&self) {
        self.shards.close();
    }

    fn counts(&self) -> SourceCounts {
        let counts = self.shards.counts();
        SourceCounts { waiting: counts.waiting + self.held.len() as u64, ..counts }
    }
}

/// Runs user code: it may fail or panic, and costs its own message only.
fn encode<T, M: Serialize>(
    make: &mut impl FnMut(T, SystemTime) -> Record<M>,
    scratch: &mut Vec<u8>,
    value: T,
    at: SystemTime,
) -> Result<Encoded, Unmade> {
    let made = catch_unwind(AssertUnwindSafe(|| {
        let Record { key, headers, value } = make(value, at);
        scratch.clear();
        // Copied out, so that a message keeps no more memory than it has bytes.
        serde_json::to_writer(&mut *scratch, &value)
            .map(|()| Encoded::new(key, headers, Bytes::copy_from_slice(scratch), at))
    }));
    match made {
        Ok(Ok(encoded)) => Ok(encoded),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a message cannot be written as JSON; it is dropped and counted");
            Err(Unmade::Unencodable)
        }
        Err(panic) => {
            tracing::warn!(
                cause = words::of_panic(&*panic),
                "a message function panicked; its message is dropped and counted"
            );
            Err(Unmade::Panicked)
        }
    }
}
