//! What workers and handles have to tell the service's thread.
//!
//! Bounded by construction: a worker reports each message it was given once, and the thread gives it no more than
//! the high water.

use std::sync::{Mutex, MutexGuard};

use super::transport::Wake;
use crate::{record::Position, settle::Settled, topic::Offset};

/// So many reports are worth waking a thread for that waits until there is room.
const WORTH_WAKING: usize = 64;

/// The name of one assignment of one partition; the next assignment of it has another.
pub(crate) type AssignmentId = u64;

/// A worker's word.
#[derive(Debug)]
pub(crate) enum Report {
    /// A message was settled.
    Settled { assignment: AssignmentId, offset: Offset, settled: Settled },
    /// A handler wants the service to stop.
    Stop { position: Position, cause: String },
    /// The worker has ended: after its last settled message, or because its task was dropped.
    Ended { assignment: AssignmentId },
}

/// How the service is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Finish what is in hand, commit, leave the group.
    Drain,
    /// Nobody waits any more: commit what is settled and leave at once.
    Abandon,
}

/// The thread's mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    wake: Wake,
}

#[derive(Debug, Default)]
struct Inner {
    reports: Vec<Report>,
    stop: Option<Stop>,
    /// The thread waits for room or for a drain, and wants to hear of it.
    wanted: bool,
}

impl Mailbox {
    pub(crate) fn new(wake: Wake) -> Self {
        Self { inner: Mutex::default(), wake }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no code that holds this lock can panic")
    }

    /// Leaves a report that the thread should act on.
    pub(crate) fn report(&self, report: Report) {
        self.inner().reports.push(report);
        self.wake.wake();
    }

    /// Reports settled messages. They do not wake the thread one by one: it looks often enough to commit them.
    pub(crate) fn settled(
        &self,
        assignment: AssignmentId,
        offsets: impl Iterator<Item = Offset>,
        settled: Settled,
    ) {
        let mut inner = self.inner();
        let before = inner.reports.len() / WORTH_WAKING;
        inner.reports.extend(offsets.map(|offset| Report::Settled { assignment, offset, settled }));
        let enough = inner.wanted && inner.reports.len() / WORTH_WAKING > before;
        drop(inner);
        if enough {
            self.wake.wake();
        }
    }

    /// Says that a worker has run out of messages.
    pub(crate) fn ran_dry(&self) {
        let inner = self.inner();
        let worth = inner.wanted && !inner.reports.is_empty();
        drop(inner);
        if worth {
            self.wake.wake();
        }
    }

    /// Asks the service to end.
    pub(crate) fn stop(&self, stop: Stop) {
        self.inner().stop = Some(stop);
        self.wake.wake();
    }

    /// Takes everything that was left. `wanted` is set before the thread looks, so that no report falls between.
    pub(crate) fn take(&self, into: &mut Vec<Report>, wanted: bool) -> Option<Stop> {
        let mut inner = self.inner();
        inner.wanted = wanted;
        into.append(&mut inner.reports);
        inner.stop.take()
    }
}
