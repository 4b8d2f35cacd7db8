//! Settling: what becomes of a message, and how far a partition is done.
//!
//! Pure: no clock, no I/O; time is an argument. Up the stream a [`handler`](crate::handler) ends in an [`Outcome`];
//! down the stream the [`service`](crate::service) settles the message by it and commits by its `Progress`.

mod outcome;
mod backoff;
mod progress;

pub use self::outcome::{
    Class, Classify, Failure, IntoOutcome, Outcome, fatal, permanent, transient,
};
pub(crate) use self::{
    backoff::{Backoff, Jitter},
    progress::Progress,
};

/// How a message was settled: the only ways in which its offset counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Handled.
    Done,
    /// Left aside, counted and logged with its position and cause.
    Skipped,
}
