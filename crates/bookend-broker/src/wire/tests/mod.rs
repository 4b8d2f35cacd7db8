//! Every API in every version: the schema against the decoder, the answers, and bodies that lie.
//!
//! A room each for what is asked of all of them, and for what one of them needs more than that. Requests are built with the encoder of `kafka-protocol` and given to [`answer`] without a socket.

mod admin;
mod answers;
mod bounds;
mod files;
mod decoding;
mod groups;
mod like_kafka;
mod membership;
mod parked;
mod refusals;

use std::{net::Ipv4Addr, time::Duration};

use bookend_log::Fsync;
use bytes::{BufMut, BytesMut};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest, FetchRequest,
        FindCoordinatorRequest, HeartbeatRequest, InitProducerIdRequest, JoinGroupRequest,
        LeaveGroupRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
        OffsetFetchRequest, ProduceRequest, ResponseHeader, SyncGroupRequest,
        create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
        delete_topics_request::DeleteTopicState,
        fetch_request::{FetchPartition, FetchTopic, ForgottenTopic},
        join_group_request::JoinGroupRequestProtocol,
        leave_group_request::MemberIdentity,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_request::MetadataRequestTopic,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch_request::{
            OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
        },
        produce_request::{PartitionProduceData, TopicProduceData},
        sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::{Encodable as _, encode_request_header_into_buffer},
};
use tokio::sync::watch;

use super::*;
use crate::{
    folder::Folder,
    memory::{Held, Memory},
    partition::batch::tests::sample as sample_batch,
};

pub(super) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn topic() -> kafka_protocol::messages::TopicName {
    text("topic").into()
}

pub(super) fn every_version() -> impl Iterator<Item = (&'static Api, i16)> {
    APIS.into_iter().flat_map(|api| (api.min..=api.max).map(move |version| (api, version)))
}

/// A request with something in every field that the version has, two of each array's elements.
pub(super) fn sample(key: ApiKey, version: i16) -> RequestKind {
    match key {
        ApiKey::Produce | ApiKey::Fetch | ApiKey::ListOffsets => sample_records(key, version),
        ApiKey::OffsetCommit | ApiKey::OffsetFetch => sample_offsets(key, version),
        ApiKey::OffsetDelete
        | ApiKey::ListGroups
        | ApiKey::DescribeGroups
        | ApiKey::DeleteGroups => groups::sample(key, version),
        ApiKey::Metadata | ApiKey::CreateTopics | ApiKey::DeleteTopics => {
            sample_topics(key, version)
        }
        ApiKey::JoinGroup | ApiKey::SyncGroup | ApiKey::Heartbeat | ApiKey::LeaveGroup => {
            sample_membership(key, version)
        }
        ApiKey::FindCoordinator => {
            let request = FindCoordinatorRequest::default();
            if version < 4 {
                request.with_key(text("group")).into()
            } else {
                request.with_coordinator_keys(vec![text("group"), text("other")]).into()
            }
        }
        ApiKey::ApiVersions => ApiVersionsRequest::default()
            .with_client_software_name(text(if version < 3 { "" } else { "test" }))
            .with_client_software_version(text(if version < 3 { "" } else { "1" }))
            .into(),
        ApiKey::InitProducerId => InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(1)
            .into(),
        _ => admin::sample(key, version),
    }
}

fn sample_records(key: ApiKey, version: i16) -> RequestKind {
    match key {
        ApiKey::Produce => {
            let records = Bytes::from(sample_batch(None, 2, 5));
            let data = PartitionProduceData::default().with_records(Some(records));
            let data = vec![data.clone(), data.with_index(7)];
            let topic = TopicProduceData::default().with_name(topic()).with_partition_data(data);
            ProduceRequest::default()
                .with_acks(-1)
                .with_topic_data(vec![topic.clone(), topic])
                .into()
        }
        ApiKey::Fetch => {
            let partition = FetchPartition::default().with_partition_max_bytes(1_000);
            let asked = FetchTopic::default()
                .with_partitions(vec![partition.clone(), partition.with_partition(7)]);
            let forgotten = ForgottenTopic::default().with_partitions(vec![1, 2]);
            let (asked, forgotten) = if version < 13 {
                (asked.with_topic(topic()), forgotten.with_topic(topic()))
            } else {
                (asked, forgotten)
            };
            let forgotten = if version < 7 { vec![] } else { vec![forgotten] };
            FetchRequest::default()
                .with_topics(vec![asked.clone(), asked])
                .with_forgotten_topics_data(forgotten)
                .with_max_bytes(10_000)
                .into()
        }
        _ => {
            let partition = |(index, timestamp)| {
                ListOffsetsPartition::default()
                    .with_partition_index(index)
                    .with_timestamp(timestamp)
            };
            let topic = ListOffsetsTopic::default()
                .with_name(topic())
                .with_partitions([(0, 0), (7, -1), (8, -1), (8, -2)].map(partition).to_vec());
            ListOffsetsRequest::default().with_topics(vec![topic]).into()
        }
    }
}

