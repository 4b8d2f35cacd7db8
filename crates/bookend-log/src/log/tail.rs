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
    /// Whether the file may have bytes that no fsync covered.
    unsynced: bool,
    /// When [`is_due`](Self::is_due) first saw them.
    unsynced_since: Option<Instant>,
    /// How many folders, from the file's own upward, may have a name of ours that no fsync covered.
    unsynced_names: usize,
    poison: Option<Arc<io::Error>>,
}

impl Tail {
    /// Goes on with a file that an earlier process wrote and perhaps did not sync, nor its name, nor its folder's.
    pub(super) fn new(disk: Arc<dyn Disk>, has_bytes: bool) -> Self {
        Self {
            disk,
            file: None,
            unsynced: has_bytes,
            unsynced_since: None,
            unsynced_names: 2,
            poison: None,
        }
    }

    /// The failure after which nothing is written any more.
    pub(super) fn poison(&self) -> Option<Arc<io::Error>> {
        self.poison.clone()
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
        if fsync == Fsync::Always {
            self.sync_names(path)?; // first: once the entry is written, only its own fsync may still fail
        }
        let mut file = self.take_file(path)?;
        if let Err(error) = file.write_all(entry) {
            // Half an entry may stand there. The next one must not be written behind it.
            let undone = file.cut_to(length);
            self.keep_file(file, fsync);
            return Err(if undone.is_ok() { error } else { self.poisoned_by(error) });
        }
        self.unsynced = true;
        self.keep_file(file, fsync);
        if fsync == Fsync::Always { self.sync(path) } else { Ok(()) }
    }

    /// Syncs what was written and closes the file.
    pub(super) fn sync(&mut self, path: &Path) -> io::Result<()> {
        self.refuse_when_poisoned()?;
        if !self.unsynced {
            return Ok(());
        }
        self.sync_names(path)?;
        let file = self.take_file(path)?;
        file.sync().map_err(|error| self.poisoned_by(error))?;
        self.unsynced = false;
        self.unsynced_since = None;
        Ok(())
    }

    /// Syncs the name of the file, so that a power cut does not take the file itself.
    pub(super) fn sync_names(&mut self, path: &Path) -> io::Result<()> {
        self.refuse_when_poisoned()?;
        for dir in path.ancestors().skip(1).take(self.unsynced_names) {
            let folder = self.disk.open_folder(dir)?;
            folder.sync().map_err(|error| self.poisoned_by(error))?;
        }
        self.unsynced_names = 0;
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
    pub(super) fn roll(&mut self, sealed: &Path, next: &Path, fsync: Fsync) -> io::Result<()> {
        self.refuse_when_poisoned()?;
        if fsync != Fsync::Never {
            self.sync(sealed)?; // before the next exists: only the last segment may be torn
        }
        drop(self.disk.open_tail(next)?);
        self.file = None;
        self.unsynced = false;
        self.unsynced_names = self.unsynced_names.max(1);
        Ok(())
    }

    fn take_file(&mut self, path: &Path) -> io::Result<Box<dyn TailFile>> {
        self.file.take().map_or_else(|| self.disk.open_tail(path), Ok)
    }

    /// Keeps the file where an fsync will come to close it.
    fn keep_file(&mut self, file: Box<dyn TailFile>, fsync: Fsync) {
        self.file = (self.unsynced && fsync != Fsync::Never).then_some(file);
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
