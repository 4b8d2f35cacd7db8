//! The log itself: an owner appends, reads, syncs and drops; segments come and go beneath.
//!
//! Upstream: [`recover`](crate::recover), [`segment`](crate::segment). `tail` writes, `sync` waits for the disk, `read` reads
//! or tells what is `located` where, `retain` drops.

mod read;
mod located;
mod retain;
mod sync;
mod tail;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io, mem,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use self::tail::Tail;
pub use self::{
    located::Located,
    read::{Bounds, Payload},
    sync::{PendingSync, SyncDone},
};
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
    /// The first index that counts. It lies within the oldest segment, or at its start.
    start: u64,
    /// Where this process began to append.
    opened_end: u64,
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
    /// [`OpenError::Corrupt`] when a file is damaged where nothing can be torn, [`OpenError::Misplaced`] when a
    /// segment is missing, [`OpenError::Io`] when the folder cannot be read and written.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<(Self, Recovery), OpenError> {
        let dir = dir.as_ref();
        #[cfg(any(test, feature = "test-disk"))]
        if let Some(disk) = crate::testing::disk_under(dir) {
            return Self::open_with(dir, options, disk);
        }
        Self::open_with(dir, options, OsDisk::shared())
    }

    /// [`open`](Self::open) for a test, on a disk whose power can be cut.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[cfg(any(test, feature = "test-disk"))]
    pub fn open_on(
        dir: impl AsRef<Path>,
        options: Options,
        disk: &crate::testing::PowerCut,
    ) -> Result<(Self, Recovery), OpenError> {
        let dir = dir.as_ref();
        disk.adopt(dir).map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
        Self::open_with(dir, options, Arc::new(disk.clone()))
    }

    fn open_with(
        dir: &Path,
        options: Options,
        disk: Arc<dyn Disk>,
    ) -> Result<(Self, Recovery), OpenError> {
        let failed = |source| OpenError::Io { path: dir.to_owned(), source };
        disk.create_folder(dir).map_err(failed)?;
        let found = recover(dir, options.fsync, &*disk)?;
        let tail = Tail::new(disk, &found.active);
        let mut log = Self {
            dir: dir.to_owned(),
            options,
            start: found.start,
            opened_end: found.active.end,
            sealed: found.sealed,
            active: found.active,
            tail,
        };
        if options.fsync == Fsync::Always {
            // What was found may be in the page cache only, and readers shall not see what a power cut then takes.
            log.sync().map_err(|source| OpenError::Io { path: log.dir.clone(), source })?;
        }
        Ok((log, found.recovery))
    }

    /// The first index there is; equal to [`end`](Self::end) in an empty log.
    ///
    /// It may lie within an entry, after [`advance_start`](Self::advance_start). That entry is still read whole.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The index that the next entry will start with.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.active.end
    }

    /// The index up to which a power cut takes nothing, under [`Fsync::Never`] without regard to sealed segments.
    #[must_use]
    pub fn synced_end(&self) -> u64 {
        self.tail.synced_end()
    }

    /// The bytes of all entries, headers included, also of those below [`start`](Self::start) in the oldest segment.
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
        let names_first = self.options.fsync == Fsync::Always;
        let header = self.write(count, time_ms, [payload, &[]], names_first)?;
        if self.options.fsync == Fsync::Always {
            let synced = self.tail.sync(&self.dir, &self.active, true);
            synced.map_err(|source| self.refusal(source))?;
        }
        self.active.push(&header);
        Ok(header.first)
    }

    /// Appends as [`append`](Self::append) does, and leaves the fsync of [`Fsync::Always`] to the owner, who
    /// [begins a sync](Self::begin_sync) and answers once that ran, or once [`synced_end`](Self::synced_end) is past
    /// the entry. So many appenders share an fsync, and none of them holds the log meanwhile.
    ///
    /// The entry can be read at once: an owner whose readers shall see nothing that a power cut takes stops them at
    /// `synced_end`. The payload is both parts, one behind the other: so an owner may put a head of its own before what
    /// it got, with the [index](Self::end) in it.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_unsynced(
        &mut self,
        count: u32,
        time_ms: i64,
        payload: [&[u8]; 2],
    ) -> Result<u64, AppendError> {
        let header = self.write(count, time_ms, payload, false)?;
        self.active.push(&header);
        Ok(header.first)
    }

    /// Writes an entry behind the others; it counts once it is pushed onto the active segment.
    fn write(
        &mut self,
        count: u32,
        time_ms: i64,
        payload: [&[u8]; 2],
        names_first: bool,
    ) -> Result<Header, AppendError> {
        let header = Header::new(self.end(), count, time_ms, payload)?;
        let grown = self.active.bytes + header.entry_bytes();
        if grown > self.options.segment_bytes_max && !self.active.is_empty() {
            self.roll().map_err(|source| self.refusal(source))?;
        }
        if names_first {
            // Once the entry is written, only its own fsync may still fail.
            self.tail.sync_names(&self.dir).map_err(|source| self.refusal(source))?;
        }
        let keep_open = self.options.fsync != Fsync::Never;
        let entry = [&header.to_bytes(), payload[0], payload[1]];
        self.tail
            .append(&self.dir, &self.active, entry, header.end(), keep_open)
            .map_err(|source| self.refusal(source))?;
        Ok(header)
    }

    /// Sets how large segments grow, from the next append on: [`Options::segment_bytes_max`].
    pub fn set_segment_bytes_max(&mut self, bytes: u64) {
        self.options.segment_bytes_max = bytes;
    }

    /// Makes everything appended so far survive a power cut; under [`Fsync::Never`] what the active segment holds.
    ///
    /// # Errors
    /// A failed fsync leaves unknown what reached the disk, and the next one may report success for lost bytes. So
    /// it is never retried: the log takes no more entries, and each later `sync` fails too.
    pub fn sync(&mut self) -> io::Result<()> {
        self.tail.sync(&self.dir, &self.active, true)
    }

    /// Begins a sync that need not hold the log; `None` when there is nothing to sync.
    ///
    /// It covers what was appended until now. Appends, reads and drops may go on while it runs, and so may other
    /// syncs; what was appended meanwhile stays unsynced, unless another sync covers it.
    ///
    /// ```
    /// # use bookend_log::{Log, Options};
    /// # let folder = tempfile::tempdir()?;
    /// # let (mut log, _) = Log::open(folder.path(), Options::default())?;
    /// log.append(1, 0, b"a record")?;
    /// if let Some(pending) = log.begin_sync()? {
    ///     let done = pending.run(); // on another thread, or with the lock around the log released
    ///     log.end_sync(done)?;
    /// }
    /// assert_eq!(log.synced_end(), log.end());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the file cannot be opened, or after a failed fsync.
    pub fn begin_sync(&mut self) -> io::Result<Option<PendingSync>> {
        self.tail.begin_sync(&self.dir, &self.active, true)
    }

    /// Takes note of a sync of this log that ran.
    ///
    /// # Errors
    /// As [`sync`](Self::sync). A failed fsync closes the log when it fails, also if it never gets here.
    pub fn end_sync(&mut self, done: SyncDone) -> io::Result<()> {
        self.tail.end_sync(done)
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

    /// Seals the active segment and begins the next.
    fn roll(&mut self) -> io::Result<()> {
        let next = Segment::new(self.active.end);
        self.tail.roll(&self.dir, &self.active, &next, self.options.fsync)?;
        // It saves the next open a walk over the segment; where it cannot be written, that walks.
        drop(self.active.save_index(&self.dir, self.tail.disk()));
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
