//! Two answers to two parts of one request, put together.

use kafka_protocol::messages::ResponseKind;

/// The answer to a request of which a part was `refused` and the rest was answered.
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
            put(&mut a.responses, r.responses, |a, b| {
                let same = (&a.name, a.topic_id) == (&b.name, b.topic_id);
                same.then(|| a.partition_responses.append(&mut b.partition_responses))
            });
        }
        (ResponseKind::Fetch(a), ResponseKind::Fetch(r)) => {
            put(&mut a.responses, r.responses, |a, b| {
                let same = (&a.topic, a.topic_id) == (&b.topic, b.topic_id);
                same.then(|| a.partitions.append(&mut b.partitions))
            });
        }
        (ResponseKind::ListOffsets(a), ResponseKind::ListOffsets(r)) => {
            put(&mut a.topics, r.topics, |a, b| {
                (a.name == b.name).then(|| a.partitions.append(&mut b.partitions))
            });
        }
        (ResponseKind::OffsetForLeaderEpoch(a), ResponseKind::OffsetForLeaderEpoch(r)) => {
            put(&mut a.topics, r.topics, |a, b| {
                (a.topic == b.topic).then(|| a.partitions.append(&mut b.partitions))
            });
        }
        (ResponseKind::DeleteRecords(a), ResponseKind::DeleteRecords(r)) => {
            put(&mut a.topics, r.topics, |a, b| {
                (a.name == b.name).then(|| a.partitions.append(&mut b.partitions))
            });
        }
        (ResponseKind::OffsetCommit(a), ResponseKind::OffsetCommit(r)) => {
            put(&mut a.topics, r.topics, |a, b| {
                let same = (&a.name, a.topic_id) == (&b.name, b.topic_id);
                same.then(|| a.partitions.append(&mut b.partitions))
            });
        }
        (ResponseKind::OffsetDelete(a), ResponseKind::OffsetDelete(r)) => {
            put(&mut a.topics, r.topics, |a, b| {
                (a.name == b.name).then(|| a.partitions.append(&mut b.partitions))
            });
        }
        (ResponseKind::OffsetFetch(a), ResponseKind::OffsetFetch(r)) => {
            put(&mut a.topics, r.topics, |a, b| {
                (a.name == b.name).then(|| a.partitions.append(&mut b.partitions))
            });
            put(&mut a.groups, r.groups, |a, b| {
                (a.group_id == b.group_id).then(|| a.topics.append(&mut b.topics))
            });
        }
        (answer, refused) => merge_topics(answer, refused),
    }
}

/// Puts the answers to topics and resources behind the others.
fn merge_topics(answer: &mut ResponseKind, refused: ResponseKind) {
    match (answer, refused) {
        (ResponseKind::Metadata(a), ResponseKind::Metadata(r)) => {
            // Version 0 cannot ask for no topics: it then gets all, also those that were refused.
            a.topics.retain(|topic| r.topics.iter().all(|refused| refused.name != topic.name));
            a.topics.extend(r.topics);
        }
        (ResponseKind::CreateTopics(a), ResponseKind::CreateTopics(r)) => a.topics.extend(r.topics),
        (ResponseKind::DeleteTopics(a), ResponseKind::DeleteTopics(r)) => {
            a.responses.extend(r.responses);
        }
        (ResponseKind::CreatePartitions(a), ResponseKind::CreatePartitions(r)) => {
            a.results.extend(r.results);
        }
        (ResponseKind::DescribeTopicPartitions(a), ResponseKind::DescribeTopicPartitions(r)) => {
            a.topics.extend(r.topics);
        }
        (ResponseKind::DescribeConfigs(a), ResponseKind::DescribeConfigs(r)) => {
            a.results.extend(r.results);
        }
        (ResponseKind::AlterConfigs(a), ResponseKind::AlterConfigs(r)) => {
            a.responses.extend(r.responses);
        }
        (ResponseKind::IncrementalAlterConfigs(a), ResponseKind::IncrementalAlterConfigs(r)) => {
            a.responses.extend(r.responses);
        }
        _ => unreachable!("both parts are of one API, and any other is struck as a whole"),
    }
}

/// Adds each of `refused` to the one of `answers` that `join` accepts, or behind them.
fn put<T>(answers: &mut Vec<T>, refused: Vec<T>, join: impl Fn(&mut T, &mut T) -> Option<()>) {
    for mut one in refused {
        if answers.iter_mut().find_map(|answer| join(answer, &mut one)).is_none() {
            answers.push(one);
        }
    }
}
