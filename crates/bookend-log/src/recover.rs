//! Learns from the disk what a log holds, and cuts what a crash left half-written.
//!
//! Upstream: [`segment`](crate::segment). Downstream: [`log`](crate::log), which goes on from here.

use std::{
    collections::VecDeque,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::{
    OpenError,
    disk::Disk,
    entry::BadHeader,
    segment::{Cursor, Fault, Segment, first_of},
};

/// What [`Log::open`](crate::Log::open) had to repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// The torn tail, if there was one.
    pub cut: Option<Cut>,
}

/// A tail that was cut. Its entry was never answered with success, unless the machine lost power.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cut {
    /// The segment's file.
    pub file: PathBuf,
    /// The length it has now.
    pub at: u64,
    /// How many bytes were cut.
    pub bytes: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cut {} bytes of a torn entry from `{}` at byte {}",
            self.bytes,
            self.file.display(),
            self.at
        )
    }
}

/// The sealed segments of a folder, oldest first, and the active one.
pub(crate) fn recover(
    dir: &Path,
    disk: &dyn Disk,
) -> Result<(VecDeque<Segment>, Segment, Recovery), OpenError> {
    let firsts = list(dir).map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
    let Some((&last, sealed_firsts)) = firsts.split_last() else {
        let active = Segment::new(0);
        let path = active.path(dir);
        disk.open_tail(&path).map_err(|source| OpenError::Io { path, source })?;
        return Ok((VecDeque::new(), active, Recovery::default()));
    };
    let mut sealed = VecDeque::with_capacity(sealed_firsts.len());
    for &first in sealed_firsts {
        check_place(dir, first, sealed.back())?;
        sealed.push_back(read_sealed(dir, first)?);
    }
    check_place(dir, last, sealed.back())?;
    let (active, cut) = read_active(dir, last, disk)?;
    Ok((sealed, active, Recovery { cut }))
}

/// A segment starts where the one before ends, or else one is missing or foreign.
fn check_place(dir: &Path, first: u64, before: Option<&Segment>) -> Result<(), OpenError> {
    match before {
        Some(before) if before.end != first => {
            let file = Segment::new(first).path(dir);
            Err(OpenError::Misplaced { file, first, expected: before.end })
        }
        _ => Ok(()),
    }
}

/// The first indexes of all segments in order. Index files that belong to no sealed segment are removed.
fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let (mut firsts, mut indexes) = (Vec::new(), Vec::new());
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        firsts.extend(first_of(&path, "log"));
        indexes.extend(first_of(&path, "index").map(|first| (first, path)));
    }
    firsts.sort_unstable();
    let (_, sealed) = firsts.split_last().unwrap_or((&0, &[]));
    for (first, path) in indexes {
        if sealed.binary_search(&first).is_err() {
            fs::remove_file(path)?;
        }
    }
    Ok(firsts)
}

/// A segment that another follows: nothing of it may be torn. Its payloads are checked when they are read.
fn read_sealed(dir: &Path, first: u64) -> Result<Segment, OpenError> {
    let (mut cursor, bytes) = open(dir, first)?;
    if let Some(segment) = Segment::from_index(dir, first, bytes) {
        return Ok(segment);
    }
    let mut segment = Segment::new(first);
    loop {
        match cursor.header() {
            Ok(None) => break,
            Ok(Some(header)) => {
                cursor.skip(&header).map_err(|fault| cursor.open_error(fault))?;
                segment.push(&header);
            }
            Err(fault) => return Err(cursor.open_error(fault)),
        }
    }
    // It saves the next open this walk; where it cannot be written, that walks again.
    drop(segment.save_index(dir));
    Ok(segment)
}

/// The last segment: checked whole, and its torn tail cut.
fn read_active(
    dir: &Path,
    first: u64,
    disk: &dyn Disk,
) -> Result<(Segment, Option<Cut>), OpenError> {
    let (mut cursor, bytes) = open(dir, first)?;
    let mut segment = Segment::new(first);
    loop {
        let fault = match cursor.header() {
            Ok(None) => return Ok((segment, None)),
            Ok(Some(header)) => match cursor.verify(&header) {
                Ok(()) => {
                    segment.push(&header);
                    continue;
                }
                Err(fault) => (fault, cursor.at() + header.entry_bytes()),
            },
            Err(fault) => (fault, cursor.at() + 1),
        };
        if !is_torn(&cursor, &fault)? {
            return Err(cursor.open_error(fault.0));
        }
        let cut = Cut { file: segment.path(dir), at: segment.bytes, bytes: bytes - segment.bytes };
        let tail = disk.open_tail(&cut.file).and_then(|tail| tail.cut_to(cut.at));
        tail.map_err(|source| OpenError::Io { path: cut.file.clone(), source })?;
        return Ok((segment, Some(cut)));
    }
}

/// Whether nothing valid follows the fault, looked for from the position beside it.
fn is_torn(cursor: &Cursor, (fault, from): &(Fault, u64)) -> Result<bool, OpenError> {
    match fault {
        // A valid header whose payload the file does not hold, or less than a header: nothing can follow.
        Fault::Short => Ok(true),
        Fault::Header(BadHeader::Letters | BadHeader::Fields) | Fault::Payload => {
            match cursor.has_entry_from(*from) {
                Ok(found) => Ok(!found),
                Err(error) => Err(cursor.open_error(Fault::Io(error))),
            }
        }
        Fault::Header(BadHeader::Version) | Fault::Index | Fault::Io(_) => Ok(false),
    }
}

fn open(dir: &Path, first: u64) -> Result<(Cursor, u64), OpenError> {
    let path = Segment::new(first).path(dir);
    let opened = fs::metadata(&path)
        .and_then(|file| Ok((Cursor::open(&path, 0..file.len(), first)?, file.len())));
    opened.map_err(|source| OpenError::Io { path, source })
}
