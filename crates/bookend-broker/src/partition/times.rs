//! Finds records by their time, exactly: the log's index leads to the batch, its records are walked.

use bookend_log::EntryInfo;
use kafka_protocol::ResponseError;

use super::{
    Partition, Stored,
    batch::{self, Budget},
    offset, unreadable,
};

/// How many batches are tried whose header has a time that none of their records has; a producer may lie in a
/// compressed one.
const TRIES_MAX: u32 = 16;

/// A record that was looked for by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
}

impl Partition {
    /// The first record of at least that time, looked for within `budget`. Blocks on the disk.
    pub(crate) fn find_time(
        &self,
        timestamp: i64,
        budget: &mut Budget,
    ) -> Result<Option<Found>, ResponseError> {
        let end = self.end();
        let stored = self.read_lock();
        let found = stored.log.find_time(timestamp).map_err(|error| unreadable(&error))?;
        let Some(entry) = found else { return Ok(None) };
        let found = first_from(&stored, entry, timestamp, budget)?;
        // What is not synced yet is not there yet.
        Ok(found.filter(|found| found.offset < end))
    }

    /// The first record of the latest time, looked for within `budget`. Blocks on the disk.
    pub(crate) fn latest_time(&self, budget: &mut Budget) -> Result<Option<Found>, ResponseError> {
        // What is not synced yet is not there yet.
        let end = self.end();
        let stored = self.read_lock();
        let latest = stored
            .log
            .latest_time_before(end.unsigned_abs())
            .map_err(|error| unreadable(&error))?;
        let Some(entry) = latest else { return Ok(None) };
        let found = first_from(&stored, entry, entry.time_ms, budget)?;
        Ok(found.filter(|found| found.offset < end))
    }
}

/// The first record of at least that time, in this batch or a later one.
fn first_from(
    stored: &Stored,
    mut entry: EntryInfo,
    timestamp: i64,
    budget: &mut Budget,
) -> Result<Option<Found>, ResponseError> {
    for _ in 0..TRIES_MAX {
        let start = stored.log.start();
        let from = entry.first.max(start);
        let read = stored.log.read(from, 1).map_err(|error| unreadable(&error))?;
        let Some(batch) = read.first() else { return Ok(None) };
        let below = u32::try_from(from - entry.first).unwrap_or(u32::MAX);
        if let Some(timed) = batch::find_time(&batch.payload, timestamp, below, budget) {
            let offset = offset(entry.first + u64::from(timed.delta));
            return Ok(Some(Found { offset, timestamp: timed.timestamp }));
        }
        match next(stored, entry, timestamp)? {
            Some(next) => entry = next,
            None => return Ok(None),
        }
    }
    Ok(Some(Found { offset: offset(entry.first), timestamp: entry.time_ms }))
}

/// The next batch behind `entry` of at least that time.
fn next(
    stored: &Stored,
    entry: EntryInfo,
    timestamp: i64,
) -> Result<Option<EntryInfo>, ResponseError> {
    let behind = entry.first + u64::from(entry.count);
    let mut found = None;
    let scanned = stored.log.scan(behind, 0, |entry, _| {
        if entry.time_ms < timestamp {
            return std::ops::ControlFlow::Continue(());
        }
        found = Some(entry);
        std::ops::ControlFlow::Break(())
    });
    scanned.map_err(|error| unreadable(&error))?;
    Ok(found)
}
