//! The records of one partition in an answer: in memory, or still in the files of its log.
//!
//! Large batches that this process appended are sent from the page cache as they stand, with no copy of them here, so
//! they take neither memory nor time. All else, small batches and those of an earlier process, is read and its checksum
//! checked. Upstream: [`partition`](crate::partition), which reads or locates them. Downstream: [`wire`](crate::wire),
//! which puts an answer around them, and [`server`](crate::server), which sends it.

use std::sync::Arc;

use bookend_log::{Located, Payload};
use bytes::{Buf as _, Bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::folder::open_files_max;

/// Batches that are smaller are read: sending each by itself would cost more.
pub(crate) const LOCATED_BYTES: usize = 32 * 1024;
/// The part of the files a process may have open that answers may have, and how many at most.
const OPEN_SHARE: usize = 8;
const OPEN_MAX: usize = 1_024;

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Part {
    Memory(Bytes),
    File(InFile),
}

/// Bytes that stand in a file, which is open until they are sent.
#[derive(Debug)]
pub(crate) struct InFile {
    pub(crate) place: Located,
    _permit: Arc<Permit>,
}

/// The batches of one partition, in order, none empty.
#[derive(Debug, Default)]
pub(crate) struct Records(Vec<Part>);

/// How many files the answers of one broker may keep open, all connections together; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct OpenFiles(Arc<Semaphore>);

/// That one file may be kept open.
#[derive(Debug)]
pub(crate) struct Permit(#[expect(dead_code, reason = "it is given back")] OwnedSemaphorePermit);

impl OpenFiles {
    /// A share of what the process may have open; none, where the system cannot send from files.
    pub(crate) fn of_process() -> Self {
        let share = (open_files_max() / OPEN_SHARE).min(OPEN_MAX);
        let can_send = cfg!(target_os = "linux") && ignores_broken_pipes();
        Self::new(if can_send { share } else { 0 })
    }

    pub(crate) fn new(files: usize) -> Self {
        Self(Arc::new(Semaphore::new(files)))
    }

    /// Gives no more permits: a file could not be sent. From now on all records are read, so that an error is told to
    /// those who ask for that partition, and no one else.
    pub(crate) fn give_up(&self) {
        self.0.close();
    }

    /// For the records of one partition, which are in one file at most.
    pub(crate) fn permit(&self) -> Option<Permit> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Permit)
    }
}

/// Whether this process outlives a client that leaves while it is sent a file, for which there is no `MSG_NOSIGNAL`. Rust
/// programs do, unless they order otherwise. From the masks of `proc_pid_status(5)`.
fn ignores_broken_pipes() -> bool {
    const SIGPIPE: u32 = 13;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGPIPE - 1)) != 0)
}

impl Part {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File(InFile { place, .. }) => place.bytes,
        }
    }

    /// What it is, for those who have no socket.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Memory(bytes) => bytes.into(),
            Self::File(InFile { place, .. }) => place.read().expect("it stands there"),
        }
    }

    /// Goes past what is sent.
    pub(crate) fn advance(&mut self, bytes: usize) {
        match self {
            Self::Memory(part) => part.advance(bytes),
            Self::File(InFile { place, .. }) => {
                place.at += bytes as u64;
                place.bytes -= bytes;
            }
        }
    }
}

impl Records {
    /// Those in `bytes`, and those that were located, for which there is a permit.
    pub(crate) fn new(bytes: &Bytes, payloads: Vec<Payload>, permit: Option<Permit>) -> Self {
        let permit = permit.map(Arc::new);
        let (mut parts, mut read) = (Vec::new(), 0..0);
        for payload in payloads {
            match (payload, &permit) {
                (Payload::Read(at), _) => read.end = at.end, // where the one before ends
                (Payload::Located(place), Some(permit)) => {
                    parts.push(Part::Memory(bytes.slice(read.clone())));
                    read.start = read.end;
                    parts.push(Part::File(InFile { place, _permit: Arc::clone(permit) }));
                }
                (Payload::Located(_), None) => unreachable!("none was asked for"),
            }
        }
        parts.push(Part::Memory(bytes.slice(read)));
        parts.retain(|part| part.bytes() > 0);
        Self(parts)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(Part::bytes).sum()
    }

    /// How many bytes of them are in memory.
    pub(crate) fn bytes_in_memory(&self) -> usize {
        let in_memory = |part: &&Part| matches!(part, Part::Memory(_));
        self.0.iter().filter(in_memory).map(Part::bytes).sum()
    }

    /// All of them, if they are in memory and in one piece.
    pub(crate) fn into_memory(mut self) -> Result<Bytes, Self> {
        match (self.0.pop(), self.0.is_empty()) {
            (None, _) => Ok(Bytes::new()),
            (Some(Part::Memory(bytes)), true) => Ok(bytes),
            (Some(last), _) => {
                self.0.push(last);
                Err(self)
            }
        }
    }

    pub(crate) fn into_parts(self) -> Vec<Part> {
        self.0
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self(vec![Part::Memory(bytes)])
    }
}
