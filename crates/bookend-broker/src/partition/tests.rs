//! One partition, without sockets.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bookend_log::testing::{FolderFault, PowerCut};

use super::{
    batch::{
        Budget, Stamp,
        tests::{batch_of, one, sample},
    },
    *,
};

const NOW: i64 = 1_000_000;

fn open(dir: &Path) -> Partition {
    Partition::open(dir, Options::default(), &Census::default()).unwrap()
}

fn read(partition: &Partition, from: i64, bytes_max: usize) -> Result<Vec<u8>, ResponseError> {
    let mut batches = Vec::new();
    partition.read(from, bytes_max, &mut batches).map(|()| batches)
}

fn stamped(first: i32, count: u32) -> Batch {
    let stamp = Stamp { producer: 9, epoch: 0, first, count };
    one(sample(Some(stamp), count, 5))
}

// Goal: what was sent is served byte for byte but for offset and epoch. Method: three batches, read from inside
// the second.
#[test]
fn batches_are_served_as_sent() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    let sent = [sample(None, 3, 10), sample(None, 2, 20), sample(None, 1, 30)];
    for (bytes, base) in sent.iter().zip([0, 3, 5]) {
        assert_eq!(partition.append(&one(bytes.clone()), NOW), Ok(base));
    }
    assert_eq!(partition.end(), 6);
    let served = read(&partition, 4, usize::MAX).unwrap();
    assert_eq!(served.len(), sent[1].len() + sent[2].len());
    assert_eq!(served[..8], 3_i64.to_be_bytes());
    assert_eq!(served[16..sent[1].len()], sent[1][16..]);
    assert_eq!(served[sent[1].len()..][..8], 5_i64.to_be_bytes());
    assert_eq!(read(&partition, 0, 1).unwrap().len(), sent[0].len());
    assert_eq!(read(&partition, 6, 1_000).unwrap().len(), 0);
    assert_eq!(read(&partition, 7, 1_000), Err(ResponseError::OffsetOutOfRange));
    assert_eq!(read(&partition, -1, 1_000), Err(ResponseError::OffsetOutOfRange));
    assert_eq!(
        partition.find_time(11, &mut Budget::default()),
        Ok(Some(Found { offset: 3, timestamp: 20 }))
    );
    assert_eq!(partition.find_time(31, &mut Budget::default()), Ok(None));
    assert_eq!(
        partition.latest_time(&mut Budget::default()),
        Ok(Some(Found { offset: 5, timestamp: 30 }))
    );
}

// Goal: all five codecs are stored and served byte for byte.
#[test]
fn batches_of_every_codec_are_served_as_sent() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    for codec in 0..5 {
        let sent = batch_of(None, 10, &[0, 5, 3], codec);
        let base = append(&partition, sent.clone());
        let served = read(&partition, base, 1).unwrap();
        assert_eq!((&served[8..12], &served[16..]), (&sent[8..12], &sent[16..]), "{codec}");
    }
}

// Goal: a batch sent again is known, also by a partition that was opened anew.
#[test]
fn a_repeated_batch_is_known_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    assert_eq!(partition.append(&stamped(0, 4), NOW), Ok(0));
    assert_eq!(partition.append(&stamped(4, 2), NOW), Ok(4));
    assert_eq!(partition.append(&stamped(4, 2), NOW), Ok(4));
    drop(partition);
    let partition = open(dir.path());
    assert_eq!(partition.append(&stamped(4, 2), NOW), Ok(4));
    assert_eq!(partition.append(&stamped(0, 4), NOW), Ok(0));
    assert_eq!(partition.append(&stamped(7, 1), NOW), Err(ResponseError::OutOfOrderSequenceNumber));
    assert_eq!(partition.append(&stamped(6, 1), NOW), Ok(6));
    assert_eq!(partition.end(), 7);
}

