//! Reads one topic from given offsets on, as somebody who only looks: in no group, committing nothing.
//!
//! Up the stream: [`Kafka`]. The offsets to begin at come from [`Admin`](super::Admin).

use std::{
    collections::HashSet,
    fmt,
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset as KafkaOffset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult},
    metadata::MetadataTopic,
    types::{RDKafkaErrorCode as Code, RDKafkaRespErr},
};
use tokio::{sync::Notify, task::JoinHandle, time::sleep};

use super::{
    AdminError, Kafka,
    admin::look_up,
    consumer::to_message,
    context::Logged,
    watch::{News, Seen, Watch},
    words::code_words,
};
use crate::{
    record::Message,
    topic::{Offset, Partition, TopicName, TopicPartition},
};

/// librdkafka says when there is something to poll, but for the words of its own log; they are fetched this often.
const POLL_AGAIN: Duration = Duration::from_secs(1);

/// How long a look at the topic waits for a broker.
const LOOK_MAX: Duration = Duration::from_secs(3);

/// What a [`Tail`] has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tailed {
    /// The next message; in order within its partition.
    Message(Message),
    /// All that this partition has was told. Said again each time that it is so.
    End(Partition),
    /// No broker answers. It goes on by itself when one does.
    Away,
    /// A broker answers again.
    Back,
}

/// Reads one topic from given offsets on. Dropped, it ends.
pub struct Tail {
    consumer: Arc<BaseConsumer<Logged>>,
    news: Arc<Notify>,
    topics: HashSet<TopicName>,
    topic: TopicName,
    partitions: Arc<[TopicPartition]>,
    watch: Watch,
    /// The look at the topic that is under way.
    look: Option<JoinHandle<Seen>>,
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
        let partitions =
            from.iter().map(|(partition, _)| TopicPartition::new(topic.clone(), *partition));
        Ok(Tail {
            consumer: Arc::new(consumer),
            news,
            topics,
            topic: topic.clone(),
            partitions: partitions.collect(),
            watch: Watch::new(Instant::now()),
            look: None,
        })
    }
}

impl Tail {
    /// The next message, or the end of a partition, as soon as there is one; and within seconds that the brokers are
    /// away, or back.
    ///
    /// # Errors
    /// [`AdminError::Deleted`] when the topic is gone, also where there is another of its name by now;
    /// [`AdminError::Refused`] when this client may not read it.
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
            if self.look.is_none() && self.watch.begin(Instant::now()) {
                let (consumer, at) = (Arc::clone(&self.consumer), Arc::clone(&self.partitions));
                let topic = self.topic.clone();
                self.look = Some(tokio::task::spawn_blocking(move || look(&consumer, &topic, &at)));
            }
            let seen = tokio::select! {
                // A bell that rang since the poll is heard at once; without one, the time.
                () = self.news.notified() => continue,
                () = sleep(POLL_AGAIN) => continue,
                seen = end_of_look(&mut self.look) => seen,
            };
            self.look = None;
            match self.watch.seen(seen, Instant::now()) {
                None => {}
                Some(News::Away) => return Ok(Tailed::Away),
                Some(News::Back) => return Ok(Tailed::Back),
                Some(News::Deleted) => return Err(self.deleted()),
            }
        }
    }

    fn deleted(&self) -> AdminError {
        AdminError::Deleted { topic: self.topic.to_string() }
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
                        let (partition, offset) = (message.partition, message.offset);
                        let goes_on = self.watch.record(partition, offset, Instant::now());
                        let told = if goes_on {
                            Ok(Tailed::Message(message))
                        } else {
                            Err(self.deleted())
                        };
                        return Some(told);
                    }
                }
                Err(KafkaError::PartitionEOF(partition)) => {
                    return Some(Ok(Tailed::End(Partition(partition))));
                }
                Err(error) => {
                    if let Some(code) = end_of(&error) {
                        return Some(Err(self.ended(code)));
                    }
                }
            }
        }
    }

    fn ended(&self, code: Code) -> AdminError {
        match code {
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
                self.deleted()
            }
            code => AdminError::Refused {
                what: format!("reading topic `{}`", self.topic),
                reason: code_words(code),
            },
        }
    }
}

/// Why reading cannot go on; `None` where it goes on by itself.
fn end_of(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::MessageConsumptionFatal(code)
        | KafkaError::MessageConsumption(
            code @ (Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed),
        ) => Some(*code),
        // The context has logged it. Some of them do not even matter, as nothing is read in the group's name.
        _ => None,
    }
}

/// Looks whether the topic is there, and where its partitions end.
fn look(consumer: &BaseConsumer<Logged>, topic: &TopicName, at: &[TopicPartition]) -> Seen {
    let Ok(metadata) = consumer.fetch_metadata(Some(topic.as_str()), LOOK_MAX) else {
        return Seen::Nobody;
    };
    let error = metadata.topics().first().and_then(MetadataTopic::error);
    if error == Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        return Seen::NoTopic;
    }
    // Where a leader is being found, nothing is known, and that is no doubt.
    let ends = look_up(consumer, at, KafkaOffset::End).unwrap_or_default();
    Seen::Ends(ends.into_iter().filter_map(|(at, end)| Some((at.partition, end?))).collect())
}

/// What the look that is under way has found; without one, never.
async fn end_of_look(look: &mut Option<JoinHandle<Seen>>) -> Seen {
    match look {
        // A look that panicked has found nobody.
        Some(look) => look.await.unwrap_or(Seen::Nobody),
        None => pending().await,
    }
}
