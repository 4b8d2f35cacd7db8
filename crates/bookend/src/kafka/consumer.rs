//! The service's side of Kafka: a member of a consumer group, by librdkafka.
//!
//! The group's changes are not answered inside librdkafka's callback, as rust-rdkafka does by itself: they are passed
//! on as events, and the group waits until the service answers. So handlers may end, and be committed, before a
//! partition goes, without anything that blocks. Up the stream: [`Service`](crate::Service).

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use rdkafka::{
    Message as _, Offset as KafkaOffset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, RebalanceProtocol},
    error::{KafkaError, KafkaResult},
    message::{BorrowedMessage, Headers as _},
    types::RDKafkaErrorCode,
};
use tracing::warn;

use super::{
    Kafka, TopicSpec,
    callbacks::{Callbacks, answer_all, give_up, place, read},
    committer::Committer,
};
use crate::{
    record::{Headers, Message, Timestamp},
    service::{Begun, Connect, Event, Subscription, Transport, TransportError, Wake},
    topic::{Offset, Partition, TopicName, TopicPartition},
};

/// How long one question to the brokers may hold the service's thread up.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);
/// How often librdkafka says how it is: the partitions' ends, and whether a broker is connected.
const STATISTICS_INTERVAL_MS: &str = "1000";

/// How long one poll waits while the group is left.
const CLOSE_POLL: Duration = Duration::from_millis(10);
/// How long leaving the group may take; it ends by itself then, without anybody waiting.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// A member of a consumer group.
pub struct GroupMember {
    consumer: Arc<BaseConsumer<Callbacks>>,
    committer: Committer,
    topics: HashSet<TopicName>,
    /// Where each assigned partition began.
    began: HashMap<TopicPartition, KafkaOffset>,
}

impl fmt::Debug for GroupMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupMember").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl Connect for Kafka {
    type Transport = GroupMember;

    async fn connect(
        self,
        subscription: Subscription,
        wake: Wake,
    ) -> Result<GroupMember, TransportError> {
        let Subscription { group, topics, partitions } = subscription;
        let spec = |name: &TopicName| TopicSpec { partitions, ..TopicSpec::from(name.clone()) };
        self.ensure_topics(&topics.iter().map(spec).collect::<Vec<_>>()).await?;
        let mut config = self.consumer_config(&group);
        config.set("statistics.interval.ms", STATISTICS_INTERVAL_MS);
        let callbacks = Callbacks { news: Mutex::default(), is_closing: AtomicBool::new(false) };
        let mut consumer: BaseConsumer<Callbacks> = config.create_with_context(callbacks)?;
        let news = wake.clone();
        consumer.set_nonempty_callback(move || news.wake());
        consumer.subscribe(&topics.iter().map(TopicName::as_str).collect::<Vec<_>>())?;
        let consumer = Arc::new(consumer);
        let committer = Committer::start(Arc::clone(&consumer), wake)?;
        let topics = topics.into_iter().collect();
        Ok(GroupMember { consumer, committer, topics, began: HashMap::new() })
    }
}

