//! The names of all metrics, in one place. ARCHITECTURE.md has the same table, and `cargo xtask tidy` compares them.

/// One metric of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// Messages delivered to all in-sync replicas, by topic.
    Acked,
}

impl Metric {
    /// The name under which it is exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acked => "bookend_acked_total",
        }
    }
}