fn sample_topics(key: ApiKey, version: i16) -> RequestKind {
    match key {
        ApiKey::Metadata => {
            let asked = MetadataRequestTopic::default().with_name(Some(topic()));
            MetadataRequest::default()
                .with_topics(Some(vec![asked.clone(), asked.with_name(Some(text("..").into()))]))
                .with_allow_auto_topic_creation(true)
                .into()
        }
        ApiKey::CreateTopics => {
            let assignment = CreatableReplicaAssignment::default().with_broker_ids(vec![1.into()]);
            let config = CreatableTopicConfig::default()
                .with_name(text("retention.ms"))
                .with_value(Some(text("1")));
            let topic = CreatableTopic::default()
                .with_name(text("created").into())
                .with_num_partitions(-1)
                .with_replication_factor(-1)
                .with_assignments(vec![assignment.clone(), assignment.with_partition_index(1)])
                .with_configs(vec![config]);
            let compacted = CreatableTopicConfig::default()
                .with_name(text("cleanup.policy"))
                .with_value(Some(text("compact")));
            let refused =
                topic.clone().with_name(text("refused").into()).with_configs(vec![compacted]);
            CreateTopicsRequest::default().with_topics(vec![topic, refused]).into()
        }
        _ => {
            let request = DeleteTopicsRequest::default();
            if version < 6 {
                request.with_topic_names(vec![text("created").into(), text("none").into()]).into()
            } else {
                let named = DeleteTopicState::default().with_name(Some(text("created").into()));
                request.with_topics(vec![named, DeleteTopicState::default().with_name(None)]).into()
            }
        }
    }
}

fn sample_offsets(key: ApiKey, version: i16) -> RequestKind {
    match key {
        ApiKey::OffsetCommit => {
            let partition = OffsetCommitRequestPartition::default()
                .with_committed_offset(3)
                .with_committed_metadata(Some(text("why")));
            let topic = OffsetCommitRequestTopic::default()
                .with_name(topic())
                .with_partitions(vec![partition.clone(), partition.with_partition_index(7)]);
            OffsetCommitRequest::default()
                .with_group_id(text("simple").into())
                .with_generation_id_or_member_epoch(-1)
                .with_topics(vec![topic])
                .into()
        }
        _ if version < 8 => {
            let topic = OffsetFetchRequestTopic::default()
                .with_name(topic())
                .with_partition_indexes(vec![0, 7]);
            OffsetFetchRequest::default()
                .with_group_id(text("simple").into())
                .with_topics(Some(vec![topic]))
                .into()
        }
        _ => {
            let topic = OffsetFetchRequestTopics::default()
                .with_name(topic())
                .with_partition_indexes(vec![0, 7]);
            let group = OffsetFetchRequestGroup::default()
                .with_group_id(text("simple").into())
                .with_topics(Some(vec![topic]));
            let all = group.clone().with_topics(None);
            OffsetFetchRequest::default().with_groups(vec![group, all]).into()
        }
    }
}

