//! Two answers to one request, put together: to what was refused, and to the rest or to all of it.

use std::collections::HashSet;

use kafka_protocol::messages::{
    OffsetFetchResponse, ResponseKind, offset_fetch_response::OffsetFetchResponseTopics,
};
use uuid::Uuid;

/// The answer to a request of which a part was `refused`, in place of what else was answered to that part.
pub(super) fn merge(
    answer: Option<ResponseKind>,
    refused: Option<ResponseKind>,
) -> Option<ResponseKind> {
    let (mut answer, refused) = match (answer, refused) {
        (Some(answer), Some(refused)) => (answer, refused),
        (answer, refused) => return answer.or(refused),
    };
    merge_partitions(&mut answer, refused);
    Some(answer)
}

/// Puts the answers to partitions with their topics, and those to offsets with their groups.
fn merge_partitions(answer: &mut ResponseKind, refused: ResponseKind) {
    match (answer, refused) {
        (ResponseKind::Produce(a), ResponseKind::Produce(r)) => {
            put(
                &mut a.responses,
                r.responses,
                |a, b| (&a.name, a.topic_id) == (&b.name, b.topic_id),
                |topic| &mut topic.partition_responses,
                |partition| partition.index,
            );
        }
        (ResponseKind::Fetch(a), ResponseKind::Fetch(r)) => {
            put(
                &mut a.responses,
                r.responses,
                |a, b| (&a.topic, a.topic_id) == (&b.topic, b.topic_id),
                |topic| &mut topic.partitions,
                |partition| partition.partition_index,
            );
        }
        (ResponseKind::ListOffsets(a), ResponseKind::ListOffsets(r)) => {
            put(
                &mut a.topics,
                r.topics,
                |a, b| a.name == b.name,
                |topic| &mut topic.partitions,
                |partition| partition.partition_index,
            );
        }
        (ResponseKind::OffsetForLeaderEpoch(a), ResponseKind::OffsetForLeaderEpoch(r)) => {
            put(
                &mut a.topics,
                r.topics,
                |a, b| a.topic == b.topic,
                |topic| &mut topic.partitions,
                |partition| partition.partition,
            );
        }
        (ResponseKind::DeleteRecords(a), ResponseKind::DeleteRecords(r)) => {
            put(
                &mut a.topics,
                r.topics,
                |a, b| a.name == b.name,
                |topic| &mut topic.partitions,
                |partition| partition.partition_index,
            );
        }
        (ResponseKind::OffsetCommit(a), ResponseKind::OffsetCommit(r)) => {
            put(
                &mut a.topics,
                r.topics,
                |a, b| (&a.name, a.topic_id) == (&b.name, b.topic_id),
                |topic| &mut topic.partitions,
                |partition| partition.partition_index,
            );
        }
        (ResponseKind::OffsetDelete(a), ResponseKind::OffsetDelete(r)) => {
            put(
                &mut a.topics,
                r.topics,
                |a, b| a.name == b.name,
                |topic| &mut topic.partitions,
                |partition| partition.partition_index,
            );
        }
        (ResponseKind::OffsetFetch(a), ResponseKind::OffsetFetch(r)) => offset_fetch(a, r),
        (answer, refused) => merge_topics(answer, refused),
    }
}

/// Until version 7 one group without a name, since version 8 several with theirs.
fn offset_fetch(answer: &mut OffsetFetchResponse, mut refused: OffsetFetchResponse) {
    put(
        &mut answer.topics,
        refused.topics,
        |a, b| a.name == b.name,
        |topic| &mut topic.partitions,
        |partition| partition.partition_index,
    );
    let topics: Topics<OffsetFetchResponseTopics, _> = Topics {
        is_same: |a, b| (&a.name, a.topic_id) == (&b.name, b.topic_id),
        partitions: |topic| &mut topic.partitions,
        index: |partition| partition.partition_index,
    };
    for group in &mut answer.groups {
        for one in refused.groups.iter_mut().filter(|one| one.group_id == group.group_id) {
            topics.take_away(&mut group.topics, &mut one.topics);
        }
    }
    for one in refused.groups {
        match answer.groups.iter_mut().find(|group| group.group_id == one.group_id) {
            Some(group) => topics.add(&mut group.topics, one.topics),
            None => answer.groups.push(one),
        }
    }
}

