//! The names of all metrics, in one place. ARCHITECTURE.md has the same table, and `cargo xtask tidy` compares them.

/// One metric of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// Messages delivered to all in-sync replicas, by topic.
    Acked,
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
            Self::Acked => "bookend_acked_total",
            Self::Consumed => "bookend_consumed_total",
            Self::Settled => "bookend_settled_total",
            Self::Retries => "bookend_retries_total",
            Self::HandlerSeconds => "bookend_handler_seconds",
        }
    }
}
