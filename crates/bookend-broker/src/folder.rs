//! The data folder: locked against other processes, and removed at the end if it is a temporary one. Also, how many
//! files there may be open.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bookend_log::{Files, FolderLock};

use crate::error::StartError;

/// The data folder, held against other processes.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    is_temporary: bool,
    _lock: FolderLock,
}

impl Folder {
    /// Takes the folder at `path`, or a new temporary one. Blocks on the disk.
    pub(crate) fn take(path: Option<PathBuf>) -> Result<Self, StartError> {
        let is_temporary = path.is_none();
        let path = path.unwrap_or_else(temporary);
        let lock = FolderLock::take(&path)?;
        if !is_temporary {
            // Also where it was there before: whoever made it may have ended before it got here.
            let synced = Files::under(&path).sync_names_above(&path);
            synced.map_err(|source| StartError::Folder { path: path.clone(), source })?;
        }
        Ok(Self { path, is_temporary, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a temporary folder remains");
        }
    }
}

/// How many files and connections the system lets this process have open.
pub(crate) fn open_files_max() -> usize {
    #[cfg(unix)]
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    #[cfg(not(unix))]
    let files = usize::MAX;
    files
}

fn temporary() -> PathBuf {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    std::env::temp_dir().join(format!("bookend-broker-{:016x}", u64::from_be_bytes(bytes)))
}
