//! Records go, by age, by size, or because a client deletes them.

use super::*;

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