fn sample_membership(key: ApiKey, version: i16) -> RequestKind {
    let group = || text("group").into();
    match key {
        ApiKey::JoinGroup => {
            let protocol = JoinGroupRequestProtocol::default()
                .with_name(text("range"))
                .with_metadata(Bytes::from_static(b"about me"));
            JoinGroupRequest::default()
                .with_group_id(text(&format!("group-{version}")).into())
                .with_session_timeout_ms(10_000)
                .with_rebalance_timeout_ms(if version < 1 { -1 } else { 10_000 })
                .with_protocol_type(text("consumer"))
                .with_protocols(vec![protocol.clone(), protocol])
                .into()
        }
        ApiKey::SyncGroup => {
            let part = SyncGroupRequestAssignment::default()
                .with_member_id(text("member"))
                .with_assignment(Bytes::from_static(b"part"));
            SyncGroupRequest::default()
                .with_group_id(group())
                .with_assignments(vec![part.clone(), part])
                .into()
        }
        ApiKey::Heartbeat => {
            HeartbeatRequest::default().with_group_id(group()).with_member_id(text("m")).into()
        }
        _ => {
            let request = LeaveGroupRequest::default().with_group_id(group());
            if version < 3 {
                return request.with_member_id(text("m")).into();
            }
            let member = MemberIdentity::default().with_member_id(text("m"));
            request.with_members(vec![member.clone(), member]).into()
        }
    }
}

pub(super) fn body(key: ApiKey, version: i16) -> Vec<u8> {
    let mut body = BytesMut::new();
    sample(key, version).encode(&mut body, version).unwrap();
    body.to_vec()
}

pub(super) fn frame(key: ApiKey, version: i16, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(77)
        .with_client_id(Some(text("test")));
    encode_request_header_into_buffer(&mut frame, &header).unwrap();
    frame.put_slice(body);
    frame.freeze()
}

pub(super) struct Scene {
    pub(super) node: Arc<Node>,
    client: Client,
    leaving: watch::Sender<bool>,
    _timer: tokio::task::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::open(2 << 20, true)
    }

    /// One in which all requests and answers together may have so many bytes.
    pub(super) fn with_memory(bytes: usize) -> Self {
        Self::open(bytes, true)
    }

    pub(super) fn with_auto_create(auto_create: bool) -> Self {
        Self::open(2 << 20, auto_create)
    }

    fn open(memory_bytes: usize, auto_create: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::take(Some(dir.path().to_owned())).unwrap();
        let mut node = Node::open(folder, Fsync::Never, 1).unwrap();
        node.auto_create = auto_create;
        let node = Arc::new(node);
        let timer = {
            let node = Arc::clone(&node);
            tokio::spawn(async move { node.groups.run_timer().await })
        };
        let (leaving, gone) = watch::channel(false);
        let held = Held::new(Memory::new(memory_bytes, Duration::from_secs(1)));
        let reached = (Ipv4Addr::LOCALHOST, 9092).into();
        let peer = (Ipv4Addr::LOCALHOST, 50_000).into();
        let client = Client::new(reached, peer, gone, held);
        Self { node, client, leaving, _timer: timer, _dir: dir }
    }

    /// Lets the client go.
    pub(super) fn leave(&self) {
        self.leaving.send_replace(true);
    }

    pub(super) async fn answer(&self, frame: Bytes) -> Result<Option<Bytes>, Refusal> {
        let answer = answer(&self.node, &self.client, frame).await;
        self.client.held.release();
        Ok(answer?.map(|answer| answer.into_bytes().into()))
    }

    /// Sends a request and reads its answer, to the last byte.
    pub(super) async fn ask(&self, version: i16, request: RequestKind) -> ResponseKind {
        let key = key_of(&request);
        let mut body = BytesMut::new();
        request.encode(&mut body, version).unwrap();
        let answer = self.answer(frame(key, version, &body)).await;
        read(key, version, answer.unwrap_or_else(|error| panic!("{key:?} {version}: {error}")))
    }
}

fn key_of(request: &RequestKind) -> ApiKey {
    APIS.iter()
        .map(|api| api.key)
        .find(|key| std::mem::discriminant(&sample(*key, 0)) == std::mem::discriminant(request))
        .unwrap()
}

fn read(key: ApiKey, version: i16, answer: Option<Bytes>) -> ResponseKind {
    let mut answer = answer.unwrap();
    assert_eq!(answer.split_to(4)[..], u32::try_from(answer.len()).unwrap().to_be_bytes());
    let header = ResponseHeader::decode(&mut answer, key.response_header_version(version)).unwrap();
    assert_eq!(header.correlation_id, 77);
    let response = ResponseKind::decode(key, &mut answer, version).unwrap();
    assert!(answer.is_empty(), "{key:?} {version}: {} bytes too many", answer.len());
    response
}
