//! Stores that apply each message once, with its position in the same transaction.
//!
//! Upstream: the handlers of a `bookend` service, which give a store what they made of each message. A message that
//! comes again, because a group rebalanced, a process was killed or a topic is replayed, changes nothing.
//!
//! ```text
//!  handler ── apply(position, row) ──▶ [progress] new or seen? ──▶ one transaction: rows + progress ──▶ answer
//! ```
//!
//! - [`progress`] decides, and knows no database: what was applied, per partition and per sender, as ranges.
//! - [`sqlite`] keeps rows and progress in one SQLite file (feature `sqlite`, on by default).

pub mod progress;
#[cfg(feature = "sqlite")]
pub mod sqlite;
