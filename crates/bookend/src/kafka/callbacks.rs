//! What librdkafka says while a consumer is polled, kept as [`Event`]s until the service takes them.
//!
//! Down the stream: [`consumer`](super::consumer), which polls.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use rdkafka::{
    ClientContext, Offset as KafkaOffset, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol},
    error::KafkaError,
    types::RDKafkaRespErr,
};
use tracing::{debug, warn};

use super::context;
use crate::{
    service::{Event, PartitionEnd},
    topic::{Offset, Partition, TopicName, TopicPartition},
};

/// Collects what librdkafka says during a poll.
pub(super) struct Callbacks {
    pub(super) news: Mutex<VecDeque<Event>>,
    /// The service has ended: the group's changes are answered on the spot.
    pub(super) is_closing: AtomicBool,
}

impl Callbacks {
    pub(super) fn news(&self) -> MutexGuard<'_, VecDeque<Event>> {
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
                // What an open transaction holds back cannot be fetched yet.
                let fetchable = match partition.ls_offset {
                    ..0 => partition.hi_offset,
                    stable => stable,
                };
                ends.push(PartitionEnd {
                    partition: TopicPartition::new(name.clone(), Partition(partition.partition)),
                    end: Offset(partition.hi_offset),
                    is_fetched: partition.next_offset >= fetchable,
                });
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
            answer_all(consumer);
            return;
        }
        let partitions = read(partitions).map(|(partition, _)| partition).collect();
        let event = if is_given { Event::Assigned(partitions) } else { Event::Revoked(partitions) };
        self.news().push_back(event);
    }
}

/// Answers whatever the group waits for while the consumer closes: librdkafka then takes any answer as giving all up.
pub(super) fn answer_all(consumer: &BaseConsumer<Callbacks>) {
    if let Err(error) = consumer.unassign() {
        // It may have closed in this very moment.
        debug!(%error, "a change of the group was not answered");
    }
}

/// Answers a revoke by the protocol the group speaks.
pub(super) fn give_up(consumer: &BaseConsumer<Callbacks>, partitions: &TopicPartitionList) {
    let result = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    };
    if let Err(error) = result {
        warn!(%error, "partitions could not be given up");
    }
}

pub(super) fn place(topic: &str, partition: i32) -> Option<TopicPartition> {
    Some(TopicPartition::new(TopicName::new(topic).ok()?, Partition(partition)))
}

pub(super) fn read(
    list: &TopicPartitionList,
) -> impl Iterator<Item = (TopicPartition, KafkaOffset)> {
    let elements = list.elements();
    let read = elements.iter().filter_map(|element| {
        Some((place(element.topic(), element.partition())?, element.offset()))
    });
    read.collect::<Vec<_>>().into_iter()
}
