//! Asks whether a cluster is there, and makes sure that topics are.
//!
//! Neighbors: an application at its start, and a service before it subscribes.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::Client,
    error::{KafkaError, KafkaResult},
    metadata::{MetadataPartition, MetadataTopic},
    types::RDKafkaErrorCode,
};

use super::{Kafka, context::Logged, words};
use crate::topic::{InvalidTopicName, Offset, Partition, TopicName, TopicPartition};

/// How long one administrative request may take.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How soon a question is asked again whose answer was not known yet.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// A cluster that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// What the cluster calls itself; another id means other topics under the same names.
    pub id: String,
}

/// No broker answered in time: check the address, and that one is running there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no Kafka broker answered at {brokers} within {} s: {reason}", .waited.as_secs_f32())]
pub struct Unreachable {
    /// Where it was looked for.
    pub brokers: String,
    /// How long.
    pub waited: Duration,
    /// librdkafka's own words.
    pub reason: String,
}

/// A topic as it should be when it has to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: TopicName,
    /// How many partitions; `None` leaves it to the broker.
    pub partitions: Option<u32>,
    /// How many replicas of each partition; `None` leaves it to the broker.
    pub replication: Option<u32>,
    /// Settings of the topic, such as `("min.insync.replicas", "2")`.
    pub settings: Vec<(String, String)>,
}

impl TopicSpec {
    /// A topic with the broker's defaults.
    ///
    /// # Errors
    /// [`InvalidTopicName`] when Kafka would refuse the name.
    pub fn new(name: impl AsRef<str>) -> Result<Self, InvalidTopicName> {
        Ok(TopicName::new(name)?.into())
    }

    /// Sets the number of partitions.
    #[must_use]
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = Some(partitions);
        self
    }
}

impl From<TopicName> for TopicSpec {
    fn from(name: TopicName) -> Self {
        Self { name, partitions: None, replication: None, settings: Vec::new() }
    }
}

/// Topics are not there and could not be created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// The broker refused; create the topic by hand, or grant the right to.
    #[error("topic `{topic}` could not be created: {reason}")]
    Refused {
        /// The topic's name.
        topic: String,
        /// The broker's reason.
        reason: String,
    },
    /// The brokers did not answer; check the address, and that one is running there.
    #[error(
        "no Kafka broker at {brokers} answered a question about topics: {reason}; is one running there?"
    )]
    Failed {
        /// Where they were asked.
        brokers: String,
        /// librdkafka's own words.
        reason: String,
    },
}

impl Kafka {
    /// Waits until a broker answers, and says which cluster it is.
    ///
    /// # Errors
    /// [`Unreachable`] when none did within `timeout`.
    ///
    /// # Cancel safety
    /// Nothing is lost; a background thread ends by itself after `timeout`.
    pub async fn ready(&self, timeout: Duration) -> Result<Cluster, Unreachable> {
        let unreachable = |reason: String| Unreachable {
            brokers: self.brokers().to_owned(),
            waited: timeout,
            reason,
        };
        let client = self.admin_client().map_err(&unreachable)?;
        let answer = tokio::task::spawn_blocking(move || {
            // The metadata request waits until a broker is connected; the id is then known at once.
            let client = client.inner();
            let deadline = Instant::now() + timeout;
            client.fetch_metadata(None, timeout).map_err(|error| words::words(&error))?;
            let left = deadline.saturating_duration_since(Instant::now());
            client.fetch_cluster_id(left).ok_or_else(|| "it has no cluster id".to_owned())
        });
        let id = answer.await.map_err(|error| unreachable(error.to_string()))?;
        Ok(Cluster { id: id.map_err(unreachable)? })
    }