// Goal: a folder of something else is refused at the start. Method: a log whose entry is no batch.
#[test]
fn a_log_of_something_else_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = Log::open(dir.path(), Options::default()).unwrap();
    log.append(1, 0, b"no batch").unwrap();
    drop(log);
    let error = Partition::open(dir.path(), Options::default(), &Census::default()).unwrap_err();
    assert!(matches!(error, StartError::NotABatch { offset: 0 }), "{error}");
}

// Goal: the latest time is asked of what consumers may see, and costs no fsync. Method: the first batch is committed,
// a later one is appended and waits for its sync.
#[test]
fn the_latest_time_is_one_that_consumers_may_see() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { fsync: Fsync::Always, ..Options::default() };
    let partition = Partition::open(dir.path(), options, &Census::default()).unwrap();
    assert_eq!(partition.latest_time(&mut Budget::default()), Ok(None));
    append(&partition, batch_of(None, 10, &[0, 5], 0));
    let batch = one(batch_of(None, 50, &[0], 0));
    append_new(&mut partition.write(), &batch, NOW).unwrap();
    assert_eq!(
        partition.latest_time(&mut Budget::default()),
        Ok(Some(Found { offset: 1, timestamp: 15 }))
    );
    assert_eq!((partition.end(), partition.write().log.synced_end()), (2, 2));
}

// Goal: a sync that fails before it has done anything is tried again. Method: a folder that cannot be opened for a
// while, as for want of descriptors.
#[test]
fn a_sync_that_could_not_begin_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = PowerCut::default();
    let _plugged = disk.plug_in(dir.path());
    let options = Options { fsync: Fsync::Interval(Duration::from_secs(1)), ..Options::default() };
    let partition = Partition::open(&dir.path().join("0"), options, &Census::default()).unwrap();
    append(&partition, batch_of(None, 10, &[0], 0));
    let begin = Instant::now();
    let sync = |seconds| partition.sync_if_due(begin + Duration::from_secs(seconds));
    disk.fail_folder(&dir.path().join("0"), Some(FolderFault::Open));
    sync(0);
    sync(1);
    assert_eq!(partition.write().log.synced_end(), 0);
    disk.fail_folder(&dir.path().join("0"), None);
    sync(2);
    sync(3);
    assert_eq!(partition.write().log.synced_end(), 1);
}

// Goal: a topic under deletion neither takes records nor leaves anyone waiting.
#[test]
fn a_closed_partition_takes_nothing_and_wakes_who_waits() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    let waiter = Arc::new(Waiter::default());
    waiter.wait_for(1);
    let _watch = partition.watch(&waiter);
    partition.close();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(waiter.woken());
    assert_eq!(partition.append(&stamped(0, 1), NOW), Err(ResponseError::UnknownTopicOrPartition));
}

fn append(partition: &Partition, batch: Vec<u8>) -> i64 {
    partition.append(&one(batch), NOW).unwrap()
}

// Goal: a time leads to the record, not to its batch, also where the log starts within one. Method: two batches whose
// times do not ascend.
#[test]
fn a_time_is_looked_up_to_the_record() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    append(&partition, batch_of(None, 100, &[0, 50, 20], 0));
    append(&partition, batch_of(None, 120, &[0, 20, 30, 20], 4));
    let check = |time, expected: Option<(i64, i64)>| {
        let found = partition.find_time(time, &mut Budget::default()).unwrap();
        assert_eq!(found.map(|found| (found.offset, found.timestamp)), expected, "{time}");
    };
    check(0, Some((0, 100)));
    check(101, Some((1, 150)));
    check(150, Some((1, 150)));
    check(151, None);
    let latest = partition.latest_time(&mut Budget::default()).unwrap();
    assert_eq!(latest, Some(Found { offset: 1, timestamp: 150 }));
    assert_eq!(partition.delete_before(2), Ok(2));
    check(0, Some((2, 120)));
    check(121, Some((4, 140)));
    check(141, Some((5, 150)));
    let latest = partition.latest_time(&mut Budget::default()).unwrap();
    assert_eq!(latest, Some(Found { offset: 5, timestamp: 150 }));
}

