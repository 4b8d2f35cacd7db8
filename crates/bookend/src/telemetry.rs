//! The names of everything this crate measures about itself, in one place.
//!
//! Open to every module. A process that installs a recorder of the `metrics` crate sees them; without one they cost
//! next to nothing.

/// A metric, by the name under which it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// Counter `bookend_consumed_total{topic}`: messages taken from Kafka.
    Consumed,
    /// Counter `bookend_settled_total{topic, outcome}`: messages settled, as `done` or `skipped`.
    Settled,
    /// Counter `bookend_retries_total{topic}`: calls of a handler that were followed by another try.
    Retries,
    /// Histogram `bookend_handler_seconds{topic}`: how long one call of a handler took.
    HandlerSeconds,
}

impl Metric {
    /// The name under which it is published.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consumed => "bookend_consumed_total",
            Self::Settled => "bookend_settled_total",
            Self::Retries => "bookend_retries_total",
            Self::HandlerSeconds => "bookend_handler_seconds",
        }
    }
}
