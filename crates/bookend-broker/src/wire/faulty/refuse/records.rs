//! Error answers of the APIs that name partitions.

use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, FetchRequest, FetchResponse, ListOffsetsRequest,
    ListOffsetsResponse, OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest,
    OffsetDeleteResponse, OffsetFetchRequest, OffsetFetchResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse, ProduceRequest, ProduceResponse,
    delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
    fetch_response::{FetchableTopicResponse, PartitionData},
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
    offset_fetch_response::{
        OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
        OffsetFetchResponseTopic, OffsetFetchResponseTopics,
    },
    offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
    produce_response::{PartitionProduceResponse, TopicProduceResponse},
};
use uuid::Uuid;

use super::{Hit, Split, take};

/// Takes the partitions that are hit out of `topics`, and with the last of them their topic; each topic that lost
/// some comes back with the answers to those.
fn take_partitions<T, P, A, B>(
    topics: &mut Vec<T>,
    hit: &Hit<'_>,
    name: impl Fn(&T) -> (&str, Uuid),
    partitions: impl Fn(&mut T) -> &mut Vec<P>,
    index: impl Fn(&P) -> i32,
    refuse: impl Fn(P) -> A,
    answer: impl Fn(&T, Vec<A>) -> B,
) -> Vec<B> {
    let mut answers = Vec::new();
    for topic in topics.iter_mut() {
        let (name, id) = name(topic);
        if hit.topic(name, id) {
            let taken = take(partitions(topic), |p| hit.partition(index(p)));
            if !taken.is_empty() {
                answers.push(answer(topic, taken.into_iter().map(&refuse).collect()));
            }
        }
    }
    if !answers.is_empty() {
        topics.retain_mut(|topic| !partitions(topic).is_empty());
    }
    answers
}

pub(super) fn produce(mut request: ProduceRequest, hit: &Hit<'_>) -> Split {
    let refused = take_partitions(
        &mut request.topic_data,
        hit,
        |topic| (&topic.name, topic.topic_id),
        |topic| &mut topic.partition_data,
        |partition| partition.index,
        |partition| {
            PartitionProduceResponse::default()
                .with_index(partition.index)
                .with_error_code(hit.code)
                .with_error_message(None)
                .with_base_offset(-1)
        },
        |topic, partitions| {
            TopicProduceResponse::default()
                .with_name(topic.name.clone())
                .with_topic_id(topic.topic_id)
                .with_partition_responses(partitions)
        },
    );
    let is_empty = request.topic_data.is_empty();
    let answer = |refused| ProduceResponse::default().with_responses(refused).into();
    Split::of(request, is_empty, refused, answer)
}

pub(super) fn fetch(mut request: FetchRequest, hit: &Hit<'_>) -> Split {
    let refused = take_partitions(
        &mut request.topics,
        hit,
        |topic| (&topic.topic, topic.topic_id),
        |topic| &mut topic.partitions,
        |partition| partition.partition,
        |partition| {
            PartitionData::default()
                .with_partition_index(partition.partition)
                .with_error_code(hit.code)
                .with_high_watermark(-1)
        },
        |topic, partitions| {
            FetchableTopicResponse::default()
                .with_topic(topic.topic.clone())
                .with_topic_id(topic.topic_id)
                .with_partitions(partitions)
        },
    );
    if !refused.is_empty() {
        // An error is told at once, with what else there is.
        request.max_wait_ms = 0;
    }
    let is_empty = request.topics.is_empty();
    let answer = |refused| FetchResponse::default().with_responses(refused).into();
    Split::of(request, is_empty, refused, answer)
}

pub(super) fn list_offsets(mut request: ListOffsetsRequest, hit: &Hit<'_>) -> Split {
    let refused = take_partitions(
        &mut request.topics,
        hit,
        |topic| (&topic.name, Uuid::nil()),
        |topic| &mut topic.partitions,
        |partition| partition.partition_index,
        |partition| {
            ListOffsetsPartitionResponse::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(hit.code)
        },
        |topic, partitions| {
            ListOffsetsTopicResponse::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions)
        },
    );
    let is_empty = request.topics.is_empty();
    let answer = |refused| ListOffsetsResponse::default().with_topics(refused).into();
    Split::of(request, is_empty, refused, answer)
}

pub(super) fn offset_for_leader_epoch(
    mut request: OffsetForLeaderEpochRequest,
    hit: &Hit<'_>,
) -> Split {
    let refused = take_partitions(
        &mut request.topics,
        hit,
        |topic| (&topic.topic, Uuid::nil()),
        |topic| &mut topic.partitions,
        |partition| partition.partition,
        |partition| {
            EpochEndOffset::default().with_partition(partition.partition).with_error_code(hit.code)
        },
        |topic, partitions| {
            OffsetForLeaderTopicResult::default()
                .with_topic(topic.topic.clone())
                .with_partitions(partitions)
        },
    );
    let is_empty = request.topics.is_empty();
    let answer = |refused| OffsetForLeaderEpochResponse::default().with_topics(refused).into();
    Split::of(request, is_empty, refused, answer)
}

