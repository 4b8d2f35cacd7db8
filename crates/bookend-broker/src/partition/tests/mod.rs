//! One partition, without sockets.

mod producers;
mod retention;
mod syncs;
mod times;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bookend_log::{
    Bounds, Payload,
    testing::{FolderFault, PowerCut},
};

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
    let (mut read, mut batches) = (Vec::new(), Vec::new());
    let bounds = Bounds { bytes_max, first_max: Some(usize::MAX), located_from: None };
    for payload in partition.read(from, bounds, &mut read)?.payloads {
        let Payload::Read(at) = payload else { panic!("{payload:?} is not read") };
        batches.extend_from_slice(&read[at]);
    }
    Ok(batches)
}

/// What the files have of each batch from there on, as far as consumers may see it.
fn located(partition: &Partition, from: i64) -> Vec<Vec<u8>> {
    let mut read = Vec::new();
    let bounds = Bounds { bytes_max: usize::MAX, first_max: None, located_from: Some(0) };
    let payloads = partition.read(from, bounds, &mut read).unwrap().payloads;
    assert!(read.is_empty());
    let bytes = |payload| {
        let Payload::Located(place) = payload else { panic!("{payload:?} is not located") };
        place.read().unwrap()
    };
    payloads.into_iter().map(bytes).collect()
}

fn stamped(first: i32, count: u32) -> Batch {
    let stamp = Stamp { producer: 9, epoch: 0, first, count };
    one(sample(Some(stamp), count, 5))
}

fn append(partition: &Partition, batch: Vec<u8>) -> i64 {
    partition.append(&one(batch), NOW).unwrap()
}

fn settings(given: &[(&str, &str)]) -> crate::settings::Settings {
    crate::settings::Settings::new(given.iter().copied()).unwrap()
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
    assert_eq!(located(&partition, 4).concat(), served, "what is sent from a file is the same");
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
