//! A disk for tests, whose power can be cut: it leaves what a file system may leave of what was not synced.
//!
//! Feature `test-disk`. A log is opened on it with [`Log::open_on`](crate::Log::open_on) and works on real files, so
//! everything can be read. Beside them the disk remembers in memory what each fsync covered; [`PowerCut::cut`] then
//! takes from the files what a power cut may take.
//!
//! ```
//! use bookend_log::{Log, Options, testing::{PowerCut, seeded}};
//!
//! let folder = tempfile::tempdir()?;
//! let disk = PowerCut::default();
//! let (mut log, _) = Log::open_on(folder.path(), Options::default(), &disk)?;
//! log.append(1, 0, b"synced")?;
//! log.sync()?;
//! log.append(1, 0, b"not synced")?;
//! drop(log);
//!
//! disk.cut(folder.path(), seeded(7))?;
//! let (log, _) = Log::open_on(folder.path(), Options::default(), &disk)?;
//! assert!([1, 2].contains(&log.end()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is legal
//! - What was synced stays: a file's bytes as they were when its fsync began, a folder's names likewise.
//! - Of a file's unsynced bytes each page stays or not. Where one did not, zeros or noise stand, or the file ends.
//!   A file may also end within the pages that stayed. Bytes written over others may be the old ones.
//! - A truncation comes before what was written after it, and may not have happened at all.
//! - Of a folder's unsynced names each is what it was at any moment since the last sync: there, gone, or renamed.
//!   A folder whose own name was never synced, or that of a folder above it, may be gone with all that is in it.

mod inode;
mod state;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::state::State;
use crate::disk::{Disk, OsDisk, Synced, TailFile};

/// A disk whose power can be cut. Clones are the same disk, and any number of logs may be on it. It keeps all they hold in
/// memory, so they should be small.
#[derive(Debug, Clone)]
pub struct PowerCut {
    state: Arc<Mutex<State>>,
}

impl Default for PowerCut {
    fn default() -> Self {
        Self::new(4_096)
    }
}

