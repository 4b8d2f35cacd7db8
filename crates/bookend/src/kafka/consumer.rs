//! The service's side of Kafka: a member of a consumer group, by librdkafka.
//!
//! The group's changes are not answered inside librdkafka's callback, as rust-rdkafka does by itself: they are passed
//! on as events, and the group waits until the service answers. So handlers may end, and be committed, before a
//! partition goes, without anything that blocks. Up the stream: [`Service`](crate::Service).

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use rdkafka::{
    ClientContext, Message as _, Offset as KafkaOffset, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult},
    message::{BorrowedMessage, Headers as _},
    types::{RDKafkaErrorCode, RDKafkaRespErr},
};

use super::{Kafka, TopicSpec, context};
use crate::{
    record::{Headers, Message, Timestamp},
    service::{Connect, Event, Subscription, Transport, TransportError, Wake},
    topic::{Offset, Partition, TopicName, TopicPartition},
};

/// How long one question to the brokers may hold the service's thread up.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);
/// How often librdkafka says how it is: the partitions' ends, and whether a broker is connected.
const STATISTICS_INTERVAL_MS: &str = "1000";

/// A member of a consumer group.
#[derive(Debug)]
pub struct GroupMember {
    consumer: Member,
    topics: HashSet<TopicName>,
    /// Where each assigned partition began.
    began: HashMap<TopicPartition, KafkaOffset>,
}

/// rust-rdkafka's consumer has no `Debug`.
struct Member(BaseConsumer<Callbacks>);

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BaseConsumer")
    }
}

/// Collects what librdkafka says during a poll.
struct Callbacks {
    news: Mutex<VecDeque<Event>>,
    /// The service has ended: the group's changes are answered on the spot.
    is_closing: AtomicBool,
}

impl Callbacks {
    fn news(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.news.lock().expect("no code that holds this lock can panic")
    }
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        context::log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        context::client_error(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        // Bootstrap addresses and the coordinator's alias have negative ids.
        let is_up =
            statistics.brokers.values().any(|broker| broker.nodeid >= 0 && broker.state == "UP");
        if !is_up {
            return;
        }
        let mut ends = Vec::new();
        for (name, topic) in statistics.topics {
            let Ok(name) = TopicName::new(name) else { continue };
            for partition in
                topic.partitions.into_values().filter(|partition| partition.hi_offset >= 0)
            {
                let at = TopicPartition::new(name.clone(), Partition(partition.partition));
                ends.push((at, Offset(partition.hi_offset)));
            }
        }
        self.news().push_back(Event::Reachable { ends });
    }
}

impl ConsumerContext for Callbacks {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        change: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let is_given = matches!(change, RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
        if self.is_closing.load(SeqCst) {
            if !is_given {
                give_up(consumer, partitions);
            }
            return;
        }
        let partitions = read(partitions).map(|(partition, _)| partition).collect();
        let event = if is_given { Event::Assigned(partitions) } else { Event::Revoked(partitions) };
        self.news().push_back(event);
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let mut committed = Vec::new();
        let mut failed = Vec::new();
        let mut reason = result.as_ref().err().map(ToString::to_string);
        for element in offsets.elements() {
            let Some(at) = place(element.topic(), element.partition()) else { continue };
            match (element.error(), element.offset()) {
                (Ok(()), KafkaOffset::Offset(offset)) if result.is_ok() => {
                    committed.push((at, Offset(offset)));
                }
                (error, _) => {
                    reason = error.err().map(|error| error.to_string()).or(reason);
                    failed.push(at);
                }
            }
        }
        let mut news = self.news();
        if !committed.is_empty() {
            news.push_back(Event::Committed(committed));
        }
        if !failed.is_empty() {
            let reason = reason.unwrap_or_else(|| "no reason was given".to_owned());
            news.push_back(Event::CommitFailed { partitions: failed, reason });
        }
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
        consumer.set_nonempty_callback(move || wake.wake());
        consumer.subscribe(&topics.iter().map(TopicName::as_str).collect::<Vec<_>>())?;
        Ok(GroupMember {
            consumer: Member(consumer),
            topics: topics.into_iter().collect(),
            began: HashMap::new(),
        })
    }
}