// Goal: a header that promises a time which no record has leads on to the next batch, not into an endless search. No
// such batch is taken any more, but a log may have it from before.
#[test]
fn a_lying_header_does_not_stop_the_search() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    let mut bytes = batch_of(None, 100, &[0], 4);
    bytes[35..43].copy_from_slice(&900_i64.to_be_bytes());
    let liar = Batch { bytes: bytes.into(), count: 1, max_timestamp: 900, stamp: None };
    partition.append(&liar, NOW).unwrap();
    append(&partition, batch_of(None, 500, &[0], 0));
    assert_eq!(
        partition.find_time(200, &mut Budget::default()),
        Ok(Some(Found { offset: 1, timestamp: 500 }))
    );
    assert_eq!(partition.find_time(600, &mut Budget::default()), Ok(None));
    for _ in 0..100 {
        partition.append(&liar, NOW).unwrap();
    }
    assert!(partition.find_time(600, &mut Budget::default()).unwrap().is_some());
}

// Goal: a stop saves the producers, and the next start reads them instead of the log; a snapshot that is damaged or
// speaks of what a power cut took is passed over.
#[test]
fn producers_are_known_from_the_snapshot_or_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    partition.append(&stamped(0, 4), NOW).unwrap();
    partition.append(&stamped(4, 2), NOW).unwrap();
    partition.sync();
    drop(partition);
    let (log, _) = Log::open(dir.path(), Options::default()).unwrap();
    let mut saved = learn(dir.path(), &log, &Census::default()).unwrap();
    assert_eq!(saved.1, 0, "nothing was left to be read from the log");

    let path = dir.path().join("producers");
    let snapshot = std::fs::read(&path).unwrap();
    std::fs::write(&path, &snapshot[1..]).unwrap();
    let mut replayed = learn(dir.path(), &log, &Census::default()).unwrap();
    let sent = [stamped(0, 4), stamped(4, 2)];
    assert_eq!(replayed.1, sent.iter().map(|batch| batch.bytes.len() as u64).sum::<u64>());
    for (producers, _) in [&mut saved, &mut replayed] {
        producers.expire(NOW); // the log does not tell when they were seen
    }
    assert_eq!(replayed.0, saved.0);

    // The same snapshot beside a log that is shorter, and beside another of the same length.
    let other = tempfile::tempdir().unwrap();
    let partition = open(other.path());
    let unlike = |first, count| {
        let stamp = Stamp { producer: 8, epoch: 0, first, count };
        one(sample(Some(stamp), count, 5))
    };
    for (first, count) in [(0, 4), (4, 2)] {
        std::fs::write(other.path().join("producers"), &snapshot).unwrap();
        partition.append(&unlike(first, count), NOW).unwrap();
        let (log, _) = Log::open(other.path(), Options::default()).unwrap();
        let learned = learn(other.path(), &log, &Census::default()).unwrap();
        assert!(learned.1 > 0, "it was believed at {}", log.end());
    }
}

// Goal: what retention has taken from the log is not forgotten of its producer.
#[test]
fn producers_outlive_their_records() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    partition.append(&stamped(0, 4), NOW).unwrap();
    partition.sync();
    assert_eq!(partition.delete_before(4), Ok(4));
    drop(partition);
    let partition = open(dir.path());
    assert_eq!(partition.append(&stamped(5, 1), NOW), Err(ResponseError::OutOfOrderSequenceNumber));
    assert_eq!(partition.append(&stamped(4, 1), NOW), Ok(4));
}

