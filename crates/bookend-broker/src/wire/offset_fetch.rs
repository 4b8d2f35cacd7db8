//! `OffsetFetch`: how far a group has come; several groups at once from version 8 on (KIP-709).

use std::collections::{BTreeMap, HashSet};

use kafka_protocol::{
    messages::{
        ApiKey, OffsetFetchRequest, OffsetFetchResponse, TopicName,
        offset_fetch_request::OffsetFetchRequestGroup,
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
    protocol::StrBytes,
};

use super::{
    Api,
    schema::{Schema, array, fixed, list, text},
};
use crate::{node::Node, offsets::Committed};

pub(super) const API: Api = Api {
    key: ApiKey::OffsetFetch,
    min: 1,
    max: 9,
    schema: Schema {
        flexible: 6,
        fields: &[
            text().until(7),
            array(&[text(), list(&fixed(4))]).until(7),
            array(&[text(), text().since(9), fixed(4).since(9), array(&[text(), list(&fixed(4))])])
                .since(8),
            fixed(1).since(7),
        ],
    },
};

/// Partitions of topics, each with what was committed there.
type Answers = Vec<(TopicName, Vec<(i32, Option<Committed>)>)>;

pub(super) fn answer(
    node: &Node,
    version: i16,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    if version < 8 {
        let asked = request.topics.map(|topics| {
            topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect()
        });
        let topics = find(node, &request.group_id, asked).into_iter().map(|(name, partitions)| {
            OffsetFetchResponseTopic::default()
                .with_name(name)
                .with_partitions(partitions.into_iter().map(|p| single(version, p)).collect())
        });
        return OffsetFetchResponse::default().with_topics(topics.collect());
    }
    // All of a group once, however often it is asked for: a short question is not to fill the memory.
    let mut seen = HashSet::new();
    let mut is_first = |group: &OffsetFetchRequestGroup| {
        group.topics.is_some() || seen.insert(group.group_id.clone())
    };
    let groups = request.groups.into_iter().filter(|group| is_first(group)).map(|group| {
        let asked = group.topics.map(|topics| {
            topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect()
        });
        let topics = find(node, &group.group_id, asked).into_iter().map(|(name, partitions)| {
            OffsetFetchResponseTopics::default()
                .with_name(name)
                .with_partitions(partitions.into_iter().map(batched).collect())
        });
        OffsetFetchResponseGroup::default()
            .with_topics(topics.collect())
            .with_group_id(group.group_id)
    });
    OffsetFetchResponse::default().with_groups(groups.collect())
}

fn find(node: &Node, group: &str, asked: Option<Vec<(TopicName, Vec<i32>)>>) -> Answers {
    let Some(asked) = asked else { return find_all(node, group) };
    let topics = asked.into_iter().map(|(name, indexes)| {
        let topic = node.catalog.find(&name);
        let find = |index| {
            let place = (topic.as_ref()?.id, index);
            node.offsets.find(group, place)
        };
        (name, indexes.into_iter().map(|index| (index, find(index))).collect())
    });
    topics.collect()
}

fn find_all(node: &Node, group: &str) -> Answers {
    let mut topics: BTreeMap<TopicName, Vec<_>> = BTreeMap::new();
    for ((id, index), committed) in node.offsets.of_group(group) {
        if let Some(topic) = node.catalog.find_id(id) {
            let name = StrBytes::from_string(topic.name.to_string()).into();
            topics.entry(name).or_default().push((index, Some(committed)));
        }
    }
    topics.into_iter().collect()
}

/// Offset, epoch and metadata as they go over the wire; -1 where nothing was committed.
fn values(committed: Option<Committed>) -> (i64, i32, Option<StrBytes>) {
    match committed {
        None => (-1, -1, Some(StrBytes::new())),
        Some(committed) => {
            let metadata = committed.metadata.map(|text| StrBytes::from_string(text.into()));
            (committed.offset, committed.leader_epoch, metadata)
        }
    }
}

fn single(
    version: i16,
    (index, committed): (i32, Option<Committed>),
) -> OffsetFetchResponsePartition {
    let (offset, leader_epoch, metadata) = values(committed);
    let partition = OffsetFetchResponsePartition::default()
        .with_partition_index(index)
        .with_committed_offset(offset)
        .with_metadata(metadata);
    if version < 5 { partition } else { partition.with_committed_leader_epoch(leader_epoch) }
}

fn batched((index, committed): (i32, Option<Committed>)) -> OffsetFetchResponsePartitions {
    let (offset, leader_epoch, metadata) = values(committed);
    OffsetFetchResponsePartitions::default()
        .with_partition_index(index)
        .with_committed_offset(offset)
        .with_committed_leader_epoch(leader_epoch)
        .with_metadata(metadata)
}
