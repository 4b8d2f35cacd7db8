//! The topics with their partitions, and what else this broker must never forget or give twice:
//! its cluster id and the producer ids.
//!
//! A topic has an id besides its name (KIP-516): a topic that is deleted and created again is
//! another one. Its files stand under its id, so nothing of the old is ever read as the new.
//! [`change`] changes topics, [`folders`] is where they stand, [`mod@file`] what is written about them.

mod change;
mod file;
mod folders;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use bookend_log::{Files, ReplaceError};
use kafka_protocol::ResponseError;
use uuid::Uuid;

pub(crate) use self::change::{NewTopic, NotCreated, is_legal};
use self::{
    file::Saved,
    folders::{new_cluster_id, open_partitions, remove_orphans},
};
use crate::{
    error::StartError,
    partition::{Census, Partition},
    settings::Settings,
};

/// How many producer ids are reserved on disk at a time.
const PRODUCERS_RESERVED: i64 = 1_000;

/// A topic and its partitions, as they are now: a change makes another one of the same id.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<Arc<Partition>>,
    pub(crate) settings: Arc<Settings>,
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
    files: Files,
    log_options: bookend_log::Options,
    /// Counts the producers that all partitions remember.
    census: Census,
    cluster_id: String,
    topics: RwLock<Topics>,
    /// One change at a time; never taken while `topics` is held.
    saved: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Topics {
    by_name: BTreeMap<Arc<str>, Arc<Topic>>,
    by_id: HashMap<Uuid, Arc<Topic>>,
    /// The names by what they are in metrics.
    by_metric: HashMap<String, Arc<str>>,
    /// Of all topics together.
    partitions: usize,
}

#[derive(Debug)]
struct Changes {
    saved: Saved,
    next_producer: i64,
    /// A file was written that a power cut may undo, so which one is on the disk is not known any more.
    is_unknown: bool,
}

impl Catalog {
    /// Opens the catalog in `dir` with all logs, or begins a new one.
    pub(crate) fn open(dir: &Path, log_options: &bookend_log::Options) -> Result<Self, StartError> {
        let unreadable = |source| StartError::Folder { path: dir.to_owned(), source };
        let files = Files::under(dir);
        let saved = if let Some(saved) = file::load(dir).map_err(unreadable)? {
            saved
        } else if folders::has_data(dir) {
            // A new catalog would know none of it, and remove it.
            return Err(StartError::NoCatalog { path: dir.to_owned() });
        } else {
            let cluster_id = new_cluster_id();
            let saved = Saved { cluster_id, producers_reserved: 0, topics: Vec::new() };
            let stored = file::store(&files, dir, &saved);
            stored.map_err(|error| unreadable(std::io::Error::other(error)))?;
            saved
        };
        // What an earlier process could not make sure of; else a power cut could bring back a catalog that names orphans.
        files.sync_names(dir).map_err(unreadable)?;
        remove_orphans(&files, dir, &saved).map_err(unreadable)?;
        let mut topics = Topics::default();
        let census = Census::default();
        for topic in &saved.topics {
            let partitions = open_partitions(dir, topic, 0, log_options, &census)?;
            topics.insert(Arc::new(Topic {
                name: topic.name.as_str().into(),
                id: topic.id,
                partitions,
                settings: Arc::clone(&topic.settings),
            }));
        }
        Ok(Self {
            dir: dir.to_owned(),
            files,
            log_options: *log_options,
            census,
            cluster_id: saved.cluster_id.clone(),
            topics: RwLock::new(topics),
            saved: Mutex::new(Changes {
                next_producer: saved.producers_reserved,
                saved,
                is_unknown: false,
            }),
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

    /// A producer id that was never given before, across restarts. May block on the disk.
    pub(crate) fn new_producer_id(&self) -> Result<i64, ResponseError> {
        let mut changes = self.changes();
        if changes.next_producer >= changes.saved.producers_reserved {
            let reserved = changes.saved.producers_reserved;
            changes.saved.producers_reserved = reserved + PRODUCERS_RESERVED;
            if let Err(error) = self.store(&mut changes) {
                changes.saved.producers_reserved = reserved;
                return Err(error);
            }
        }
        let id = changes.next_producer;
        changes.next_producer += 1;
        Ok(id)
    }

    /// Writes the file anew. Once it is not known which one is on the disk, nothing is changed any more: it could be
    /// undone, or done, by the next crash.
    fn store(&self, changes: &mut Changes) -> Result<(), ResponseError> {
        if changes.is_unknown {
            return Err(storage(std::io::Error::other("an earlier change could not be synced")));
        }
        file::store(&self.files, &self.dir, &changes.saved).map_err(|error| {
            changes.is_unknown = !matches!(error, ReplaceError::Kept { .. });
            storage(error)
        })
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
    /// Adds a topic, or replaces the one of the same id.
    fn insert(&mut self, topic: Arc<Topic>) {
        self.partitions += topic.partitions.len();
        if let Some(old) = self.by_id.insert(topic.id, Arc::clone(&topic)) {
            self.partitions -= old.partitions.len();
        }
        self.by_metric.insert(metric(&topic.name), Arc::clone(&topic.name));
        self.by_name.insert(Arc::clone(&topic.name), topic);
    }

    fn remove(&mut self, topic: &Topic) {
        if let Some(old) = self.by_id.remove(&topic.id) {
            self.partitions -= old.partitions.len();
        }
        self.by_name.remove(&topic.name);
        let metric = metric(&topic.name);
        if self.by_metric.get(&metric).is_some_and(|name| *name == topic.name) {
            self.by_metric.remove(&metric);
        }
    }
}

/// What Apache Kafka's metrics call a topic: there `.` and `_` are one.
fn metric(name: &str) -> String {
    name.replace('.', "_")
}

fn storage(error: impl std::error::Error + 'static) -> ResponseError {
    let error = &error as &dyn std::error::Error;
    tracing::error!(error, "the catalog could not be changed");
    ResponseError::KafkaStorageError
}

#[cfg(test)]
mod tests {
    use super::{folders::topic_dir, *};

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
}
