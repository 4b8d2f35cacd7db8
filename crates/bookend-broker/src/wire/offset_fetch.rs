//! `OffsetFetch`: how far a group has come; several groups at once from version 8 on (KIP-709).

use std::collections::{BTreeMap, HashSet};

use kafka_protocol::{
    messages::{
        ApiKey, GroupId, OffsetFetchRequest, OffsetFetchResponse, TopicName,
        offset_fetch_request::{OffsetFetchRequestTopic, OffsetFetchRequestTopics},
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
    protocol::StrBytes,
};

use super::{
    Api, Client, Refusal,
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

/// A group, and the partitions of topics that are asked for; none stands for all that it committed.
struct Asked {
    group: GroupId,
    topics: Option<Vec<(TopicName, Vec<i32>)>>,
}

/// Partitions of topics, each with what was committed there.
type Answers = Vec<(TopicName, Vec<(i32, Option<Committed>)>)>;

pub(super) async fn answer(
    node: &Node,
    client: &Client,
    version: i16,
    request: OffsetFetchRequest,
) -> Result<OffsetFetchResponse, Refusal> {
    let asked = once(asked(version, request));
    client.held.take(asked.iter().map(|asked| weight(node, asked)).sum()).await?;
    if version < 8 {
        let answers =
            asked.into_iter().flat_map(|Asked { group, topics }| find(node, &group, topics));
        let topics = answers.map(|(name, partitions)| {
            OffsetFetchResponseTopic::default()
                .with_name(name)
                .with_partitions(partitions.into_iter().map(|p| single(version, p)).collect())
        });
        return Ok(OffsetFetchResponse::default().with_topics(topics.collect()));
    }
    let groups = asked.into_iter().map(|Asked { group, topics }| {
        let topics = find(node, &group, topics).into_iter().map(|(name, partitions)| {
            OffsetFetchResponseTopics::default()
                .with_name(name)
                .with_partitions(partitions.into_iter().map(batched).collect())
        });
        OffsetFetchResponseGroup::default().with_topics(topics.collect()).with_group_id(group)
    });
    Ok(OffsetFetchResponse::default().with_groups(groups.collect()))
}

fn asked(version: i16, request: OffsetFetchRequest) -> Vec<Asked> {
    if version < 8 {
        let topics = |topics: Vec<OffsetFetchRequestTopic>| {
            topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect()
        };
        return vec![Asked { group: request.group_id, topics: request.topics.map(topics) }];
    }
    let topics = |topics: Vec<OffsetFetchRequestTopics>| {
        topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect()
    };
    let groups = request.groups.into_iter();
    groups.map(|asked| Asked { group: asked.group_id, topics: asked.topics.map(topics) }).collect()
}

/// Everything once, however often it is asked for: a short question is not to fill the memory.
fn once(mut asked: Vec<Asked>) -> Vec<Asked> {
    let mut whole_groups = HashSet::new();
    asked.retain(|asked| asked.topics.is_some() || whole_groups.insert(asked.group.clone()));
    let mut seen = HashSet::new();
    for Asked { group, topics } in &mut asked {
        for (name, indexes) in topics.iter_mut().flatten() {
            indexes.retain(|index| seen.insert((group.clone(), name.clone(), *index)));
        }
    }
    asked
}

/// What an answer takes besides what its request was reckoned to: twice the texts, as they are found and as they are
/// encoded; of a group that is asked for as a whole, everything.
fn weight(node: &Node, asked: &Asked) -> usize {
    let Some(topics) = &asked.topics else { return 3 * node.offsets.weight_of(&asked.group) };
    let of_topic = |(name, indexes): &(TopicName, Vec<i32>)| -> Option<usize> {
        let topic = node.catalog.find(name)?;
        let found =
            indexes.iter().filter_map(|index| node.offsets.find(&asked.group, (topic.id, *index)));
        Some(found.map(|committed| 2 * committed.metadata.map_or(0, |text| text.len())).sum())
    };
    topics.iter().filter_map(of_topic).sum::<usize>()
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
