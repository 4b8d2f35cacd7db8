//! One process per store: a lock on `<database>.lock`, held as long as the store is open.
//!
//! SQLite would let a second process write, too; but then each would decide from its own copy of the progress.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
};

use super::OpenError;

/// A lock that is held; the end of the process gives it back, too.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Makes the database's folder and takes the lock.
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let unwritable = |error| OpenError::of_io(error, database.to_owned());
        if let Some(folder) = database.parent() {
            fs::create_dir_all(folder).map_err(unwritable)?;
        }
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let file = File::options().create(true).append(true).open(path).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: database.to_owned() }),
            Err(TryLockError::Error(error)) => Err(unwritable(error)),
        }
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a child process that is being started holds a copy of it until it runs.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the store's lock could not be given back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: the lock is exclusive, and free again even while a copy of its file is open, as in a child process.
    #[test]
    fn a_lock_is_given_back_whoever_has_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("store.db");
        let lock = Lock::take(&database).unwrap();
        assert!(matches!(Lock::take(&database), Err(OpenError::Locked { .. })));
        let _copy = lock.0.try_clone().unwrap();
        drop(lock);
        Lock::take(&database).unwrap();
    }
}
