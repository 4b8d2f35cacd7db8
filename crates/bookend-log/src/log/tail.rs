//! The writing end: one file at most, open only while bytes of it wait for their fsync.
//!
//! Upstream: [`disk`](crate::disk), and [`sync`](super::sync), which does the waiting. A first failure that leaves the
//! disk unknown is kept, and refuses all that follows.

use std::{
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::sync::{Extent, Health, OpenTail, PendingSync, SyncDone};
use crate::{Fsync, disk::Disk, marks::SyncMark, segment::Segment};

#[derive(Debug)]
pub(super) struct Tail {
    disk: Arc<dyn Disk>,
    /// Open from the first write after a sync to the next sync: an error of writing back in between is reported to
    /// files that were open then.
    file: Option<Arc<OpenTail>>,
    /// The index after the last entry that was written, and after the last that an fsync covered.
    written_end: u64,
    synced_end: u64,
    /// When [`is_due`](Self::is_due) first saw a difference of the two.
    unsynced_since: Option<Instant>,
    /// How many folders, from the file's own upward, may have a name of ours that no fsync covered.
    unsynced_names: usize,
    /// How often names were made or changed. A sync covers those that were there when it began.
    names_made: u64,
    health: Arc<Health>,
}

impl Tail {
    /// Goes on with a segment that an earlier process wrote and perhaps did not sync, nor its name, nor its folder's.
    pub(super) fn new(disk: Arc<dyn Disk>, active: &Segment) -> Self {
        Self {
            disk,
            file: None,
            written_end: active.end,
            synced_end: active.first,
            unsynced_since: None,
            unsynced_names: 2,
            names_made: 0,
            health: Arc::default(),
        }
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub(super) fn synced_end(&self) -> u64 {
        self.synced_end
    }

    /// The failure after which nothing is written any more.
    pub(super) fn poison(&self) -> Option<Arc<io::Error>> {
        self.health.poison()
    }

    /// Writes an entry that ends at index `end` behind those of `active`, or leaves the file as it was.
    pub(super) fn append(
        &mut self,
        dir: &Path,
        active: &Segment,
        entry: [&[u8]; 3],
        end: u64,
        keep_open: bool,
    ) -> io::Result<()> {
        self.health.refuse_when_poisoned()?;
        let tail = self.take_file(dir, active)?;
        if let Err(error) = tail.file.append(entry) {
            // Half an entry may stand there. The next one must not be written behind it.
            let undone = tail.file.cut_to(active.bytes);
            self.keep_file(tail, keep_open);
            return Err(if undone.is_ok() { error } else { self.health.poisoned_by(error) });
        }
        self.written_end = end;
        let entry_bytes = entry.map(<[u8]>::len).iter().sum::<usize>() as u64;
        tail.wrote(Extent { end, bytes: active.bytes + entry_bytes });
        self.keep_file(tail, keep_open);
        Ok(())
    }

    /// What a sync of `active` has to do, `None` when there is nothing. Without `marked` it leaves no mark.
    pub(super) fn begin_sync(
        &mut self,
        dir: &Path,
        active: &Segment,
        marked: bool,
    ) -> io::Result<Option<PendingSync>> {
        self.health.refuse_when_poisoned()?;
        if !self.is_unsynced() {
            return Ok(None);
        }
        let tail = self.take_file(dir, active)?;
        self.file = Some(Arc::clone(&tail));
        self.unsynced_since = None;
        Ok(Some(PendingSync {
            disk: Arc::clone(&self.disk),
            health: Arc::clone(&self.health),
            tail,
            folders: self.folders(dir),
            mark: marked.then(|| (dir.to_owned(), active.first)),
            end: self.written_end,
            names_made: self.names_made,
        }))
    }

    /// Takes note of a sync, and closes the file once all of it is covered.
    pub(super) fn end_sync(&mut self, done: SyncDone) -> io::Result<()> {
        let end = done.result?;
        self.health.refuse_when_poisoned()?;
        // Names that were made since are in the log's own folder.
        let same_names = done.names_made == self.names_made;
        self.unsynced_names = if same_names { 0 } else { self.unsynced_names.min(1) };
        self.synced_end = self.synced_end.max(end);
        if !self.is_unsynced() {
            self.file = None;
            self.unsynced_since = None;
        }
        Ok(())
    }

    /// All of a sync at once.
    pub(super) fn sync(&mut self, dir: &Path, active: &Segment, marked: bool) -> io::Result<()> {
        match self.begin_sync(dir, active, marked)? {
            Some(pending) => self.end_sync(pending.run()),
            None => Ok(()),
        }
    }

    /// Syncs names, so that a power cut does not take the files themselves.
    pub(super) fn sync_names(&mut self, dir: &Path) -> io::Result<()> {
        self.health.refuse_when_poisoned()?;
        for folder in self.folders(dir) {
            self.health.sync_folder(&*self.disk, &folder)?;
        }
        self.unsynced_names = 0;
        Ok(())
    }

    /// Takes note that a name in the log's folder was made or changed.
    pub(super) fn name_made(&mut self) {
        self.names_made += 1;
        self.unsynced_names = self.unsynced_names.max(1);
    }

    /// Whether unsynced bytes have waited for `interval`, counted from the first call that saw them.
    pub(super) fn is_due(&mut self, now: Instant, interval: Duration) -> bool {
        if !self.is_unsynced() || self.health.poison().is_some() {
            return false;
        }
        let since = *self.unsynced_since.get_or_insert(now);
        now.saturating_duration_since(since) >= interval
    }

    /// Leaves the file of the sealed segment for that of the next.
    pub(super) fn roll(
        &mut self,
        dir: &Path,
        sealed: &Segment,
        next: &Segment,
        fsync: Fsync,
    ) -> io::Result<()> {
        self.health.refuse_when_poisoned()?;
        if fsync != Fsync::Never {
            // Before the next exists: only the last segment may be torn. That there is a next one says it was synced.
            self.sync(dir, sealed, false)?;
        }
        drop(self.disk.open_tail(&next.path(dir))?);
        self.file = None;
        self.synced_end = self.written_end;
        self.unsynced_since = None;
        self.name_made();
        Ok(())
    }

    fn is_unsynced(&self) -> bool {
        self.synced_end < self.written_end
    }

    fn folders(&self, dir: &Path) -> Vec<std::path::PathBuf> {
        dir.ancestors().take(self.unsynced_names).map(Path::to_owned).collect()
    }

    fn take_file(&mut self, dir: &Path, active: &Segment) -> io::Result<Arc<OpenTail>> {
        if let Some(tail) = self.file.take() {
            return Ok(tail);
        }
        let file = self.disk.open_tail(&active.path(dir))?;
        let written = Extent { end: self.written_end, bytes: active.bytes };
        Ok(Arc::new(OpenTail::new(file, written, self.synced_end)))
    }

    /// Keeps the file where an fsync will come to close it.
    fn keep_file(&mut self, tail: Arc<OpenTail>, keep_open: bool) {
        self.file = (self.is_unsynced() && keep_open).then_some(tail);
    }
}

impl SyncMark {
    /// The mark of a segment that was synced this far.
    pub(super) fn of(segment: u64, synced: Extent) -> Self {
        Self { segment, bytes: synced.bytes }
    }
}
