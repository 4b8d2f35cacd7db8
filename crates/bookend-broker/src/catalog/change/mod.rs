//! How topics change: they are created, grow, are set up differently, and are deleted.
//!
//! A change is one file written for all topics of a request, and holds from then on: what comes before it, the folders
//! of new partitions, is removed at the next start if the process ends in between.

use std::{collections::HashMap, sync::Arc};

use kafka_protocol::ResponseError;

use super::{
    Catalog, Changes, Topic,
    file::SavedTopic,
    folders::{make_partitions, new_id, open_partitions, topic_dir},
    metric, storage,
};
use crate::{
    partition::Partition,
    settings::{SettingError, Settings},
};

/// The longest topic name.
const NAME_BYTES_MAX: usize = 249;
/// The most partitions of all topics together.
const PARTITIONS_MAX: usize = 10_000;

/// A topic that shall be created.
#[derive(Debug, Clone)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    pub(crate) partitions: u32,
    pub(crate) settings: Settings,
}

/// Why a topic is not created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotCreated {
    #[error("{0}")]
    Refused(ResponseError),
    /// Apache Kafka refuses it, as metrics could not tell the two apart, and so do we: nobody could take such topics there.
    #[error("`{name}` and `{other}` differ in `.` and `_` only")]
    Alike { name: String, other: String },
}

impl NotCreated {
    pub(crate) fn error(&self) -> ResponseError {
        match self {
            Self::Refused(error) => *error,
            Self::Alike { .. } => ResponseError::InvalidTopicException,
        }
    }
}

impl From<ResponseError> for NotCreated {
    fn from(error: ResponseError) -> Self {
        Self::Refused(error)
    }
}

/// What one request may still do, before any of it is done.
struct Room {
    partitions: usize,
    /// The names that are taken, by what they are in metrics.
    taken: HashMap<String, String>,
}

impl Catalog {
    /// Creates one topic with the default settings. Blocks on the disk.
    pub(crate) fn create(&self, name: &str, partitions: u32) -> Result<Arc<Topic>, NotCreated> {
        let topic = NewTopic { name: name.to_owned(), partitions, settings: Settings::default() };
        self.create_all(vec![topic]).remove(0)
    }

    /// Creates topics, those that can be. Blocks on the disk.
    pub(crate) fn create_all(&self, new: Vec<NewTopic>) -> Vec<Result<Arc<Topic>, NotCreated>> {
        let mut changes = self.changes();
        let before = changes.saved.topics.len();
        let mut room = self.room();
        let mut created: Vec<_> = new
            .into_iter()
            .map(|new| {
                room.take(self, &new)?;
                let saved = SavedTopic {
                    id: new_id(),
                    partitions: new.partitions,
                    name: new.name,
                    settings: Arc::new(new.settings),
                };
                let topic = Arc::new(self.open_topic(&saved)?);
                changes.saved.topics.push(saved);
                Ok(topic)
            })
            .collect();
        if changes.saved.topics.len() == before {
            return created;
        }
        if let Err(error) = self.store(&mut changes) {
            changes.saved.topics.truncate(before);
            for topic in created.iter_mut().filter(|topic| topic.is_ok()) {
                *topic = Err(error.into());
            }
            return created;
        }
        for topic in created.iter().flatten() {
            self.write(|topics| topics.insert(Arc::clone(topic)));
            let partitions = topic.partitions.len();
            tracing::info!(topic = %topic.name, partitions, id = %topic.id, "topic created");
        }
        created
    }

    /// Which of these topics could be created.
    pub(crate) fn may_create_all(&self, new: &[NewTopic]) -> Vec<Result<(), NotCreated>> {
        let mut room = self.room();
        new.iter().map(|new| room.take(self, new)).collect()
    }

    /// Gives a topic more partitions, `partitions` in all. Blocks on the disk.
    pub(crate) fn grow(&self, name: &str, partitions: u32) -> Result<(), ResponseError> {
        let mut changes = self.changes();
        let (topic, at) = self.find_saved(&changes, name)?;
        self.may_grow(&topic, partitions)?;
        let before = changes.saved.topics[at].partitions;
        changes.saved.topics[at].partitions = partitions;
        let made = self.make_partitions(&changes.saved.topics[at], before);
        let stored = made.and_then(|made| self.store(&mut changes).map(|()| made));
        match stored {
            Err(error) => {
                changes.saved.topics[at].partitions = before;
                Err(error)
            }
            Ok(made) => {
                let all = topic.partitions.iter().cloned().chain(made).collect();
                self.replace(&topic, all, Arc::clone(&topic.settings));
                tracing::info!(topic = name, partitions, "partitions added");
                Ok(())
            }
        }
    }

    /// Whether a topic could be given that many partitions.
    pub(crate) fn may_grow(&self, topic: &Topic, partitions: u32) -> Result<(), ResponseError> {
        let more = (partitions as usize).saturating_sub(topic.partitions.len());
        match more {
            0 => Err(ResponseError::InvalidPartitions),
            more if more > self.room().partitions => Err(ResponseError::PolicyViolation),
            _ => Ok(()),
        }
    }

