//! Keeps a second process out of a data folder.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// The name of the locked file within the folder. It stays when the lock is gone: only the operating system's lock
/// on it counts, and that ends with the process, however it ends.
const LOCK_FILE: &str = "lock";

/// The exclusive use of a data folder, until dropped.
#[derive(Debug)]
#[must_use = "the folder is free again as soon as this is dropped"]
pub struct FolderLock {
    file: File,
}

/// A folder that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process holds it, or another lock of this one. Stop that, or use another folder.
    #[error("`{}` is in use by another process", dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// It is read-only, or no folder. Use another, or change its permissions.
    #[error("`{}` cannot be written to", dir.display())]
    Unwritable {
        /// The folder.
        dir: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl FolderLock {
    /// Takes `dir` for this process, and creates it first where it is missing.
    ///
    /// # Errors
    /// [`LockError::InUse`] when it is taken, [`LockError::Unwritable`] when it cannot be created or written to.
    pub fn take(dir: impl AsRef<Path>) -> Result<Self, LockError> {
        let dir = dir.as_ref();
        let unwritable = |source| LockError::Unwritable { dir: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(unwritable)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join(LOCK_FILE))
            .map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(LockError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(unwritable(source)),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that is being started right now holds a copy of it.
        self.file.unlock().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: one holder at a time, and the folder is free again after it. A second handle in this process is as
    // foreign to the operating system as another process.
    #[test]
    fn a_folder_has_one_holder() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("new");
        let held = FolderLock::take(&dir).unwrap();
        let refused = FolderLock::take(&dir).unwrap_err();
        assert!(matches!(refused, LockError::InUse { .. }), "{refused}");
        assert_eq!(
            refused.to_string(),
            format!("`{}` is in use by another process", dir.display())
        );
        drop(held);
        drop(FolderLock::take(&dir).unwrap());
    }

    #[test]
    fn a_file_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(FolderLock::take(&file), Err(LockError::Unwritable { .. })));
    }
}
