//! The log on a disk that fails.

mod weather;

use std::{
    fs,
    time::{Duration, Instant},
};

pub(super) use self::weather::{FaultyDisk, Part};
use crate::{AppendError, Entry, Fsync, Log, Options, Recovery};

pub(super) const INTERVAL: Fsync = Fsync::Interval(Duration::from_secs(1));

fn all(log: &Log) -> Vec<Entry> {
    log.read(log.start(), usize::MAX).unwrap()
}

pub(super) fn append(log: &mut Log) {
    log.append(1, 0, b"payload").unwrap();
}

// Goal: wherever in an entry the disk fills up, the log is as before, and goes on once there is room.
#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    for fsync in [Fsync::Always, INTERVAL, Fsync::Never] {
        for room in 0..36 + 7 {
            let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
            let mut log = disk.open(folder.path(), fsync, 1_000);
            append(&mut log);
            let before = (log.end(), log.bytes(), all(&log));
            disk.weather().room = Some(room);
            let refused = log.append(1, 0, b"payload").unwrap_err();
            assert!(matches!(refused, AppendError::Io { .. }), "{refused}");
            assert_eq!((log.end(), log.bytes(), all(&log)), before);
            disk.weather().room = None;
            append(&mut log);
            let after = all(&log);
            assert_eq!(after.len(), 2);
            drop(log);
            let (log, recovery) = Log::open(folder.path(), Options::default()).unwrap();
            assert_eq!((recovery, all(&log)), (Recovery::default(), after));
        }
    }
}

// Goal: half an entry that cannot be taken back closes the log, so that nothing is written behind it; the next open cuts it.
#[test]
fn half_an_entry_closes_the_log() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), INTERVAL, 1_000);
    append(&mut log);
    let before = all(&log);
    disk.weather().room = Some(20);
    disk.weather().broken = Some(Part::Cut);
    for _ in 0..2 {
        let refused = log.append(1, 0, b"payload").unwrap_err();
        assert!(matches!(refused, AppendError::Poisoned { .. }), "{refused}");
        disk.weather().room = None; // only its own memory refuses the second
        disk.weather().broken = None;
    }
    assert_eq!(all(&log), before);
    drop(log);
    let (mut log, recovery) = Log::open(folder.path(), Options::default()).unwrap();
    assert_eq!(recovery.cut.map(|cut| (cut.at, cut.bytes)), Some((43, 20)));
    assert_eq!(all(&log), before);
    append(&mut log);
}

// Goal: after a failed fsync nothing is written and no second fsync is tried, since that could succeed for lost bytes.
#[test]
fn a_failed_fsync_is_never_retried() {
    for fsync in [Fsync::Always, INTERVAL] {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
        let mut log = disk.open(folder.path(), fsync, 1_000);
        append(&mut log);
        let before = all(&log);
        disk.weather().broken = Some(Part::Sync);
        match fsync {
            Fsync::Always => drop(log.append(1, 0, b"payload").unwrap_err()),
            _ => drop(log.sync().unwrap_err()),
        }
        disk.weather().broken = None;
        disk.weather().events.clear();
        assert!(matches!(log.append(1, 0, b""), Err(AppendError::Poisoned { .. })));
        log.sync().unwrap_err();
        log.drop_before(log.end()).unwrap_err();
        let now = Instant::now();
        assert!(!log.sync_due(now) && !log.sync_due(now + Duration::from_mins(1)));
        assert_eq!((disk.weather().events.len(), all(&log)), (0, before));
    }
}

// Goal: a failed fsync of the folder closes the log too, before anything is written or dropped.
#[test]
fn a_failed_fsync_of_the_folder_closes_the_log() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), Fsync::Always, 1);
    append(&mut log);
    log.drop_before(1).unwrap();
    append(&mut log);
    disk.weather().broken = Some(Part::FolderSync);
    assert!(log.drop_before(2).is_err());
    disk.weather().broken = None;
    assert!(matches!(log.append(1, 0, b""), Err(AppendError::Poisoned { .. })));
    assert_eq!((log.start(), log.end()), (1, 2));
    drop(log);
    let (log, _) = Log::open(folder.path(), Options::default()).unwrap();
    assert_eq!((log.start(), log.end()), (1, 2));
}

// Goal: folders and files that cannot be opened, for want of descriptors say, fail one call and no more.
#[test]
fn a_process_without_descriptors_recovers() {
    for fsync in [Fsync::Always, INTERVAL] {
        for part in [Part::Open, Part::OpenFolder] {
            let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
            let mut log = disk.open(folder.path(), fsync, 1_000);
            disk.weather().broken = Some(part);
            match log.append(1, 0, b"payload") {
                Err(refused) => assert!(matches!(refused, AppendError::Io { .. }), "{refused}"),
                Ok(_) => drop(log.sync().unwrap_err()),
            }
            let end = log.end();
            disk.weather().broken = None;
            append(&mut log);
            log.sync().unwrap();
            let entries = all(&log);
            assert_eq!(entries.len() as u64, end + 1);
            drop(log);
            let (log, recovery) = Log::open(folder.path(), Options::default()).unwrap();
            assert_eq!((recovery, all(&log)), (Recovery::default(), entries));
        }
    }
}

// Goal: a segment that cannot be created is no more than an append that failed.
#[test]
fn a_segment_that_cannot_be_created_changes_nothing() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), Fsync::Always, 1);
    append(&mut log);
    disk.weather().broken = Some(Part::Open);
    assert!(matches!(log.append(1, 0, b""), Err(AppendError::Io { .. })));
    assert!(log.drop_before(1).is_err());
    disk.weather().broken = None;
    append(&mut log);
    assert_eq!((log.start(), all(&log).len()), (0, 2));
}

