//! What can go wrong, one type per boundary: opening, appending, reading.

use std::{io, path::PathBuf, sync::Arc};

/// A log that could not be opened. The folder is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The operating system refused. Look at the source: permission, a full disk, a path that is no folder.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is damaged where a crash cannot have torn it, so cutting there would lose what was synced. Restore it from
    /// a copy; or cut the segment at this position and remove the later ones and the file `synced`, which loses all from
    /// here on.
    #[error("`{}` is damaged at byte {at}: {reason}", file.display())]
    Corrupt {
        /// The segment's file, or `start`.
        file: PathBuf,
        /// Where the damaged entry starts, in bytes from the file's start.
        at: u64,
        /// What does not fit.
        reason: &'static str,
    },
    /// A segment is missing before this one, or this one does not belong here. Restore the folder as it was.
    #[error("`{}` starts at index {first}, but the segment before it ends at {expected}", file.display())]
    Misplaced {
        /// The segment's file.
        file: PathBuf,
        /// The index in its name.
        first: u64,
        /// The index it should start at.
        expected: u64,
    },
}

/// An entry that was not appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The operating system refused, a full disk most likely. The log is as it was before; append again when there is room.
    #[error("`{}` could not be appended to", file.display())]
    Io {
        /// The segment's file.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// An fsync failed, now or earlier, or a half-written entry could not be taken back. What reached the disk is
    /// unknown, so the log takes no more; what it holds can still be read. Open it again once the disk is well. The
    /// entry whose append failed first may then be there or not.
    #[error("the log takes no more entries since its disk failed; open it again")]
    Poisoned {
        /// The first failure.
        source: Arc<io::Error>,
    },
    /// The payload is longer than [`PAYLOAD_BYTES_MAX`](crate::PAYLOAD_BYTES_MAX). Split it.
    #[error("a payload of {bytes} bytes is longer than an entry can be")]
    TooLarge {
        /// The payload's length.
        bytes: usize,
    },
    /// A count of 0. An entry spans at least one index.
    #[error("an entry spans at least one index, not 0")]
    Empty,
    /// No index is left, 2^64 were given.
    #[error("the log's indexes are used up")]
    Full,
}

/// Entries that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The log does not hold this index: it was dropped, or not yet appended. Read within the bounds.
    #[error("the log holds the indexes from {start} up to, not including, {end}")]
    OutOfRange {
        /// The first index there is.
        start: u64,
        /// The index after the last.
        end: u64,
    },
    /// The entry is damaged. Those before it can be read; for the rest restore the file from a copy.
    #[error("`{}` is damaged at byte {at}: {reason}", file.display())]
    Corrupt {
        /// The segment's file.
        file: PathBuf,
        /// Where the damaged entry starts, in bytes from the file's start.
        at: u64,
        /// What does not fit.
        reason: &'static str,
    },
    /// The operating system refused. Look at the source; too many open files passes, a bad sector does not.
    #[error("`{}` cannot be read", file.display())]
    Io {
        /// The segment's file.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}
