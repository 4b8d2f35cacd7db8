//! Why a broker does not start.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why a broker does not start; nothing of it is running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on: another process has the port, or this host does not have the address.
    /// Stop the other one, or listen on another port; port 0 takes any free one.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no threads for the broker; the process or the user has too many.
    #[error("the broker cannot have threads of its own")]
    Threads(#[source] io::Error),
    /// The data folder is held by another process, or cannot be written. Stop the other one, or name another folder.
    #[error(transparent)]
    Locked(#[from] bookend_log::LockError),
    /// The data folder's catalog cannot be read or written. The message names the file; restore it from a copy, or
    /// name another folder.
    #[error("cannot use the data folder `{}`", path.display())]
    Folder {
        /// The data folder.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// There are topics or committed offsets, but the catalog that says what they are is gone. Restore it from a copy,
    /// or name another folder; to begin anew, remove what is left.
    #[error("`{}` has lost its file `catalog`, and what else is in it says nothing without it", path.display())]
    NoCatalog {
        /// The data folder.
        path: PathBuf,
    },
    /// The folder of a partition is gone, and the records in it with it. Restore the data folder from a copy, or name
    /// another one. To go on without those records, create the folder, empty.
    #[error("topic `{topic}` has lost the folder `{}`", path.display())]
    Missing {
        /// The topic.
        topic: String,
        /// What is missing.
        path: PathBuf,
    },
    /// A log in the data folder is damaged or cannot be opened. The message names the file.
    #[error(transparent)]
    Open(#[from] bookend_log::OpenError),
    /// A log in the data folder is damaged or cannot be read. The message names the file.
    #[error(transparent)]
    Read(#[from] bookend_log::ReadError),
    /// A partition's log is intact but holds something that is no record batch: not a folder of this broker.
    #[error("the data folder holds no record batch at offset {offset} of a partition")]
    NotABatch {
        /// Where in the partition.
        offset: i64,
    },
    /// The log of committed offsets is intact but holds something else, perhaps of a newer version.
    #[error("the data folder holds no committed offsets in entry {entry} of their log")]
    NotAnOffset {
        /// Where in the log.
        entry: u64,
    },
}
