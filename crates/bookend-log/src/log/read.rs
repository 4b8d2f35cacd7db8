//! The reading end: each call opens the files it needs, and checks every payload it reads.

use std::{
    ops::{ControlFlow, Range},
    sync::Arc,
};

use super::{Located, Log};
use crate::{
    Entry, EntryInfo, PAYLOAD_BYTES_MAX, ReadError,
    entry::Header,
    segment::{Cursor, Fault, Pace, Segment},
};

/// How much a read takes, and what of it is not even read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many bytes of payload at most.
    pub bytes_max: usize,
    /// Up to how many bytes the first payload is taken in any case, or however many if it is only located; `None` for no
    /// such exception.
    pub first_max: Option<usize>,
    /// From how many bytes on a payload is only located, if this process appended it and those before it are in the same
    /// file; `None` reads all.
    pub located_from: Option<usize>,
}

/// What a read found of a payload.
#[derive(Debug, Clone)]
pub enum Payload {
    /// It was read, checked, and put there.
    Read(Range<usize>),
    /// It stands there. It was not checked since it was appended.
    Located(Located),
}

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
        let mut entries = Vec::new();
        let bounds = Bounds { bytes_max, first_max: Some(usize::MAX), located_from: None };
        self.read_each(from, bounds, |cursor, header, _| {
            let mut payload = Vec::new();
            cursor.payload(&header, &mut payload)?;
            entries.push(header.into_entry(payload));
            Ok(())
        })?;
        Ok(entries)
    }

    /// Reads as [`read`](Self::read) does, within `bounds`, and puts the payloads behind what `to` holds, one behind the
    /// other. Returns the entries, each with the place of its payload in there, or in its file.
    ///
    /// `to` grows by all that may still come at once, and is not shrunk: a buffer that is used again saves the system's
    /// work of giving memory.
    ///
    /// # Errors
    /// As [`read`](Self::read); `to` is then as it was.
    pub fn read_joined(
        &self,
        from: u64,
        bounds: Bounds,
        to: &mut Vec<u8>,
    ) -> Result<Vec<(EntryInfo, Payload)>, ReadError> {
        let (mut entries, mut file) = (Vec::new(), None);
        self.read_each(from, bounds, |cursor, header, room| {
            let (at, needed) = (to.len(), header.payload_bytes as usize);
            if self.may_be_located(&header, bounds) {
                // One file: who asks keeps it open.
                let file = &*file.get_or_insert_with(|| Arc::clone(cursor.file()));
                if Arc::ptr_eq(file, cursor.file()) {
                    entries.push((header.info(), Payload::Located(cursor.located(&header)?)));
                    return Ok(());
                }
            }
            if to.capacity() - at < needed {
                // With the segment's first entry that is read, once.
                let there = usize::try_from(cursor.bytes_left()).unwrap_or(usize::MAX);
                to.reserve_exact(there.min(room).max(needed));
            }
            cursor.payload(&header, to).inspect_err(|_| to.truncate(at))?;
            entries.push((header.info(), Payload::Read(at..to.len())));
            Ok(())
        })?;
        Ok(entries)
    }

    /// Shows `each` the entries of a [`read`](Self::read), which it has to go past, and how many bytes there is room for.
    fn read_each(
        &self,
        from: u64,
        bounds: Bounds,
        mut each: impl FnMut(&mut Cursor, Header, usize) -> Result<(), Fault>,
    ) -> Result<(), ReadError> {
        self.check_range(from)?;
        let mut batch = Batch { is_empty: true, room: bounds.bytes_max };
        for segment in self.segments().skip_while(|segment| segment.end <= from) {
            match self.read_segment(segment, from, bounds, &mut batch, &mut each) {
                Ok(Filled(false)) => {}
                Err(error) if batch.is_empty => return Err(error),
                Ok(Filled(true)) | Err(_) => break,
            }
        }
        Ok(())
    }

    fn read_segment(
        &self,
        segment: &Segment,
        from: u64,
        bounds: Bounds,
        batch: &mut Batch,
        each: &mut impl FnMut(&mut Cursor, Header, usize) -> Result<(), Fault>,
    ) -> Result<Filled, ReadError> {
        let mut cursor = segment.cursor_before(&self.dir, from, Pace::Read)?;
        while let Some(header) = cursor.header().map_err(|fault| cursor.read_error(fault))? {
            if header.end() <= from {
                cursor.skip(&header).map_err(|fault| cursor.read_error(fault))?;
                continue;
            }
            let bytes = header.payload_bytes as usize;
            let is_excepted = batch.is_empty
                && bounds
                    .first_max
                    .is_some_and(|max| bytes <= max || self.may_be_located(&header, bounds));
            if !is_excepted && cost(bytes) > batch.room {
                return Ok(Filled(true));
            }
            each(&mut cursor, header, batch.room).map_err(|fault| cursor.read_error(fault))?;
            batch.take(bytes);
        }
        Ok(Filled(false))
    }

    fn may_be_located(&self, header: &Header, bounds: Bounds) -> bool {
        let is_large = bounds.located_from.is_some_and(|b| header.payload_bytes as usize >= b);
        is_large && header.first >= self.opened_end
    }

    /// Walks over the entries from the one that holds index `from`, and shows `each` the first `prefix_bytes` of every
    /// payload, or all of a shorter one. The rest is neither read nor are payloads checked.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] outside of `start..=end`, [`ReadError::Corrupt`] when an entry's header is damaged,
    /// [`ReadError::Io`] when a file cannot be read. What was shown until then was right, but for payloads.
    pub fn scan(
        &self,
        from: u64,
        prefix_bytes: usize,
        mut each: impl FnMut(EntryInfo, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.check_range(from)?;
        let mut prefix = vec![0; prefix_bytes.min(PAYLOAD_BYTES_MAX)];
        for segment in self.segments().skip_while(|segment| segment.end <= from) {
            let mut cursor = segment.cursor_before(&self.dir, from, Pace::Step)?;
            while let Some(header) = cursor.header().map_err(|fault| cursor.read_error(fault))? {
                let shown = cursor.prefix(&header, &mut prefix);
                let shown = shown.map_err(|fault| cursor.read_error(fault))?;
                if header.end() > from && each(header.info(), shown).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The first entry, by index, whose time is at least `time_ms`; `None` when all are earlier.
    ///
    /// Times need not ascend. Payloads are neither read nor checked. As everywhere, the entry that holds
    /// [`start`](Self::start) counts whole, so what is found may begin below it.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when an entry's header is damaged, [`ReadError::Io`] when a file cannot be read.
    pub fn find_time(&self, time_ms: i64) -> Result<Option<EntryInfo>, ReadError> {
        for segment in self.held().filter(|segment| segment.time_max >= time_ms) {
            let mut cursor = segment.cursor_before_time(&self.dir, time_ms)?;
            while let Some(header) = cursor.header().map_err(|fault| cursor.read_error(fault))? {
                if header.time_ms >= time_ms && header.end() > self.start {
                    return Ok(Some(header.info()));
                }
                cursor.skip(&header).map_err(|fault| cursor.read_error(fault))?;
            }
            // The entry with the segment's greatest time may be below the start, but that is in the oldest only.
            if segment.first >= self.start {
                let reason = "no entry has the time that the segment's index names";
                let file = segment.path(&self.dir);
                return Err(ReadError::Corrupt { file, at: cursor.at(), reason });
            }
        }
        Ok(None)
    }

    /// The entry with the greatest time, the first of them; `None` when the log is empty.
    ///
    /// # Errors
    /// As [`find_time`](Self::find_time).
    pub fn latest_time(&self) -> Result<Option<EntryInfo>, ReadError> {
        self.latest_time_before(self.end())
    }

    /// The entry with the greatest time among those that begin before `end`, the first of them; `None` when there is
    /// none. For an owner whose readers see nothing from there on.
    ///
    /// # Errors
    /// As [`find_time`](Self::find_time).
    pub fn latest_time_before(&self, end: u64) -> Result<Option<EntryInfo>, ReadError> {
        let mut time_max = None;
        for segment in self.held().take_while(|segment| segment.first < end) {
            time_max = time_max.max(self.time_max(segment, end)?);
        }
        time_max.map_or(Ok(None), |time_ms| self.find_time(time_ms))
    }

    /// The greatest time of the segment's entries from the start on, of those that begin before `end`.
    fn time_max(&self, segment: &Segment, end: u64) -> Result<Option<i64>, ReadError> {
        if segment.first >= self.start && segment.end <= end {
            return Ok(Some(segment.time_max));
        }
        let mut time_max = None;
        let mut cursor = segment.cursor_before(&self.dir, self.start, Pace::Step)?;
        while let Some(header) = cursor.header().map_err(|fault| cursor.read_error(fault))? {
            if header.first >= end {
                break;
            }
            if header.end() > self.start {
                time_max = time_max.max(Some(header.time_ms));
            }
            cursor.skip(&header).map_err(|fault| cursor.read_error(fault))?;
        }
        Ok(time_max)
    }

    /// The segments that hold an entry from the start on.
    fn held(&self) -> impl Iterator<Item = &Segment> {
        self.segments().filter(|segment| !segment.is_empty() && segment.end > self.start)
    }

    fn check_range(&self, from: u64) -> Result<(), ReadError> {
        let (start, end) = (self.start(), self.end());
        let held = (start..=end).contains(&from);
        if held { Ok(()) } else { Err(ReadError::OutOfRange { start, end }) }
    }
}

/// What one read has taken, and what it may still take.
struct Batch {
    is_empty: bool,
    room: usize,
}

/// Whether a batch takes no more.
struct Filled(bool);

impl Batch {
    fn take(&mut self, payload_bytes: usize) {
        self.room = self.room.saturating_sub(cost(payload_bytes));
        self.is_empty = false;
    }
}

/// An empty payload costs one byte, so that a read of a million of them is bounded too.
fn cost(payload_bytes: usize) -> usize {
    payload_bytes.max(1)
}
