//! The Kafka protocol: one file per API, and what they have in common.
//!
//! A request is a frame: API key, version, correlation id and client id, then a body whose layout the
//! key and version name. [`answer`] checks both against their [schema], decodes them with
//! `kafka-protocol`, lets the API's file answer, and encodes that. Sources: the protocol guide
//! (<https://kafka.apache.org/protocol>); KIP-35 (versions), KIP-482 (flexible versions).
//!
//! Upstream: [`server`](crate::server), which owns the bytes of a connection. Downstream: the
//! [`node`](crate::node) with its partitions, groups and offsets.

mod schema;
mod framed;
mod apart;
mod client;
mod refusal;
mod refused;
mod resource;

mod api_versions;
mod metadata;
mod describe_cluster;
mod describe_topic_partitions;
mod describe_log_dirs;
mod describe_configs;
mod incremental_alter_configs;
mod alter_configs;
mod create_topics;
mod create_partitions;
mod delete_topics;
mod delete_records;
mod init_producer_id;
mod produce;
mod fetch;
mod list_offsets;
mod offset_for_leader_epoch;
mod find_coordinator;
mod join_group;
mod sync_group;
mod heartbeat;
mod leave_group;
mod offset_commit;
mod offset_fetch;
mod offset_delete;
mod list_groups;
mod describe_groups;
mod delete_groups;

mod faulty;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::{
    apart::Apart,
    framed::{encode, framed, size},
    schema::Schema,
};
pub(crate) use self::{
    client::Client,
    framed::{Answer, Next},
    refusal::Refusal,
};
use crate::{node::Node, partition::LEADER_EPOCH};
use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{ApiKey, RequestHeader, RequestKind, ResponseKind},
    protocol::{Decodable, StrBytes},
};

/// One API and the versions of it that are implemented.
#[derive(Debug)]
struct Api {
    key: ApiKey,
    min: i16,
    max: i16,
    schema: Schema,
}

/// Everything that is implemented; exactly this is advertised, but for the oldest produce versions.
const APIS: [&Api; 28] = [
    &produce::API,
    &fetch::API,
    &list_offsets::API,
    &metadata::API,
    &offset_commit::API,
    &offset_fetch::API,
    &find_coordinator::API,
    &join_group::API,
    &heartbeat::API,
    &leave_group::API,
    &sync_group::API,
    &describe_groups::API,
    &list_groups::API,
    &delete_groups::API,
    &offset_delete::API,
    &api_versions::API,
    &create_topics::API,
    &delete_topics::API,
    &delete_records::API,
    &init_producer_id::API,
    &offset_for_leader_epoch::API,
    &describe_configs::API,
    &alter_configs::API,
    &describe_log_dirs::API,
    &create_partitions::API,
    &incremental_alter_configs::API,
    &describe_cluster::API,
    &describe_topic_partitions::API,
];

/// Answers the request in `frame`; `None` where the protocol has no answer.
pub(crate) async fn answer(
    node: &Arc<Node>,
    client: &Client,
    frame: Bytes,
) -> Result<Option<Answer>, Refusal> {
    let (key, version, correlation_id) = first_words(&frame)?;
    let key = ApiKey::try_from(key).map_err(|()| Refusal::Api(key))?;
    let api = APIS.iter().find(|api| api.key == key).ok_or(Refusal::Api(key as i16))?;
    if !(api.min..=api.max).contains(&version) {
        return match key {
            ApiKey::ApiVersions => {
                let response = api_versions::unsupported();
                encode(key, 0, correlation_id, response.into(), Apart::default()).map(Some)
            }
            ApiKey::Produce if version >= 0 && version < api.min => {
                produce::refuse_old(client, version, &frame).await.map(|frame| Some(frame.into()))
            }
            _ => Err(Refusal::Version { key, version }),
        };
    }
    client.held.take_elements(check(api, version, &frame)?).await?;
    let (header, request) = decode(key, version, frame)?;
    tracing::trace!(?key, version, client = header.client_id.as_deref(), "request");
    let response = faulty::dispatch(node, client, &header, request).await?;
    let apart = client.collect_apart();
    let Some(response) = response else { return Ok(None) };
    client.held.cover(size(&response, version)).await?;
    encode(key, version, correlation_id, response, apart).map(Some)
}

/// Walks a request; returns how many array elements and tagged fields stand in it.
fn check(api: &Api, version: i16, frame: &[u8]) -> Result<usize, Refusal> {
    let key = api.key;
    let elements = api.schema.elements(key.request_header_version(version), version, frame);
    elements.map_err(|source| Refusal::Malformed { key, version, source })
}

