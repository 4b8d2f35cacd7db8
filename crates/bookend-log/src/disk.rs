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

    /// Opens a folder, to sync the names in it.
    fn open_folder(&self, dir: &Path) -> io::Result<Box<dyn Synced>>;
}

/// What can be made to survive a power cut: the bytes of a file, the names of a folder.
pub(crate) trait Synced {
    fn sync(&self) -> io::Result<()>;
}

/// A file that is written at its end only.
pub(crate) trait TailFile: Synced + io::Write + fmt::Debug + Send + Sync {
    /// Takes back everything from `bytes` on.
    fn cut_to(&self, bytes: u64) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug)]
pub(crate) struct OsDisk;

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
    fn cut_to(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}
