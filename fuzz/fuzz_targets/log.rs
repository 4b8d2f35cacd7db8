//! A log on damaged files: it opens or says why not; what it then tells is right, and it goes on.
//!
//! The first byte chooses: the bytes are the files themselves, or they say what is appended and which bytes of the files
//! are then changed.
#![no_main]

use std::{fs, ops::ControlFlow, path::Path};

use bookend_fuzz::{folder, sow, take, within};
use bookend_log::{Fsync, Log, Options};
use libfuzzer_sys::fuzz_target;

const SLACK: usize = 4 * 1024 * 1024;
/// Small, so that there are many segments.
const OPTIONS: Options = Options { segment_bytes_max: 256, fsync: Fsync::Never };

/// Files of a log by name: two segments, the index of the first, and the marks.
const FILES: [&str; 5] = [
    "00000000000000000000.log",
    "00000000000000000002.log",
    "00000000000000000000.index",
    "start",
    "synced",
];

fuzz_target!(init: sow("log"), |data: &[u8]| {
    let mut data = data;
    let [choice] = take(&mut data);
    let folder = folder();
    if choice % 2 == 0 {
        write_files(folder.path(), data)
    } else {
        build(folder.path(), data)
    }
    within(SLACK, || use_log(folder.path()));
});

fn write_files(dir: &Path, mut data: &[u8]) {
    for name in FILES {
        let [length] = take(&mut data);
        let (file, rest) = data.split_at(data.len().min(usize::from(length) * 2));
        data = rest;
        if !file.is_empty() {
            fs::write(dir.join(name), file).expect("it can be written");
        }
    }
}

/// Appends what the bytes say, then changes some bytes of the files, cuts them, or removes them.
fn build(dir: &Path, mut data: &[u8]) {
    let (mut log, _) = Log::open(dir, OPTIONS).expect("an empty folder is a log");
    let [entries] = take(&mut data);
    for _ in 0..entries % 32 {
        let [count, length] = take(&mut data);
        let (payload, rest) = data.split_at(data.len().min(usize::from(length)));
        data = rest;
        log.append(u32::from(count % 4) + 1, i64::from(length), payload).expect("it is small");
    }
    drop(log);
    let mut files: Vec<_> = fs::read_dir(dir)
        .expect("it was created")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort();
    while let (false, [first, ..]) = (data.is_empty(), &files[..]) {
        let [file, how, at, to] = take(&mut data);
        let path = files.get(usize::from(file) % files.len()).unwrap_or(first).clone();
        let mut bytes = fs::read(&path).unwrap_or_default();
        let at = usize::from(at) % (bytes.len() + 1);
        match how % 4 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, to),
            2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = to),
            _ => {
                drop(fs::remove_file(&path));
                continue;
            }
        }
        fs::write(&path, bytes).expect("it can be written");
    }
}

/// Everything a log can be asked; it may refuse, but it does not contradict itself.
fn use_log(dir: &Path) {
    let Ok((mut log, _)) = Log::open(dir, OPTIONS) else { return };
    assert!(log.start() <= log.end());
    read_all(&log);
    let mut scanned = log.start();
    drop(log.scan(log.start(), 16, |info, prefix| {
        assert!(prefix.len() <= 16);
        scanned = info.first + u64::from(info.count);
        ControlFlow::Continue(())
    }));
    assert!(scanned <= log.end());
    for time in [i64::MIN, 0, i64::MAX] {
        drop(log.find_time(time));
    }
    drop(log.latest_time());
    let middle = log.start() + (log.end() - log.start()) / 2;
    drop(log.advance_start(middle));
    drop(log.drop_to_bytes(100));
    drop(log.drop_older_than(100));
    let Ok(first) = log.append(2, 7, b"appended") else { return };
    assert_eq!(log.end(), first + 2);
    let (start, end) = (log.start(), log.end());
    drop(log);
    let (log, recovery) = Log::open(dir, OPTIONS).expect("what it wrote itself it opens");
    assert!(recovery.cut.is_none(), "nothing was torn");
    assert_eq!((log.start(), log.end()), (start, end));
    let last = log.read(first, 1_000).expect("what was appended is read");
    assert_eq!(last[0].payload, b"appended");
}

fn read_all(log: &Log) {
    let mut from = log.start();
    while from < log.end() {
        let Ok(entries) = log.read(from, 1_000) else { return };
        let Some(last) = entries.last() else { panic!("nothing at {from} of {}", log.end()) };
        let next = last.first + u64::from(last.count);
        assert!(next > from && next <= log.end());
        from = next;
    }
}
