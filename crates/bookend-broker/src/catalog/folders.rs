//! Where the files of topics stand: a folder per topic, named by its id, with a folder per partition.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bookend_log::Options;
use uuid::Uuid;

use super::file::{Saved, SavedTopic};
use crate::{error::StartError, partition::Partition};

fn topics_dir(dir: &Path) -> PathBuf {
    dir.join("topics")
}

/// The folder of a topic.
pub(super) fn topic_dir(dir: &Path, id: Uuid) -> PathBuf {
    topics_dir(dir).join(id.simple().to_string())
}

/// Opens the partitions of a topic, from the one numbered `from` on.
pub(super) fn open_partitions(
    dir: &Path,
    topic: &SavedTopic,
    from: u32,
    options: &Options,
) -> Result<Vec<Arc<Partition>>, StartError> {
    let options = Options { segment_bytes_max: topic.settings.segment_bytes, ..*options };
    let open = |index: u32| {
        let path = topic_dir(dir, topic.id).join(index.to_string());
        Partition::open(&path, options).map(Arc::new)
    };
    (from..topic.partitions).map(open).collect()
}

/// Removes the folders of topics that were deleted, or never finished, when the process ended.
pub(super) fn remove_orphans(dir: &Path, saved: &Saved) -> io::Result<()> {
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
            fs::remove_dir_all(folder.path())?;
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
    use super::*;
    use crate::catalog::Catalog;

    fn open(dir: &Path) -> Catalog {
        Catalog::open(dir, &Options::default()).unwrap()
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
