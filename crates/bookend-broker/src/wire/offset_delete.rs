//! `OffsetDelete`: a group forgets how far it was in some partitions (KIP-496), but not of topics it works on.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, OffsetDeleteRequest, OffsetDeleteResponse, TopicName,
        offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
    },
};

use super::{
    Api, code,
    schema::{Schema, array, fixed, text},
};
use crate::{
    group::describe::{Activity, Subscribed},
    node::{Node, blocking, now_ms},
    offsets::Place,
};

pub(super) const API: Api = Api {
    key: ApiKey::OffsetDelete,
    min: 0,
    max: 0,
    schema: Schema { flexible: i16::MAX, fields: &[text(), array(&[text(), array(&[fixed(4)])])] },
};

/// What becomes of the partitions of a topic, by number.
type Results = Vec<(i32, Result<Place, ResponseError>)>;

pub(super) async fn answer(node: &Arc<Node>, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let node = Arc::clone(node);
    blocking(move || delete(&node, request)).await
}

fn delete(node: &Node, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let group = request.group_id;
    let mut topics: Vec<(TopicName, Results)> = Vec::new();
    let deleted = node.offsets.forget(&group, now_ms(), || {
        let activity = node.groups.activity(&group);
        if matches!(activity, Activity::AtWork { subscribed: Subscribed::Other, .. }) {
            return Err(ResponseError::NonEmptyGroup);
        }
        if node.groups.describe(&group).is_none() && node.offsets.protocol_type(&group).is_none() {
            return Err(ResponseError::GroupIdNotFound);
        }
        for topic in request.topics {
            let indexes = topic.partitions.iter().map(|partition| partition.partition_index);
            let results = indexes.map(|index| (index, check(node, &activity, &topic.name, index)));
            topics.push((topic.name.clone(), results.collect()));
        }
        let results = topics.iter().flat_map(|(_, results)| results);
        Ok(results.filter_map(|(_, result)| result.as_ref().ok().copied()).collect())
    });
    if topics.is_empty() {
        return OffsetDeleteResponse::default().with_error_code(code(&deleted));
    }
    let topics = topics.into_iter().map(|(name, results)| {
        let partitions = results.into_iter().map(|(index, result)| {
            OffsetDeleteResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code(&deleted.and(result.map(drop))))
        });
        OffsetDeleteResponseTopic::default().with_name(name).with_partitions(partitions.collect())
    });
    OffsetDeleteResponse::default().with_topics(topics.collect())
}

/// The place of a partition whose offset may go.
fn check(
    node: &Node,
    activity: &Activity,
    topic: &TopicName,
    index: i32,
) -> Result<Place, ResponseError> {
    let known = node.catalog.find(topic).filter(|topic| topic.partition(index).is_some());
    let known = known.ok_or(ResponseError::UnknownTopicOrPartition)?;
    match activity {
        Activity::AtWork { subscribed, .. } if !subscribed.spares(topic) => {
            Err(ResponseError::GroupSubscribedToTopic)
        }
        _ => Ok((known.id, index)),
    }
}