/// Puts all of `refused` in place of the answers to the same partitions.
fn put<T, P>(
    answers: &mut Vec<T>,
    mut refused: Vec<T>,
    is_same: fn(&T, &T) -> bool,
    partitions: fn(&mut T) -> &mut Vec<P>,
    index: fn(&P) -> i32,
) {
    let topics = Topics { is_same, partitions, index };
    topics.take_away(answers, &mut refused);
    topics.add(answers, refused);
}

/// How the topics of an answer are told apart, and their partitions.
struct Topics<T, P> {
    is_same: fn(&T, &T) -> bool,
    partitions: fn(&mut T) -> &mut Vec<P>,
    index: fn(&P) -> i32,
}

impl<T, P> Topics<T, P> {
    /// Takes what is about the same partitions as `refused` out of `answers`.
    fn take_away(&self, answers: &mut [T], refused: &mut [T]) {
        for answer in answers {
            for one in &mut *refused {
                if (self.is_same)(answer, one) {
                    let struck: HashSet<_> =
                        (self.partitions)(one).iter().map(self.index).collect();
                    (self.partitions)(answer).retain(|p| !struck.contains(&(self.index)(p)));
                }
            }
        }
    }

    /// Puts the partitions of `refused` with the others of their topics.
    fn add(&self, answers: &mut Vec<T>, refused: Vec<T>) {
        for mut one in refused {
            match answers.iter_mut().find(|answer| (self.is_same)(answer, &one)) {
                Some(answer) => (self.partitions)(answer).append((self.partitions)(&mut one)),
                None => answers.push(one),
            }
        }
    }
}

/// Puts the answers to topics and resources behind the others.
fn merge_topics(answer: &mut ResponseKind, refused: ResponseKind) {
    match (answer, refused) {
        // Version 0 cannot ask for no topics: it then gets all, also those that were refused.
        (ResponseKind::Metadata(a), ResponseKind::Metadata(mut r)) => {
            replace(&mut a.topics, &mut r.topics, |a, b| {
                (b.name.is_some() && a.name == b.name) || is_same_id(a.topic_id, b.topic_id)
            });
        }
        (ResponseKind::CreateTopics(a), ResponseKind::CreateTopics(mut r)) => {
            replace(&mut a.topics, &mut r.topics, |a, b| a.name == b.name);
        }
        (ResponseKind::DeleteTopics(a), ResponseKind::DeleteTopics(mut r)) => {
            replace(&mut a.responses, &mut r.responses, |a, b| {
                (b.name.is_some() && a.name == b.name) || is_same_id(a.topic_id, b.topic_id)
            });
        }
        (ResponseKind::CreatePartitions(a), ResponseKind::CreatePartitions(mut r)) => {
            replace(&mut a.results, &mut r.results, |a, b| a.name == b.name);
        }
        (
            ResponseKind::DescribeTopicPartitions(a),
            ResponseKind::DescribeTopicPartitions(mut r),
        ) => {
            replace(&mut a.topics, &mut r.topics, |a, b| a.name == b.name);
        }
        (ResponseKind::DescribeConfigs(a), ResponseKind::DescribeConfigs(mut r)) => {
            replace(&mut a.results, &mut r.results, |a, b| {
                (a.resource_type, &a.resource_name) == (b.resource_type, &b.resource_name)
            });
        }
        (ResponseKind::AlterConfigs(a), ResponseKind::AlterConfigs(mut r)) => {
            replace(&mut a.responses, &mut r.responses, |a, b| {
                (a.resource_type, &a.resource_name) == (b.resource_type, &b.resource_name)
            });
        }
        (
            ResponseKind::IncrementalAlterConfigs(a),
            ResponseKind::IncrementalAlterConfigs(mut r),
        ) => {
            replace(&mut a.responses, &mut r.responses, |a, b| {
                (a.resource_type, &a.resource_name) == (b.resource_type, &b.resource_name)
            });
        }
        _ => unreachable!("both parts are of one API, and any other is struck as a whole"),
    }
}

fn is_same_id(a: Uuid, b: Uuid) -> bool {
    a == b && !b.is_nil()
}

/// Moves all of `refused` behind `answers`, in place of those that are about the same.
fn replace<T>(answers: &mut Vec<T>, refused: &mut Vec<T>, is_same: impl Fn(&T, &T) -> bool) {
    answers.retain(|answer| refused.iter().all(|one| !is_same(answer, one)));
    answers.append(refused);
}
