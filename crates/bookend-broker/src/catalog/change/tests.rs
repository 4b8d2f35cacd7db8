//! Topics come, grow, change and go.

use std::{fs, path::Path};

use bookend_log::testing::{FolderFault, PowerCut};

use super::*;
use crate::partition::batch::{
    Stamp,
    tests::{one, sample},
};

fn open(dir: &Path) -> Catalog {
    Catalog::open(dir, &bookend_log::Options::default()).unwrap()
}

fn new(name: &str, partitions: u32) -> NewTopic {
    NewTopic { name: name.to_owned(), partitions, settings: Settings::default() }
}

#[test]
fn what_cannot_be_created_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(dir.path());
    catalog.create("a", 1).unwrap();
    let check = |name: &str, partitions, expected| {
        let refused = catalog.create(name, partitions).err();
        assert_eq!(refused, Some(NotCreated::Refused(expected)), "{name}");
    };
    check("a", 1, ResponseError::TopicAlreadyExists);
    check("..", 1, ResponseError::InvalidTopicException);
    check("b/c", 1, ResponseError::InvalidTopicException);
    check(&"x".repeat(250), 1, ResponseError::InvalidTopicException);
    check("b", 0, ResponseError::InvalidPartitions);
    check("b", 10_000, ResponseError::PolicyViolation);
}

// Goal: a new size of segments holds for partitions that are open. Method: one batch fills a segment, or does not.
#[test]
fn a_new_segment_size_holds_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(dir.path());
    let topic = catalog.create("t", 1).unwrap();
    let batch = one(sample(None, 1, 5));
    let segments_after_two = || {
        topic.partitions[0].append(&batch, 5).unwrap();
        topic.partitions[0].append(&batch, 5).unwrap();
        let files = fs::read_dir(topic_dir(dir.path(), topic.id).join("0")).unwrap();
        let is_log = |path: &Path| path.extension().is_some_and(|kind| kind == "log");
        files.filter(|file| is_log(&file.as_ref().unwrap().path())).count()
    };
    assert_eq!(segments_after_two(), 1);
    catalog.alter("t", |_| Settings::new([("segment.bytes", "14")])).unwrap().unwrap();
    assert_eq!(segments_after_two(), 3);
}

// Goal: a catalog that cannot be written leaves all as it was, and can be written later.
#[test]
fn a_refused_change_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = PowerCut::default();
    let _plugged = disk.plug_in(dir.path());
    let catalog = open(dir.path());
    let topic = catalog.create("t", 1).unwrap();
    disk.fail_folder(dir.path(), Some(FolderFault::Open));
    assert_eq!(catalog.delete(&topic), Err(ResponseError::KafkaStorageError));
    assert!(catalog.find("t").is_some() && !topic.partitions[0].is_closed());
    disk.fail_folder(dir.path(), None);
    catalog.grow("t", 2).unwrap();
    drop((catalog, topic));
    assert_eq!(open(dir.path()).find("t").unwrap().partitions.len(), 2);
}

// Goal: nobody is told that records are kept which the next start removes. Method: the catalog without the topic
// is written, and that it stays so cannot be made sure of; both of the next starts find what they may find.
#[test]
fn a_topic_that_may_be_deleted_takes_no_records() {
    for is_undone in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let disk = PowerCut::default();
        let _plugged = disk.plug_in(dir.path());
        let catalog = open(dir.path());
        let topic = catalog.create("t", 1).unwrap();
        disk.fail_folder(dir.path(), Some(FolderFault::Sync));
        assert_eq!(catalog.delete(&topic), Err(ResponseError::KafkaStorageError));
        assert!(catalog.find("t").is_none() && topic.partitions[0].is_closed());
        disk.fail_folder(dir.path(), None);
        assert_eq!(catalog.new_producer_id(), Err(ResponseError::KafkaStorageError));
        drop((catalog, topic));
        if is_undone {
            // 1 is what was synced, where there is a choice of two; the folder itself is not taken.
            disk.cut(&dir.path().join("catalog"), |ways| ways - 1).unwrap();
        }
        assert_eq!(open(dir.path()).find("t").is_some(), is_undone);
    }
}

// Goal: the topics of one request share the room there is, and one that cannot be had does not stop the others.
#[test]
fn topics_of_one_request_are_judged_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(dir.path());
    let asked = vec![new("a", 9_999), new("a", 1), new("b", 2), new("b", 1), new("c", 1)];
    let again = Err(ResponseError::TopicAlreadyExists.into());
    let full = || Err(ResponseError::PolicyViolation.into());
    assert_eq!(catalog.may_create_all(&asked), [Ok(()), again, full(), Ok(()), full()]);
    assert!(catalog.all().is_empty());
    let asked = vec![new("a", 2), new("a", 1), new("b", 1)];
    let created = catalog.create_all(asked);
    assert_eq!(created.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    drop(catalog);
    assert_eq!(open(dir.path()).all().len(), 2);
}

// Goal: only the producers of topics that are there count. Method: two producers for each partition; a topic grows,
// another is deleted while somebody still has it; a stop.
#[test]
fn producers_go_with_their_topics() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(dir.path());
    let [kept, gone] = ["kept", "gone"].map(|name| catalog.create(name, 2).unwrap());
    for partition in kept.partitions.iter().chain(&gone.partitions) {
        for producer in [1, 2] {
            let stamp = Stamp { producer, epoch: 0, first: 0, count: 1 };
            partition.append(&one(sample(Some(stamp), 1, 5)), 5).unwrap();
        }
    }
    catalog.grow("kept", 3).unwrap();
    assert_eq!(catalog.census.count(), 8);
    catalog.delete(&gone).unwrap();
    assert_eq!(catalog.census.count(), 4);
    let census = catalog.census.clone();
    drop((catalog, kept, gone));
    assert_eq!((census.count(), open(dir.path()).census.count()), (0, 4));
}

// Goal: a topic that grew or was set up differently is so after a restart, with its old partitions untouched.
#[test]
fn growth_and_settings_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(dir.path());
    let topic = catalog.create("t", 2).unwrap();
    assert_eq!(catalog.grow("t", 2), Err(ResponseError::InvalidPartitions));
    assert_eq!(catalog.grow("t", 10_001), Err(ResponseError::PolicyViolation));
    assert_eq!(catalog.grow("u", 3), Err(ResponseError::UnknownTopicOrPartition));
    assert_eq!(catalog.grow("t", 3), Ok(()));
    let set = |value| catalog.alter("t", |_| Settings::new([("retention.ms", value)]));
    assert_eq!(set("5"), Ok(Ok(())));
    assert!(matches!(set("soon"), Ok(Err(_))));
    let grown = catalog.find("t").unwrap();
    assert!(Arc::ptr_eq(&grown.partitions[1], &topic.partitions[1]));
    assert_eq!(catalog.room().partitions, PARTITIONS_MAX - 3);
    drop((catalog, grown));

    let catalog = open(dir.path());
    let topic = catalog.find("t").unwrap();
    assert_eq!((topic.partitions.len(), topic.settings.retention_ms), (3, Some(5)));
    // The topic as it was before it grew names all the same what is deleted.
    catalog.delete(&topic).unwrap();
    assert_eq!(catalog.room().partitions, PARTITIONS_MAX);
}