impl Transport for GroupMember {
    fn poll(&mut self) -> Option<Event> {
        let consumer = &self.consumer;
        if let Some(news) = consumer.context().news().pop_front() {
            return Some(news);
        }
        let error = match consumer.poll(Duration::ZERO) {
            Some(Ok(message)) => return Some(Event::Message(to_message(&self.topics, &message)?)),
            // The poll may have brought news instead of a message.
            None => return consumer.context().news().pop_front(),
            Some(Err(error)) => error,
        };
        Some(match error {
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset) => {
                self.find_out_of_range()
            }
            KafkaError::MessageConsumptionFatal(code) => Event::Failed(code.to_string()),
            other => Event::Trouble(other.to_string()),
        })
    }

    fn assign(&mut self, partitions: &[TopicPartition]) -> Result<Begun, TransportError> {
        let consumer = &self.consumer;
        let mut offsets = list(partitions, |_| KafkaOffset::Invalid)?;
        if !partitions.is_empty() {
            offsets = consumer.committed_offsets(offsets, QUESTION_TIMEOUT)?;
        }
        let mut begun = Begun::default();
        let mut good = TopicPartitionList::with_capacity(partitions.len());
        for element in offsets.elements() {
            let (topic, number) = (element.topic(), element.partition());
            // One partition's error holds up no other.
            if let Err(error) = element.error() {
                begun.refused = Some(format!("{topic}/{number}: {error}").into());
                continue;
            }
            let committed = match element.offset() {
                KafkaOffset::Offset(offset) => Some(Offset(offset)),
                _ => None,
            };
            let start = committed.map_or(KafkaOffset::Beginning, |at| KafkaOffset::Offset(at.0));
            good.add_partition_offset(topic, number, start)?;
            begun.partitions.extend(place(topic, number).map(|at| (at, committed)));
        }
        // librdkafka keeps a pause over the loss of a partition. Resuming one that was never paused is free before it
        // is assigned; after, it throws away the question where the partition begins, and costs half a second.
        self.set_paused(partitions, false);
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&good)?,
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&good)?,
        }
        self.began.extend(read(&good));
        Ok(begun)
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) {
        self.committer.forget(partitions);
        let consumer = &self.consumer;
        let never_assigned = |partition: &&TopicPartition| !self.began.contains_key(*partition);
        let missing: Vec<_> = partitions.iter().filter(never_assigned).cloned().collect();
        // librdkafka refuses to take away what it was not given; nothing is polled in between.
        if !missing.is_empty()
            && let Ok(list) = list(&missing, |_| KafkaOffset::End)
            && let Err(error) = consumer.incremental_assign(&list)
        {
            warn!(%error, "partitions that were revoked before they were assigned could not be given up");
        }
        self.began.retain(|partition, _| !partitions.contains(partition));
        match list(partitions, |_| KafkaOffset::Invalid) {
            Ok(list) => give_up(consumer, &list),
            Err(error) => warn!(%error, "partitions could not be given up"),
        }
    }

    fn is_lost(&self) -> bool {
        self.consumer.assignment_lost()
    }

    fn pause(&mut self, partition: &TopicPartition) {
        self.set_paused(std::slice::from_ref(partition), true);
    }

    fn resume(&mut self, partition: &TopicPartition) {
        self.set_paused(std::slice::from_ref(partition), false);
    }

    fn commit(&mut self, offsets: &[(TopicPartition, Offset)]) {
        self.committer.commit(offsets);
    }

    fn close(self) {
        let Self { consumer, committer, .. } = self;
        // Its thread ends after the commit at hand.
        drop(committer);
        consumer.context().is_closing.store(true, SeqCst);
        if let Err(error) = consumer.close_queue() {
            warn!(%error, "the consumer group could not be left; it notices by itself");
            return;
        }
        // A change of the group that the service has not answered would hold its end up.
        answer_all(&consumer);
        // Messages that still come are nobody's: they were not settled, and come again.
        let until = Instant::now() + CLOSE_TIMEOUT;
        while !consumer.closed() && Instant::now() < until {
            drop(consumer.poll(CLOSE_POLL));
        }
    }
}

impl GroupMember {
    fn set_paused(&self, partitions: &[TopicPartition], paused: bool) {
        let consumer = &self.consumer;
        let result = list(partitions, |_| KafkaOffset::Invalid)
            .and_then(|list| if paused { consumer.pause(&list) } else { consumer.resume(&list) });
        if let Err(error) = result {
            warn!(?partitions, paused, %error, "fetching could not be switched");
        }
    }

    /// rust-rdkafka does not say which partition's offset is out of range: compares them all with their logs.
    fn find_out_of_range(&self) -> Event {
        let consumer = &self.consumer;
        let consumed: HashMap<_, _> =
            consumer.position().map(|list| read(&list).collect()).unwrap_or_default();
        for (partition, began) in &self.began {
            let next = match (consumed.get(partition), began) {
                (Some(KafkaOffset::Offset(next)), _) | (_, KafkaOffset::Offset(next)) => *next,
                _ => continue,
            };
            let (topic, number) = (partition.topic.as_str(), partition.partition.0);
            let range = consumer.fetch_watermarks(topic, number, QUESTION_TIMEOUT);
            if let Ok((first, end)) = range
                && !(first..=end).contains(&next)
            {
                let (partition, next) = (partition.clone(), Offset(next));
                return Event::OutOfRange {
                    partition,
                    next,
                    first: Offset(first),
                    end: Offset(end),
                };
            }
        }
        Event::Failed(
            "a partition's offset is not in its log, and the broker does not say where it begins"
                .to_owned(),
        )
    }
}

fn list(
    partitions: &[TopicPartition],
    offset: impl Fn(&TopicPartition) -> KafkaOffset,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for at in partitions {
        list.add_partition_offset(at.topic.as_str(), at.partition.0, offset(at))?;
    }
    Ok(list)
}

/// Copies a message out of librdkafka's memory. `None` for a topic that was not subscribed.
pub(super) fn to_message(
    topics: &HashSet<TopicName>,
    message: &BorrowedMessage<'_>,
) -> Option<Message> {
    let headers = message.headers().map_or_else(Headers::new, |headers| {
        let mut copied = Headers::new();
        for header in headers.iter() {
            match header.value {
                Some(value) => copied.push(header.key, Bytes::copy_from_slice(value)),
                None => copied.push_null(header.key),
            }
        }
        copied
    });
    Some(Message {
        topic: topics.get(message.topic())?.clone(),
        partition: Partition(message.partition()),
        offset: Offset(message.offset()),
        timestamp: message.timestamp().to_millis().map(Timestamp),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers,
    })
}
