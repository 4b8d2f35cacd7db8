//! The records of one partition in an answer: in memory, or still in the files of its log.
//!
//! Large batches that this process appended are sent from the page cache as they stand, with no copy of them here, so
//! they neither take memory nor time. All else, small batches and those of an earlier process, is read and its checksum
//! checked. Upstream: [`partition`](crate::partition), which reads or locates them. Downstream: [`wire`](crate::wire),
//! which puts an answer around them, and [`server`](crate::server), which sends it.

use std::sync::Arc;

use bookend_log::{Located, Payload};
use bytes::{Buf as _, Bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Batches that are smaller are read: sending each by itself would cost more.
pub(crate) const LOCATED_BYTES: usize = 32 * 1024;
/// The part of the files a process may have open that answers may have.
const OPEN_SHARE: usize = 8;

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
    _open: Arc<Open>,
}

/// The batches of one partition, in order, none empty.
#[derive(Debug, Default)]
pub(crate) struct Records(Vec<Part>);

/// How many files answers may keep open, all connections together; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct OpenFiles(Arc<Semaphore>);

/// Leave to keep files open.
#[derive(Debug)]
pub(crate) struct Open(#[expect(dead_code, reason = "it is given back")] OwnedSemaphorePermit);

impl OpenFiles {
    /// For a process that may have so many files open. Where the system cannot send from files, none.
    pub(crate) fn new(files_max: usize) -> Self {
        let share = if cfg!(target_os = "linux") { files_max / OPEN_SHARE } else { 0 };
        Self(Arc::new(Semaphore::new(share.min(Semaphore::MAX_PERMITS))))
    }

    /// Leave for the records of one partition, if there is some; they are in one file, or two.
    pub(crate) fn leave(&self) -> Option<Open> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Open)
    }
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
        use std::io::{Read as _, Seek as _, SeekFrom};
        match self {
            Self::Memory(bytes) => bytes.into(),
            Self::File(InFile { place, .. }) => {
                let (mut file, mut bytes) = (&*place.file, vec![0; place.bytes]);
                let read = file.seek(SeekFrom::Start(place.at));
                read.and_then(|_| file.read_exact(&mut bytes)).expect("it stands there");
                bytes
            }
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
    /// Those in `bytes`, and those that were located by `leave` to do so.
    pub(crate) fn new(bytes: &Bytes, payloads: Vec<Payload>, leave: Option<Open>) -> Self {
        let leave = leave.map(Arc::new);
        let (mut parts, mut read) = (Vec::new(), 0..0);
        for payload in payloads {
            match (payload, &leave) {
                (Payload::Read(at), _) => read.end = at.end, // where the one before ends
                (Payload::Located(place), Some(leave)) => {
                    parts.push(Part::Memory(bytes.slice(read.clone())));
                    read.start = read.end;
                    parts.push(Part::File(InFile { place, _open: Arc::clone(leave) }));
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
