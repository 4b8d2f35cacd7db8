//! Where every message is, in exact integers.

use std::{fmt, time::Duration};

use crate::recorder::{Refusal, SourceCounts};

/// Why a message was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// Every shard of the recorder was locked at that moment. Only seen with far more threads than cores.
    Contended,
    /// Every shard of the recorder was full: it records faster than one thread can encode.
    QueueFull,
    /// The sender was shut down before it was recorded.
    Closed,
    /// `make_message` or `Serialize` panicked; the log tells where.
    Panicked,
    /// The message cannot be written as JSON; the log tells why.
    Unencodable,
    /// Larger than `message.max.bytes`.
    TooLarge,
    /// The memory cap was reached, because the broker is away or too slow.
    MemoryFull,
    /// The broker refused it for good; the log tells why.
    Refused,
    /// The deadline of the shutdown came first.
    Shutdown,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Contended,
        Self::QueueFull,
        Self::Closed,
        Self::Panicked,
        Self::Unencodable,
        Self::TooLarge,
        Self::MemoryFull,
        Self::Refused,
        Self::Shutdown,
    ];

    /// The name in metrics and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contended => "contended",
            Self::QueueFull => "queue_full",
            Self::Closed => "closed",
            Self::Panicked => "panicked",
            Self::Unencodable => "unencodable",
            Self::TooLarge => "too_large",
            Self::MemoryFull => "memory_full",
            Self::Refused => "refused",
            Self::Shutdown => "shutdown",
        }
    }
}

impl From<Refusal> for DropReason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Contended => Self::Contended,
            Refusal::Full => Self::QueueFull,
            Refusal::Closed => Self::Closed,
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many messages were dropped, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped([u64; DropReason::ALL.len()]);

impl Dropped {
    /// The count of one reason.
    #[must_use]
    pub fn get(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    /// The count over all reasons.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each reason with its count, zeros too.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.into_iter().map(|reason| (reason, self.get(reason)))
    }

    pub(crate) fn add(&mut self, reason: DropReason, count: u64) {
        self.0[reason as usize] += count;
    }
}

/// Where every message is that a sender ever recorded. Each is in exactly one state:
/// `recorded + recovered = queued + spooled + handed + acked + dropped`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// All that tasks recorded since the start.
    pub recorded: u64,
    /// Found in the spool at the start; 0 in memory mode.
    pub recovered: u64,
    /// In shards and batches.
    pub queued: u64,
    /// On disk, until the broker is back; 0 in memory mode.
    pub spooled: u64,
    /// Given to the Kafka client, and not reported yet.
    pub handed: u64,
    /// Reported as delivered to all in-sync replicas.
    pub acked: u64,
    /// Given up, by reason.
    pub dropped: Dropped,
    /// How many of `handed` will never be reported: they were in flight when a shutdown's deadline came, and may
    /// or may not be on the broker.
    pub unknown: u64,
    /// For how long the oldest message that is neither acked nor dropped has been waiting.
    pub oldest_waiting: Option<Duration>,
}

impl Stats {
    /// Adds what one source knows of its values.
    pub(crate) fn with(mut self, source: &SourceCounts) -> Self {
        self.recorded += source.recorded;
        self.queued += source.waiting;
        for (refusal, count) in source.refused {
            self.dropped.add(refusal.into(), count);
        }
        self
    }

    /// Whether every message is in exactly one state. A test holds it under every fault.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.recorded + self.recovered
            == self.queued + self.spooled + self.handed + self.acked + self.dropped.total()
    }
}

/// What a shutdown leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownReport {
    /// The last stats; nothing is queued any more.
    pub stats: Stats,
    /// How long the shutdown took.
    pub took: Duration,
}

impl ShutdownReport {
    /// How many messages are lost or may be: dropped for any reason, or in flight when the deadline came.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.stats.dropped.total() + self.stats.unknown
    }
}
