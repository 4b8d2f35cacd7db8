//! The names of all metrics, in one place. ARCHITECTURE.md has the same table, and `cargo xtask tidy` compares them.

/// One metric of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// Messages recorded.
    Recorded,
    /// Messages delivered to all in-sync replicas, by topic.
    Acked,
    /// Messages dropped, by reason.
    Dropped,
    /// Messages in shards and batches; a gauge.
    Queued,
    /// Messages that the Kafka client holds; a gauge.
    Handed,
    /// For how many seconds the oldest message has waited for its acknowledgment; a gauge.
    OldestWaiting,
    /// Messages taken from Kafka, by topic.
    Consumed,
    /// Messages settled, by topic and outcome: `done` or `skipped`.
    Settled,
    /// Calls of a handler that were followed by another try, by topic.
    Retries,
    /// How long one call of a handler took, by topic; a histogram.
    HandlerSeconds,
}

impl Metric {
    /// The name under which it is exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "bookend_recorded_total",
            Self::Acked => "bookend_acked_total",
            Self::Dropped => "bookend_dropped_total",
            Self::Queued => "bookend_queued_messages",
            Self::Handed => "bookend_handed_messages",
            Self::OldestWaiting => "bookend_oldest_waiting_seconds",
            Self::Consumed => "bookend_consumed_total",
            Self::Settled => "bookend_settled_total",
            Self::Retries => "bookend_retries_total",
            Self::HandlerSeconds => "bookend_handler_seconds",
        }
    }
}
