//! Making written bytes survive a power cut, without the log: its owner may append while the disk works.
//!
//! Upstream: [`disk`](crate::disk). Downstream: [`tail`](super::tail), which begins and ends each sync.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use crate::{
    disk::{Disk, TailFile},
    marks::SyncMark,
};

/// A sync that [`Log::begin_sync`](crate::Log::begin_sync) began: [`run`](Self::run) it where waiting hurts nobody.
///
/// Dropped, it did nothing, and the next sync covers its entries too.
#[must_use = "nothing is synced until it runs"]
pub struct PendingSync {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) health: Arc<Health>,
    pub(super) tail: Arc<OpenTail>,
    /// The folders whose names are to be synced first.
    pub(super) folders: Vec<PathBuf>,
    /// Folder and segment of the mark to leave behind.
    pub(super) mark: Option<(PathBuf, u64)>,
    pub(super) end: u64,
    pub(super) names_made: u64,
}

/// What came of a [`PendingSync`]: give it to [`Log::end_sync`](crate::Log::end_sync).
#[derive(Debug)]
#[must_use = "`Log::end_sync` tells whether it succeeded"]
pub struct SyncDone {
    /// The index up to which all is on disk.
    pub(super) result: io::Result<u64>,
    pub(super) names_made: u64,
}

impl PendingSync {
    /// Waits until the disk has all that was appended before the sync began.
    ///
    /// Several of one log may run at once, one for each thread that appended: they take turns, and who finds its
    /// entries covered by another's fsync does none of its own. That is group commit, and needs no leader.
    pub fn run(self) -> SyncDone {
        SyncDone { result: self.sync(), names_made: self.names_made }
    }

    fn sync(&self) -> io::Result<u64> {
        for folder in &self.folders {
            self.health.sync_folder(&*self.disk, folder)?;
        }
        let mut synced = self.tail.turn();
        if synced.end >= self.end {
            return Ok(synced.end);
        }
        let written = self.tail.written(); // before the fsync: what comes later may miss it
        self.health.fsync(|| self.tail.file.sync())?;
        *synced = written;
        if let Some((dir, segment)) = &self.mark {
            // Without it the next open knows less of what was synced, and asks less.
            drop(SyncMark::of(*segment, written).write(dir, &*self.disk));
        }
        Ok(written.end)
    }
}

impl fmt::Debug for PendingSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSync").field("end", &self.end).finish_non_exhaustive()
    }
}

/// How far a file reaches: the index after its last entry, and its length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) end: u64,
    pub(super) bytes: u64,
}

/// A file that is being written, shared with the syncs that are under way.
#[derive(Debug)]
pub(super) struct OpenTail {
    pub(super) file: Box<dyn TailFile>,
    written: Mutex<Extent>,
    /// How far it is synced. Held through each fsync: the operating system tells of an error once only, so of two
    /// fsyncs at a time one could report success for bytes that the other saw lost.
    synced: Mutex<Extent>,
}

impl OpenTail {
    pub(super) fn new(file: Box<dyn TailFile>, written: Extent, synced_end: u64) -> Self {
        let synced = Extent { end: synced_end, bytes: 0 };
        Self { file, written: Mutex::new(written), synced: Mutex::new(synced) }
    }

    pub(super) fn wrote(&self, written: Extent) {
        *lock(&self.written) = written;
    }

    fn written(&self) -> Extent {
        *lock(&self.written)
    }

    fn turn(&self) -> MutexGuard<'_, Extent> {
        lock(&self.synced)
    }
}

fn lock(extent: &Mutex<Extent>) -> MutexGuard<'_, Extent> {
    extent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the disk is still known. The first failed fsync ends that for good.
#[derive(Debug, Default)]
pub(super) struct Health {
    poison: OnceLock<Arc<io::Error>>,
}

impl Health {
    pub(super) fn poison(&self) -> Option<Arc<io::Error>> {
        self.poison.get().cloned()
    }

    pub(super) fn refuse_when_poisoned(&self) -> io::Result<()> {
        match self.poison.get() {
            Some(error) => Err(io::Error::new(error.kind(), Arc::clone(error))),
            None => Ok(()),
        }
    }

    pub(super) fn poisoned_by(&self, error: io::Error) -> io::Error {
        let error = self.poison.get_or_init(|| Arc::new(error));
        io::Error::new(error.kind(), Arc::clone(error))
    }

    pub(super) fn fsync(&self, fsync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.refuse_when_poisoned()?;
        fsync().map_err(|error| self.poisoned_by(error))
    }

    /// A folder that cannot be opened, for want of descriptors say, leaves everything known.
    pub(super) fn sync_folder(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        let folder = disk.open_folder(dir)?;
        self.fsync(|| folder.sync())
    }
}
