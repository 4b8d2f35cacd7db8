//! Learns from the disk what a log holds, and cuts what a crash left half-written.
//!
//! Upstream: [`segment`](crate::segment). Downstream: [`log`](crate::log), which goes on from here.

use std::{
    collections::VecDeque,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Fsync, OpenError,
    disk::Disk,
    entry::BadHeader,
    marks::{StartMark, SyncMark},
    segment::{Cursor, Fault, Pace, Segment, first_of},
};

/// What [`Log::open`](crate::Log::open) had to repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// The torn tail, if there was one.
    pub cut: Option<Cut>,
}

/// A tail that was cut: half an entry that a killed process left; or, after a power cut, all from the first entry on that
/// did not reach the disk. Nothing of it was known to be synced.
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
            "cut {} torn bytes from `{}` at byte {}",
            self.bytes,
            self.file.display(),
            self.at
        )
    }
}

/// What a folder holds.
pub(crate) struct Found {
    pub(crate) start: u64,
    /// Oldest first, each starting where the one before ends.
    pub(crate) sealed: VecDeque<Segment>,
    pub(crate) active: Segment,
    pub(crate) recovery: Recovery,
}

/// Learns what a folder holds, begins the first segment where there is none, and finishes what a crash left half-done.
pub(crate) fn recover(dir: &Path, fsync: Fsync, disk: &dyn Disk) -> Result<Found, OpenError> {
    // Without a mark nothing was ever dropped, so the first segment is the one of index 0.
    let start = StartMark::read(dir)?.map_or(0, |mark| mark.0);
    let synced = SyncMark::read(dir);
    let mut firsts =
        list(dir, disk).map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
    check_newest(dir, firsts.last(), synced)?;
    let dropped = drop_below(dir, start, &mut firsts, fsync, disk);
    dropped.map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
    let Some((&last, sealed_firsts)) = firsts.split_last() else {
        return begin(dir, start, Recovery::default(), disk);
    };
    if firsts[0] > start {
        let file = Segment::new(firsts[0]).path(dir);
        return Err(OpenError::Misplaced { file, first: firsts[0], expected: start });
    }
    let mut sealed = VecDeque::with_capacity(sealed_firsts.len());
    for &first in sealed_firsts {
        check_place(dir, first, sealed.back())?;
        sealed.push_back(read_sealed(dir, first, disk)?);
    }
    check_place(dir, last, sealed.back())?;
    let synced_bytes = synced.filter(|mark| mark.segment == last).map_or(0, |mark| mark.bytes);
    let (active, cut) = read_active(dir, last, synced_bytes, fsync, disk)?;
    let recovery = Recovery { cut };
    if active.end < start {
        // Only under `Fsync::Never`: the start outlived the entries before it.
        let removed = disk.remove(&active.path(dir));
        removed.map_err(|source| OpenError::Io { path: active.path(dir), source })?;
        return begin(dir, start, recovery, disk);
    }
    Ok(Found { start, sealed, active, recovery })
}

/// A log without segments, as a new one or after the start outlived them all.
fn begin(dir: &Path, start: u64, recovery: Recovery, disk: &dyn Disk) -> Result<Found, OpenError> {
    let active = Segment::new(start);
    let path = active.path(dir);
    disk.open_tail(&path).map_err(|source| OpenError::Io { path, source })?;
    Ok(Found { start, sealed: VecDeque::new(), active, recovery })
}

/// A segment that was synced is there still, or was dropped for a later one.
fn check_newest(dir: &Path, last: Option<&u64>, synced: Option<SyncMark>) -> Result<(), OpenError> {
    match synced {
        Some(mark) if last.is_none_or(|&last| last < mark.segment) => {
            let file = Segment::new(mark.segment).path(dir);
            Err(OpenError::Corrupt { file, at: 0, reason: "the segment is missing" })
        }
        _ => Ok(()),
    }
}

/// Removes the segments that are wholly below the start: a crash may have come before they went, or brought them back.
fn drop_below(
    dir: &Path,
    start: u64,
    firsts: &mut Vec<u64>,
    fsync: Fsync,
    disk: &dyn Disk,
) -> io::Result<()> {
    let dropped = firsts.windows(2).take_while(|pair| pair[1] <= start).count();
    if dropped > 0 && fsync != Fsync::Never {
        // A killed process may have left the start in the page cache only, and it must not come back without them.
        StartMark(start).write(dir, disk, true)?;
        disk.open_folder(dir)?.sync()?;
    }
    for first in firsts.drain(..dropped) {
        let segment = Segment::new(first);
        disk.remove(&segment.path(dir))?;
        drop(disk.remove(&segment.index_path(dir))); // it may have none
    }
    Ok(())
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
fn list(dir: &Path, disk: &dyn Disk) -> io::Result<Vec<u64>> {
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
            disk.remove(&path)?;
        }
    }
    Ok(firsts)
}

/// A segment that another follows: nothing of it may be torn. Its payloads are checked when they are read.
fn read_sealed(dir: &Path, first: u64, disk: &dyn Disk) -> Result<Segment, OpenError> {
    let (mut cursor, bytes) = open(dir, first, Pace::Step)?;
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
    drop(segment.save_index(dir, disk));
    Ok(segment)
}

/// The last segment: checked whole, and its torn tail cut. Nothing of the first `synced_bytes` can be torn.
fn read_active(
    dir: &Path,
    first: u64,
    synced_bytes: u64,
    fsync: Fsync,
    disk: &dyn Disk,
) -> Result<(Segment, Option<Cut>), OpenError> {
    let (mut cursor, bytes) = open(dir, first, Pace::Run)?;
    let mut segment = Segment::new(first);
    let fault = loop {
        match cursor.header() {
            Ok(None) if segment.bytes < synced_bytes => break Fault::Short,
            Ok(None) => return Ok((segment, None)),
            Ok(Some(header)) => match cursor.verify(&header) {
                Ok(()) => segment.push(&header),
                Err(fault) => break fault,
            },
            Err(fault) => break fault,
        }
    };
    if segment.bytes < synced_bytes || !may_be_torn(&fault) {
        return Err(cursor.open_error(fault));
    }
    let cut = Cut { file: segment.path(dir), at: segment.bytes, bytes: bytes - segment.bytes };
    let tail = disk.open_tail(&cut.file).and_then(|tail| {
        tail.cut_to(cut.at)?;
        // Else a second power cut could leave what is cut here behind what is appended next.
        if fsync == Fsync::Never { Ok(()) } else { tail.sync() }
    });
    tail.map_err(|source| OpenError::Io { path: cut.file.clone(), source })?;
    Ok((segment, Some(cut)))
}

/// Whether a crash can leave this where nothing was synced. A valid entry of another version or place it cannot.
fn may_be_torn(fault: &Fault) -> bool {
    !matches!(fault, Fault::Index | Fault::Io(_) | Fault::Header(BadHeader::Version))
}

fn open(dir: &Path, first: u64, pace: Pace) -> Result<(Cursor, u64), OpenError> {
    let path = Segment::new(first).path(dir);
    let opened = fs::metadata(&path)
        .and_then(|file| Ok((Cursor::open(&path, 0..file.len(), first, pace)?, file.len())));
    opened.map_err(|source| OpenError::Io { path, source })
}
