//! The dropping end: by index, by time, by size. What goes are whole segments, oldest first; what counts is the start.
//!
//! The start is on disk before a file goes, and what was appended is on disk before the start is: so a power cut leaves
//! no hole, gives no index twice, brings nothing back, and takes nothing that replaces what was dropped.

use std::io;

use super::Log;
use crate::{Fsync, marks::StartMark, segment::Segment};

impl Log {
    /// Drops the segments whose indexes are all below `index` and returns the bytes that gives back.
    ///
    /// Only whole segments go, so [`start`](Self::start) may stay below `index`; with `index` at or past the end
    /// nothing stays, and the next entry still gets the next index. What stays is synced first, except under
    /// [`Fsync::Never`]: the owner may drop what it has just written anew.
    ///
    /// # Errors
    /// When the disk refuses one of the steps. If the start has moved, the files below it go with the next drop.
    pub fn drop_before(&mut self, index: u64) -> io::Result<u64> {
        self.roll_if_all_goes(index)?;
        let dropped = self.sealed.iter().take_while(|segment| segment.end <= index);
        let start = dropped.last().map_or(self.start, |segment| segment.end);
        self.move_start(start)
    }

    /// Drops the oldest segments as long as all times in them are below `time_ms`, and returns the bytes that gives
    /// back. The last one goes too, if it comes to that: a quiet log becomes empty.
    ///
    /// # Errors
    /// As [`drop_before`](Self::drop_before).
    pub fn drop_older_than(&mut self, time_ms: i64) -> io::Result<u64> {
        let is_old = |segment: &&Segment| !segment.is_empty() && segment.time_max < time_ms;
        let index = self.segments().take_while(is_old).last().map_or(0, |segment| segment.end);
        self.drop_before(index)
    }

    /// Drops the oldest segments as long as at least `bytes` stay, and returns the bytes that gives back. The last one
    /// stays in any case.
    ///
    /// So a log keeps up to one segment more than `bytes`, as Kafka's `retention.bytes` does.
    ///
    /// # Errors
    /// As [`drop_before`](Self::drop_before).
    pub fn drop_to_bytes(&mut self, bytes: u64) -> io::Result<u64> {
        let (mut left, mut index) = (self.bytes(), 0);
        for oldest in &self.sealed {
            left -= oldest.bytes;
            if left < bytes {
                break;
            }
            index = oldest.end;
        }
        self.drop_before(index)
    }

    /// Makes `index` the first one, for good: [`read`](Self::read) refuses those before it, also after the log was
    /// opened again. An index outside of `start..=end` is taken for the nearer of them. Whole segments below it are
    /// dropped, and the bytes that gives back returned.
    ///
    /// # Errors
    /// As [`drop_before`](Self::drop_before).
    pub fn advance_start(&mut self, index: u64) -> io::Result<u64> {
        self.roll_if_all_goes(index)?;
        self.move_start(index.clamp(self.start, self.end()))
    }

    /// So that the active segment can go as well.
    fn roll_if_all_goes(&mut self, index: u64) -> io::Result<()> {
        if index >= self.end() && !self.active.is_empty() { self.roll() } else { Ok(()) }
    }

    fn move_start(&mut self, start: u64) -> io::Result<u64> {
        let durable = self.options.fsync != Fsync::Never;
        if start > self.start {
            if durable {
                // Else a power cut could take entries that stay, or all of the log and so give indexes twice.
                self.sync()?;
                self.tail.sync_names(&self.dir)?;
            }
            StartMark(start).write(&self.dir, self.tail.disk(), durable)?;
            self.tail.name_made();
            if durable {
                self.tail.sync_names(&self.dir)?;
            }
            self.start = start;
        }
        self.remove_dropped()
    }

    /// Removes the segments below the start, also those that an earlier call could not.
    fn remove_dropped(&mut self) -> io::Result<u64> {
        let mut freed = 0;
        while let Some(oldest) = self.sealed.front()
            && oldest.end <= self.start
        {
            self.tail.disk().remove(&oldest.path(&self.dir))?;
            // Without its segment it is of no use, and the next open removes it.
            drop(self.tail.disk().remove(&oldest.index_path(&self.dir)));
            freed += oldest.bytes;
            self.sealed.pop_front();
        }
        Ok(freed)
    }
}