    /// Creates those topics that do not exist yet; those that do are left as they are.
    ///
    /// # Errors
    /// [`TopicError`] names the topic that could not be created.
    ///
    /// # Cancel safety
    /// Dropped before it completes, some of the topics may have been created.
    pub async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), TopicError> {
        let failed =
            |reason: String| TopicError::Failed { brokers: self.brokers().to_owned(), reason };
        let client = Arc::new(self.admin_client().map_err(&failed)?);
        // What is there needs no right to create it.
        let existing =
            ask(&client, |client| existing_topics(client.inner())).await.map_err(&failed)?;
        let missing = topics.iter().filter(|spec| !existing.contains(spec.name.as_str()));
        let new: Vec<_> = missing.map(new_topic).collect();
        if new.is_empty() {
            return Ok(());
        }
        let options = AdminOptions::new()
            .request_timeout(Some(REQUEST_TIMEOUT))
            .operation_timeout(Some(REQUEST_TIMEOUT));
        let results = client.create_topics(&new, &options).await;
        for result in results.map_err(|error| failed(error.to_string()))? {
            match result {
                // Somebody else may have been quicker.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => {
                    return Err(TopicError::Refused { topic, reason: words::code_words(code) });
                }
            }
        }
        Ok(())
    }

    /// The end of each partition of these topics: the offset that its next message will have.
    ///
    /// # Errors
    /// [`TopicError::Failed`] when a broker does not answer in time or does not know a topic.
    ///
    /// # Cancel safety
    /// Nothing is lost; a background thread ends by itself.
    pub async fn ends(
        &self,
        topics: &[TopicName],
    ) -> Result<Vec<(TopicPartition, Offset)>, TopicError> {
        let failed =
            |reason: String| TopicError::Failed { brokers: self.brokers().to_owned(), reason };
        let client = Arc::new(self.admin_client().map_err(&failed)?);
        let topics = topics.to_vec();
        ask(&client, move |client| ends_of(client.inner(), &topics)).await.map_err(failed)
    }

    pub(super) fn admin_client(&self) -> Result<AdminClient<Logged>, String> {
        self.client_config().create_with_context(Logged).map_err(|error| error.to_string())
    }
}

/// Asks a blocking question off the runtime, again and again while a partition's leader or a group's coordinator is not
/// known: a topic that was just created has none for a moment.
pub(super) async fn ask<C, T, Q>(client: &Arc<C>, question: Q) -> Result<T, String>
where
    C: Send + Sync + 'static,
    T: Send + 'static,
    Q: Fn(&C) -> KafkaResult<T> + Send + Sync + 'static,
{
    let deadline = Instant::now() + REQUEST_TIMEOUT;
    let question = Arc::new(question);
    loop {
        let (client, question) = (Arc::clone(client), Arc::clone(&question));
        let answer = tokio::task::spawn_blocking(move || question(&client)).await;
        match answer.map_err(|error| error.to_string())? {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() < deadline && is_passing(&error) => {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            Err(error) => return Err(words::words(&error)),
        }
    }
}

/// Whether a leader is being found, or a coordinator: the first group of a new cluster makes it create the topic of all
/// offsets, which takes a second.
fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::UnknownTopicOrPartition
                | Code::UnknownPartition
                | Code::UnknownTopic
                | Code::NotCoordinator
                | Code::CoordinatorNotAvailable
                | Code::CoordinatorLoadInProgress
        )
    )
}

fn existing_topics(client: &Client<Logged>) -> KafkaResult<HashSet<String>> {
    let metadata = client.fetch_metadata(None, REQUEST_TIMEOUT)?;
    Ok(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
}

fn ends_of(
    client: &Client<Logged>,
    topics: &[TopicName],
) -> KafkaResult<Vec<(TopicPartition, Offset)>> {
    let mut ends = Vec::new();
    for topic in topics {
        let metadata = client.fetch_metadata(Some(topic.as_str()), REQUEST_TIMEOUT)?;
        let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
        for partition in partitions.map(MetadataPartition::id) {
            let (_, end) = client.fetch_watermarks(topic.as_str(), partition, REQUEST_TIMEOUT)?;
            ends.push((TopicPartition::new(topic.clone(), Partition(partition)), Offset(end)));
        }
    }
    Ok(ends)
}

pub(super) fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    // -1 asks the broker for its own default (KIP-464).
    let count =
        |number: Option<u32>| number.map_or(-1, |number| i32::try_from(number).unwrap_or(i32::MAX));
    let replication = TopicReplication::Fixed(count(spec.replication));
    let topic = NewTopic::new(spec.name.as_str(), count(spec.partitions), replication);
    spec.settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
}
