//! Damage is seen: at open or at the read, and no wrong payload gets out.

use std::{collections::HashMap, fs, path::Path};

use bookend_log::{Bounds, Entry, Log, OpenError, ReadError};
use proptest::{prelude::*, sample::Index};

use crate::support::{each, files, folder, open, options, parts, segments, synced_log};

/// The files of a folder by path.
type Files = HashMap<std::path::PathBuf, Vec<u8>>;

const ALL: Bounds =
    Bounds { bytes_max: usize::MAX, first_max: Some(usize::MAX), located_from: None };

fn load(dir: &Path) -> Files {
    parts(dir).into_iter().map(|path| (path.clone(), fs::read(&path).expect("bytes"))).collect()
}

fn restore(dir: &Path, files: &Files) {
    for path in parts(dir) {
        fs::remove_file(path).expect("removed");
    }
    for (path, bytes) in files {
        fs::write(path, bytes).expect("written");
    }
}

/// Reads all that is left and returns how many entries are missing or refused. Panics at a wrong one.
fn losses(log: &Log, entries: &[Entry]) -> usize {
    let read = each(log, entries);
    for entry in read.iter().flatten() {
        assert!(entries.contains(entry), "a wrong entry came out: {entry:?}");
    }
    entries.len() - read.iter().flatten().count()
}

// Goal: a flipped bit anywhere in a segment of a synced log, its last entry included, or in the start is an error that
// names its file; in an index file and in the sync mark it changes nothing. Method: every bit of every file.
#[test]
fn every_flipped_bit_is_seen() {
    let (folder, entries) = synced_log(12);
    let dir = folder.path();
    open(dir, 150).advance_start(1).expect("advanced");
    let whole = load(dir);
    assert_eq!(whole.len(), 5 + 4 + 2, "segments, index files, marks");
    let last_file = segments(dir).pop().expect("a segment");
    for (path, bytes) in &whole {
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(path, damaged).expect("written");
            let seen = match Log::open(dir, options(150)) {
                Err(OpenError::Corrupt { file, at, .. }) => {
                    assert!(file == *path && at <= bit as u64 / 8);
                    true
                }
                Err(other) => panic!("{other}"),
                Ok((log, recovery)) => {
                    assert!(*path != last_file, "the last segment is checked at open");
                    assert_eq!(recovery.cut, None);
                    let told = each(&log, &entries).into_iter().filter_map(Result::err).all(|error| {
                        matches!(error, ReadError::Corrupt { file, at, .. } if file == *path && at <= bit as u64 / 8)
                    });
                    assert!(told);
                    losses(&log, &entries) > 1 // entry 0 is below the start
                }
            };
            let extension = path.extension().and_then(|extension| extension.to_str());
            let counts = extension == Some("log") || path.ends_with("start");
            assert_eq!(seen, counts, "{} bit {bit}", path.display());
            restore(dir, &whole);
        }
    }
}

// Goal: what was synced is never cut, whatever follows it or not; what was not is cut even if valid entries follow,
// because a power cut may have written them alone.
#[test]
fn the_sync_mark_tells_damage_from_a_torn_tail() {
    let folder = folder();
    let dir = folder.path();
    let mut log = open(dir, 100_000);
    log.append(1, 0, &[7; 100]).expect("appended");
    log.sync().expect("synced");
    for _ in 0..2 {
        log.append(1, 0, &[7; 100]).expect("appended");
    }
    drop(log);
    let (whole, file) = (load(dir), segments(dir).remove(0));
    for byte in 0..3 * 136 {
        let mut damaged = whole[&file].clone();
        damaged[byte] ^= 0x55;
        fs::write(&file, damaged).expect("written");
        match Log::open(dir, options(100_000)) {
            Err(OpenError::Corrupt { file: named, at: 0, .. }) => {
                assert!(named == file && byte < 136);
            }
            Ok((log, recovery)) => {
                let kept = byte as u64 / 136;
                assert_eq!((log.end(), recovery.cut.map(|cut| cut.at)), (kept, Some(kept * 136)));
                assert!(kept > 0);
            }
            Err(other) => panic!("{other}"),
        }
        restore(dir, &whole);
    }
    for length in 0..136 {
        fs::write(&file, &whole[&file][..length]).expect("written");
        let refused = Log::open(dir, options(100_000)).expect_err("refused");
        assert!(matches!(refused, OpenError::Corrupt { at: 0, .. }), "{refused}");
    }
    fs::remove_file(&file).expect("removed");
    let refused = Log::open(dir, options(100_000)).expect_err("refused");
    assert!(matches!(refused, OpenError::Corrupt { file: named, .. } if named == file));
}

// Goal: an index file of no sealed segment goes away, so that it never speaks for a later one of that name.
#[test]
fn index_files_without_their_segment_are_removed() {
    let (folder, entries) = synced_log(9);
    let whole = files(folder.path(), "index");
    let active = segments(folder.path()).pop().expect("a segment").with_extension("index");
    for stray in [active, folder.path().join(format!("{:020}.index", 1_000))] {
        fs::copy(&whole[0], stray).expect("copied");
    }
    assert_eq!(crate::support::all(&open(folder.path(), 150)), entries);
    assert_eq!(files(folder.path(), "index"), whole);
}

