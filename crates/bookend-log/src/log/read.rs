//! The reading end: each call opens the files it needs and checks every entry it returns.

use super::Log;
use crate::{Entry, EntryInfo, ReadError, segment::Segment};

impl Log {
    /// Reads whole entries from the one that holds index `from`, up to `bytes_max` of payload but at least one; at
    /// the log's end, none.
    ///
    /// A damaged entry ends the list when others were read before it; the next read, from its index, reports it.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] outside of `start..=end`, [`ReadError::Corrupt`] when the entry is damaged,
    /// [`ReadError::Io`] when the file cannot be read.
    pub fn read(&self, from: u64, bytes_max: usize) -> Result<Vec<Entry>, ReadError> {
        let (start, end) = (self.start(), self.end());
        if !(start..=end).contains(&from) {
            return Err(ReadError::OutOfRange { start, end });
        }
        let mut batch = Batch { entries: Vec::new(), room: bytes_max };
        for segment in self.segments().skip_while(|segment| segment.end <= from) {
            match self.read_segment(segment, from, &mut batch) {
                Ok(Filled(false)) => {}
                Err(error) if batch.entries.is_empty() => return Err(error),
                Ok(Filled(true)) | Err(_) => break,
            }
        }
        Ok(batch.entries)
    }

    fn read_segment(
        &self,
        segment: &Segment,
        from: u64,
        batch: &mut Batch,
    ) -> Result<Filled, ReadError> {
        let mut cursor = segment.cursor_before(&self.dir, from)?;
        while let Some(header) = cursor.header().map_err(|fault| cursor.read_error(fault))? {
            if header.end() <= from {
                cursor.skip(&header).map_err(|fault| cursor.read_error(fault))?;
                continue;
            }
            if !batch.has_room(header.payload_bytes as usize) {
                return Ok(Filled(true));
            }
            batch.push(cursor.entry(header).map_err(|fault| cursor.read_error(fault))?);
        }
        Ok(Filled(false))
    }

    /// The first entry, by index, whose time is at least `time_ms`; `None` when all are earlier.
    ///
    /// Times need not ascend. Payloads are neither read nor checked.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when an entry's header is damaged, [`ReadError::Io`] when a file cannot be read.
    pub fn find_time(&self, time_ms: i64) -> Result<Option<EntryInfo>, ReadError> {
        let has_it = |segment: &&Segment| !segment.is_empty() && segment.time_max >= time_ms;
        let Some(segment) = self.segments().find(has_it) else { return Ok(None) };
        let mut cursor = segment.cursor_before_time(&self.dir, time_ms)?;
        while let Some(header) = cursor.header().map_err(|fault| cursor.read_error(fault))? {
            if header.time_ms >= time_ms {
                return Ok(Some(header.info()));
            }
            cursor.skip(&header).map_err(|fault| cursor.read_error(fault))?;
        }
        let reason = "no entry has the time that the segment's index names";
        Err(ReadError::Corrupt { file: segment.path(&self.dir), at: cursor.at(), reason })
    }

    /// The entry with the greatest time, the first of them; `None` when the log is empty.
    ///
    /// # Errors
    /// As [`find_time`](Self::find_time).
    pub fn latest_time(&self) -> Result<Option<EntryInfo>, ReadError> {
        let times = self.segments().filter(|segment| !segment.is_empty());
        match times.map(|segment| segment.time_max).max() {
            Some(time_ms) => self.find_time(time_ms),
            None => Ok(None),
        }
    }
}

/// What one read returns.
struct Batch {
    entries: Vec<Entry>,
    room: usize,
}

/// Whether a batch takes no more.
struct Filled(bool);

impl Batch {
    fn has_room(&self, payload_bytes: usize) -> bool {
        self.entries.is_empty() || cost(payload_bytes) <= self.room
    }

    fn push(&mut self, entry: Entry) {
        self.room = self.room.saturating_sub(cost(entry.payload.len()));
        self.entries.push(entry);
    }
}

/// An empty payload costs one byte, so that a read of a million of them is bounded too.
fn cost(payload_bytes: usize) -> usize {
    payload_bytes.max(1)
}
