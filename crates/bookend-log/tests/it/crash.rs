//! A tail that a crash tore goes away by itself, and nothing else does.

use std::{fs, io::Write as _};

use bookend_log::{Log, OpenError};
use proptest::prelude::*;

use crate::support::{all, folder, open, options, payload, segments, small_log};

// Goal: of a last segment that ends anywhere, all whole entries are there, the rest is cut and counted, and the log
// goes on. Method: every length there is.
#[test]
fn every_torn_length_leaves_whole_entries() {
    let (folder, entries) = small_log(12);
    let last = segments(folder.path()).pop().expect("a segment");
    let whole = fs::read(&last).expect("bytes");
    assert!(whole.len() > 100, "the last segment has several entries");
    let sealed_end =
        entries.iter().map(|entry| 36 + entry.payload.len()).sum::<usize>() - whole.len();
    for length in 0..=whole.len() {
        fs::write(&last, &whole[..length]).expect("torn");
        let (mut log, recovery) = Log::open(folder.path(), options(150)).expect("opens");
        let mut kept = entries.clone();
        let bytes = |kept: &[bookend_log::Entry]| {
            kept.iter().map(|entry| 36 + entry.payload.len()).sum::<usize>() - sealed_end
        };
        while bytes(&kept) > length {
            kept.pop();
        }
        let torn = length - bytes(&kept);
        let cut = recovery.cut.map(|cut| (cut.file, cut.at, cut.bytes));
        let expected = (torn > 0).then(|| (last.clone(), bytes(&kept) as u64, torn as u64));
        assert_eq!(cut, expected, "{length}");
        assert_eq!(all(&log), kept, "{length}");
        let first = log.append(1, 0, b"goes on").expect("appended");
        drop(log);
        let log = open(folder.path(), 150);
        assert_eq!(all(&log).len(), kept.len() + 1);
        assert_eq!(log.read(first, 0).expect("read")[0].payload, b"goes on");
        // The append may have begun a new segment.
        for extra in segments(folder.path()).into_iter().filter(|file| *file > last) {
            fs::remove_file(extra).expect("removed");
        }
    }
}

proptest! {
    // Goal: what a power cut leaves behind the last entry, zeros or noise, is cut too.
    #[test]
    fn noise_behind_the_last_entry_is_cut(noise in prop_oneof![prop::collection::vec(0_u8..1, 1..200), prop::collection::vec(any::<u8>(), 1..200)]) {
        let (folder, entries) = small_log(12);
        let last = segments(folder.path()).pop().expect("a segment");
        fs::File::options().append(true).open(&last).expect("file").write_all(&noise).expect("noise");
        let (log, recovery) = Log::open(folder.path(), options(150)).expect("opens");
        prop_assert_eq!(recovery.cut.map(|cut| cut.bytes), Some(noise.len() as u64));
        prop_assert_eq!(all(&log), entries);
    }
}

// Goal: a torn entry whose payload holds a log of its own is cut as any other, not taken for damage.
#[test]
fn a_torn_entry_may_hold_entries() {
    let (inner, _) = small_log(2);
    let inner = fs::read(&segments(inner.path())[0]).expect("bytes");
    let folder = folder();
    let mut log = open(folder.path(), 10_000);
    log.append(1, 0, &[inner.clone(), payload(0, 10)].concat()).expect("appended");
    drop(log);
    let file = fs::File::options().write(true).open(&segments(folder.path())[0]).expect("file");
    file.set_len(36 + inner.len() as u64).expect("torn");
    let (log, recovery) = Log::open(folder.path(), options(10_000)).expect("opens");
    assert_eq!((log.end(), recovery.cut.map(|cut| cut.at)), (0, Some(0)));
}

// Goal: entries of a later version of the format are refused, not cut as a torn tail.
#[test]
fn a_later_version_is_not_cut() {
    let (folder, _) = small_log(1);
    let last = segments(folder.path()).pop().expect("a segment");
    let mut bytes = fs::read(&last).expect("bytes");
    bytes[3] = 2;
    let header_crc = crc32c::crc32c(&bytes[..32]);
    bytes[32..36].copy_from_slice(&header_crc.to_be_bytes());
    fs::write(&last, &bytes).expect("written");
    let refused = Log::open(folder.path(), options(150)).expect_err("refused");
    assert!(matches!(&refused, OpenError::Corrupt { at: 0, .. }), "{refused}");
    assert_eq!(fs::read(&last).expect("bytes"), bytes);
}

// Goal: a crash between sealing a segment and the first entry of the next loses nothing.
#[test]
fn an_empty_last_segment_opens() {
    let (folder, entries) = small_log(12);
    let end = open(folder.path(), 150).end();
    fs::write(folder.path().join(format!("{end:020}.log")), "").expect("created");
    let mut log = open(folder.path(), 150);
    assert_eq!((all(&log), log.end()), (entries, end));
    assert_eq!(log.append(1, 0, b"").expect("appended"), end);
}
