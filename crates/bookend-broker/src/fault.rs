//! Faults to order, so that tests can see what clients make of them.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What shall go wrong with a produce request.
///
/// Each injected fault hits one request, in the order of injection; requests without one go well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The records are appended, then the connection is cut before the answer: the outcome is unknown to the client.
    CutAfterAppend,
    /// The connection is cut before anything is appended.
    CutBeforeAppend,
    /// Nothing is appended; every partition is answered with this error code.
    Refuse(i16),
    /// The records are appended, the answer comes later by this much.
    Delay(Duration),
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    /// The fault of the next produce request.
    pub(crate) fn next(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
