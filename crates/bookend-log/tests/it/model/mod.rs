//! The log does what a list in memory does.

mod reads;

use bookend_log::{Bounds, Entry, EntryInfo, Log};
use proptest::{prelude::*, sample::Index};

use self::reads::{read, scan};
use crate::support::{folder, open, payload};

#[derive(Debug, Clone)]
enum Step {
    Append { count: u32, time_ms: i64, payload_bytes: usize },
    Read { from: Index, bounds: Bounds },
    Scan { from: Index, prefix_bytes: usize, entries_max: usize },
    FindTime { time_ms: i64 },
    DropBefore { index: Index },
    DropOlderThan { time_ms: i64 },
    DropToBytes { bytes: u64 },
    AdvanceStart { index: Index },
    Reopen,
    ReopenWithoutIndexes,
}

fn step() -> impl Strategy<Value = Step> {
    let payload_bytes = prop_oneof![0..60_usize, 0..6_000_usize];
    prop_oneof![
        12 => (1..4_u32, 0..60_i64, payload_bytes)
            .prop_map(|(count, time_ms, payload_bytes)| Step::Append { count, time_ms, payload_bytes }),
        6 => (any::<Index>(), bounds()).prop_map(|(from, bounds)| Step::Read { from, bounds }),
        3 => (any::<Index>(), 0..80_usize, 1..20_usize)
            .prop_map(|(from, prefix_bytes, entries_max)| Step::Scan { from, prefix_bytes, entries_max }),
        3 => (0..62_i64).prop_map(|time_ms| Step::FindTime { time_ms }),
        1 => any::<Index>().prop_map(|index| Step::DropBefore { index }),
        1 => (0..62_i64).prop_map(|time_ms| Step::DropOlderThan { time_ms }),
        1 => prop_oneof![0..1_500_u64, 0..100_000_u64].prop_map(|bytes| Step::DropToBytes { bytes }),
        1 => any::<Index>().prop_map(|index| Step::AdvanceStart { index }),
        1 => Just(Step::Reopen),
        1 => Just(Step::ReopenWithoutIndexes),
    ]
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let bytes_max = prop_oneof![Just(0), 0..200_usize, 0..20_000_usize, Just(usize::MAX)];
    let located_from = prop::option::of(prop_oneof![0..60_usize, 0..6_000_usize]);
    let first_max = prop::option::of(prop_oneof![0..6_000_usize, Just(usize::MAX)]);
    (bytes_max, first_max, located_from).prop_map(|(bytes_max, first_max, located_from)| Bounds {
        bytes_max,
        first_max,
        located_from,
    })
}

/// The log as a list of segments, each with its first index.
struct Model {
    segment_bytes_max: u64,
    /// Where it was when it was opened.
    opened_end: u64,
    segments: Vec<(u64, Vec<Entry>)>,
    start: u64,
    end: u64,
}

fn bytes(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| 36 + entry.payload.len() as u64).sum()
}

impl Model {
    fn new(segment_bytes_max: u64) -> Self {
        let segments = vec![(0, Vec::new())];
        Self { segment_bytes_max, opened_end: 0, segments, start: 0, end: 0 }
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|(_, entries)| bytes(entries)).sum()
    }

    /// The entries from the one that holds `index` on.
    fn from(&self, index: u64) -> impl Iterator<Item = &Entry> {
        let entries = self.segments.iter().flat_map(|(_, entries)| entries);
        entries.filter(move |entry| entry.first + u64::from(entry.count) > index)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.from(self.start)
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

    fn is_located(&self, entry: &Entry, bounds: Bounds) -> bool {
        let is_large = bounds.located_from.is_some_and(|bytes| entry.payload.len() >= bytes);
        is_large && entry.first >= self.opened_end
    }

    fn read(&self, from: u64, bounds: Bounds) -> Vec<Entry> {
        let (mut room, mut read) = (bounds.bytes_max, Vec::new());
        for entry in self.from(from) {
            let cost = entry.payload.len().max(1);
            let is_taken = bounds
                .first_max
                .is_some_and(|max| entry.payload.len() <= max || self.is_located(entry, bounds));
            if cost > room && !(is_taken && read.is_empty()) {
                break;
            }
            room = room.saturating_sub(cost);
            read.push(entry.clone());
        }
        read
    }

    /// Drops the oldest segments while `goes` says so of one and of what is behind it, and returns the bytes.
    fn drop_while(&mut self, goes: impl Fn(&Self) -> bool) -> u64 {
        let before = self.bytes();
        while goes(self) {
            self.segments.remove(0);
            if self.segments.is_empty() {
                self.segments.push((self.end, Vec::new()));
            }
            self.start = self.start.max(self.segments[0].0);
        }
        before - self.bytes()
    }

    fn drop_before(&mut self, index: u64) -> u64 {
        let end = |model: &Self| model.segments.get(1).map_or(model.end, |next| next.0);
        self.drop_while(|model| !model.segments[0].1.is_empty() && end(model) <= index)
    }

    fn drop_older_than(&mut self, time_ms: i64) -> u64 {
        self.drop_while(|model| {
            let oldest = &model.segments[0].1;
            !oldest.is_empty() && oldest.iter().all(|entry| entry.time_ms < time_ms)
        })
    }

    fn drop_to_bytes(&mut self, least: u64) -> u64 {
        self.drop_while(|model| {
            model.segments.len() > 1 && model.bytes() - bytes(&model.segments[0].1) >= least
        })
    }

    fn advance_start(&mut self, index: u64) -> u64 {
        let index = index.clamp(self.start, self.end);
        let freed = self.drop_before(index);
        self.start = index;
        freed
    }
}

