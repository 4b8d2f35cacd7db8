//! The writing half of the disk, behind two small traits so that tests can make it fail.
//!
//! Reading has no seam: tests damage the files themselves.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// Where segments are written.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Opens a file for writing at its end, and creates it where it is missing.
    fn open_tail(&self, path: &Path) -> io::Result<Box<dyn TailFile>>;

    /// Makes created and removed names of a folder survive a power cut.
    fn sync_folder(&self, dir: &Path) -> io::Result<()>;
}

/// A file that is written at its end only.
pub(crate) trait TailFile: io::Write + fmt::Debug + Send + Sync {
    /// Takes back everything from `bytes` on.
    fn cut_to(&self, bytes: u64) -> io::Result<()>;

    /// Makes what was written survive a power cut.
    fn sync(&self) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug)]
pub(crate) struct OsDisk;

impl Disk for OsDisk {
    fn open_tail(&self, path: &Path) -> io::Result<Box<dyn TailFile>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Box::new(file))
    }

    fn sync_folder(&self, dir: &Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened as a file, and names are journaled.
        if cfg!(not(unix)) {
            return Ok(());
        }
        let here = Path::new("."); // the parent of a relative name is empty
        File::open(if dir.as_os_str().is_empty() { here } else { dir })?.sync_all()
    }
}

impl TailFile for File {
    fn cut_to(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data() // the length is part of it, the modification time is not
    }
}
