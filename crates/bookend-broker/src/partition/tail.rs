//! Whether a partition waits for a sync, and how many of them hold a file open meanwhile.
//!
//! Under an interval policy a log keeps its file open from an append to the next sync, and a process may have only so
//! many. When a quarter of them waits, whoever appends syncs at once, which closes the file; the broker goes on, slower.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bookend_log::Fsync;

use crate::folder::open_files_max;

/// The files of this process that wait for their sync, whichever broker's they are.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// What is known of the end of one partition's log.
#[derive(Debug)]
pub(super) struct Tail {
    /// Whether appends leave a file open.
    keeps_open: bool,
    /// Something may have to be synced.
    unsynced: AtomicBool,
    /// It counts among [`OPEN`].
    counted: AtomicBool,
}

impl Tail {
    pub(super) fn new(fsync: Fsync, unsynced: bool) -> Self {
        let keeps_open = matches!(fsync, Fsync::Interval(_));
        Self { keeps_open, unsynced: unsynced.into(), counted: false.into() }
    }

    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced.load(Ordering::Acquire)
    }

    /// Something was written, or could not be synced; returns whether too many files wait for the next sync.
    pub(super) fn written(&self) -> bool {
        self.unsynced.store(true, Ordering::Release);
        if !self.keeps_open {
            return false;
        }
        if !self.counted.swap(true, Ordering::AcqRel) {
            OPEN.fetch_add(1, Ordering::AcqRel);
        }
        OPEN.load(Ordering::Acquire) > open_max()
    }

    /// A sync begins, of all that was written before.
    pub(super) fn begin_sync(&self) {
        self.unsynced.store(false, Ordering::Release);
        self.uncount();
    }

    fn uncount(&self) {
        if self.counted.swap(false, Ordering::AcqRel) {
            OPEN.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.uncount();
    }
}

/// A quarter of the open files that the process may have; connections have a half.
fn open_max() -> usize {
    static MAX: OnceLock<usize> = OnceLock::new();
    *MAX.get_or_init(|| open_files_max() / 4)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    // Goal: beyond the limit an append is told to sync, and only then. Method: more tails than the process may have;
    // those of other tests, which run at the same time, are few.
    #[test]
    fn no_more_files_wait_than_there_may_be() {
        let interval = Fsync::Interval(Duration::from_secs(1));
        let tails = |fsync| (0..=open_max()).map(move |_| Tail::new(fsync, true));
        let quiet: Vec<_> = tails(Fsync::Never).chain(tails(Fsync::Always)).collect();
        assert!(!quiet.iter().any(Tail::written));
        let waiting: Vec<_> = tails(interval).collect();
        assert!(!waiting[0].written() && !waiting[0].written());
        assert!(waiting.iter().skip(1).filter(|tail| tail.written()).count() > 0);
        waiting.iter().for_each(Tail::begin_sync);
        assert!(!waiting[0].written() && waiting[0].is_unsynced());
        drop(waiting);
        assert!(!Tail::new(interval, false).written());
    }
}
