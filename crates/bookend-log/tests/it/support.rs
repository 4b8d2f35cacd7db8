//! Logs in temporary folders, and what they should hold.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bookend_log::{Entry, Fsync, Log, Options, ReadError};
use tempfile::TempDir;

/// A folder in memory where there is such a place: nothing here needs a real disk, and many are made.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// Small segments; nothing here loses power.
pub(crate) fn options(segment_bytes_max: u64) -> Options {
    Options { segment_bytes_max, fsync: Fsync::Never }
}

/// Opens a log that nothing has torn.
pub(crate) fn open(dir: &Path, segment_bytes_max: u64) -> Log {
    let (log, recovery) = Log::open(dir, options(segment_bytes_max)).expect("the log opens");
    assert_eq!(recovery.cut, None);
    log
}

/// The payload that belongs to an index, so that every read can be checked.
pub(crate) fn payload(first: u64, bytes: usize) -> Vec<u8> {
    first.to_be_bytes().into_iter().cycle().take(bytes).collect()
}

/// A log of entries of 0 to 30 bytes that span 1 to 3 indexes each, two or three to a segment, and those entries.
pub(crate) fn small_log(entries: u64) -> (TempDir, Vec<Entry>) {
    let folder = folder();
    let mut log = open(folder.path(), 150);
    for number in 0..entries {
        let (count, time_ms) =
            (1 + u32::try_from(number % 3).expect("below 3"), 1_000 + 7 * number);
        let time_ms = i64::try_from(time_ms).expect("small");
        let bytes = usize::try_from(number * 11 % 31).expect("below 31");
        log.append(count, time_ms, &payload(log.end(), bytes)).expect("appended");
    }
    let entries = all(&log);
    (folder, entries)
}

/// A [`small_log`] that was synced, so that nothing in it can be torn.
pub(crate) fn synced_log(entries: u64) -> (TempDir, Vec<Entry>) {
    let (folder, entries) = small_log(entries);
    open(folder.path(), 150).sync().expect("synced");
    (folder, entries)
}

/// Every entry of a log.
pub(crate) fn all(log: &Log) -> Vec<Entry> {
    log.read(log.start(), usize::MAX).expect("read")
}

/// Each of these entries that can still be read, by its own index, with what the read said.
pub(crate) fn each(log: &Log, entries: &[Entry]) -> Vec<Result<Entry, ReadError>> {
    let held = entries.iter().filter(|entry| (log.start()..log.end()).contains(&entry.first));
    held.map(|entry| log.read(entry.first, 0).map(|mut read| read.remove(0))).collect()
}

/// All files of a log that damage may come to: segments, index files, and the two marks.
pub(crate) fn parts(dir: &Path) -> Vec<PathBuf> {
    let marks = ["start", "synced"].map(|name| dir.join(name)).into_iter();
    let marks = marks.filter(|path| path.exists()).collect();
    [segments(dir), files(dir, "index"), marks].concat()
}

/// The segments' files in order.
pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    files(dir, "log")
}

/// The files of this extension in order.
pub(crate) fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).expect("the folder").map(|file| file.expect("a file").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}
