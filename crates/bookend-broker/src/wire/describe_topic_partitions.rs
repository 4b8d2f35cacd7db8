//! `DescribeTopicPartitions` (KIP-966): topics with their partitions, page by page.
//!
//! An answer holds at most [`PARTITIONS_MAX`] partitions; where it was cut, a cursor says where to go on.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, TopicName,
        describe_topic_partitions_response::{
            Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
        },
    },
    protocol::StrBytes,
};

use super::{
    Api,
    metadata::TOPIC_OPERATIONS,
    schema::{Schema, array, fixed, nullable, text},
};
use crate::{
    catalog::{self, Topic},
    node::{NODE_ID, Node},
    partition::LEADER_EPOCH,
};

pub(super) const API: Api = Api {
    key: ApiKey::DescribeTopicPartitions,
    min: 0,
    max: 0,
    schema: Schema {
        flexible: 0,
        fields: &[array(&[text()]), fixed(4), nullable(&[text(), fixed(4)])],
    },
};

/// The most partitions in one answer; Apache Kafka's `max.request.partition.size.limit`.
const PARTITIONS_MAX: usize = 2_000;

pub(super) fn answer(
    node: &Node,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let (from_topic, mut from_partition) = match request.cursor {
        Some(cursor) => (cursor.topic_name, usize::try_from(cursor.partition_index).unwrap_or(0)),
        None => (TopicName::default(), 0),
    };
    let mut names: Vec<StrBytes> = if request.topics.is_empty() {
        let all = node.catalog.all();
        all.iter().map(|topic| StrBytes::from_string(topic.name.to_string())).collect()
    } else {
        request.topics.into_iter().map(|topic| topic.name.0).collect()
    };
    names.retain(|name| *name >= *from_topic);
    names.sort_unstable();
    names.dedup();

    let mut room = usize::try_from(request.response_partition_limit).unwrap_or(0);
    room = room.clamp(1, PARTITIONS_MAX);
    let mut response = DescribeTopicPartitionsResponse::default().with_next_cursor(None);
    for name in names {
        // Only the first topic may begin in its middle, and only if it is the one that the cursor names.
        let from = if name == *from_topic { std::mem::take(&mut from_partition) } else { 0 };
        if room == 0 {
            response.next_cursor = Some(cursor(name, 0));
            break;
        }
        let Some(topic) = node.catalog.find(&name) else {
            response.topics.push(missing(name));
            continue;
        };
        let to = topic.partitions.len().min(from.saturating_add(room));
        response.topics.push(describe(&topic, from..to));
        room -= to.saturating_sub(from);
        if to < topic.partitions.len() {
            response.next_cursor = Some(cursor(name, to));
            break;
        }
    }
    response
}

fn cursor(name: StrBytes, partition: usize) -> Cursor {
    let partition = i32::try_from(partition).expect("partitions are numbered by the protocol");
    Cursor::default().with_topic_name(name.into()).with_partition_index(partition)
}

fn missing(name: StrBytes) -> DescribeTopicPartitionsResponseTopic {
    let error = if catalog::is_legal(&name) {
        ResponseError::UnknownTopicOrPartition
    } else {
        ResponseError::InvalidTopicException
    };
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(error.code())
        .with_name(Some(name.into()))
}

fn describe(
    topic: &Arc<Topic>,
    range: std::ops::Range<usize>,
) -> DescribeTopicPartitionsResponseTopic {
    let replicas = || vec![NODE_ID.into()];
    let partitions =
        (0..).take(topic.partitions.len()).skip(range.start).take(range.len()).map(|index| {
            DescribeTopicPartitionsResponsePartition::default()
                .with_partition_index(index)
                .with_leader_id(NODE_ID.into())
                .with_leader_epoch(LEADER_EPOCH)
                .with_replica_nodes(replicas())
                .with_isr_nodes(replicas())
                .with_eligible_leader_replicas(Some(Vec::new()))
                .with_last_known_elr(Some(Vec::new()))
        });
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(StrBytes::from_string(topic.name.to_string()).into()))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(TOPIC_OPERATIONS)
}
