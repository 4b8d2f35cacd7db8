//! A producer's batch is known again, for as long as it should.

use super::*;

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
