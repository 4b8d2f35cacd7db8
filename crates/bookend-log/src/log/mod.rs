//! The log itself: an owner appends, reads, syncs and drops; segments come and go beneath.
//!
//! Upstream: [`recover`](crate::recover), [`segment`](crate::segment). `tail` writes, `read` reads.

mod read;
mod tail;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fs, io, mem,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use self::tail::Tail;
use crate::{
    AppendError, Fsync, OpenError, Options, Recovery,
    disk::{Disk, OsDisk},
    entry::Header,
    recover::recover,
    segment::Segment,
};

/// An append-only log in a folder of its own. The crate's page tells what holds.
///
/// Reading takes `&self`, so an owner may let many read at once between two appends. All calls block on the disk;
/// reads and appends mostly meet the page cache, fsyncs never do.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    options: Options,
    /// Oldest first, none empty, each starting where the one before ends.
    sealed: VecDeque<Segment>,
    /// The one that is written to, at first empty.
    active: Segment,
    tail: Tail,
}

impl Log {
    /// Opens the log in `dir`, or creates an empty one, and cuts the torn tail that a crash may have left.
    ///
    /// Files of other names are left alone, so a [`FolderLock`](crate::FolderLock) may be in the same folder.
    ///
    /// # Errors
    /// [`OpenError::Corrupt`] when an entry is damaged and valid ones follow it, [`OpenError::Misplaced`] when a
    /// segment is missing, [`OpenError::Io`] when the folder cannot be read and written.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<(Self, Recovery), OpenError> {
        Self::open_on(dir.as_ref(), options, Arc::new(OsDisk))
    }

    fn open_on(
        dir: &Path,
        options: Options,
        disk: Arc<dyn Disk>,
    ) -> Result<(Self, Recovery), OpenError> {
        let failed = |source| OpenError::Io { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        let (sealed, active, recovery) = recover(dir, &*disk)?;
        let tail = Tail::new(disk, !active.is_empty());
        let mut log = Self { dir: dir.to_owned(), options, sealed, active, tail };
        if options.fsync == Fsync::Always {
            // What was found may be in the page cache only, and readers shall not see what a power cut then takes.
            log.sync().map_err(failed)?;
        }
        Ok((log, recovery))
    }

    /// The first index there is; equal to [`end`](Self::end) in an empty log.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.sealed.front().unwrap_or(&self.active).first
    }

    /// The index that the next entry will start with.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.active.end
    }

    /// The bytes of all entries, headers included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments().map(|segment| segment.bytes).sum()
    }

    /// Appends one entry that spans `count` indexes and returns the first of them. It can be read at once.
    ///
    /// # Errors
    /// After [`AppendError::Io`] the log is as it was before. After [`AppendError::Poisoned`] it takes no more.
    /// [`AppendError::TooLarge`], [`AppendError::Empty`] and [`AppendError::Full`] touch nothing.
    pub fn append(&mut self, count: u32, time_ms: i64, payload: &[u8]) -> Result<u64, AppendError> {
        let header = Header::new(self.end(), count, time_ms, payload)?;
        let grown = self.active.bytes + header.entry_bytes();
        if grown > self.options.segment_bytes_max && !self.active.is_empty() {
            self.roll().map_err(|source| self.refusal(source))?;
        }
        let path = self.active.path(&self.dir);
        let entry = header.with_payload(payload);
        self.tail
            .append(&path, self.active.bytes, &entry, self.options.fsync)
            .map_err(|source| self.refusal(source))?;
        self.active.push(&header);
        Ok(header.first)
    }

    /// Makes everything appended so far survive a power cut; under [`Fsync::Never`] what the active segment holds.
    ///
    /// # Errors
    /// A failed fsync leaves unknown what reached the disk, and the next one may report success for lost bytes. So
    /// it is never retried: the log takes no more entries, and each later `sync` fails too.
    pub fn sync(&mut self) -> io::Result<()> {
        let path = self.active.path(&self.dir);
        self.tail.sync(&path)
    }

    /// Whether [`Fsync::Interval`] asks for a [`sync`](Self::sync) now. Call it a few times per interval.
    ///
    /// The interval starts at the first call after an append; under the other policies nothing is ever due.
    pub fn sync_due(&mut self, now: Instant) -> bool {
        match self.options.fsync {
            Fsync::Interval(interval) => self.tail.is_due(now, interval),
            Fsync::Always | Fsync::Never => false,
        }
    }

    /// Drops the segments whose indexes are all below `index` and returns the bytes that gives back.
    ///
    /// Only whole segments go, so [`start`](Self::start) may stay below `index`; with `index` at or past the end
    /// nothing stays, and the next entry still gets the next index.
    ///
    /// # Errors
    /// When a file cannot be removed, or the next segment not be created. What went until then is gone.
    pub fn drop_before(&mut self, index: u64) -> io::Result<u64> {
        if index >= self.end() && !self.active.is_empty() {
            self.roll()?;
        }
        let drops = self.sealed.front().is_some_and(|oldest| oldest.end <= index);
        if drops && self.options.fsync != Fsync::Never {
            // A log whose files all vanish would start again at 0 and give indexes twice.
            self.tail.sync_names(&self.active.path(&self.dir))?;
        }
        let mut freed = 0;
        // Oldest first: a crash in between leaves a log without a hole.
        while let Some(oldest) = self.sealed.front()
            && oldest.end <= index
        {
            fs::remove_file(oldest.path(&self.dir))?;
            // Without its segment it is of no use, and the next open removes it.
            drop(fs::remove_file(oldest.index_path(&self.dir)));
            freed += oldest.bytes;
            self.sealed.pop_front();
        }
        Ok(freed)
    }

    /// Seals the active segment and begins the next.
    fn roll(&mut self) -> io::Result<()> {
        let next = Segment::new(self.active.end);
        let (from, to) = (self.active.path(&self.dir), next.path(&self.dir));
        self.tail.roll(&from, &to, self.options.fsync)?;
        // It saves the next open a walk over the segment; where it cannot be written, that walks.
        drop(self.active.save_index(&self.dir));
        self.sealed.push_back(mem::replace(&mut self.active, next));
        Ok(())
    }

    /// Every segment, oldest first.
    fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.sealed.iter().chain([&self.active])
    }

    fn refusal(&self, source: io::Error) -> AppendError {
        match self.tail.poison() {
            Some(poison) => AppendError::Poisoned { source: poison },
            None => AppendError::Io { file: self.active.path(&self.dir), source },
        }
    }
}
