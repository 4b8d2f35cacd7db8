//! What was committed is there, also after a restart, until it is forgotten.

use bookend_log::{Fsync, Options, testing::PowerCut};
use kafka_protocol::ResponseError;

use super::{
    super::{METADATA_BYTES_MAX, SEGMENT_BYTES_MAX, rewrite::Sizes, state::State},
    Committed, FIRST, NOON, Offsets, SECOND, at, commit, consumer, open, options,
};
use crate::group::GROUPS_MAX;

// Goal: the last commit of a partition counts, also after a restart.
#[test]
fn a_commit_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path());
    let both = vec![((FIRST, 0), at(3)), ((SECOND, 1), at(4))];
    offsets.commit("g", both, NOON, || Ok(None)).unwrap();
    commit(&offsets, "g", (FIRST, 0), 5);
    drop(offsets);
    let offsets = open(dir.path());
    assert_eq!(offsets.find("g", (FIRST, 0)), Some(at(5)));
    assert_eq!(offsets.find("h", (FIRST, 0)), None);
    assert_eq!(offsets.of_group("g"), [((FIRST, 0), at(5)), ((SECOND, 1), at(4))]);
}

// Goal: offsets go with their topic, at once and at the next start.
#[test]
fn offsets_of_a_deleted_topic_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path());
    commit(&offsets, "g", (FIRST, 0), 3);
    commit(&offsets, "g", (SECOND, 0), 4);
    commit(&offsets, "h", (FIRST, 0), 5);
    offsets.forget_topic(FIRST);
    let check = |offsets: &Offsets| {
        assert_eq!(offsets.of_group("g"), [((SECOND, 0), at(4))]);
        assert_eq!(offsets.groups().len(), 1, "a group without offsets is none");
    };
    check(&offsets);
    drop(offsets);
    check(&Offsets::open(dir.path(), options(), NOON, |id| id == SECOND).unwrap());
}

// Goal: what is forgotten stays forgotten, and its group with the last of it.
#[test]
fn what_is_forgotten_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path());
    for place in [(FIRST, 0), (FIRST, 1), (SECOND, 0)] {
        commit(&offsets, "g", place, 3);
    }
    let refused = offsets.forget("g", NOON, || Err(ResponseError::NonEmptyGroup));
    assert_eq!(refused, Err(ResponseError::NonEmptyGroup));
    offsets.forget("g", NOON, || Ok(vec![(FIRST, 0), (FIRST, 7)])).unwrap();
    offsets.forget("none", NOON, || Ok(vec![(FIRST, 1)])).unwrap();
    drop(offsets);
    let offsets = open(dir.path());
    assert_eq!(offsets.of_group("g").len(), 2);
    offsets.forget("g", NOON, || Ok(vec![(FIRST, 1), (SECOND, 0)])).unwrap();
    assert_eq!((offsets.protocol_type("g"), offsets.groups().len()), (None, 0));
    assert_eq!(offsets.read(State::clone), State::default());
    drop(offsets);
    assert_eq!(open(dir.path()).groups(), []);
}

// Goal: a group keeps its protocol type, whoever commits for it.
#[test]
fn the_type_of_a_group_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path());
    let check = |offsets: &Offsets, group: &str, expected: Option<&str>| {
        assert_eq!(offsets.protocol_type(group).as_deref(), expected, "{group}");
    };
    commit(&offsets, "alone", (FIRST, 0), 3);
    offsets.commit("worked", vec![((FIRST, 0), at(3))], NOON, || Ok(Some(consumer()))).unwrap();
    commit(&offsets, "worked", (FIRST, 0), 4);
    commit(&offsets, "joined", (FIRST, 0), 4);
    offsets.join("joined", "consumer", NOON);
    offsets.join("none", "consumer", NOON);
    drop(offsets);
    let offsets = open(dir.path());
    check(&offsets, "alone", Some(""));
    check(&offsets, "worked", Some("consumer"));
    check(&offsets, "joined", Some("consumer"));
    check(&offsets, "none", None);
}

