//! The log does what a list in memory does.

use bookend_log::{Entry, EntryInfo, Log, ReadError};
use proptest::{prelude::*, sample::Index};

use crate::support::{open, payload};

#[derive(Debug, Clone)]
enum Step {
    Append { count: u32, time_ms: i64, payload_bytes: usize },
    Read { from: Index, bytes_max: usize },
    FindTime { time_ms: i64 },
    DropBefore { index: Index },
    Reopen,
    ReopenWithoutIndexes,
}

fn step() -> impl Strategy<Value = Step> {
    let payload_bytes = prop_oneof![0..60_usize, 0..6_000_usize];
    let bytes_max = prop_oneof![Just(0), 0..200_usize, 0..20_000_usize, Just(usize::MAX)];
    prop_oneof![
        12 => (1..4_u32, 0..60_i64, payload_bytes)
            .prop_map(|(count, time_ms, payload_bytes)| Step::Append { count, time_ms, payload_bytes }),
        6 => (any::<Index>(), bytes_max).prop_map(|(from, bytes_max)| Step::Read { from, bytes_max }),
        3 => (0..62_i64).prop_map(|time_ms| Step::FindTime { time_ms }),
        1 => any::<Index>().prop_map(|index| Step::DropBefore { index }),
        1 => Just(Step::Reopen),
        1 => Just(Step::ReopenWithoutIndexes),
    ]
}

/// The log as a list of segments, each with its first index.
struct Model {
    segment_bytes_max: u64,
    segments: Vec<(u64, Vec<Entry>)>,
    end: u64,
}

fn bytes(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| 36 + entry.payload.len() as u64).sum()
}

impl Model {
    fn start(&self) -> u64 {
        self.segments[0].0
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.segments.iter().flat_map(|(_, entries)| entries)
    }

    fn append(&mut self, entry: Entry) {
        let (_, active) = self.segments.last().expect("one segment");
        let grown = bytes(active) + bytes(std::slice::from_ref(&entry));
        if !active.is_empty() && grown > self.segment_bytes_max {
            self.segments.push((self.end, Vec::new()));
        }
        self.end += u64::from(entry.count);
        self.segments.last_mut().expect("one segment").1.push(entry);
    }

    fn read(&self, from: u64, bytes_max: usize) -> Vec<Entry> {
        let (mut room, mut read) = (bytes_max, Vec::new());
        for entry in self.entries().filter(|entry| entry.first + u64::from(entry.count) > from) {
            let cost = entry.payload.len().max(1);
            if !read.is_empty() && cost > room {
                break;
            }
            room = room.saturating_sub(cost);
            read.push(entry.clone());
        }
        read
    }

    fn drop_before(&mut self, index: u64) -> u64 {
        let before: u64 = self.segments.iter().map(|(_, entries)| bytes(entries)).sum();
        if index >= self.end && !self.segments.last().expect("one segment").1.is_empty() {
            self.segments.push((self.end, Vec::new()));
        }
        while self.segments.len() > 1 && self.segments[1].0 <= index {
            self.segments.remove(0);
        }
        before - self.segments.iter().map(|(_, entries)| bytes(entries)).sum::<u64>()
    }
}

fn info(entry: &Entry) -> EntryInfo {
    EntryInfo { first: entry.first, count: entry.count, time_ms: entry.time_ms }
}

fn run(segment_bytes_max: u64, steps: &[Step]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = open(folder.path(), segment_bytes_max);
    let mut model = Model { segment_bytes_max, segments: vec![(0, Vec::new())], end: 0 };
    for step in steps {
        apply(&mut log, &mut model, folder.path(), step)?;
        prop_assert_eq!((log.start(), log.end()), (model.start(), model.end));
        let held: u64 = model.segments.iter().map(|(_, entries)| bytes(entries)).sum();
        prop_assert_eq!(log.bytes(), held);
        let latest = model.entries().map(|entry| entry.time_ms).max();
        let latest = model.entries().find(|entry| Some(entry.time_ms) == latest);
        prop_assert_eq!(log.latest_time().expect("found"), latest.map(info));
    }
    Ok(())
}

fn apply(
    log: &mut Log,
    model: &mut Model,
    dir: &std::path::Path,
    step: &Step,
) -> Result<(), TestCaseError> {
    // One index outside at each end, where there is one.
    let near = |index: Index, model: &Model| {
        let low = model.start().saturating_sub(1);
        low + index.index(usize::try_from(model.end - low + 2).expect("small")) as u64
    };
    match *step {
        Step::Append { count, time_ms, payload_bytes } => {
            let first = log.end();
            let payload = payload(first, payload_bytes);
            prop_assert_eq!(log.append(count, time_ms, &payload).expect("appended"), first);
            model.append(Entry { first, count, time_ms, payload });
        }
        Step::Read { from, bytes_max } => {
            let from = near(from, model);
            if (model.start()..=model.end).contains(&from) {
                let read = log.read(from, bytes_max).expect("read");
                prop_assert_eq!(read, model.read(from, bytes_max));
            } else {
                let Err(ReadError::OutOfRange { start, end }) = log.read(from, bytes_max) else {
                    return Err(TestCaseError::fail("read outside of the log"));
                };
                prop_assert_eq!((start, end), (model.start(), model.end));
            }
        }
        Step::FindTime { time_ms } => {
            let expected = model.entries().find(|entry| entry.time_ms >= time_ms).map(info);
            prop_assert_eq!(log.find_time(time_ms).expect("found"), expected);
        }
        Step::DropBefore { index } => {
            let index = near(index, model);
            prop_assert_eq!(log.drop_before(index).expect("dropped"), model.drop_before(index));
        }
        Step::Reopen => *log = open(dir, model.segment_bytes_max),
        Step::ReopenWithoutIndexes => {
            for index in crate::support::files(dir, "index") {
                std::fs::remove_file(index).expect("removed");
            }
            *log = open(dir, model.segment_bytes_max);
        }
    }
    Ok(())
}

proptest! {
    // Goal: after any steps, log and list agree. Small segments have many borders, large ones many index points.
    #[test]
    fn log_and_list_agree(large: bool, steps in prop::collection::vec(step(), 1..120)) {
        run(if large { 60_000 } else { 300 }, &steps)?;
    }
}