fn info(entry: &Entry) -> EntryInfo {
    EntryInfo { first: entry.first, count: entry.count, time_ms: entry.time_ms }
}

fn run(segment_bytes_max: u64, steps: &[Step]) -> Result<(), TestCaseError> {
    let folder = folder();
    let mut log = open(folder.path(), segment_bytes_max);
    let mut model = Model::new(segment_bytes_max);
    for step in steps {
        apply(&mut log, &mut model, folder.path(), step)?;
        prop_assert_eq!((log.start(), log.end()), (model.start, model.end));
        prop_assert_eq!(log.bytes(), model.bytes());
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
        let low = model.start.saturating_sub(1);
        low + index.index(usize::try_from(model.end - low + 2).expect("small")) as u64
    };
    match *step {
        Step::Append { count, time_ms, payload_bytes } => {
            let first = log.end();
            let payload = payload(first, payload_bytes);
            prop_assert_eq!(log.append(count, time_ms, &payload).expect("appended"), first);
            model.append(Entry { first, count, time_ms, payload });
        }
        Step::Read { from, bounds } => read(log, model, near(from, model), bounds)?,
        Step::Scan { from, prefix_bytes, entries_max } => {
            scan(log, model, near(from, model), prefix_bytes, entries_max)?;
        }
        Step::FindTime { time_ms } => {
            let expected = model.entries().find(|entry| entry.time_ms >= time_ms).map(info);
            prop_assert_eq!(log.find_time(time_ms).expect("found"), expected);
        }
        Step::DropBefore { index } => {
            let index = near(index, model);
            prop_assert_eq!(log.drop_before(index).expect("dropped"), model.drop_before(index));
        }
        Step::DropOlderThan { time_ms } => {
            let freed = log.drop_older_than(time_ms).expect("dropped");
            prop_assert_eq!(freed, model.drop_older_than(time_ms));
        }
        Step::DropToBytes { bytes } => {
            prop_assert_eq!(log.drop_to_bytes(bytes).expect("dropped"), model.drop_to_bytes(bytes));
        }
        Step::AdvanceStart { index } => {
            let index = near(index, model);
            prop_assert_eq!(
                log.advance_start(index).expect("advanced"),
                model.advance_start(index)
            );
        }
        Step::Reopen => reopen(log, model, dir),
        Step::ReopenWithoutIndexes => {
            for index in crate::support::files(dir, "index") {
                std::fs::remove_file(index).expect("removed");
            }
            reopen(log, model, dir);
        }
    }
    Ok(())
}

fn reopen(log: &mut Log, model: &mut Model, dir: &std::path::Path) {
    *log = open(dir, model.segment_bytes_max);
    model.opened_end = model.end;
}

proptest! {
    // Goal: after any steps, log and list agree. Small segments have many borders, large ones many index points.
    #[test]
    fn log_and_list_agree(large: bool, steps in prop::collection::vec(step(), 1..120)) {
        run(if large { 60_000 } else { 300 }, &steps)?;
    }
}