// Goal: neither the number of groups nor what all of them hold grows without end; what is there can still be moved.
#[test]
fn there_is_room_for_so_many_groups() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path());
    for n in 0..GROUPS_MAX {
        commit(&offsets, &format!("g{n}"), (FIRST, 0), 3);
    }
    let one_more =
        |group: &str| offsets.commit(group, vec![((SECOND, 0), at(1))], NOON, || Ok(None));
    assert_eq!(one_more("more"), Err(ResponseError::PolicyViolation));
    assert_eq!(one_more("g1"), Ok(()));
    offsets.state.write().unwrap().bytes += super::super::BYTES_MAX / 2;
    assert_eq!(one_more("g1"), Ok(()));
    offsets.state.write().unwrap().bytes += super::super::BYTES_MAX / 2;
    assert_eq!(one_more("g1"), Err(ResponseError::PolicyViolation));
}

// Goal: the log's size follows what it says, not how often it was said. Method: one offset committed until the
// log would be twice as large as it may get.
#[test]
fn the_log_does_not_grow_with_the_number_of_commits() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path());
    let compact_min = Sizes::default().compact_min;
    let long = "x".repeat(METADATA_BYTES_MAX);
    let rounds = 2 * i64::try_from(compact_min).unwrap() / 4_096;
    for n in 0..rounds {
        let committed =
            Committed { offset: n, leader_epoch: 0, metadata: Some(long.as_str().into()) };
        offsets.commit("g", vec![((FIRST, 0), committed)], NOON, || Ok(None)).unwrap();
    }
    let log_bytes = offsets.stored().log.bytes();
    assert!(log_bytes <= compact_min + SEGMENT_BYTES_MAX, "{log_bytes}");
    assert!(offsets.stored().log.start() > 0);
    drop(offsets);
    assert_eq!(open(dir.path()).find("g", (FIRST, 0)).unwrap().offset, rounds - 1);
}

// Goal: a folder of before times were kept can be read; its offsets are as old as this start. Method: bytes by hand.
#[test]
fn an_entry_without_a_time_counts_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = bookend_log::Log::open(dir.path(), options()).unwrap();
    let mut old = vec![1, 0, 1, b'g', 0, 0, 0, 1];
    old.extend(FIRST.as_bytes());
    old.extend([0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0, 0, 0xff, 0xff]);
    log.append(1, 0, &old).unwrap();
    drop(log);
    let offsets = open(dir.path());
    assert_eq!(offsets.find("g", (FIRST, 7)).unwrap().offset, 42);
    let time_ms = offsets.read(|state| state.groups["g"].offsets[&(FIRST, 7)].time_ms);
    assert_eq!(time_ms, NOON);
}

// Goal: a change that was answered after an fsync survives a power cut, by whatever it was made. Method: the worst cut
// after each of them.
#[test]
fn what_was_answered_survives_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let disk = PowerCut::default();
    let _plugged = disk.plug_in(dir.path());
    let options = Options { fsync: Fsync::Always, ..Options::default() };
    let open = || Offsets::open(&dir.path().join("offsets"), options, NOON, |_| true).unwrap();
    let cut = |offsets| {
        drop(offsets);
        disk.cut(dir.path(), |ways| ways - 1).unwrap();
        open()
    };
    let offsets = open();
    commit(&offsets, "g", (FIRST, 0), 7);
    commit(&offsets, "g", (FIRST, 1), 8);
    let offsets = cut(offsets);
    assert_eq!(offsets.of_group("g"), [((FIRST, 0), at(7)), ((FIRST, 1), at(8))]);
    offsets.forget("g", NOON, || Ok(vec![(FIRST, 1)])).unwrap();
    offsets.join("g", "consumer", NOON);
    let offsets = cut(offsets);
    assert_eq!(offsets.of_group("g"), [((FIRST, 0), at(7))]);
    assert_eq!(offsets.protocol_type("g"), Some(consumer()));
}
