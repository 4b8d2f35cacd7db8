//! The log is rewritten, and the process may end at any byte of that.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use bookend_log::{Fsync, Options};
use kafka_protocol::ResponseError;
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    super::{
        entry::{Change, What},
        rewrite::Sizes,
        state::{Members, State},
    },
    Committed, NOON, Offsets, Place, consumer,
};

/// What happens to groups.
#[derive(Debug, Clone)]
enum Step {
    Commit {
        group: u8,
        partition: i32,
        offset: i64,
        is_member: bool,
    },
    Join(u8),
    /// It is found to have no members any more.
    Empty(u8),
    Forget {
        group: u8,
        partition: i32,
    },
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let (group, partition) = (0..3_u8, 0..4_i32);
    let commit = (group.clone(), partition.clone(), 0..1_000_i64, any::<bool>());
    let step = prop_oneof![
        6 => commit.prop_map(|(group, partition, offset, is_member)| Step::Commit { group, partition, offset, is_member }),
        1 => group.clone().prop_map(Step::Join),
        2 => group.clone().prop_map(Step::Empty),
        2 => (group, partition).prop_map(|(group, partition)| Step::Forget { group, partition }),
    ];
    prop::collection::vec(step, 1..most)
}

fn place(partition: i32) -> Place {
    (Uuid::from_bytes([1; 16]), partition)
}

fn run(offsets: &Offsets, step: &Step, now_ms: i64) {
    match *step {
        Step::Commit { group, partition, offset, is_member } => {
            let metadata = "x".repeat(usize::try_from(offset % 100).unwrap());
            let committed =
                Committed { offset, leader_epoch: 0, metadata: Some(metadata.as_str().into()) };
            let may = || Ok(is_member.then(consumer));
            offsets
                .commit(&group.to_string(), vec![(place(partition), committed)], now_ms, may)
                .unwrap();
        }
        Step::Join(group) => offsets.join(&group.to_string(), "consumer", now_ms),
        Step::Empty(group) => {
            let group = group.to_string().into();
            let change = Change { group, time_ms: now_ms, what: What::Emptied };
            offsets.change(&mut offsets.stored(), change).unwrap();
        }
        Step::Forget { group, partition } => {
            let chosen = || Ok::<_, ResponseError>(vec![place(partition)]);
            offsets.forget(&group.to_string(), now_ms, chosen).unwrap();
        }
    }
}

/// When logs are opened, after all that happens.
const OPENED: i64 = NOON + 1_000_000;

/// With segments so small that each holds a few entries, and an entry for each group.
fn open(dir: &Path, compact_min: u64, fsync: Fsync) -> Offsets {
    let options = Options { segment_bytes_max: 512, fsync };
    Offsets::open_with(dir, options, Sizes { compact_min, entry: 1 }, OPENED, |_| true).unwrap()
}

/// What is kept, as it is after a restart: no one has members.
fn after_restart(state: &State) -> State {
    let mut state = state.clone();
    for group in state.groups.values_mut() {
        if group.members == Members::Present {
            group.members = Members::GoneSince(OPENED);
        }
    }
    state
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap());
    let kept = files.filter(|file| {
        file.path().extension().is_some_and(|kind| kind == "log") || file.file_name() == START
    });
    kept.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect()
}

/// The file that says where a log begins; it is replaced at once.
const START: &str = "start";

