//! For how long offsets are kept.

use std::{collections::HashMap, sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    super::retention::World, FIRST, NOON, Offsets, SECOND, at, commit, consumer, open, options,
};
use crate::group::describe::{Activity, Subscribed};

const RETENTION: Duration = Duration::from_secs(100);
const RETENTION_MS: i64 = 100_000;

/// Groups that are at work, and two topics.
#[derive(Default)]
struct Scene(HashMap<&'static str, Activity>);

impl World for Scene {
    fn activity(&self, group: &str) -> Activity {
        self.0.get(group).cloned().unwrap_or(Activity::Away)
    }

    fn topic_name(&self, id: Uuid) -> Option<Arc<str>> {
        [(FIRST, "first"), (SECOND, "second")]
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, name)| (*name).into())
    }
}

fn at_work(stable: bool, subscribed: Subscribed) -> Activity {
    Activity::AtWork { stable, subscribed }
}

fn expire(offsets: &Offsets, scene: &Scene, after_ms: i64) {
    offsets.expire(scene, NOON + after_ms, RETENTION);
}

fn count(offsets: &Offsets, group: &str) -> usize {
    offsets.of_group(group).len()
}

// Goal: each offset of a standalone consumer lives from its own commit on, also over a restart.
#[test]
fn offsets_of_no_members_count_from_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path());
    commit(&offsets, "g", (FIRST, 0), 3);
    offsets.commit("g", vec![((FIRST, 1), at(3))], NOON + 10, || Ok(None)).unwrap();
    expire(&offsets, &Scene::default(), RETENTION_MS - 1);
    assert_eq!(count(&offsets, "g"), 2);
    drop(offsets);
    let offsets = Offsets::open(dir.path(), options(), NOON + 50, |_| true).unwrap();
    expire(&offsets, &Scene::default(), RETENTION_MS);
    assert_eq!(offsets.of_group("g"), [((FIRST, 1), at(3))]);
    expire(&offsets, &Scene::default(), RETENTION_MS + 10);
    assert!(offsets.groups().is_empty());
    drop(offsets);
    assert!(open(dir.path()).groups().is_empty(), "what has expired does not come back");
}

// KIP-211: a group's offsets live while it works, however old, and then all of them equally long.
#[test]
fn offsets_of_a_group_count_from_when_it_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path());
    let mut scene = Scene::default();
    let topics = || Subscribed::To(["first".into()].into());
    scene.0.insert("g", at_work(true, topics()));
    offsets.commit("g", vec![((FIRST, 0), at(3))], NOON, || Ok(Some(consumer()))).unwrap();
    expire(&offsets, &scene, 5 * RETENTION_MS);
    assert_eq!(count(&offsets, "g"), 1, "it is at work");
    scene.0.remove("g");
    expire(&offsets, &scene, 6 * RETENTION_MS);
    expire(&offsets, &scene, 7 * RETENTION_MS - 1);
    assert_eq!(count(&offsets, "g"), 1, "it has just been found empty");
    // A tool that sets offsets of an empty group does so for more than a moment.
    offsets
        .commit("g", vec![((FIRST, 1), at(3))], NOON + 7 * RETENTION_MS - 1, || Ok(None))
        .unwrap();
    drop(offsets);
    let offsets = Offsets::open(dir.path(), options(), NOON + 7 * RETENTION_MS, |_| true).unwrap();
    expire(&offsets, &scene, 7 * RETENTION_MS);
    assert_eq!(offsets.of_group("g"), [((FIRST, 1), at(3))]);
}

// Goal: after a crash no one knows since when a group has been empty, so it is from the start on; and not again from
// the next start.
#[test]
fn a_group_that_worked_until_a_crash_is_empty_from_the_start_on() {
    let dir = tempfile::tempdir().unwrap();
    let start = |after_ms| Offsets::open(dir.path(), options(), NOON + after_ms, |_| true).unwrap();
    let offsets = start(0);
    commit(&offsets, "g", (FIRST, 0), 3);
    offsets.join("g", "consumer", NOON);
    drop(offsets);
    drop(start(RETENTION_MS));
    let offsets = start(RETENTION_MS + 10);
    expire(&offsets, &Scene::default(), 2 * RETENTION_MS - 1);
    assert_eq!(count(&offsets, "g"), 1);
    expire(&offsets, &Scene::default(), 2 * RETENTION_MS);
    assert_eq!(count(&offsets, "g"), 0);
}

// Goal: a group at work loses the old offsets of topics it left, and no others; in doubt it keeps them.
#[test]
fn a_group_at_work_loses_what_it_does_not_subscribe_to() {
    let check = |activity: Activity, expected: usize| {
        let dir = tempfile::tempdir().unwrap();
        let offsets = open(dir.path());
        let scene = Scene([("g", activity.clone())].into());
        let both = vec![((FIRST, 0), at(3)), ((SECOND, 0), at(4))];
        offsets.commit("g", both, NOON, || Ok(Some(consumer()))).unwrap();
        expire(&offsets, &scene, RETENTION_MS - 1);
        assert_eq!(count(&offsets, "g"), 2, "{activity:?}");
        expire(&offsets, &scene, RETENTION_MS);
        assert_eq!(count(&offsets, "g"), expected, "{activity:?}");
        assert!(offsets.find("g", (FIRST, 0)).is_some());
    };
    let first = || Subscribed::To(["first".into()].into());
    check(at_work(true, first()), 1);
    check(at_work(false, first()), 2);
    check(at_work(true, Subscribed::Unknown), 2);
    check(at_work(true, Subscribed::Other), 2);
}

// Goal: an offset that was committed while its topic was being deleted does not keep its group alive.
#[test]
fn offsets_of_no_topic_go() {
    let dir = tempfile::tempdir().unwrap();
    let offsets = open(dir.path());
    commit(&offsets, "g", (Uuid::from_bytes([9; 16]), 0), 3);
    commit(&offsets, "h", (FIRST, 0), 3);
    expire(&offsets, &Scene::default(), 0);
    assert_eq!((count(&offsets, "g"), count(&offsets, "h")), (0, 1));
}