/// Decodes header and body of a request that was checked.
fn decode(
    key: ApiKey,
    version: i16,
    mut frame: Bytes,
) -> Result<(RequestHeader, RequestKind), Refusal> {
    let header = RequestHeader::decode(&mut frame, key.request_header_version(version));
    let body = header.and_then(|header| {
        let body = RequestKind::decode(key, &mut frame, version)?;
        Ok((header, body))
    });
    body.map_err(|error| Refusal::Decode { key, version, reason: error.to_string() })
}

async fn dispatch(
    node: &Arc<Node>,
    client: &Client,
    header: &RequestHeader,
    version: i16,
    request: RequestKind,
) -> Result<Option<ResponseKind>, Refusal> {
    let response = match request {
        RequestKind::ApiVersions(_) => api_versions::answer().into(),
        RequestKind::Metadata(r) => metadata::answer(node, client, version, r).await?.into(),
        RequestKind::CreateTopics(r) => {
            create_topics::answer(node, client, version, r).await?.into()
        }
        RequestKind::DeleteTopics(r) => delete_topics::answer(node, version, r).await.into(),
        RequestKind::InitProducerId(r) => init_producer_id::answer(node, r).await.into(),
        RequestKind::CreatePartitions(r) => create_partitions::answer(node, r).await.into(),
        RequestKind::DeleteRecords(r) => delete_records::answer(node, r).await.into(),
        RequestKind::DescribeConfigs(r) => describe_configs::answer(node, client, r).await?.into(),
        RequestKind::AlterConfigs(r) => alter_configs::answer(node, r).await.into(),
        RequestKind::IncrementalAlterConfigs(r) => {
            incremental_alter_configs::answer(node, r).await.into()
        }
        RequestKind::DescribeCluster(r) => describe_cluster::answer(node, client, &r).into(),
        RequestKind::DescribeLogDirs(r) => describe_log_dirs::answer(node, client, r).await?.into(),
        RequestKind::DescribeTopicPartitions(r) => {
            describe_topic_partitions::answer(node, r).into()
        }
        RequestKind::OffsetForLeaderEpoch(r) => offset_for_leader_epoch::answer(node, r).into(),
        RequestKind::Produce(r) => {
            return Ok(produce::answer(node, version, r).await?.map(Into::into));
        }
        RequestKind::Fetch(r) => fetch::answer(node, client, version, r).await?.into(),
        RequestKind::ListOffsets(r) => list_offsets::answer(node, version, r).await.into(),
        RequestKind::FindCoordinator(r) => find_coordinator::answer(client, version, r).into(),
        RequestKind::JoinGroup(r) => {
            join_group::answer(node, client, header, version, r).await?.into()
        }
        RequestKind::SyncGroup(r) => sync_group::answer(node, client, version, r).await?.into(),
        RequestKind::Heartbeat(r) => heartbeat::answer(node, &r).into(),
        RequestKind::LeaveGroup(r) => leave_group::answer(node, version, r).into(),
        RequestKind::OffsetCommit(r) => offset_commit::answer(node, r).await.into(),
        RequestKind::OffsetFetch(r) => offset_fetch::answer(node, client, version, r).await?.into(),
        RequestKind::OffsetDelete(r) => offset_delete::answer(node, r).await.into(),
        RequestKind::ListGroups(r) => list_groups::answer(node, client, version, &r).await?.into(),
        RequestKind::DescribeGroups(r) => {
            describe_groups::answer(node, client, version, r).await?.into()
        }
        RequestKind::DeleteGroups(r) => delete_groups::answer(node, r).await.into(),
        _ => unreachable!("only what stands in the table is decoded"),
    };
    Ok(Some(response))
}

/// API key, version and correlation id: what can be read before anything is known.
fn first_words(frame: &[u8]) -> Result<(i16, i16, i32), Refusal> {
    let [k0, k1, v0, v1, c0, c1, c2, c3, ..] = *frame else { return Err(Refusal::Header) };
    Ok((
        i16::from_be_bytes([k0, k1]),
        i16::from_be_bytes([v0, v1]),
        i32::from_be_bytes([c0, c1, c2, c3]),
    ))
}

/// The error code of a result: 0 for success.
fn code<T>(result: &Result<T, ResponseError>) -> i16 {
    result.as_ref().map_or_else(ResponseError::code, |_| 0)
}

/// Refuses a client that knows of a leader this broker does not know; negative is a client that knows of none.
fn check_leader_epoch(epoch: i32) -> Result<(), ResponseError> {
    if epoch > LEADER_EPOCH { Err(ResponseError::UnknownLeaderEpoch) } else { Ok(()) }
}

/// A copy of what is kept: as a part of its request it would keep all of that in memory.
fn own(text: &StrBytes) -> StrBytes {
    StrBytes::from_string(text.to_string())
}

/// As [`own`].
fn own_bytes(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// A duration that came as a number of milliseconds; negative is none.
fn millis(value: i32) -> std::time::Duration {
    std::time::Duration::from_millis(u64::try_from(value).unwrap_or(0))
}