// Goal: a producer is forgotten a day after its last batch, as this broker saw it and not as its records say, also by a
// broker that has learned it from the snapshot, or from the log: then a day after the first look. Method: records of
// 1970, a stop and a crash.
#[test]
fn silent_producers_are_forgotten() {
    const DAY: i64 = 86_400_000;
    let gap = Err(ResponseError::OutOfOrderSequenceNumber);
    let keep = settings(&[("retention.ms", "-1")]);
    for is_crash in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let partition = open(dir.path());
        partition.append(&stamped(0, 4), NOW).unwrap();
        if !is_crash {
            partition.sync();
        }
        drop(partition);
        let partition = open(dir.path());
        let seen = if is_crash { NOW + 2 * DAY } else { NOW };
        for now_ms in [seen, seen + DAY - 1] {
            partition.retain(&keep, now_ms);
            assert_eq!(partition.append(&stamped(0, 4), now_ms), Ok(0));
            assert_eq!(partition.append(&stamped(7, 1), now_ms), gap);
        }
        partition.retain(&keep, seen + DAY);
        assert_eq!(partition.append(&stamped(7, 1), seen + DAY), Ok(4));
    }
}

fn settings(given: &[(&str, &str)]) -> crate::settings::Settings {
    crate::settings::Settings::new(given.iter().copied()).unwrap()
}

// Goal: records go when they are too old, whole segments at a time and the last one too. Method: three segments of one
// batch each, and a clock that is moved by hand.
#[test]
fn old_records_go() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    partition.set_segment_bytes(1);
    for time in [100, 300, 200] {
        append(&partition, sample(None, 2, time));
    }
    let brief = settings(&[("retention.ms", "50")]);
    let check = |now, start| {
        partition.retain(&brief, now);
        assert_eq!(partition.start(), start, "{now}");
    };
    check(150, 0);
    check(151, 2);
    check(351, 6);
    assert_eq!((partition.end(), partition.bytes()), (6, 0));
    assert_eq!(read(&partition, 0, 1_000), Err(ResponseError::OffsetOutOfRange));
    assert_eq!(append(&partition, sample(None, 1, 400)), 6);
    // Records without a time are as old as their append, at `NOW`.
    append(&partition, sample(None, 1, -1));
    check(NOW, 7);
    drop(partition);
    assert_eq!(open(dir.path()).start(), 7);
}

#[test]
fn too_many_records_go() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    partition.set_segment_bytes(1);
    for _ in 0..4 {
        append(&partition, sample(None, 1, 100));
    }
    let one = partition.bytes() / 4;
    let keep = |bytes: u64| {
        let all_ages = ("retention.ms", "-1");
        partition.retain(&settings(&[all_ages, ("retention.bytes", &bytes.to_string())]), NOW);
        partition.start()
    };
    assert_eq!(keep(3 * one + 1), 0);
    assert_eq!(keep(2 * one), 2);
    assert_eq!(keep(0), 3, "the segment that is written to stays");
    assert_eq!(partition.retain(&settings(&[("retention.ms", "-1")]), NOW), 0);
}

