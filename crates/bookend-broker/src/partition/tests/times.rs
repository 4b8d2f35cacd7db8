//! A time leads to a record.

use super::*;

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