/// Every folder that a process may leave which ends between `before` and `after`: the log grows byte by byte, file by
/// file, says where it begins now, then loses its files from the oldest on. Of the bytes, every `stride`-th.
fn crashes(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
    stride: usize,
) -> Vec<BTreeMap<String, Vec<u8>>> {
    let mut all = before.clone();
    let mut folders = Vec::new();
    for (name, bytes) in after.iter().filter(|(name, _)| *name != START) {
        let begin = before.get(name).map_or(0, Vec::len);
        for length in (begin..=bytes.len()).step_by(stride).chain([bytes.len()]) {
            all.insert(name.clone(), bytes[..length].to_vec());
            folders.push(all.clone());
        }
    }
    all.extend(after.get(START).map(|bytes| (START.to_owned(), bytes.clone())));
    folders.push(all.clone());
    let dropped: Vec<_> = before.keys().filter(|name| !after.contains_key(*name)).collect();
    for name in dropped {
        all.remove(name);
        folders.push(all.clone());
    }
    folders
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    // Goal: wherever the process ends during a rewrite, everything is there, and what was forgotten is not. Method: the
    // files before and after it give every folder in between; each is opened, and so is what goes on behind it.
    #[test]
    fn a_crash_in_a_rewrite_loses_nothing(steps in steps(40), more in steps(4), stride in 7_usize..60) {
        let dir = tempfile::tempdir().unwrap();
        let offsets = open(dir.path(), u64::MAX, Fsync::Never);
        for (now_ms, step) in (NOON..).zip(&steps) {
            run(&offsets, step, now_ms);
        }
        let expected = after_restart(&offsets.read(State::clone));
        let before = files(dir.path());
        {
            let mut stored = offsets.stored();
            stored.compact_at = 0;
            offsets.compact_if_large(&mut stored);
        }
        let after = files(dir.path());
        prop_assert_eq!(&after_restart(&offsets.read(State::clone)), &expected);
        for folder in crashes(&before, &after, stride) {
            let copy = tempfile::tempdir().unwrap();
            for (name, bytes) in &folder {
                fs::write(copy.path().join(name), bytes).unwrap();
            }
            let reopened = open(copy.path(), u64::MAX, Fsync::Never);
            prop_assert_eq!(&reopened.read(State::clone), &expected);
            for step in &more {
                run(&reopened, step, NOON);
            }
            let expected = after_restart(&reopened.read(State::clone));
            drop(reopened);
            let again = open(copy.path(), u64::MAX, Fsync::Never);
            prop_assert_eq!(again.read(State::clone), expected);
        }
    }

    // Goal: rewritten again and again, the log says the same as memory, and stays small.
    #[test]
    fn a_log_that_is_rewritten_often_says_the_same(steps in steps(400)) {
        let dir = tempfile::tempdir().unwrap();
        let offsets = open(dir.path(), 2_048, Fsync::Never);
        for (now_ms, step) in (NOON..).zip(&steps) {
            run(&offsets, step, now_ms);
        }
        let expected = after_restart(&offsets.read(State::clone));
        // Twelve offsets of 180 bytes at most, four times over, and what one segment holds besides.
        prop_assert!(offsets.stored().log.bytes() < 10_000);
        drop(offsets);
        prop_assert_eq!(open(dir.path(), 2_048, Fsync::Never).read(State::clone), expected);
    }
}

// Goal: a power cut after a rewrite takes nothing that was synced before it. Method: with nothing left to sync behind a
// rewrite, the log does not ask for a sync, though it would from the first call on after an append.
#[test]
fn a_rewrite_is_synced_before_the_old_goes() {
    let dir = tempfile::tempdir().unwrap();
    let interval = std::time::Duration::from_millis(1);
    let offsets = open(dir.path(), 1_024, Fsync::Interval(interval));
    let is_unsynced = || {
        let now = Instant::now();
        let mut stored = offsets.stored();
        stored.log.sync_due(now) || stored.log.sync_due(now + 2 * interval)
    };
    let mut rewritten = 0;
    for offset in 0..100 {
        let start = offsets.stored().log.start();
        run(&offsets, &Step::Commit { group: 1, partition: 1, offset, is_member: false }, NOON);
        if offsets.stored().log.start() > start {
            rewritten += 1;
            assert!(!is_unsynced(), "{offset}");
        } else {
            assert!(is_unsynced(), "{offset}");
        }
    }
    assert!(rewritten > 0);
}

// Goal: a rewrite is synced also where nothing else ever is: it does not drop what is on the disk for what is not.
#[test]
fn a_rewrite_is_synced_under_any_policy() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path(), 1_024, Fsync::Never);
    let mut rewritten = 0;
    for offset in 0..60 {
        let start = offsets.stored().log.start();
        run(&offsets, &Step::Commit { group: 1, partition: 1, offset, is_member: false }, NOON);
        if offsets.stored().log.start() > start {
            rewritten += 1;
            assert!(!offsets.is_unsynced(), "{offset}");
        }
    }
    assert!(rewritten > 0);
}
