//! Syncs that do not hold the log: what they cover, what they share, and what their failure does.

use std::{sync::Mutex, thread};

use super::faults::{FaultyDisk, INTERVAL, Part, append};
use crate::{AppendError, Fsync, Log, Options};

fn fsyncs(disk: &FaultyDisk) -> usize {
    disk.weather()
        .events
        .iter()
        .filter(|event| event.starts_with("sync ") && *event != "sync folder")
        .count()
}

// Goal: a sync covers what was appended before it began to run, and nothing after; what came later keeps the file.
#[test]
fn what_comes_later_stays_unsynced() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), INTERVAL, 1_000);
    append(&mut log);
    let done = log.begin_sync().unwrap().unwrap().run();
    append(&mut log);
    log.end_sync(done).unwrap();
    assert_eq!((log.synced_end(), log.end(), disk.weather().files_open), (1, 2, 1));
    log.sync().unwrap();
    assert_eq!((log.synced_end(), disk.weather().files_open), (2, 0));
    assert!(log.begin_sync().unwrap().is_none());
}

// Goal: whichever of two syncs runs first, one fsync serves both, and both tell so.
#[test]
fn syncs_share_an_fsync() {
    for second_first in [false, true] {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
        let mut log = disk.open(folder.path(), Fsync::Always, 1_000);
        log.append_unsynced(1, 0, [b"o", b"ne"]).unwrap();
        let one = log.begin_sync().unwrap().unwrap();
        log.append_unsynced(1, 0, [b"two", b""]).unwrap();
        let two = log.begin_sync().unwrap().unwrap();
        assert_eq!((log.synced_end(), fsyncs(&disk)), (0, 0));
        let (first, second) = if second_first { (two, one) } else { (one, two) };
        log.end_sync(first.run()).unwrap();
        assert_eq!(
            (log.synced_end(), disk.weather().files_open),
            (2, 1),
            "the other sync holds it"
        );
        log.end_sync(second.run()).unwrap();
        assert_eq!((log.synced_end(), fsyncs(&disk), disk.weather().files_open), (2, 1, 0));
    }
}

// Goal: a segment may be sealed, and dropped, while a sync of it is under way.
#[test]
fn a_roll_amid_a_sync_is_no_harm() {
    for runs_first in [false, true] {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
        let mut log = disk.open(folder.path(), INTERVAL, 1);
        append(&mut log);
        let mut pending = log.begin_sync().unwrap();
        let mut done = runs_first.then(|| pending.take().unwrap().run());
        append(&mut log);
        assert_eq!((log.synced_end(), log.end()), (1, 2));
        log.drop_before(1).unwrap();
        assert_eq!((log.start(), log.synced_end()), (1, 2), "a drop syncs what stays");
        append(&mut log);
        let done = done.take().unwrap_or_else(|| pending.take().unwrap().run());
        log.end_sync(done).unwrap();
        assert_eq!((log.synced_end(), log.end()), (2, 3));
        log.sync().unwrap();
        drop(log);
        let (log, recovery) = Log::open(folder.path(), Options::default()).unwrap();
        assert_eq!((log.start(), log.end(), recovery.cut), (1, 3, None));
    }
}

// Goal: the name of a segment that was begun amid a sync is not taken for synced.
#[test]
fn a_name_made_amid_a_sync_is_synced_later() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let mut log = disk.open(folder.path(), INTERVAL, 1);
    append(&mut log);
    let done = log.begin_sync().unwrap().unwrap().run();
    append(&mut log);
    log.end_sync(done).unwrap();
    disk.weather().events.clear();
    log.sync().unwrap();
    assert_eq!(disk.weather().events, ["sync folder", "sync 1"]);
}

// Goal: a failed fsync closes the log at once, told of or not; and a sync that never ran changes nothing.
#[test]
fn a_failed_sync_closes_the_log_from_afar() {
    for told in [false, true] {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
        let mut log = disk.open(folder.path(), INTERVAL, 1_000);
        append(&mut log);
        drop(log.begin_sync().unwrap());
        let (one, two) = (log.begin_sync().unwrap().unwrap(), log.begin_sync().unwrap().unwrap());
        disk.weather().broken = Some(Part::Sync);
        let done = one.run();
        disk.weather().broken = None;
        if told {
            log.end_sync(done).unwrap_err();
        } else {
            drop(done);
        }
        let refused = log.append(1, 0, b"").unwrap_err();
        assert!(matches!(refused, AppendError::Poisoned { .. }), "{refused}");
        let before = fsyncs(&disk);
        log.end_sync(two.run()).unwrap_err();
        assert_eq!((log.synced_end(), fsyncs(&disk)), (0, before), "no second try");
        assert!(!folder.path().join("synced").exists(), "a mark tells what was synced, never more");
    }
}

// Goal: many appenders, each of which answers after its own sync, are all right at the same time.
#[test]
fn appenders_share_a_log() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let log = Mutex::new(disk.open(folder.path(), Fsync::Always, 500));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let (first, pending) = {
                        let mut log = log.lock().unwrap();
                        (
                            log.append_unsynced(1, 0, [b"", b"payload"]).unwrap(),
                            log.begin_sync().unwrap(),
                        )
                    };
                    let done = pending.map(crate::PendingSync::run);
                    let mut log = log.lock().unwrap();
                    done.map_or(Ok(()), |done| log.end_sync(done)).unwrap();
                    assert!(log.synced_end() > first);
                }
            });
        }
    });
    let log = log.into_inner().unwrap();
    assert_eq!((log.synced_end(), log.end(), disk.weather().files_open), (200, 200, 0));
}