impl Transport for GroupMember {
    fn poll(&mut self) -> Option<Event> {
        let consumer = &self.consumer.0;
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

    fn assign(&mut self, partitions: &[TopicPartition]) -> Result<(), TransportError> {
        let consumer = &self.consumer.0;
        let mut list = list(partitions, |_| KafkaOffset::Invalid)?;
        if !partitions.is_empty() {
            list = consumer.committed_offsets(list, QUESTION_TIMEOUT)?;
        }
        for mut element in list.elements() {
            element.error()?;
            if !matches!(element.offset(), KafkaOffset::Offset(_)) {
                element.set_offset(KafkaOffset::Beginning)?;
            }
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&list)?,
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&list)?,
        }
        self.began.extend(read(&list));
        Ok(())
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) {
        let consumer = &self.consumer.0;
        let never_assigned = |partition: &&TopicPartition| !self.began.contains_key(*partition);
        let missing: Vec<_> = partitions.iter().filter(never_assigned).cloned().collect();
        // librdkafka refuses to take away what it was not given; nothing is polled in between.
        if !missing.is_empty()
            && let Ok(list) = list(&missing, |_| KafkaOffset::End)
            && let Err(error) = consumer.incremental_assign(&list)
        {
            tracing::warn!(%error, "partitions that were revoked before they were assigned could not be given up");
        }
        self.began.retain(|partition, _| !partitions.contains(partition));
        match list(partitions, |_| KafkaOffset::Invalid) {
            Ok(list) => give_up(consumer, &list),
            Err(error) => tracing::warn!(%error, "partitions could not be given up"),
        }
    }

    fn is_lost(&self) -> bool {
        self.consumer.0.assignment_lost()
    }

    fn pause(&mut self, partition: &TopicPartition) {
        self.set_paused(partition, true);
    }

    fn resume(&mut self, partition: &TopicPartition) {
        self.set_paused(partition, false);
    }

    fn commit(&mut self, offsets: &[(TopicPartition, Offset)]) -> Result<(), TransportError> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (at, offset) in offsets {
            let offset = KafkaOffset::Offset(offset.0);
            list.add_partition_offset(at.topic.as_str(), at.partition.0, offset)?;
        }
        Ok(self.consumer.0.commit(&list, CommitMode::Async)?)
    }

    fn close(self) {
        let consumer = self.consumer.0;
        consumer.context().is_closing.store(true, SeqCst);
        // A revoke that was never answered would hold the group up.
        let unanswered: Vec<_> = consumer.context().news().drain(..).collect();
        for event in unanswered {
            if let Event::Revoked(partitions) = event
                && let Ok(list) = list(&partitions, |_| KafkaOffset::Invalid)
            {
                give_up(&consumer, &list);
            }
        }
        // Leaves the group, and polls until that is done.
        drop(consumer);
    }
}

impl GroupMember {
    fn set_paused(&self, partition: &TopicPartition, paused: bool) {
        let consumer = &self.consumer.0;
        let result = list(std::slice::from_ref(partition), |_| KafkaOffset::Invalid)
            .and_then(|list| if paused { consumer.pause(&list) } else { consumer.resume(&list) });
        if let Err(error) = result {
            tracing::warn!(%partition, paused, %error, "fetching could not be switched");
        }
    }

    /// rust-rdkafka does not say which partition's offset is out of range: compares them all with their logs.
    fn find_out_of_range(&self) -> Event {
        let consumer = &self.consumer.0;
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

/// Answers a revoke by the protocol the group speaks.
fn give_up(consumer: &BaseConsumer<Callbacks>, partitions: &TopicPartitionList) {
    let result = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    };
    if let Err(error) = result {
        tracing::warn!(%error, "partitions could not be given up");
    }
}

fn place(topic: &str, partition: i32) -> Option<TopicPartition> {
    Some(TopicPartition::new(TopicName::new(topic).ok()?, Partition(partition)))
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

fn read(list: &TopicPartitionList) -> impl Iterator<Item = (TopicPartition, KafkaOffset)> {
    let elements = list.elements();
    let read = elements.iter().filter_map(|element| {
        Some((place(element.topic(), element.partition())?, element.offset()))
    });
    read.collect::<Vec<_>>().into_iter()
}

/// Copies a message out of librdkafka's memory. `None` for a topic that was not subscribed.
fn to_message(topics: &HashSet<TopicName>, message: &BorrowedMessage<'_>) -> Option<Message> {
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
