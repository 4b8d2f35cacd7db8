//! `ListOffsets`: the first offset, the next one, or that of a time (KIP-79); the latest time's: KIP-734.
//!
//! Versions 8 and 9 ask about tiered storage, which is answered as Apache Kafka does where it is off.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, ListOffsetsRequest, ListOffsetsResponse,
        list_offsets_request::ListOffsetsPartition,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    },
};

use super::{
    Api, check_leader_epoch, resource,
    schema::{Schema, array, fixed, text},
};
use crate::{
    node::{Node, blocking},
    partition::{Found, LEADER_EPOCH, batch::Budget},
};

pub(super) const API: Api = Api {
    key: ApiKey::ListOffsets,
    min: 1,
    max: 10,
    schema: Schema {
        flexible: 6,
        fields: &[
            fixed(4),
            fixed(1).since(2),
            array(&[text(), array(&[fixed(4), fixed(4).since(4), fixed(8)])]),
            fixed(4).since(10),
        ],
    },
};

/// Times that mean something else, and since which version.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const LATEST_TIME: i64 = -3;
const LATEST_TIME_SINCE: i16 = 7;
/// The first offset that is not in tiered storage only (KIP-405), and the last one that is in it (KIP-1005).
const EARLIEST_LOCAL: i64 = -4;
const EARLIEST_LOCAL_SINCE: i16 = 8;
const LATEST_TIERED: i64 = -5;
const LATEST_TIERED_SINCE: i16 = 9;

pub(super) async fn answer(
    node: &Arc<Node>,
    version: i16,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let mut asked = request.topics.iter().flat_map(|topic| &topic.partitions);
    // A look for a time may unpack records, which not everyone does at once.
    let may_unpack = asked.any(|asked| asked.timestamp >= 0 || asked.timestamp == LATEST_TIME);
    let _turn = if may_unpack { node.unpacking.acquire().await.ok() } else { None };
    let node = Arc::clone(node);
    let topics = blocking(move || {
        let places = request.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|asked| (topic.name.clone(), asked.partition_index))
        });
        let repeated = resource::repeated(places);
        let mut budget = Budget::default();
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                if repeated.contains(&(topic.name.clone(), asked.partition_index)) {
                    return list(asked, version, Err(ResponseError::InvalidRequest));
                }
                let found = find(&node, version, &topic.name, asked, &mut budget);
                list(asked, version, found)
            });
            let partitions = partitions.collect();
            ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions)
        });
        topics.collect()
    })
    .await;
    ListOffsetsResponse::default().with_topics(topics)
}

fn list(
    asked: &ListOffsetsPartition,
    version: i16,
    found: Result<Option<Found>, ResponseError>,
) -> ListOffsetsPartitionResponse {
    let response =
        ListOffsetsPartitionResponse::default().with_partition_index(asked.partition_index);
    match found {
        Err(error) => response.with_error_code(error.code()),
        Ok(None) => response,
        Ok(Some(found)) => {
            let response = response.with_offset(found.offset).with_timestamp(found.timestamp);
            if version < 4 { response } else { response.with_leader_epoch(LEADER_EPOCH) }
        }
    }
}

fn find(
    node: &Node,
    version: i16,
    topic: &str,
    asked: &ListOffsetsPartition,
    budget: &mut Budget,
) -> Result<Option<Found>, ResponseError> {
    check_leader_epoch(asked.current_leader_epoch)?;
    let topic = node.catalog.find(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let partition =
        topic.partition(asked.partition_index).ok_or(ResponseError::UnknownTopicOrPartition)?;
    match asked.timestamp {
        LATEST => Ok(Some(Found { offset: partition.end(), timestamp: -1 })),
        EARLIEST => Ok(Some(Found { offset: partition.start(), timestamp: -1 })),
        LATEST_TIME if version >= LATEST_TIME_SINCE => partition.latest_time(budget),
        EARLIEST_LOCAL if version >= EARLIEST_LOCAL_SINCE => {
            Ok(Some(Found { offset: partition.start(), timestamp: -1 }))
        }
        // There is no tiered storage, so there is no such offset.
        LATEST_TIERED if version >= LATEST_TIERED_SINCE => Ok(None),
        time if time >= 0 => partition.find_time(time, budget),
        _ => Err(ResponseError::UnsupportedVersion),
    }
}
