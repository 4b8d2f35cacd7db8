//! Where the files of topics stand: a folder per topic, named by its id, with a folder per partition.
//!
//! A partition's folder is made, and its name and those above it synced, before the catalog names the partition: so a
//! folder that is missing later was lost, and the records in it with it.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bookend_log::{Files, Options};
use uuid::Uuid;

use super::file::{Saved, SavedTopic};
use crate::{
    error::StartError,
    partition::{Census, Partition},
};

fn topics_dir(dir: &Path) -> PathBuf {
    dir.join("topics")
}

/// Whether there is what only a catalog can explain: it is written before all else.
pub(super) fn has_data(dir: &Path) -> bool {
    let is_there = |dir: PathBuf| fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some());
    is_there(topics_dir(dir)) || is_there(dir.join("offsets"))
}

/// The folder of a topic.
pub(super) fn topic_dir(dir: &Path, id: Uuid) -> PathBuf {
    topics_dir(dir).join(id.simple().to_string())
}

/// The folder of a partition.
fn partition_dir(dir: &Path, id: Uuid, index: u32) -> PathBuf {
    topic_dir(dir, id).join(index.to_string())
}

/// Makes the folders of the partitions of a topic, from the one numbered `from` on, in a way that a power cut does not
/// undo.
pub(super) fn make_partitions(
    files: &Files,
    dir: &Path,
    topic: &SavedTopic,
    from: u32,
) -> io::Result<()> {
    for index in from..topic.partitions {
        files.create_folder(&partition_dir(dir, topic.id, index))?;
    }
    files.sync_names(&topic_dir(dir, topic.id))?;
    files.sync_names(&topics_dir(dir))?;
    files.sync_names(dir)
}

/// Opens the partitions of a topic, from the one numbered `from` on; their folders are there.
pub(super) fn open_partitions(
    dir: &Path,
    topic: &SavedTopic,
    from: u32,
    options: &Options,
    census: &Census,
) -> Result<Vec<Arc<Partition>>, StartError> {
    let options = Options { segment_bytes_max: topic.settings.segment_bytes, ..*options };
    let open = |index: u32| {
        let path = partition_dir(dir, topic.id, index);
        if !path.is_dir() {
            return Err(StartError::Missing { topic: topic.name.clone(), path });
        }
        Partition::open(&path, options, census).map(Arc::new)
    };
    (from..topic.partitions).map(open).collect()
}

/// Removes the folders of topics that were deleted, or never finished, when the process ended.
pub(super) fn remove_orphans(files: &Files, dir: &Path, saved: &Saved) -> io::Result<()> {
    let folders = match fs::read_dir(topics_dir(dir)) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let known: HashSet<_> = saved.topics.iter().map(|topic| topic.id).collect();
    for folder in folders {
        let folder = folder?;
        let id = folder.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok());
        if id.is_some_and(|id| !known.contains(&id)) {
            files.remove_folder(&folder.path())?;
        }
    }
    Ok(())
}

/// A topic's id, given once.
pub(super) fn new_id() -> Uuid {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// As Apache Kafka writes it: 16 random bytes in URL-safe base64, 22 characters.
pub(super) fn new_cluster_id() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = new_id().as_u128();
    (0..22)
        .map(|n| char::from(DIGITS[(value >> (122_u32.saturating_sub(n * 6))) as usize & 63]))
        .collect()
}

#[cfg(test)]
mod tests {
    use bookend_log::testing::PowerCut;

    use super::*;
    use crate::{catalog::Catalog, folder::Folder};

    fn open(dir: &Path) -> Catalog {
        Catalog::open(dir, &Options::default()).unwrap()
    }

    // Goal: a topic that has lost its records is not taken for an empty one.
    #[test]
    fn a_lost_folder_is_told_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = open(dir.path());
        let topic = catalog.create("t", 2).unwrap();
        let lost = partition_dir(dir.path(), topic.id, 1);
        drop((catalog, topic));
        fs::remove_dir_all(&lost).unwrap();
        let error = Catalog::open(dir.path(), &Options::default()).unwrap_err();
        assert!(
            matches!(&error, StartError::Missing { topic, path } if topic == "t" && *path == lost),
            "{error}"
        );
    }

    // Goal: a power cut takes no topic that was created, and no partition that was added. Method: the worst cut.
    #[test]
    fn a_power_cut_takes_no_topic() {
        let dir = tempfile::tempdir().unwrap();
        let disk = PowerCut::default();
        let _plugged = disk.plug_in(dir.path());
        let data = dir.path().join("deep/data");
        let folder = Folder::take(Some(data.clone())).unwrap();
        let catalog = open(&data);
        catalog.create("t", 1).unwrap();
        catalog.grow("t", 3).unwrap();
        drop((catalog, folder));
        disk.cut(dir.path(), |ways| ways - 1).unwrap();
        assert_eq!(open(&data).find("t").unwrap().partitions.len(), 3);
    }

    // Goal: a catalog that is lost takes nothing with it. Method: all but the catalog is there.
    #[test]
    fn a_lost_catalog_is_not_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let topic = open(dir.path()).create("t", 1).unwrap();
        fs::remove_file(dir.path().join("catalog")).unwrap();
        let refused = Catalog::open(dir.path(), &Options::default()).unwrap_err();
        assert!(matches!(refused, StartError::NoCatalog { .. }), "{refused}");
        assert!(topic_dir(dir.path(), topic.id).exists());
    }

    #[test]
    fn folders_of_no_topic_are_removed_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()));
        let orphan = topic_dir(dir.path(), new_id());
        let foreign = topics_dir(dir.path()).join("notes");
        fs::create_dir_all(&orphan).unwrap();
        fs::create_dir_all(&foreign).unwrap();
        drop(open(dir.path()));
        assert!(!orphan.exists());
        assert!(foreign.exists());
    }
}
