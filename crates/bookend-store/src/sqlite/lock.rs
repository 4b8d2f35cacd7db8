//! One process per store: a lock on `<database>.lock`, held as long as the store is open.
//!
//! SQLite would let a second process write, too; but then each would decide from its own copy of the progress.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
};

use super::OpenError;

/// Makes the database's folder and takes the lock; dropping the file gives it back, as does the end of the process.
pub(super) fn lock(database: &Path) -> Result<File, OpenError> {
    let unwritable = |error| OpenError::of_io(error, database.to_owned());
    if let Some(folder) = database.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let file = File::options().create(true).append(true).open(path).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: database.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unwritable(error)),
    }
}
