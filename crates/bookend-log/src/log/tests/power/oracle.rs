//! What a log must hold after a power cut: a list in memory, and how much of it was promised.

use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseError};

use crate::{Entry, Fsync, Log, OpenError, ReadError};

#[derive(Debug, Default, Clone)]
pub(super) struct Oracle {
    /// All that was appended, dropped or not.
    pub(super) entries: Vec<Entry>,
    pub(super) start: u64,
    /// The index up to which a power cut takes nothing.
    pub(super) promised_end: u64,
}

impl Oracle {
    pub(super) fn end(&self) -> u64 {
        // Without fsyncs the start may outlive the entries before it.
        self.entries.last().map_or(0, end_of).max(self.start)
    }

    /// What the log must read, from its start to `end`.
    fn held(&self, end: u64) -> Vec<Entry> {
        let held = self.entries.iter().filter(|entry| end_of(entry) > self.start);
        held.filter(|entry| end_of(entry) <= end).cloned().collect()
    }

    /// A log that lost no power holds all.
    pub(super) fn check_running(&self, log: &Log) -> Result<(), TestCaseError> {
        prop_assert_eq!((log.start(), log.end()), (self.start, self.end()));
        let read = log.read(log.start(), usize::MAX).expect("read");
        prop_assert_eq!(read, self.held(self.end()));
        prop_assert!(log.synced_end() <= log.end());
        Ok(())
    }

    /// A log that lost power holds what was promised, and a prefix of the rest.
    pub(super) fn check_cut(
        &self,
        log: &Result<Log, OpenError>,
        fsync: Fsync,
    ) -> Result<(), TestCaseError> {
        match log {
            _ if fsync == Fsync::Never => self.check_bytes(log),
            Err(error) => Err(TestCaseError::fail(format!("does not open: {error}"))),
            Ok(log) => {
                prop_assert_eq!(log.start(), self.start);
                let ends = self.promised_end.max(self.start)..=self.end();
                prop_assert!(ends.contains(&log.end()), "{} of {:?}", log.end(), ends);
                let read = log.read(log.start(), usize::MAX).expect("read");
                prop_assert_eq!(read, self.held(log.end()));
                Ok(())
            }
        }
    }

    /// Whatever can still be read was appended.
    fn check_bytes(&self, log: &Result<Log, OpenError>) -> Result<(), TestCaseError> {
        let Ok(log) = log else { return Ok(()) };
        match log.read(log.start(), usize::MAX) {
            Ok(read) => prop_assert!(read.iter().all(|entry| self.entries.contains(entry))),
            Err(error) => prop_assert!(matches!(error, ReadError::Corrupt { .. }), "{error}"),
        }
        Ok(())
    }

    /// Takes over what a power cut left. Without fsyncs a log may begin anew at a start that was within an entry, which is
    /// then gone whole.
    pub(super) fn accept(&mut self, log: &Log) {
        self.entries.retain(|entry| end_of(entry) <= log.end());
        self.start = log.start();
        self.promised_end = log.end();
    }
}

/// The index behind an entry.
fn end_of(entry: &Entry) -> u64 {
    entry.first + u64::from(entry.count)
}