// Goal: reading goes up to the damage, and then names it.
#[test]
fn entries_before_the_damage_are_read() {
    let (folder, entries) = synced_log(9);
    let log = open(folder.path(), 150);
    let second = &segments(folder.path())[1];
    let mut bytes = fs::read(second).expect("bytes");
    *bytes.last_mut().expect("not empty") ^= 1;
    fs::write(second, bytes).expect("written");
    let read = log.read(0, usize::MAX).expect("those before");
    assert_eq!(read, entries[..read.len()]);
    assert!(read.len() > 2 && read.len() < entries.len());
    let mut joined = Vec::new();
    let places = log.read_joined(0, ALL, &mut joined).expect("those before");
    let payloads: Vec<_> = read.iter().flat_map(|entry| entry.payload.iter().copied()).collect();
    assert_eq!((&joined, places.len()), (&payloads, read.len()));
    log.read_joined(entries[read.len()].first, ALL, &mut joined).expect_err("the damaged one");
    assert_eq!(joined, payloads, "a read that is refused leaves nothing");
    let refused = log.read(entries[read.len()].first, 0).expect_err("the damaged one");
    let text = refused.to_string();
    assert!(text.contains(&*second.to_string_lossy()) && text.contains("at byte "), "{text}");
    assert!(log.read(entries[read.len() + 1].first, 0).is_ok(), "the next segment is whole");
}

// Goal: segments that are missing, copied or exchanged are refused, whatever their checksums say.
#[test]
fn segments_stay_in_their_place() {
    let (folder, _) = synced_log(9);
    let (dir, whole) = (folder.path(), load(folder.path()));
    let names = segments(dir);
    assert!(names.len() >= 4);
    let refused = || Log::open(dir, options(150)).expect_err("refused");

    fs::remove_file(&names[1]).expect("removed");
    assert!(matches!(refused(), OpenError::Misplaced { file, .. } if file == names[2]));
    restore(dir, &whole);

    fs::remove_file(&names[0]).expect("removed");
    assert!(
        matches!(refused(), OpenError::Misplaced { file, expected: 0, .. } if file == names[1])
    );
    restore(dir, &whole);

    fs::copy(&names[0], dir.join(format!("{:020}.log", 1))).expect("copied");
    assert!(matches!(refused(), OpenError::Misplaced { .. }));
    restore(dir, &whole);

    for index in files(dir, "index") {
        fs::remove_file(index).expect("removed");
    }
    fs::write(&names[1], &whole[&names[2]]).expect("written");
    assert!(matches!(refused(), OpenError::Corrupt { file, at: 0, .. } if file == names[1]));
    restore(dir, &whole);

    let last = names.last().expect("a segment");
    fs::write(last, &whole[&names[0]]).expect("written");
    assert!(matches!(refused(), OpenError::Corrupt { file, at: 0, .. } if file == *last));
}

#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, Index, u8),
    Truncate(Index, Index),
    Zero(Index, Index, usize),
    Exchange(Index, Index),
    Remove(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    prop_oneof![
        (place(), place(), 1..=255_u8).prop_map(|(file, at, flip)| Damage::Flip(file, at, flip)),
        (place(), place()).prop_map(|(file, at)| Damage::Truncate(file, at)),
        (place(), place(), 1..100_usize)
            .prop_map(|(file, at, length)| Damage::Zero(file, at, length)),
        (place(), place()).prop_map(|(one, other)| Damage::Exchange(one, other)),
        place().prop_map(Damage::Remove),
    ]
}

fn apply(dir: &Path, damage: &Damage) {
    let paths = parts(dir);
    if paths.is_empty() {
        return;
    }
    let change = |file: &Index, change: &dyn Fn(&mut Vec<u8>)| {
        let path = file.get(&paths);
        let mut bytes = fs::read(path).expect("bytes");
        if !bytes.is_empty() {
            change(&mut bytes);
        }
        fs::write(path, bytes).expect("written");
    };
    match damage {
        Damage::Flip(file, at, flip) => change(file, &|bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }),
        Damage::Truncate(file, at) => change(file, &|bytes| bytes.truncate(at.index(bytes.len()))),
        Damage::Zero(file, at, length) => change(file, &|bytes| {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + length);
            bytes[at..end].fill(0);
        }),
        Damage::Exchange(one, other) => {
            let (one, other) = (one.get(&paths), other.get(&paths));
            let (a, b) = (fs::read(one).expect("bytes"), fs::read(other).expect("bytes"));
            fs::write(one, b).expect("written");
            fs::write(other, a).expect("written");
        }
        Damage::Remove(file) => fs::remove_file(file.get(&paths)).expect("removed"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    // Goal: whatever happens to the files, open or under way, nothing panics and no wrong payload comes out.
    #[test]
    fn no_damage_brings_a_wrong_payload(entries in 1..20_u64, damages in prop::collection::vec(damage(), 1..4)) {
        let (folder, entries) = synced_log(entries);
        let running = open(folder.path(), 150);
        for damage in &damages {
            apply(folder.path(), damage);
        }
        losses(&running, &entries);
        drop(running.find_time(1_030));
        if let Ok((mut log, _)) = Log::open(folder.path(), options(150)) {
            losses(&log, &entries);
            drop(log.find_time(1_030));
            drop(log.append(1, 0, b"goes on"));
        }
    }
}