impl PowerCut {
    /// A disk that loses unsynced bytes by pages of this size. Pages smaller than a log's entries bring more cases.
    #[must_use]
    pub fn new(page_bytes: usize) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(page_bytes.max(1)))) }
    }

    /// Cuts the power: leaves in `dir`, and in the folders beneath it, one of the states that are legal. Whatever used
    /// the folder must have been dropped, as a crashed process drops all. What is left counts as synced from now on.
    ///
    /// `choose` is asked at each fork how to go on, with the number of ways, and answers below it; 0 keeps most, and
    /// the highest answers lose most. [`seeded`] answers at random. Files that no log wrote are left alone.
    ///
    /// # Errors
    /// When a file cannot be written or removed.
    pub fn cut(&self, dir: &Path, mut choose: impl FnMut(usize) -> usize) -> io::Result<()> {
        let mut state = self.state();
        let left = state.left(dir, &mut choose);
        for path in state.forget(dir) {
            remove_if_there(&path)?;
        }
        for folder in &left.lost {
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // A log whose folder was removed may still have tried to write.
        let in_a_folder = |path: &PathBuf| path.parent().is_some_and(Path::is_dir);
        for (path, bytes) in left.files.into_iter().filter(|(path, _)| in_a_folder(path)) {
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    /// Makes this folder fail from now on, or no more.
    pub fn fail_folder(&self, dir: &Path, fault: Option<FolderFault>) {
        self.state().fail_folder(dir, fault);
    }

    /// As [`cut`](Self::cut), but leaves the files in the folder `to`, which is created, and `dir` as it is: so many
    /// ends of one moment can be looked at, while the log goes on.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn cut_into(
        &self,
        dir: &Path,
        to: &Path,
        mut choose: impl FnMut(usize) -> usize,
    ) -> io::Result<()> {
        fs::create_dir_all(to)?;
        for (path, bytes) in self.state().left(dir, &mut choose).files {
            let below = path.strip_prefix(dir).map_err(io::Error::other)?;
            let path = to.join(below);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    /// Makes every log under `dir` that is opened from now on stand on this disk, until what is returned is dropped: for
    /// tests of what opens its logs itself.
    #[must_use = "it is plugged out when this is dropped"]
    pub fn plug_in(&self, dir: impl AsRef<Path>) -> PluggedIn {
        let dir = dir.as_ref().to_owned();
        plugged().push((dir.clone(), self.clone()));
        PluggedIn { dir }
    }

    /// Takes what is in a log's folder for synced, unless it was written here.
    pub(crate) fn adopt(&self, dir: &Path) -> io::Result<()> {
        if !dir.exists() {
            return Ok(());
        }
        let mut state = self.state();
        fs::read_dir(dir)?.try_for_each(|file| state.see(&file?.path()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a folder fails whose names are to be synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderFault {
    /// It cannot be opened, as for want of descriptors.
    Open,
    /// It is opened, and the sync fails.
    Sync,
}

/// A disk under a folder; see [`PowerCut::plug_in`].
#[derive(Debug)]
pub struct PluggedIn {
    dir: PathBuf,
}

impl Drop for PluggedIn {
    fn drop(&mut self) {
        plugged().retain(|(dir, _)| *dir != self.dir);
    }
}

static PLUGGED: Mutex<Vec<(PathBuf, PowerCut)>> = Mutex::new(Vec::new());

fn plugged() -> MutexGuard<'static, Vec<(PathBuf, PowerCut)>> {
    PLUGGED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk under `dir`, if one was plugged in.
pub(crate) fn disk_under(dir: &Path) -> Option<Arc<dyn Disk>> {
    let plugged = plugged();
    let (_, disk) = plugged.iter().find(|(above, _)| dir.starts_with(above))?;
    Some(Arc::new(disk.clone()))
}

/// Answers for [`PowerCut::cut`] that look random and are the same for the same seed.
pub fn seeded(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |ways| {
        // SplitMix64: https://prng.di.unimi.it/splitmix64.c
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // Thirty bits fit every `usize`, and there are never that many ways.
        let bits = u32::try_from((mixed ^ (mixed >> 31)) >> 34).unwrap_or_default();
        bits as usize % ways.max(1)
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

// Each call changes the real file and the memory of it under one lock, so the two never differ. Nothing is really
// synced: the memory alone decides what a cut takes.
impl Disk for PowerCut {
    fn open_tail(&self, path: &Path) -> io::Result<Box<dyn TailFile>> {
        let mut state = self.state();
        let inode = state.open(path)?;
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Box::new(CutFile { disk: self.clone(), inode, file }))
    }

    fn open_folder(&self, dir: &Path) -> io::Result<Box<dyn Synced>> {
        if self.state().fault(dir) == Some(FolderFault::Open) {
            return Err(io::Error::other("the folder cannot be opened"));
        }
        Ok(Box::new(CutFolder { disk: self.clone(), dir: dir.to_owned() }))
    }

    fn write_over(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.open(path)?;
        OsDisk.write_over(path, bytes)?;
        state.inode(inode).write_over(bytes);
        Ok(())
    }

    fn replace(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        let mut state = self.state();
        state.see(path)?;
        OsDisk.replace(path, bytes, false)?;
        state.replace(path, bytes, sync);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.see(path)?;
        fs::remove_file(path)?;
        state.remove(path);
        Ok(())
    }

    fn create_folder(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        for folder in dir.ancestors().take_while(|folder| !folder.exists()) {
            state.create_folder(folder);
        }
        fs::create_dir_all(dir)
    }

    // The names in it are gone at once, and for good: what of them a power cut brings back is nobody's.
    fn remove_folder(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        fs::remove_dir_all(dir)?;
        state.forget(dir);
        Ok(())
    }
}

#[derive(Debug)]
struct CutFile {
    disk: PowerCut,
    inode: usize,
    file: File,
}

impl Synced for CutFile {
    fn sync(&self) -> io::Result<()> {
        self.disk.state().inode(self.inode).sync();
        Ok(())
    }
}

impl TailFile for CutFile {
    fn append(&self, entry: [&[u8]; 3]) -> io::Result<()> {
        let mut state = self.disk.state();
        self.file.append(entry)?;
        state.inode(self.inode).append(&entry.concat());
        Ok(())
    }

    fn cut_to(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        self.file.cut_to(bytes)?;
        state.inode(self.inode).cut_to(usize::try_from(bytes).map_err(io::Error::other)?);
        Ok(())
    }
}

struct CutFolder {
    disk: PowerCut,
    dir: PathBuf,
}

impl Synced for CutFolder {
    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.fault(&self.dir) == Some(FolderFault::Sync) {
            return Err(io::Error::other("the folder cannot be synced"));
        }
        state.sync_folder(&self.dir)
    }
}