pub(super) fn delete_records(mut request: DeleteRecordsRequest, hit: &Hit<'_>) -> Split {
    let refused = take_partitions(
        &mut request.topics,
        hit,
        |topic| (&topic.name, Uuid::nil()),
        |topic| &mut topic.partitions,
        |partition| partition.partition_index,
        |partition| {
            DeleteRecordsPartitionResult::default()
                .with_partition_index(partition.partition_index)
                .with_low_watermark(-1)
                .with_error_code(hit.code)
        },
        |topic, partitions| {
            DeleteRecordsTopicResult::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions)
        },
    );
    let is_empty = request.topics.is_empty();
    let answer = |refused| DeleteRecordsResponse::default().with_topics(refused).into();
    Split::of(request, is_empty, refused, answer)
}

pub(super) fn offset_commit(mut request: OffsetCommitRequest, hit: &Hit<'_>) -> Split {
    let refused = take_partitions(
        &mut request.topics,
        hit,
        |topic| (&topic.name, topic.topic_id),
        |topic| &mut topic.partitions,
        |partition| partition.partition_index,
        |partition| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(hit.code)
        },
        |topic, partitions| {
            OffsetCommitResponseTopic::default()
                .with_name(topic.name.clone())
                .with_topic_id(topic.topic_id)
                .with_partitions(partitions)
        },
    );
    let is_empty = request.topics.is_empty();
    let answer = |refused| OffsetCommitResponse::default().with_topics(refused).into();
    Split::of(request, is_empty, refused, answer)
}

pub(super) fn offset_delete(mut request: OffsetDeleteRequest, hit: &Hit<'_>) -> Split {
    if hit.all() {
        return Split::all(OffsetDeleteResponse::default().with_error_code(hit.code));
    }
    let refused = take_partitions(
        &mut request.topics,
        hit,
        |topic| (&topic.name, Uuid::nil()),
        |topic| &mut topic.partitions,
        |partition| partition.partition_index,
        |partition| {
            OffsetDeleteResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(hit.code)
        },
        |topic, partitions| {
            OffsetDeleteResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions)
        },
    );
    let is_empty = request.topics.is_empty();
    let answer = |refused| OffsetDeleteResponse::default().with_topics(refused).into();
    Split::of(request, is_empty, refused, answer)
}

/// A group that asks for all it has is struck as a whole; so is every group by a fault that names no topic, once the
/// version has a place for that.
pub(super) fn offset_fetch(mut request: OffsetFetchRequest, hit: &Hit<'_>) -> Split {
    if hit.version >= 8 {
        return offset_fetch_groups(request, hit);
    }
    if hit.all() && (hit.version >= 2 || request.topics.is_none()) {
        return Split::all(OffsetFetchResponse::default().with_error_code(hit.code));
    }
    let Some(topics) = &mut request.topics else { return Split::untouched(request) };
    let refused = take_partitions(
        topics,
        hit,
        |topic| (&topic.name, Uuid::nil()),
        |topic| &mut topic.partition_indexes,
        |index| *index,
        |index| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(-1)
                .with_error_code(hit.code)
        },
        |topic, partitions| {
            OffsetFetchResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions)
        },
    );
    let is_empty = topics.is_empty();
    let answer = |refused| OffsetFetchResponse::default().with_topics(refused).into();
    Split::of(request, is_empty, refused, answer)
}

fn offset_fetch_groups(mut request: OffsetFetchRequest, hit: &Hit<'_>) -> Split {
    let mut refused = Vec::new();
    for group in &mut request.groups {
        let answer = OffsetFetchResponseGroup::default().with_group_id(group.group_id.clone());
        if hit.all() {
            refused.push(answer.with_error_code(hit.code));
            continue;
        }
        let topics = take_partitions(
            group.topics.get_or_insert_default(),
            hit,
            |topic| (&topic.name, topic.topic_id),
            |topic| &mut topic.partition_indexes,
            |index| *index,
            |index| {
                OffsetFetchResponsePartitions::default()
                    .with_partition_index(index)
                    .with_committed_offset(-1)
                    .with_error_code(hit.code)
            },
            |topic, partitions| {
                OffsetFetchResponseTopics::default()
                    .with_name(topic.name.clone())
                    .with_topic_id(topic.topic_id)
                    .with_partitions(partitions)
            },
        );
        if !topics.is_empty() {
            refused.push(answer.with_topics(topics));
        }
    }
    if hit.all() {
        request.groups.clear();
    }
    let is_empty = request.groups.is_empty();
    let answer = |refused| OffsetFetchResponse::default().with_groups(refused).into();
    Split::of(request, is_empty, refused, answer)
}