    /// Changes the settings of a topic, which hold from now on. Blocks on the disk.
    pub(crate) fn alter(
        &self,
        name: &str,
        change: impl FnOnce(&Settings) -> Result<Settings, SettingError>,
    ) -> Result<Result<(), SettingError>, ResponseError> {
        let mut changes = self.changes();
        let (topic, at) = self.find_saved(&changes, name)?;
        let settings = match change(&topic.settings) {
            Ok(settings) => Arc::new(settings),
            Err(error) => return Ok(Err(error)),
        };
        let before =
            std::mem::replace(&mut changes.saved.topics[at].settings, Arc::clone(&settings));
        if let Err(error) = self.store(&mut changes) {
            changes.saved.topics[at].settings = before;
            return Err(error);
        }
        for partition in &topic.partitions {
            partition.set_segment_bytes(settings.segment_bytes);
        }
        self.replace(&topic, topic.partitions.clone(), settings);
        tracing::info!(topic = name, "settings changed");
        Ok(Ok(()))
    }

    /// Deletes a topic with its files. Blocks on the disk.
    pub(crate) fn delete(&self, topic: &Topic) -> Result<(), ResponseError> {
        let mut changes = self.changes();
        // It may have grown since it was found.
        let topic = self.find_id(topic.id).ok_or(ResponseError::UnknownTopicOrPartition)?;
        let before = changes.saved.topics.clone();
        changes.saved.topics.retain(|saved| saved.id != topic.id);
        let was_unknown = changes.is_unknown;
        let stored = self.store(&mut changes);
        if stored.is_err() && (was_unknown || !changes.is_unknown) {
            changes.saved.topics = before;
            return stored;
        }
        // Also where the catalog without it may be undone: it may as well stay, and then the next start takes the records.
        self.write(|topics| topics.remove(&topic));
        for partition in &topic.partitions {
            partition.close();
        }
        stored?;
        // Not in the catalog any more, so the next start removes what cannot be removed now.
        if let Err(error) = self.files.remove_folder(&topic_dir(&self.dir, topic.id)) {
            tracing::warn!(topic = %topic.name, %error, "files of a deleted topic remain until the next start");
        }
        tracing::info!(topic = %topic.name, id = %topic.id, "topic deleted");
        Ok(())
    }

    fn open_topic(&self, saved: &SavedTopic) -> Result<Topic, ResponseError> {
        Ok(Topic {
            name: saved.name.as_str().into(),
            id: saved.id,
            partitions: self.make_partitions(saved, 0)?,
            settings: Arc::clone(&saved.settings),
        })
    }

    /// Makes and opens the partitions of a topic from the one numbered `from` on.
    fn make_partitions(
        &self,
        topic: &SavedTopic,
        from: u32,
    ) -> Result<Vec<Arc<Partition>>, ResponseError> {
        make_partitions(&self.files, &self.dir, topic, from).map_err(storage)?;
        open_partitions(&self.dir, topic, from, &self.log_options, &self.census).map_err(storage)
    }

    /// A topic, and where it stands in the file.
    fn find_saved(
        &self,
        changes: &Changes,
        name: &str,
    ) -> Result<(Arc<Topic>, usize), ResponseError> {
        let topic = self.find(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        let at = changes.saved.topics.iter().position(|saved| saved.id == topic.id);
        Ok((topic, at.expect("memory and file are changed together")))
    }

    fn replace(&self, topic: &Topic, partitions: Vec<Arc<Partition>>, settings: Arc<Settings>) {
        let (name, id) = (Arc::clone(&topic.name), topic.id);
        let topic = Arc::new(Topic { name, id, partitions, settings });
        self.write(|topics| topics.insert(topic));
    }

    fn room(&self) -> Room {
        let partitions = PARTITIONS_MAX - self.read(|topics| topics.partitions).min(PARTITIONS_MAX);
        Room { partitions, taken: HashMap::new() }
    }
}

impl Room {
    fn take(&mut self, catalog: &Catalog, new: &NewTopic) -> Result<(), NotCreated> {
        if !is_legal(&new.name) {
            return Err(ResponseError::InvalidTopicException.into());
        }
        let metric = metric(&new.name);
        let there = catalog.read(|topics| {
            let name = topics.by_name.get_key_value(&*new.name).map(|(name, _)| name);
            name.or_else(|| topics.by_metric.get(&metric)).map(ToString::to_string)
        });
        match there.as_ref().or_else(|| self.taken.get(&metric)) {
            Some(other) if *other == new.name => {
                return Err(ResponseError::TopicAlreadyExists.into());
            }
            Some(other) => {
                return Err(NotCreated::Alike { name: new.name.clone(), other: other.clone() });
            }
            None => {}
        }
        let partitions = new.partitions as usize;
        if partitions == 0 {
            return Err(ResponseError::InvalidPartitions.into());
        }
        self.partitions =
            self.partitions.checked_sub(partitions).ok_or(ResponseError::PolicyViolation)?;
        self.taken.insert(metric, new.name.clone());
        Ok(())
    }
}

/// Kafka's rule for topic names.
pub(crate) fn is_legal(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !matches!(name, "." | "..")
        && name.bytes().all(legal)
}

#[cfg(test)]
mod tests;
