//! One append-only, checksummed, segmented log on disk: `append` at the end, `read` anywhere, drop at the start.
//!
//! ```text
//!   drop_before                read(from)                  append
//!       │                          │                         │
//!       ▼                          ▼                         ▼
//!  ┌───────────┬───────────┐  ┌───────────┬─────┐  ┌───────────┬─ ─
//!  │ 0     1   │ 2       3 │  │ 4   5   6 │ 7   │  │ 8       9 │
//!  └───────────┴───────────┘  └───────────┴─────┘  └───────────┴─ ─
//!   000…000.log                000…004.log          000…008.log
//!   sealed                     sealed               active: the only one that is written
//! ```
//!
//! An entry is a payload that spans one or more *indexes*; a log holds the indexes `start..end` without a hole.
//! What a payload means is the owner's: this crate knows bytes, counts and times, nothing of Kafka.
//!
//! ```
//! use bookend_log::{Log, Options};
//!
//! let folder = tempfile::tempdir()?;
//! let (mut log, recovery) = Log::open(folder.path(), Options::default())?;
//! assert!(recovery.cut.is_none()); // nothing was torn
//!
//! let first = log.append(2, 1_700_000_000_000, b"two records in one batch")?;
//! assert_eq!((first, log.start(), log.end()), (0, 0, 2));
//!
//! let entries = log.read(1, 1_048_576)?; // index 1 lies within the entry that starts at 0
//! assert_eq!(entries[0].first, 0);
//! assert_eq!(entries[0].payload, b"two records in one batch");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//! - **An entry is there whole or not at all.** It is one write; [`Log::open`] cuts what a crash left of one, and
//!   says what it cut. After a failed [`append`](Log::append) the log is as it was before, or it takes no more.
//! - **No wrong byte is returned.** Every entry's header and payload carry a CRC-32C. A damaged entry with others
//!   behind it is an error that names file and position, at open or at the read, never skipped in silence. Who asks for
//!   the [place](Payload::Located) of a payload in its file is told it unchecked, and of this process' own entries only.
//! - **No index is given twice, and the start never goes back,** whatever was dropped and wherever the power was cut
//!   (except under [`Fsync::Never`]).
//! - **No length from the disk is trusted** before it was checked against the file.
//! - **An idle log holds no file open:** a file stays open only while bytes of it wait for their fsync, or while somebody
//!   has the place of a payload in it. A process may own ten thousand logs.
//! - **One owner.** A `Log` does not guard its folder against a second process; a [`FolderLock`] around all logs of a
//!   data folder does.
//!
//! # On disk
//! A folder per log, a file per segment, named by its first index in 20 digits. A `.log` file is entries back to back,
//! all integers big-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 0–2   | the letters `BKL` |
//! | 3     | format version, 1 |
//! | 4–7   | length of the payload, u32 |
//! | 8–15  | first index, u64 |
//! | 16–19 | count of indexes, u32, at least 1 |
//! | 20–27 | time in milliseconds since 1970, i64 |
//! | 28–31 | CRC-32C of the payload |
//! | 32–35 | CRC-32C of bytes 0–31 |
//! | 36–   | the payload |
//!
//! The header's own checksum lets a scan step over payloads without reading them, and covers the payload's checksum,
//! so no payload passes under another's header. It stands at the same place in every version, so that an entry of a
//! later one is told from damage. Beside the segments there may be
//!
//! | file | what | missing or damaged |
//! |---|---|---|
//! | `….index` | points in a sealed segment, so that opening does not read it | built again from the segment |
//! | `start` | letters `BKS`, version 1, CRC-32C of the rest; the first index that counts, u64 | missing: the first segment's; damaged: refused, because an earlier start would bring back what was deleted |
//! | `synced` | letters `BKM`, version 1, CRC-32C of the rest; a segment's first index and how many bytes of it were synced, u64 each | nothing of the last segment counts as synced |
//!
//! `start` is written anew, synced, renamed and its folder synced before a segment below it goes. `synced` is written in
//! place after each fsync and not synced itself, so it may tell less than is true, never more.
//!
//! # A torn tail, or damage?
//! Only the last segment can be torn: the others were synced before the next was created (except under
//! [`Fsync::Never`]). At its first invalid entry, `open` asks the mark in `synced`. Before that mark nothing can be
//! torn: something damaged the file, and `open` refuses. Behind it nothing was promised, and a power cut may have
//! written later pages and not earlier ones: so the rest is cut, with the valid entries that may be in it, and
//! [`Recovery`] tells how much. A log that was closed after a [`sync`](Log::sync) is marked up to its end, so there a
//! flipped bit in the very last entry is told from a torn one. An entry of a later version is never cut.

mod options;
mod entry;
mod segment;
mod disk;
mod marks;
mod recover;
mod log;
mod files;
mod error;
mod lock;
#[cfg(any(test, feature = "test-disk"))]
pub mod testing;

pub use self::{
    entry::{Entry, EntryInfo, PAYLOAD_BYTES_MAX},
    error::{AppendError, OpenError, ReadError},
    files::{Files, ReplaceError},
    lock::{FolderLock, LockError},
    log::{Bounds, Located, Log, Payload, PendingSync, SyncDone},
    options::{Fsync, Options},
    recover::{Cut, Recovery},
};