// KIP-107: what can be deleted, and who notices.
#[test]
fn records_are_deleted_up_to_the_end_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    append(&partition, sample(None, 3, 100));
    let waiter = Arc::new(Waiter::default());
    waiter.wait_for(1);
    let _watch = partition.watch(&waiter);
    assert_eq!(partition.delete_before(4), Err(ResponseError::OffsetOutOfRange));
    assert_eq!(partition.delete_before(-2), Err(ResponseError::OffsetOutOfRange));
    assert_eq!(partition.delete_before(2), Ok(2));
    assert_eq!(partition.delete_before(1), Ok(2));
    assert!(partition.has_news(1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(waiter.woken());
    assert_eq!(read(&partition, 1, 1_000), Err(ResponseError::OffsetOutOfRange));
    assert_ne!(read(&partition, 2, 1_000), Ok(Vec::new()));
}

// Goal: under `Fsync::Always` nobody sees records that a power cut could take. Method: one batch that is committed, and
// behind it one that is not yet.
#[test]
fn what_is_not_synced_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { fsync: Fsync::Always, ..Options::default() };
    let partition = Partition::open(dir.path(), options, &Census::default()).unwrap();
    append(&partition, sample(None, 2, 100));
    let seen = read(&partition, 0, 1_000).unwrap();
    let batch = one(sample(None, 2, 200));
    let pending = {
        let mut stored = partition.write();
        partition.append_once(&mut stored, &batch, NOW).unwrap();
        partition.begin_commit(&mut stored).unwrap()
    };
    assert_eq!((partition.end(), read(&partition, 0, 1_000)), (2, Ok(seen.clone())));
    assert_eq!(read(&partition, 2, 1_000), Ok(Vec::new()));
    assert_eq!(partition.find_time(150, &mut Budget::default()), Ok(None));
    partition.commit(pending).unwrap();
    assert_eq!(partition.end(), 4);
    assert_eq!(read(&partition, 0, 1_000).unwrap().len(), 2 * seen.len());
    assert_eq!(partition.read_lock().log.synced_end(), 4);
}

// Goal: a batch that is in the log but was answered with an error, as its sync could not begin, is there for those who
// wait once it was sent again. Method: an append without its commit.
#[test]
fn a_batch_that_is_sent_again_wakes_who_waits() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { fsync: Fsync::Always, ..Options::default() };
    let partition = Partition::open(dir.path(), options, &Census::default()).unwrap();
    let batch = stamped(0, 4);
    partition.append_once(&mut partition.write(), &batch, NOW).unwrap();
    let waiter = Arc::new(Waiter::default());
    waiter.wait_for(1);
    let _watch = partition.watch(&waiter);
    assert_eq!((partition.append(&batch, NOW), partition.end()), (Ok(0), 4));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let woken = async { tokio::time::timeout(Duration::from_secs(20), waiter.woken()).await };
    runtime.block_on(woken).expect("it is woken");
}

// Goal: a partition waits for a sync only while there is something to sync, or it would be looked at for ever, and count
// among those that keep a file open.
#[test]
fn what_brings_nothing_new_waits_for_no_sync() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { fsync: Fsync::Interval(Duration::from_secs(1)), ..Options::default() };
    let partition = Partition::open(dir.path(), options, &Census::default()).unwrap();
    let mut now = Instant::now();
    let mut is_unsynced_later = || {
        for _ in 0..2 {
            partition.sync_if_due(now);
            now += Duration::from_secs(1);
        }
        partition.is_unsynced()
    };
    partition.append(&stamped(0, 4), NOW).unwrap();
    assert!(partition.is_unsynced() && !is_unsynced_later());
    assert_eq!(partition.append(&stamped(0, 4), NOW), Ok(0));
    partition.append(&stamped(7, 1), NOW).unwrap_err();
    assert!(!partition.is_unsynced());
    // To delete records syncs what stays.
    partition.append(&stamped(4, 2), NOW).unwrap();
    assert_eq!(partition.delete_before(5), Ok(5));
    assert!(!is_unsynced_later());
}

// Goal: many at a time lose nothing, and each is told where its records are. Method: eight threads, each with batches of
// its own size, under the policy that shares syncs.
#[test]
fn appends_of_many_threads_are_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { fsync: Fsync::Always, ..Options::default() };
    let partition = Partition::open(dir.path(), options, &Census::default()).unwrap();
    let partition = &partition;
    let mut placed: Vec<(i64, u32)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=8)
            .map(|count| {
                scope.spawn(move || {
                    let batch = one(sample(None, count, 100));
                    let append = |_| (partition.append(&batch, NOW).unwrap(), count);
                    (0..20).map(append).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    placed.sort_unstable();
    let mut next = 0;
    for (first, count) in placed {
        assert_eq!(first, next);
        next += i64::from(count);
    }
    assert_eq!(partition.end(), next);
}
