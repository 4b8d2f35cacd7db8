//! The topics with their partitions, and what else this broker must never forget or give twice:
//! its cluster id and the producer ids.
//!
//! A topic has an id besides its name (KIP-516): a topic that is deleted and created again is
//! another one. Its files stand under its id, so nothing of the old is ever read as the new.

mod file;

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use kafka_protocol::ResponseError;
use uuid::Uuid;

use self::file::{Saved, SavedTopic};
use crate::{error::StartError, partition::Partition};

/// The longest topic name.
const NAME_BYTES_MAX: usize = 249;
/// The most partitions of all topics together.
const PARTITIONS_MAX: usize = 10_000;
/// How many producer ids are reserved on disk at a time.
const PRODUCERS_RESERVED: i64 = 1_000;

/// A topic and its partitions.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<Arc<Partition>>,
}

impl Topic {
    /// The partition numbered `index`.
    pub(crate) fn partition(&self, index: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(index).ok()?)
    }
}

/// All topics of this broker.
#[derive(Debug)]
pub(crate) struct Catalog {
    dir: PathBuf,
    log_options: bookend_log::Options,
    cluster_id: String,
    topics: RwLock<Topics>,
    /// One change at a time; never taken while `topics` is held.
    saved: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Topics {
    by_name: BTreeMap<Arc<str>, Arc<Topic>>,
    by_id: HashMap<Uuid, Arc<Topic>>,
}

#[derive(Debug)]
struct Changes {
    saved: Saved,
    next_producer: i64,
}

impl Catalog {
    /// Opens the catalog in `dir` with all logs, or begins a new one.
    pub(crate) fn open(dir: &Path, log_options: &bookend_log::Options) -> Result<Self, StartError> {
        let unreadable = |source| StartError::Folder { path: dir.to_owned(), source };
        let saved = if let Some(saved) = file::load(dir).map_err(unreadable)? {
            saved
        } else {
            let cluster_id = new_cluster_id();
            let saved = Saved { cluster_id, producers_reserved: 0, topics: Vec::new() };
            file::store(dir, &saved).map_err(unreadable)?;
            saved
        };
        remove_orphans(dir, &saved).map_err(unreadable)?;
        let mut topics = Topics::default();
        for topic in &saved.topics {
            topics.insert(open_topic(dir, topic, log_options)?);
        }
        Ok(Self {
            dir: dir.to_owned(),
            log_options: *log_options,
            cluster_id: saved.cluster_id.clone(),
            topics: RwLock::new(topics),
            saved: Mutex::new(Changes { next_producer: saved.producers_reserved, saved }),
        })
    }

    /// This cluster's id, given once.
    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The topic of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Topic>> {
        self.read(|topics| topics.by_name.get(name).cloned())
    }

    /// The topic of that id.
    pub(crate) fn find_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.read(|topics| topics.by_id.get(&id).cloned())
    }

