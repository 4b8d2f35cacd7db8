//! What stands around logs, a small file or a folder of theirs, made to survive a power cut as they do.
//!
//! Upstream: [`disk`](crate::disk), so tests cut the power of these too.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::disk::{Disk, OsDisk};

/// The files and folders of a data folder that are no log's own.
///
/// ```
/// use bookend_log::Files;
///
/// let folder = tempfile::tempdir()?;
/// let files = Files::under(folder.path());
/// files.create_folder(&folder.path().join("topics/a"))?;
/// files.sync_names(&folder.path().join("topics"))?; // the name `a`
/// files.sync_names(folder.path())?; // the name `topics`
/// files.replace(&folder.path().join("catalog"), b"a")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Files {
    disk: Arc<dyn Disk>,
}

/// A file that was not replaced, or perhaps was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The old file is there as it was.
    #[error("`{}` could not be written", path.display())]
    Kept {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The new file is there, but a power cut may bring back the old one.
    #[error("`{}` was replaced, which a power cut may undo", path.display())]
    Unsynced {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Files {
    /// Those under `dir`.
    #[must_use]
    pub fn under(dir: impl AsRef<Path>) -> Self {
        #[cfg(any(test, feature = "test-disk"))]
        if let Some(disk) = crate::testing::disk_under(dir.as_ref()) {
            return Self { disk };
        }
        let _ = dir;
        Self { disk: OsDisk::shared() }
    }

    /// Creates a folder, with those above it that are missing. Their names are to be synced.
    ///
    /// # Errors
    /// When one cannot be created.
    pub fn create_folder(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_folder(dir)
    }

    /// Makes the names in a folder survive a power cut.
    ///
    /// # Errors
    /// When it cannot be opened or synced.
    pub fn sync_names(&self, dir: &Path) -> io::Result<()> {
        self.disk.open_folder(dir)?.sync()
    }

    /// Makes a folder's own name survive a power cut, and those of the folders above it. A folder that this process
    /// may not open ends it: it made nothing in there.
    ///
    /// # Errors
    /// When a folder cannot be opened for another reason, or not be synced.
    pub fn sync_names_above(&self, dir: &Path) -> io::Result<()> {
        for above in std::path::absolute(dir)?.ancestors().skip(1) {
            match self.disk.open_folder(above) {
                Ok(folder) => match folder.sync() {
                    // What the system says where a file system has no such sync.
                    Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                    synced => synced?,
                },
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Replaces a file as a whole, or creates it: once this returns a power cut leaves the new one, before that one of
    /// the two.
    ///
    /// # Errors
    /// [`ReplaceError::Kept`] or [`ReplaceError::Unsynced`]: which of the two files is there.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), ReplaceError> {
        let kept = |source| ReplaceError::Kept { path: path.to_owned(), source };
        // Opened before anything changes: so only the sync itself can still fail once the name is another's.
        let folder = self.disk.open_folder(path.parent().unwrap_or(path)).map_err(kept)?;
        self.disk.replace(path, bytes, true).map_err(kept)?;
        folder.sync().map_err(|source| ReplaceError::Unsynced { path: path.to_owned(), source })
    }

    /// Removes a folder with all that is in it.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub fn remove_folder(&self, dir: &Path) -> io::Result<()> {
        self.disk.remove_folder(dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FolderFault, PowerCut};

    /// A power cut that takes all it may.
    fn most(ways: usize) -> usize {
        ways - 1
    }

    // Goal: the disk of the tests takes a folder whose name was synced, but not that of the folder above it.
    #[test]
    fn a_name_is_lost_with_any_name_above_it() {
        let dir = tempfile::tempdir().unwrap();
        let disk = PowerCut::default();
        let _plugged = disk.plug_in(dir.path());
        let files = Files::under(dir.path());
        let (above, below) = (dir.path().join("a"), dir.path().join("a/b"));
        files.sync_names_above(dir.path()).unwrap();
        let make = || {
            files.create_folder(&below).unwrap();
            files.sync_names(&above).unwrap();
            files.replace(&below.join("file"), b"bytes").unwrap();
        };
        make();
        disk.cut(dir.path(), most).unwrap();
        assert!(!above.exists());
        make();
        files.sync_names(dir.path()).unwrap();
        disk.cut(dir.path(), most).unwrap();
        assert_eq!(std::fs::read(below.join("file")).unwrap(), b"bytes");
    }

    // Goal: a refusal says which file is there. Method: a folder that cannot be opened, and one that cannot be synced.
    #[test]
    fn a_replacement_says_which_file_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let disk = PowerCut::default();
        let _plugged = disk.plug_in(dir.path());
        let (files, path) = (Files::under(dir.path()), dir.path().join("file"));
        files.replace(&path, b"old").unwrap();
        disk.fail_folder(dir.path(), Some(FolderFault::Open));
        let error = files.replace(&path, b"new").unwrap_err();
        assert!(matches!(error, ReplaceError::Kept { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        disk.fail_folder(dir.path(), Some(FolderFault::Sync));
        let error = files.replace(&path, b"new").unwrap_err();
        assert!(matches!(error, ReplaceError::Unsynced { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }
}
