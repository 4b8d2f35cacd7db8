//! Places of payloads in their files.

use bookend_log::{Bounds, Log, Payload, ReadError};

use crate::support::{folder, open, segments};

const LARGE: Bounds =
    Bounds { bytes_max: usize::MAX, first_max: Some(usize::MAX), located_from: Some(100) };

/// Which entries are read (their number of bytes), and which are located (their bytes).
fn look(log: &Log) -> Vec<Result<usize, Vec<u8>>> {
    let entries = log.read_joined(log.start(), LARGE, &mut Vec::new()).expect("read");
    let payloads = entries.into_iter().map(|(_, payload)| match payload {
        Payload::Read(at) => Ok(at.len()),
        Payload::Located(place) => Err(place.read().expect("read")),
    });
    payloads.collect()
}

// Goal: what an earlier process wrote is read and checked, however large; only what this one wrote is located.
#[test]
fn what_was_there_at_open_is_read() {
    let folder = folder();
    let mut log = open(folder.path(), 10_000);
    log.append(1, 0, &[1; 100]).expect("appended");
    log.append(1, 0, &[2; 99]).expect("appended");
    assert_eq!(look(&log), [Err(vec![1; 100]), Ok(99)]);
    drop(log);
    let mut log = open(folder.path(), 10_000);
    assert_eq!(look(&log), [Ok(100), Ok(99)]);
    log.append_unsynced(1, 0, [&[3; 50], &[4; 60]]).expect("appended");
    assert_eq!(look(&log), [Ok(100), Ok(99), Err([[3; 50].as_slice(), &[4; 60]].concat())]);
}

// Goal: who has a place reads what stood there, whatever becomes of the log meanwhile; the places are of one file.
#[cfg(unix)]
#[test]
fn a_place_outlives_its_segment() {
    let folder = folder();
    let mut log = open(folder.path(), 500);
    for byte in 0..9 {
        log.append(1, 0, &[byte; 100]).expect("appended");
    }
    let mut read = Vec::new();
    let entries = log.read_joined(0, LARGE, &mut read).expect("read");
    log.drop_before(log.end()).expect("dropped");
    log.append(1, 0, &[99; 100]).expect("appended");
    let (mut located, mut from_memory) = (0, 0);
    for ((_, payload), byte) in entries.iter().zip(0..9) {
        let bytes = match payload {
            Payload::Read(at) => {
                from_memory += 1;
                read[at.clone()].to_vec()
            }
            Payload::Located(place) => {
                located += 1;
                place.read().expect("read")
            }
        };
        assert_eq!(bytes, [byte; 100]);
    }
    assert_eq!((located, from_memory), (3, 6));
}

// Goal: a file that is cut by somebody else is told, not read for ever.
#[test]
fn a_cut_place_is_an_error() {
    let folder = folder();
    let mut log = open(folder.path(), 10_000);
    log.append(1, 0, &[7; 200]).expect("appended");
    let entries = log.read_joined(0, LARGE, &mut Vec::new()).expect("read");
    let [(_, Payload::Located(place))] = &entries[..] else { panic!("{entries:?}") };
    let file =
        std::fs::File::options().write(true).open(&segments(folder.path())[0]).expect("file");
    file.set_len(place.at + 50).expect("cut");
    assert_eq!(place.read_some(&mut [0; 200]).expect("read"), 50);
    assert_eq!(place.read().expect_err("cut").kind(), std::io::ErrorKind::UnexpectedEof);
    let refused = log.read_joined(0, LARGE, &mut Vec::new()).expect_err("cut");
    assert!(matches!(refused, ReadError::Corrupt { .. }), "{refused}");
}
