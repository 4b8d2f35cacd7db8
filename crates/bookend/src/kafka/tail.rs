//! Reads one topic from given offsets on, as somebody who only looks: in no group, committing nothing.
//!
//! Up the stream: [`Kafka`]. The offsets to begin at come from [`Admin`](super::Admin).

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use rdkafka::{
    Offset as KafkaOffset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult},
    types::RDKafkaErrorCode as Code,
};
use tokio::{sync::Notify, time::timeout};

use super::{AdminError, Kafka, consumer::to_message, context::Logged, words::code_words};
use crate::{
    record::Message,
    topic::{Offset, Partition, TopicName},
};

/// librdkafka says when there is something to poll, but for the words of its own log; they are fetched this often.
const POLL_AGAIN: Duration = Duration::from_secs(1);

/// What a [`Tail`] has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tailed {
    /// The next message; in order within its partition.
    Message(Message),
    /// All that this partition has was told. Said again each time that it is so.
    End(Partition),
}

/// Reads one topic from given offsets on. Dropped, it ends.
pub struct Tail {
    consumer: BaseConsumer<Logged>,
    news: Arc<Notify>,
    topics: HashSet<TopicName>,
    topic: TopicName,
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Begins to read `topic`, each of these partitions from its offset on. An offset that retention has removed becomes
    /// the first that is left.
    ///
    /// It joins no group and commits nothing, so nobody else notices. Where the brokers are away it waits until they are
    /// back, without an end.
    ///
    /// # Errors
    /// [`AdminError::Failed`] when librdkafka does not take the settings.
    pub fn tail(
        &self,
        topic: &TopicName,
        from: &[(Partition, Offset)],
    ) -> Result<Tail, AdminError> {
        self.begin_tail(topic, from).map_err(|error| AdminError::Failed {
            brokers: self.brokers().to_owned(),
            reason: error.to_string(),
        })
    }

    fn begin_tail(&self, topic: &TopicName, from: &[(Partition, Offset)]) -> KafkaResult<Tail> {
        let mut consumer: BaseConsumer<Logged> = self.tail_config().create_with_context(Logged)?;
        let news = Arc::new(Notify::new());
        let bell = Arc::clone(&news);
        consumer.set_nonempty_callback(move || bell.notify_one());
        let mut list = TopicPartitionList::with_capacity(from.len());
        for (partition, offset) in from {
            list.add_partition_offset(topic.as_str(), partition.0, KafkaOffset::Offset(offset.0))?;
        }
        consumer.assign(&list)?;
        let topics = HashSet::from([topic.clone()]);
        Ok(Tail { consumer, news, topics, topic: topic.clone() })
    }
}

impl Tail {
    /// The next message, or the end of a partition, as soon as there is one.
    ///
    /// # Errors
    /// [`AdminError::Refused`] when it cannot go on: the topic is gone, or this client may not read it.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was not returned comes with the next call.
    pub async fn next(&mut self) -> Result<Tailed, AdminError> {
        // Much that is there at once keeps no other task waiting.
        tokio::task::coop::consume_budget().await;
        loop {
            if let Some(told) = self.poll() {
                return told;
            }
            // A bell that rang since the poll is heard at once; without one, the timeout.
            timeout(POLL_AGAIN, self.news.notified()).await.ok();
        }
    }

    /// What there is now; `None` when that is nothing.
    ///
    /// # Errors
    /// As [`next`](Self::next) has them.
    pub fn poll(&mut self) -> Option<Result<Tailed, AdminError>> {
        loop {
            match self.consumer.poll(Duration::ZERO)? {
                Ok(message) => {
                    if let Some(message) = to_message(&self.topics, &message) {
                        return Some(Ok(Tailed::Message(message)));
                    }
                }
                Err(KafkaError::PartitionEOF(partition)) => {
                    return Some(Ok(Tailed::End(Partition(partition))));
                }
                Err(error) => {
                    if let Some(reason) = end_of(&error) {
                        let what = format!("reading topic `{}`", self.topic);
                        return Some(Err(AdminError::Refused { what, reason }));
                    }
                }
            }
        }
    }
}

/// Why reading cannot go on; `None` where it goes on by itself.
fn end_of(error: &KafkaError) -> Option<String> {
    match error {
        KafkaError::MessageConsumptionFatal(code)
        | KafkaError::MessageConsumption(
            code @ (Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed),
        ) => Some(code_words(*code)),
        // The context has logged it. Some of them do not even matter, as nothing is read in the group's name.
        _ => None,
    }
}
