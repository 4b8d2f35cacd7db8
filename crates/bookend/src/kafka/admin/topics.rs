//! Topics: what there are, and how they come and go.

use std::fmt;

use rdkafka::{
    admin::{ConfigSource, ResourceSpecifier, TopicResult},
    consumer::Consumer,
    error::KafkaResult,
    metadata::MetadataPartition,
    types::RDKafkaErrorCode,
};
use serde::Serialize;

use super::{Admin, AdminError, options};
use crate::{
    kafka::{
        TopicSpec,
        cluster::{REQUEST_TIMEOUT, new_topic},
        words::{code_words, words},
    },
    topic::{Partition, TopicName, TopicPartition},
};

/// What may be wrong with a topic's settings.
const WHICH_SETTINGS: &str = "the broker's log names the setting; the built-in broker honors max.message.bytes, \
    message.timestamp.type, retention.bytes, retention.ms and segment.bytes";

/// The number of a broker within its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct BrokerId(pub i32);

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A topic as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: TopicName,
    /// In the order of their numbers.
    pub partitions: Vec<PartitionInfo>,
}

/// A partition as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionInfo {
    /// Its number.
    pub partition: Partition,
    /// Who answers for it; `None` while nobody does.
    pub leader: Option<BrokerId>,
    /// Who keeps it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Those of them who have all that is committed.
    pub in_sync: Vec<BrokerId>,
}

impl TopicInfo {
    /// Whether it is one of those that brokers and tools keep for themselves, by the custom that such names begin with
    /// `__`: librdkafka does not pass on what the broker says.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.name.as_str().starts_with("__")
    }

    /// How many replicas each partition has; the fewest where they differ.
    #[must_use]
    pub fn replication(&self) -> usize {
        self.partitions.iter().map(|partition| partition.replicas.len()).min().unwrap_or(0)
    }

    /// The partitions that somebody answers for.
    pub fn led(&self) -> impl Iterator<Item = TopicPartition> {
        let led = self.partitions.iter().filter(|partition| partition.leader.is_some());
        led.map(|partition| TopicPartition::new(self.name.clone(), partition.partition))
    }
}

impl Admin {
    /// Every topic of the cluster that this client may see, by name, internal ones too.
    ///
    /// # Errors
    /// [`AdminError::Failed`] when no broker answers in time.
    ///
    /// # Cancel safety
    /// Nothing is lost; a background thread ends by itself.
    pub async fn topics(&self) -> Result<Vec<TopicInfo>, AdminError> {
        self.ask(|client| {
            let metadata = client.fetch_metadata(None, REQUEST_TIMEOUT)?;
            let mut topics: Vec<_> = metadata
                .topics()
                .iter()
                .filter_map(|topic| {
                    let name = TopicName::new(topic.name()).ok()?;
                    let mut partitions: Vec<_> =
                        topic.partitions().iter().map(partition_info).collect();
                    partitions.sort_by_key(|partition| partition.partition);
                    Some(TopicInfo { name, partitions })
                })
                .collect();
            topics.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(topics)
        })
        .await
    }

    /// The settings that were made for this topic itself, by name. What it has from its broker's defaults is not among
    /// them, and a secret has no value.
    ///
    /// # Errors
    /// [`AdminError::Refused`] when the broker tells none, which is also how it answers who may not know them;
    /// [`AdminError::Failed`] when none answers, or it does not know the question.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn settings(
        &self,
        topic: &TopicName,
    ) -> Result<Vec<(String, Option<String>)>, AdminError> {
        let asked = [ResourceSpecifier::Topic(topic.as_str())];
        let answer = self.changer()?.describe_configs(&asked, &options()).await;
        let answer = answer.map_err(|error| self.failed(words(&error)))?;
        let entries: Vec<_> =
            answer.into_iter().filter_map(Result::ok).flat_map(|topic| topic.entries).collect();
        // Every topic has settings; librdkafka's error for this one is not passed on.
        if entries.is_empty() {
            return Err(AdminError::Refused {
                what: format!("a look at the settings of topic `{topic}`"),
                reason: "the broker tells none of them".to_owned(),
            });
        }
        let own = entries.into_iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
        let mut own: Vec<_> = own.map(|entry| (entry.name, entry.value)).collect();
        own.sort();
        Ok(own)
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// [`AdminError::Refused`] when it exists, a setting is wrong, or this client may not;
    /// [`AdminError::Failed`] when no broker answers in time.
    ///
    /// # Cancel safety
    /// Dropped before it completes, the topic may have been created.
    pub async fn create_topic(&self, spec: &TopicSpec) -> Result<(), AdminError> {
        let answer = self.changer()?.create_topics([&new_topic(spec)], &options()).await;
        let Err(code) = self.changed(answer)? else { return Ok(()) };
        let what = format!("creating topic `{}`", spec.name);
        Err(AdminError::Refused { what, reason: self.why_not_created(code).await })
    }

    /// Why a topic was not created, and what may be done. The broker's own text is more exact, but librdkafka passes
    /// on no more than its code.
    async fn why_not_created(&self, code: RDKafkaErrorCode) -> String {
        let why = code_words(code);
        match code {
            RDKafkaErrorCode::InvalidConfig => format!("{why}; {WHICH_SETTINGS}"),
            RDKafkaErrorCode::InvalidReplicationFactor => {
                let brokers = self.ask(|client| {
                    Ok(client.fetch_metadata(None, REQUEST_TIMEOUT)?.brokers().len())
                });
                match brokers.await {
                    Ok(1) => format!("{why}; there is 1 broker"),
                    Ok(count) => format!("{why}; there are {count} brokers"),
                    Err(_) => why,
                }
            }
            _ => why,
        }
    }

    /// Deletes a topic with all its records.
    ///
    /// # Errors
    /// [`AdminError::Refused`] when there is none of this name, or this client may not;
    /// [`AdminError::Failed`] when no broker answers in time.
    ///
    /// # Cancel safety
    /// Dropped before it completes, the topic may have been deleted.
    pub async fn delete_topic(&self, topic: &TopicName) -> Result<(), AdminError> {
        let answer = self.changer()?.delete_topics(&[topic.as_str()], &options()).await;
        self.changed(answer)?.map_err(|code| AdminError::Refused {
            what: format!("deleting topic `{topic}`"),
            reason: code_words(code),
        })
    }

    /// The one result of a change to one topic.
    fn changed(&self, answer: KafkaResult<Vec<TopicResult>>) -> Result<Changed, AdminError> {
        let answer = answer.map_err(|error| self.failed(words(&error)))?;
        Ok(answer.into_iter().find_map(Result::err).map_or(Ok(()), |(_, code)| Err(code)))
    }
}

/// What the broker said to a change.
type Changed = Result<(), RDKafkaErrorCode>;

fn partition_info(partition: &MetadataPartition) -> PartitionInfo {
    let brokers = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
    PartitionInfo {
        partition: Partition(partition.id()),
        // -1 is nobody.
        leader: Some(partition.leader()).filter(|id| *id >= 0).map(BrokerId),
        replicas: brokers(partition.replicas()),
        in_sync: brokers(partition.isr()),
    }
}
