//! What is known of one segment without opening its file.
//!
//! Upstream: [`entry`](crate::entry). Downstream: [`log`](crate::log), which keeps segments in order, and
//! [`recover`](crate::recover), which learns them from the disk.

mod cursor;
mod index;

use std::path::{Path, PathBuf};

pub(crate) use self::cursor::{Cursor, Fault, Pace};
use self::index::Index;
use crate::{ReadError, entry::Header};

/// One segment: the indexes `first..end` in `bytes` bytes of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) first: u64,
    pub(crate) end: u64,
    pub(crate) bytes: u64,
    /// The greatest time of its entries, `i64::MIN` without entries.
    pub(crate) time_max: i64,
    index: Index,
}

impl Segment {
    /// A segment without entries that begins at this index.
    pub(crate) fn new(first: u64) -> Self {
        Self { first, end: first, bytes: 0, time_max: i64::MIN, index: Index::default() }
    }

    /// Takes note of an entry that now stands at the end of the file.
    pub(crate) fn push(&mut self, header: &Header) {
        debug_assert_eq!(header.first, self.end, "entries are contiguous");
        self.index.push(self.end, self.bytes, self.time_max);
        self.end = header.end();
        self.bytes += header.entry_bytes();
        self.time_max = self.time_max.max(header.time_ms);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The file of entries.
    pub(crate) fn path(&self, dir: &Path) -> PathBuf {
        file_of(dir, self.first, "log")
    }

    /// The file that saves reading the other one at open. Only sealed segments have it.
    pub(crate) fn index_path(&self, dir: &Path) -> PathBuf {
        file_of(dir, self.first, "index")
    }

    /// A cursor at the entry that holds `index`, or a little before it.
    pub(crate) fn cursor_before(
        &self,
        dir: &Path,
        index: u64,
        pace: Pace,
    ) -> Result<Cursor, ReadError> {
        let (at, first) = self.index.before(index).unwrap_or((0, self.first));
        self.cursor(dir, at, first, pace)
    }

    /// A cursor at the first entry of at least this time, or a little before it.
    pub(crate) fn cursor_before_time(&self, dir: &Path, time_ms: i64) -> Result<Cursor, ReadError> {
        let (at, first) = self.index.before_time(time_ms).unwrap_or((0, self.first));
        self.cursor(dir, at, first, Pace::Step)
    }

    fn cursor(&self, dir: &Path, at: u64, first: u64, pace: Pace) -> Result<Cursor, ReadError> {
        let file = self.path(dir);
        match Cursor::open(&file, at..self.bytes, first, pace) {
            Ok(cursor) => Ok(cursor),
            Err(source) => Err(ReadError::Io { file, source }),
        }
    }
}

fn file_of(dir: &Path, first: u64, extension: &str) -> PathBuf {
    dir.join(format!("{first:020}.{extension}"))
}

/// The first index that the name of a segment's file tells, `None` for any other file.
pub(crate) fn first_of(path: &Path, extension: &str) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let ours = path.extension()? == extension && stem.len() == 20;
    // `parse` alone would take a sign.
    (ours && stem.bytes().all(|byte| byte.is_ascii_digit())).then(|| stem.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let dir = Path::new("/data");
        let segment = Segment::new(42);
        assert_eq!(segment.path(dir), Path::new("/data/00000000000000000042.log"));
        let check =
            |name: &str, expected| assert_eq!(first_of(Path::new(name), "log"), expected, "{name}");
        check("/data/00000000000000000042.log", Some(42));
        check("/data/18446744073709551615.log", Some(u64::MAX));
        check("/data/18446744073709551616.log", None);
        check("/data/+0000000000000000042.log", None);
        check("/data/42.log", None);
        check("/data/00000000000000000042.index", None);
        check("/data/lock", None);
    }
}
