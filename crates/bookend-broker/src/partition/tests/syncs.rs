//! What is there for consumers, and what waits for a sync.

use super::*;

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