    /// All topics, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.read(|topics| topics.by_name.values().cloned().collect())
    }

    /// Creates a topic. Blocks on the disk.
    pub(crate) fn create(&self, name: &str, partitions: u32) -> Result<Arc<Topic>, ResponseError> {
        self.may_create(name, partitions)?;
        let mut changes = self.changes();
        if self.find(name).is_some() {
            return Err(ResponseError::TopicAlreadyExists);
        }
        let topic = SavedTopic { id: new_id(), partitions, name: name.to_owned() };
        let opened = open_topic(&self.dir, &topic, &self.log_options).map_err(storage)?;
        changes.saved.topics.push(topic);
        if let Err(error) = file::store(&self.dir, &changes.saved) {
            changes.saved.topics.pop();
            return Err(storage(error));
        }
        self.write(|topics| topics.insert(Arc::clone(&opened)));
        tracing::info!(topic = name, partitions, id = %opened.id, "topic created");
        Ok(opened)
    }

    /// Whether a topic of that name and size could be created.
    pub(crate) fn may_create(&self, name: &str, partitions: u32) -> Result<(), ResponseError> {
        if !is_legal(name) {
            return Err(ResponseError::InvalidTopicException);
        }
        if self.find(name).is_some() {
            return Err(ResponseError::TopicAlreadyExists);
        }
        if partitions == 0 {
            return Err(ResponseError::InvalidPartitions);
        }
        let existing: usize = self.all().iter().map(|topic| topic.partitions.len()).sum();
        if partitions as usize > PARTITIONS_MAX.saturating_sub(existing) {
            return Err(ResponseError::PolicyViolation);
        }
        Ok(())
    }

    /// Deletes a topic with its files. Blocks on the disk.
    pub(crate) fn delete(&self, topic: &Topic) -> Result<(), ResponseError> {
        let mut changes = self.changes();
        if self.find_id(topic.id).is_none() {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        let before = changes.saved.topics.clone();
        changes.saved.topics.retain(|saved| saved.id != topic.id);
        if let Err(error) = file::store(&self.dir, &changes.saved) {
            changes.saved.topics = before;
            return Err(storage(error));
        }
        self.write(|topics| topics.remove(topic));
        for partition in &topic.partitions {
            partition.close();
        }
        // Not in the catalog any more, so the next start removes what cannot be removed now.
        if let Err(error) = fs::remove_dir_all(topic_dir(&self.dir, topic.id)) {
            tracing::warn!(topic = %topic.name, %error, "files of a deleted topic remain until the next start");
        }
        tracing::info!(topic = %topic.name, id = %topic.id, "topic deleted");
        Ok(())
    }

    /// A producer id that was never given before, across restarts. May block on the disk.
    pub(crate) fn new_producer_id(&self) -> Result<i64, ResponseError> {
        let mut changes = self.changes();
        if changes.next_producer >= changes.saved.producers_reserved {
            let reserved = changes.saved.producers_reserved;
            changes.saved.producers_reserved = reserved + PRODUCERS_RESERVED;
            if let Err(error) = file::store(&self.dir, &changes.saved) {
                changes.saved.producers_reserved = reserved;
                return Err(storage(error));
            }
        }
        let id = changes.next_producer;
        changes.next_producer += 1;
        Ok(id)
    }

    fn read<T>(&self, f: impl FnOnce(&Topics) -> T) -> T {
        f(&self.topics.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, f: impl FnOnce(&mut Topics) -> T) -> T {
        f(&mut self.topics.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topics {
    fn insert(&mut self, topic: Arc<Topic>) {
        self.by_id.insert(topic.id, Arc::clone(&topic));
        self.by_name.insert(Arc::clone(&topic.name), topic);
    }

    fn remove(&mut self, topic: &Topic) {
        self.by_id.remove(&topic.id);
        self.by_name.remove(&topic.name);
    }
}

/// Kafka's rule for topic names.
fn is_legal(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !matches!(name, "." | "..")
        && name.bytes().all(legal)
}

fn topics_dir(dir: &Path) -> PathBuf {
    dir.join("topics")
}

fn topic_dir(dir: &Path, id: Uuid) -> PathBuf {
    topics_dir(dir).join(id.simple().to_string())
}

fn open_topic(
    dir: &Path,
    topic: &SavedTopic,
    options: &bookend_log::Options,
) -> Result<Arc<Topic>, StartError> {
    let open = |index: u32| {
        let path = topic_dir(dir, topic.id).join(index.to_string());
        Partition::open(&path, *options).map(Arc::new)
    };
    let partitions = (0..topic.partitions).map(open).collect::<Result<_, _>>()?;
    Ok(Arc::new(Topic { name: topic.name.as_str().into(), id: topic.id, partitions }))
}

/// Removes the folders of topics that were deleted, or never finished, when the process ended.
fn remove_orphans(dir: &Path, saved: &Saved) -> io::Result<()> {
    let folders = match fs::read_dir(topics_dir(dir)) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for folder in folders {
        let folder = folder?;
        let id = folder.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok());
        if id.is_some_and(|id| saved.topics.iter().all(|topic| topic.id != id)) {
            fs::remove_dir_all(folder.path())?;
        }
    }
    Ok(())
}

fn storage(error: impl std::error::Error + 'static) -> ResponseError {
    let error = &error as &dyn std::error::Error;
    tracing::error!(error, "the catalog could not be changed");
    ResponseError::KafkaStorageError
}

fn new_id() -> Uuid {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// As Apache Kafka writes it: 16 random bytes in URL-safe base64, 22 characters.
fn new_cluster_id() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = new_id().as_u128();
    (0..22)
        .map(|n| char::from(DIGITS[(value >> (122_u32.saturating_sub(n * 6))) as usize & 63]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> Catalog {
        Catalog::open(dir, &bookend_log::Options::default()).unwrap()
    }

    // Goal: what was created is there after a restart, what was deleted is not, and ids are never given twice.
    #[test]
    fn the_catalog_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = open(dir.path());
        let kept = catalog.create("kept", 3).unwrap();
        let gone = catalog.create("gone", 1).unwrap();
        catalog.delete(&gone).unwrap();
        let again = catalog.create("gone", 2).unwrap();
        assert_ne!(gone.id, again.id);
        let ids: Vec<_> = (0..3).map(|_| catalog.new_producer_id().unwrap()).collect();
        let cluster_id = catalog.cluster_id().to_owned();
        drop(catalog);

        let catalog = open(dir.path());
        assert_eq!(catalog.cluster_id(), cluster_id);
        assert_eq!(cluster_id.len(), 22);
        let topics: Vec<_> =
            catalog.all().iter().map(|t| (t.name.to_string(), t.id, t.partitions.len())).collect();
        assert_eq!(topics, [("gone".into(), again.id, 2), ("kept".into(), kept.id, 3)]);
        assert!(!ids.contains(&catalog.new_producer_id().unwrap()));
        assert!(!topic_dir(dir.path(), gone.id).exists());
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

    #[test]
    fn what_cannot_be_created_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = open(dir.path());
        catalog.create("a", 1).unwrap();
        let check = |name: &str, partitions, expected| {
            assert_eq!(catalog.create(name, partitions).err(), Some(expected), "{name}");
        };
        check("a", 1, ResponseError::TopicAlreadyExists);
        check("..", 1, ResponseError::InvalidTopicException);
        check("b/c", 1, ResponseError::InvalidTopicException);
        check(&"x".repeat(250), 1, ResponseError::InvalidTopicException);
        check("b", 0, ResponseError::InvalidPartitions);
        check("b", 10_000, ResponseError::PolicyViolation);
    }
}
