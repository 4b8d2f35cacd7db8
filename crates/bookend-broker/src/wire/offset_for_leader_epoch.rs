//! `OffsetForLeaderEpoch` (KIP-101, KIP-320): where an epoch ended, so that a consumer notices a log that was cut.
//!
//! There is one leader for ever, so there is one epoch, and it ends where the log does.

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
        offset_for_leader_epoch_request::OffsetForLeaderPartition,
        offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
    },
};

use super::{
    Api, check_leader_epoch,
    schema::{Schema, array, fixed, text},
};
use crate::{node::Node, partition::LEADER_EPOCH};

pub(super) const API: Api = Api {
    key: ApiKey::OffsetForLeaderEpoch,
    min: 2,
    max: 4,
    schema: Schema {
        flexible: 4,
        fields: &[fixed(4).since(3), array(&[text(), array(&[fixed(4), fixed(4), fixed(4)])])],
    },
};

pub(super) fn answer(
    node: &Node,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let result = EpochEndOffset::default().with_partition(asked.partition);
            match end_of(node, &topic.topic, asked) {
                // -1 and -1, which say that this epoch never was.
                Ok(None) => result,
                Ok(Some(end)) => result.with_leader_epoch(LEADER_EPOCH).with_end_offset(end),
                Err(error) => result.with_error_code(error.code()),
            }
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default().with_topic(topic.topic).with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}

fn end_of(
    node: &Node,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> Result<Option<i64>, ResponseError> {
    check_leader_epoch(asked.current_leader_epoch)?;
    let topic = node.catalog.find(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let partition =
        topic.partition(asked.partition).ok_or(ResponseError::UnknownTopicOrPartition)?;
    Ok((asked.leader_epoch == LEADER_EPOCH).then(|| partition.end()))
}
