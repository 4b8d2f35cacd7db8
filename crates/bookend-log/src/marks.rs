//! Two small files beside the segments: where the log starts, and up to where it was synced.
//!
//! `start` is written with care, since a log must never start earlier again: anew, synced, renamed. `synced` is written
//! in place after each fsync and never synced itself, so it may tell less than is true, never more. Both are
//! big-endian: four letters of which the last is the version, CRC-32C of what follows; then the index (u64), or the
//! segment's first index and its length in bytes (u64 each).
//!
//! Upstream: [`disk`](crate::disk). Downstream: [`recover`](crate::recover) reads them, [`log`](crate::log) writes them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{OpenError, disk::Disk, entry::field};

const START_LETTERS: [u8; 4] = *b"BKS\x01";
const SYNCED_LETTERS: [u8; 4] = *b"BKM\x01";

/// The first index that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StartMark(pub(crate) u64);

/// A place up to which everything was synced: all segments before this one, and these bytes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SyncMark {
    pub(crate) segment: u64,
    pub(crate) bytes: u64,
}

impl StartMark {
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join("start")
    }

    /// What the file tells, `None` where there is none. A damaged one is an error: to start earlier would bring back
    /// what was deleted.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = Self::path(dir);
        match fs::read(&path) {
            Ok(bytes) => match unsealed(START_LETTERS, &bytes) {
                Some(index) => Ok(Some(Self(u64::from_be_bytes(index)))),
                None => Err(OpenError::Corrupt { file: path, at: 0, reason: DAMAGED_START }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(OpenError::Io { path, source }),
        }
    }

    pub(crate) fn write(self, dir: &Path, disk: &dyn Disk, sync: bool) -> io::Result<()> {
        disk.replace(&Self::path(dir), &sealed(START_LETTERS, &self.0.to_be_bytes()), sync)
    }
}

const DAMAGED_START: &str = "the log's start does not match its checksum; without this file the log starts with its first segment, which may hold deleted entries";

impl SyncMark {
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join("synced")
    }

    /// What the file tells, `None` where it is missing or damaged: a power cut may do that to it.
    pub(crate) fn read(dir: &Path) -> Option<Self> {
        let bytes: [u8; 16] = unsealed(SYNCED_LETTERS, &fs::read(Self::path(dir)).ok()?)?;
        Some(Self {
            segment: u64::from_be_bytes(field(&bytes, 0)),
            bytes: u64::from_be_bytes(field(&bytes, 8)),
        })
    }

    pub(crate) fn write(self, dir: &Path, disk: &dyn Disk) -> io::Result<()> {
        let fields = [self.segment.to_be_bytes(), self.bytes.to_be_bytes()].concat();
        disk.write_over(&Self::path(dir), &sealed(SYNCED_LETTERS, &fields))
    }
}

/// A file's bytes: letters, checksum, fields.
fn sealed(letters: [u8; 4], fields: &[u8]) -> Vec<u8> {
    [&letters[..], &crc32c::crc32c(fields).to_be_bytes(), fields].concat()
}

/// The fields, if these are the bytes of such a file.
fn unsealed<const N: usize>(letters: [u8; 4], bytes: &[u8]) -> Option<[u8; N]> {
    let fields = bytes.strip_prefix(&letters)?;
    let (crc, fields) = fields.split_first_chunk()?;
    let fields: [u8; N] = fields.try_into().ok()?;
    (u32::from_be_bytes(*crc) == crc32c::crc32c(&fields)).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OsDisk;

    // Goal: what is written is read back; with any bit flipped, or cut anywhere, the start is refused by name and the
    // sync mark tells nothing.
    #[test]
    fn marks_are_whole_or_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        assert_eq!((StartMark::read(dir).unwrap(), SyncMark::read(dir)), (None, None));
        let (start, synced) = (StartMark(7), SyncMark { segment: 3, bytes: 1_000 });
        start.write(dir, &OsDisk, true).unwrap();
        synced.write(dir, &OsDisk).unwrap();
        assert_eq!(
            (StartMark::read(dir).unwrap(), SyncMark::read(dir)),
            (Some(start), Some(synced))
        );
        for path in [StartMark::path(dir), SyncMark::path(dir)] {
            let whole = fs::read(&path).unwrap();
            let flipped = (0..whole.len() * 8).map(|bit| {
                let mut bytes = whole.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            });
            let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
            for damaged in flipped.chain(cut) {
                fs::write(&path, damaged).unwrap();
                if path == SyncMark::path(dir) {
                    assert_eq!(SyncMark::read(dir), None);
                } else {
                    let refused = StartMark::read(dir).unwrap_err();
                    assert!(
                        matches!(refused, OpenError::Corrupt { file, at: 0, .. } if file == path)
                    );
                }
            }
            fs::write(&path, whole).unwrap();
        }
    }
}