// Goal: a start that cannot be written drops nothing; a file that cannot be removed goes with the next drop, and is not
// read in between.
#[test]
fn a_drop_that_fails_halfway_is_finished_later() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), INTERVAL, 1);
    (0..4).for_each(|_| append(&mut log));
    disk.weather().broken = Some(Part::Replace);
    log.drop_before(2).unwrap_err();
    log.advance_start(3).unwrap_err();
    assert_eq!((log.start(), log.bytes(), all(&log).len()), (0, 4 * 43, 4));
    disk.weather().broken = Some(Part::Remove);
    log.drop_before(2).unwrap_err();
    assert_eq!((log.start(), log.bytes(), all(&log).len()), (2, 4 * 43, 2));
    log.read(1, 0).unwrap_err();
    assert_eq!(log.find_time(0).unwrap().map(|entry| entry.first), Some(2));
    disk.weather().broken = None;
    assert_eq!(log.drop_before(0).unwrap(), 2 * 43);
    assert_eq!((log.start(), log.bytes()), (2, 2 * 43));
    drop(log);
    let (log, _) = Log::open(folder.path(), Options::default()).unwrap();
    assert_eq!((log.start(), all(&log).len()), (2, 2));
}

// Goal: marks and index files that cannot be written are missed by nobody but the next open.
#[test]
fn a_mark_that_cannot_be_written_is_no_failure() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    disk.weather().broken = Some(Part::WriteOver);
    let mut log = disk.open(folder.path(), Fsync::Always, 50);
    (0..4).for_each(|_| append(&mut log));
    log.sync().unwrap();
    assert_eq!((log.synced_end(), fs::read_dir(folder.path()).unwrap().count()), (4, 4));
    drop(log);
    let (log, recovery) = Log::open(folder.path(), Options::default()).unwrap();
    assert_eq!((all(&log).len(), recovery), (4, Recovery::default()));
}

// Goal: what stays is on disk before anything is dropped, and the start before a file goes.
#[test]
fn a_drop_has_an_order() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), INTERVAL, 100);
    (0..3).for_each(|_| append(&mut log));
    disk.weather().events.clear();
    log.drop_before(2).unwrap();
    let expected = ["sync folder", "sync 2", "replace start", "sync folder", "remove ", "remove "];
    assert_eq!(disk.weather().events, expected);
}

// Goal: a segment is synced before the next exists, and a sync covers the file's name too.
#[test]
fn only_the_last_segment_can_be_torn() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), INTERVAL, 1);
    append(&mut log);
    disk.weather().events.clear();
    append(&mut log);
    log.sync().unwrap();
    // The first two folders are the log's own and the one it is in.
    let sealing = ["sync folder", "sync folder", "sync ", "open 1"];
    let expected = [&sealing[..], &["open 1", "write 1", "sync folder", "sync 1"]].concat();
    assert_eq!(disk.weather().events, expected);
}

// Goal: an idle log holds no file; one that waits for its fsync holds one.
#[test]
fn an_idle_log_holds_no_file() {
    for (fsync, waiting) in [(Fsync::Always, 0), (INTERVAL, 1), (Fsync::Never, 0)] {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
        let mut log = disk.open(folder.path(), fsync, 100);
        assert_eq!(disk.weather().files_open, 0);
        for _ in 0..5 {
            append(&mut log);
            assert_eq!(disk.weather().files_open, waiting, "{fsync:?}");
        }
        log.sync().unwrap();
        assert_eq!(disk.weather().files_open, 0, "{fsync:?}");
    }
}

// Goal: the interval runs from the first look after an append, and a sync ends it.
#[test]
fn a_sync_is_due_after_its_interval() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), INTERVAL, 1_000);
    let start = Instant::now();
    let due_after = |log: &mut Log, ms| log.sync_due(start + Duration::from_millis(ms));
    assert!(!due_after(&mut log, 0));
    append(&mut log);
    assert!(!due_after(&mut log, 5_000));
    append(&mut log);
    assert!(!due_after(&mut log, 5_999));
    assert!(due_after(&mut log, 6_000));
    log.sync().unwrap();
    assert!(!due_after(&mut log, 60_000));
    append(&mut log);
    assert!(!due_after(&mut log, 60_001));
    assert!(due_after(&mut log, 61_001));
}

// Goal: under `Always` no reader sees what an earlier process left unsynced.
#[test]
fn what_always_finds_is_synced_first() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    append(&mut disk.open(folder.path(), Fsync::Never, 1_000));
    disk.weather().events.clear();
    let log = disk.open(folder.path(), Fsync::Always, 1_000);
    assert_eq!(disk.weather().events, ["open ", "sync folder", "sync folder", "sync "]);
    assert_eq!(log.end(), 1);
}

// Goal: a segment may be filled to its last byte.
#[test]
fn a_segment_is_filled_to_its_last_byte() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), Fsync::Never, 2 * (36 + 7));
    for sealed in [0, 0, 1, 1, 2] {
        append(&mut log);
        assert_eq!(log.sealed.len(), sealed);
    }
}

#[test]
fn a_log_is_shared_by_threads() {
    fn check<T: Send + Sync>() {}
    check::<Log>();
    check::<crate::PendingSync>();
    check::<crate::SyncDone>();
}
