//! The writing half of the disk, behind small traits so that tests can make it fail, and cut its power.
//!
//! Reading has no seam: tests damage the files themselves.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

/// Where a log is written.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Opens a file for writing at its end, and creates it where it is missing.
    fn open_tail(&self, path: &Path) -> io::Result<Box<dyn TailFile>>;

    /// Opens a folder, to sync the names in it.
    fn open_folder(&self, dir: &Path) -> io::Result<Box<dyn Synced>>;

    /// Writes a small file in place, without a sync: a power cut leaves the old bytes, the new ones, or neither.
    fn write_over(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Writes a small file anew beside the old one, syncs it if told to, and gives it the old one's name. Once the
    /// folder was synced too, a power cut leaves the new one, and until then one of the two.
    fn replace(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// What can be made to survive a power cut: the bytes of a file, the names of a folder.
pub(crate) trait Synced {
    fn sync(&self) -> io::Result<()>;
}

/// A file that is written at its end only. One thread may write while another syncs.
pub(crate) trait TailFile: Synced + fmt::Debug + Send + Sync {
    /// Writes at the end. After an error a part of it may stand there.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Takes back everything from `bytes` on.
    fn cut_to(&self, bytes: u64) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug)]
pub(crate) struct OsDisk;

impl OsDisk {
    pub(crate) fn shared() -> Arc<dyn Disk> {
        Arc::new(Self)
    }
}

impl Disk for OsDisk {
    fn open_tail(&self, path: &Path) -> io::Result<Box<dyn TailFile>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Box::new(file))
    }

    fn open_folder(&self, dir: &Path) -> io::Result<Box<dyn Synced>> {
        let here = Path::new("."); // the parent of a relative name is empty
        let dir = if dir.as_os_str().is_empty() { here } else { dir };
        // Elsewhere a folder cannot be opened as a file, and names are journaled.
        let folder = cfg!(unix).then(|| File::open(dir)).transpose()?;
        Ok(Box::new(Folder(folder)))
    }

    fn write_over(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Not cut to nothing first: some file systems then write it out at once, when it is closed.
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)
    }

    fn replace(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        let new = path.with_added_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        if sync {
            file.sync_data()?;
        }
        fs::rename(new, path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

struct Folder(Option<File>);

impl Synced for Folder {
    fn sync(&self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), File::sync_all)
    }
}

impl Synced for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_data() // the length is part of it, the modification time is not
    }
}

impl TailFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn cut_to(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}
