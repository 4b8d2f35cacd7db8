//! The writing end: one file at most, open only while bytes of it wait for their fsync.
//!
//! Upstream: [`disk`](crate::disk). A first failure that leaves the disk unknown is kept, and refuses all that follows.

use std::{
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    Fsync,
    disk::{Disk, TailFile},
};

#[derive(Debug)]
pub(super) struct Tail {
    disk: Arc<dyn Disk>,
    /// Open from the first write after a sync to the next sync: an error of writing back in between is reported to
    /// files that were open then.
    file: Option<Box<dyn TailFile>>,
    /// Whether bytes were written that no fsync covered.
    unsynced: bool,
    /// When [`is_due`](Self::is_due) first saw them.
    unsynced_since: Option<Instant>,
    poison: Option<Arc<io::Error>>,
}

impl Tail {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, file: None, unsynced: false, unsynced_since: None, poison: None }
    }

    /// The failure after which nothing is written any more.
    pub(super) fn poison(&self) -> Option<Arc<io::Error>> {
        self.poison.clone()
    }

    /// Syncs a file that an earlier process wrote.
    pub(super) fn sync_found(&mut self, path: &Path) -> io::Result<()> {
        self.unsynced = true;
        self.sync(path)
    }

    /// Writes an entry at the end of a file of `length` bytes, or leaves that as it was.
    pub(super) fn append(
        &mut self,
        path: &Path,
        length: u64,
        entry: &[u8],
        fsync: Fsync,
    ) -> io::Result<()> {
        self.refuse_when_poisoned()?;
        let mut file = self.take_file(path)?;
        if let Err(error) = file.write_all(entry) {
            // Half an entry may stand there. The next one must not be written behind it.
            return match file.cut_to(length) {
                Ok(()) => {
                    self.keep_file(file);
                    Err(error)
                }
                Err(_) => Err(self.poisoned_by(error)),
            };
        }
        self.unsynced = true;
        match fsync {
            Fsync::Always => {
                self.file = Some(file);
                self.sync(path)?;
            }
            Fsync::Interval(_) => self.file = Some(file),
            Fsync::Never => {} // no fsync will come to close it
        }
        Ok(())
    }

    /// Syncs what was written and closes the file.
    pub(super) fn sync(&mut self, path: &Path) -> io::Result<()> {
        self.refuse_when_poisoned()?;
        if !self.unsynced {
            return Ok(());
        }
        let file = self.take_file(path)?;
        file.sync().map_err(|error| self.poisoned_by(error))?;
        self.unsynced = false;
        self.unsynced_since = None;
        Ok(())
    }

    /// Whether unsynced bytes have waited for `interval`, counted from the first call that saw them.
    pub(super) fn is_due(&mut self, now: Instant, interval: Duration) -> bool {
        if !self.unsynced || self.poison.is_some() {
            return false;
        }
        let since = *self.unsynced_since.get_or_insert(now);
        now.saturating_duration_since(since) >= interval
    }

    /// Leaves the file of the sealed segment for that of the next.
    pub(super) fn roll(
        &mut self,
        dir: &Path,
        sealed: &Path,
        next: &Path,
        fsync: Fsync,
    ) -> io::Result<()> {
        self.refuse_when_poisoned()?;
        if fsync == Fsync::Never {
            self.unsynced = false; // a later `sync` covers the next segment alone
        } else {
            self.sync(sealed)?; // before the next exists: only the last segment may be torn
        }
        self.file = None;
        drop(self.disk.open_tail(next)?);
        if fsync == Fsync::Never { Ok(()) } else { self.sync_folder(dir) }
    }

    /// A folder whose fsync failed may forget a segment that entries then go to.
    pub(super) fn sync_folder(&mut self, dir: &Path) -> io::Result<()> {
        self.disk.sync_folder(dir).map_err(|error| self.poisoned_by(error))
    }

    fn take_file(&mut self, path: &Path) -> io::Result<Box<dyn TailFile>> {
        self.file.take().map_or_else(|| self.disk.open_tail(path), Ok)
    }

    fn keep_file(&mut self, file: Box<dyn TailFile>) {
        self.file = self.unsynced.then_some(file);
    }

    fn poisoned_by(&mut self, error: io::Error) -> io::Error {
        let error = Arc::new(error);
        self.poison = Some(Arc::clone(&error));
        io::Error::new(error.kind(), error)
    }

    fn refuse_when_poisoned(&self) -> io::Result<()> {
        match &self.poison {
            Some(error) => Err(io::Error::new(error.kind(), Arc::clone(error))),
            None => Ok(()),
        }
    }
}
