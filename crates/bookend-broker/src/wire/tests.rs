//! Every API in every version: the schema against the decoder, the answers, and bodies that lie.
//!
//! Requests are built with the encoder of `kafka-protocol` and given to [`answer`] without a socket.

use std::{net::Ipv4Addr, time::Duration};

use bookend_log::Fsync;
use bytes::BufMut;
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest, FetchRequest,
        FindCoordinatorRequest, HeartbeatRequest, InitProducerIdRequest, JoinGroupRequest,
        LeaveGroupRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
        OffsetFetchRequest, ProduceRequest, SyncGroupRequest,
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
    protocol::encode_request_header_into_buffer,
};
use proptest::prelude::*;

use super::*;
use crate::{folder::Folder, partition::batch::tests::sample as sample_batch};

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

pub(super) fn topic() -> kafka_protocol::messages::TopicName {
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
        _ => unreachable!("not in the table"),
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
            let partition = |timestamp| ListOffsetsPartition::default().with_timestamp(timestamp);
            let topic = ListOffsetsTopic::default()
                .with_name(topic())
                .with_partitions([-1, -2, -3, 0, -9].map(partition).to_vec());
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
                .with_assignments(vec![assignment.clone(), assignment])
                .with_configs(vec![config]);
            let compacted = CreatableTopicConfig::default()
                .with_name(text("cleanup.policy"))
                .with_value(Some(text("compact")));
            let refused = topic.clone().with_configs(vec![compacted]);
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
        let dir = tempfile::tempdir().unwrap();
        let node = Arc::new(
            Node::open(Folder::take(Some(dir.path().to_owned())).unwrap(), Fsync::Never, 1)
                .unwrap(),
        );
        let timer = {
            let node = Arc::clone(&node);
            tokio::spawn(async move { node.groups.run_timer().await })
        };
        let (leaving, gone) = watch::channel(false);
        let held = Held::new(crate::memory::Memory::new(1 << 20, Duration::from_secs(1)));
        let client = Client { reached: (Ipv4Addr::LOCALHOST, 9092).into(), gone, held };
        Self { node, client, leaving, _timer: timer, _dir: dir }
    }

    /// Lets the client go.
    pub(super) fn leave(&self) {
        self.leaving.send_replace(true);
    }

    pub(super) async fn answer(&self, frame: Bytes) -> Result<Option<Bytes>, Refusal> {
        let answer = answer(&self.node, &self.client, frame).await?;
        Ok(answer.map(BytesMut::freeze))
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

// Goal: schema and decoder agree on where every request ends. Method: a request with something in every field.
#[test]
fn the_schemas_are_those_of_the_decoder() {
    for (api, version) in every_version() {
        let body = body(api.key, version);
        let checked = api.schema.check(version, &body);
        assert_eq!(checked, Ok(0), "{:?} {version}", api.key);
        let decoded = RequestKind::decode(api.key, &mut Bytes::from(body), version).unwrap();
        assert_eq!(decoded, sample(api.key, version), "{:?} {version}", api.key);
    }
}

// Goal: no length in any request is believed. Method: every place of every request overwritten with the largest
// lengths there are; believing one would ask for more memory than there is and abort this test.
#[test]
fn a_length_that_lies_is_never_believed() {
    let lies: [&[u8]; 4] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x7f, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    for (api, version) in every_version() {
        let body = body(api.key, version);
        for lie in lies {
            for at in 0..body.len() {
                let mut hostile = body.clone();
                hostile.splice(at..body.len().min(at + lie.len()), lie.iter().copied());
                check_and_decode(api, version, hostile);
            }
        }
    }
}

/// Decodes what passes the check, as [`answer`] does; both must then have walked the same way.
fn check_and_decode(api: &Api, version: i16, body: Vec<u8>) {
    let Ok(rest) = api.schema.check(version, &body) else { return };
    let mut body = Bytes::from(body);
    let decoded = RequestKind::decode(api.key, &mut body, version);
    // The decoder ignores the length of the tagged fields it knows. Fetch alone has some, behind all else.
    let may_differ = api.key == ApiKey::Fetch && version >= api.schema.flexible;
    if decoded.is_ok() && !may_differ {
        assert_eq!(body.len(), rest, "{:?} {version}", api.key);
    }
}

proptest! {
    // Goal: no body makes the decoder panic once it passed the check. Method: good bodies, damaged at random.
    #[test]
    fn damaged_bodies_do_no_harm(
        (api, damage) in (0..APIS.len(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)),
        version in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let api = APIS[api];
        let versions: Vec<i16> = (api.min..=api.max).collect();
        let version = *version.get(&versions);
        let mut body = body(api.key, version);
        if body.is_empty() {
            return Ok(());
        }
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        check_and_decode(api, version, body.clone());
        body.truncate(cut.index(body.len()));
        check_and_decode(api, version, body);
    }
}

// Goal: every answer can be encoded and read back in every version. Method: the samples, asked in the table's order
// after the topic exists, errors and successes in one answer.
#[tokio::test]
async fn every_version_of_every_api_is_answered() {
    let scene = Scene::new();
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    for (api, version) in every_version() {
        let response = scene.ask(version, sample(api.key, version)).await;
        match (api.key, response) {
            (ApiKey::Produce, ResponseKind::Produce(r)) => {
                let partitions = &r.responses[0].partition_responses;
                assert_eq!(partitions[0].error_code, 0, "{version}");
                assert_eq!(partitions[1].error_code, 3, "{version}");
            }
            (ApiKey::Fetch, ResponseKind::Fetch(r)) => {
                let partitions = &r.responses[0].partitions;
                let expected = if version < 13 { (0, 3) } else { (100, 100) };
                let codes = (partitions[0].error_code, partitions[1].error_code);
                assert_eq!(codes, expected, "{version}");
            }
            (ApiKey::ListOffsets, ResponseKind::ListOffsets(r)) => {
                let codes: Vec<_> = r.topics[0].partitions.iter().map(|p| p.error_code).collect();
                assert_eq!(codes, [0, 0, 0, 0, 35], "{version}");
            }
            (ApiKey::CreateTopics, ResponseKind::CreateTopics(r)) => {
                let codes: Vec<_> = r.topics.iter().map(|t| t.error_code).collect();
                assert_eq!(codes, [0, 40], "{version}");
                let delete = sample(ApiKey::DeleteTopics, 6);
                let ResponseKind::DeleteTopics(r) = scene.ask(6, delete).await else { panic!() };
                let codes: Vec<_> = r.responses.iter().map(|t| t.error_code).collect();
                assert_eq!(codes, [0, 100], "{version}");
            }
            (ApiKey::OffsetCommit, ResponseKind::OffsetCommit(r)) => {
                let codes: Vec<_> = r.topics[0].partitions.iter().map(|p| p.error_code).collect();
                assert_eq!(codes, [0, 3], "{version}");
            }
            (ApiKey::OffsetFetch, ResponseKind::OffsetFetch(r)) if version < 8 => {
                let offsets: Vec<_> =
                    r.topics[0].partitions.iter().map(|p| p.committed_offset).collect();
                assert_eq!(offsets, [3, -1], "{version}");
            }
            (ApiKey::OffsetFetch, ResponseKind::OffsetFetch(r)) => {
                let [asked, all] = &r.groups[..] else { panic!("{version}: {r:?}") };
                assert_eq!(asked.topics[0].partitions[0].committed_offset, 3, "{version}");
                assert_eq!(asked.topics[0].partitions[1].committed_offset, -1, "{version}");
                assert_eq!(all.topics[0].partitions.len(), 1, "{version}");
            }
            (ApiKey::Metadata, ResponseKind::Metadata(r)) => {
                let codes: Vec<_> = r.topics.iter().map(|t| t.error_code).collect();
                assert_eq!(codes, [0, 17], "{version}");
            }
            _ => {}
        }
    }
}

// Goal: the whole life of a member, in every version of joining, with the other APIs in the newest version that is
// not newer.
#[tokio::test]
async fn a_member_lives_in_every_version() {
    let scene = Scene::new();
    for version in 0..=join_group::API.max {
        let RequestKind::JoinGroup(join) = sample(ApiKey::JoinGroup, version) else { panic!() };
        let group = join.group_id.clone();
        let mut response = scene.ask(version, join.clone().into()).await;
        if let ResponseKind::JoinGroup(first) = &response
            && version >= 4
        {
            assert_eq!(first.error_code, ResponseError::MemberIdRequired.code());
            let join = join.with_member_id(first.member_id.clone());
            response = scene.ask(version, join.into()).await;
        }
        let ResponseKind::JoinGroup(joined) = response else { panic!() };
        assert_eq!((joined.error_code, joined.leader), (0, joined.member_id.clone()));
        assert_eq!(joined.members[0].metadata, "about me");
        let part = SyncGroupRequestAssignment::default()
            .with_member_id(joined.member_id.clone())
            .with_assignment(Bytes::from_static(b"part"));
        let sync = SyncGroupRequest::default()
            .with_group_id(group.clone())
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id.clone())
            .with_assignments(vec![part]);
        let synced = scene.ask(version.min(sync_group::API.max), sync.into()).await;
        let ResponseKind::SyncGroup(synced) = synced else { panic!() };
        assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"part"[..]));
        let alive = HeartbeatRequest::default()
            .with_group_id(group.clone())
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id.clone());
        let alive = scene.ask(version.min(heartbeat::API.max), alive.into()).await;
        assert!(matches!(alive, ResponseKind::Heartbeat(r) if r.error_code == 0), "{version}");
        let leave = LeaveGroupRequest::default().with_group_id(group);
        let version = version.min(leave_group::API.max);
        let leave = if version < 3 {
            leave.with_member_id(joined.member_id)
        } else {
            leave.with_members(vec![MemberIdentity::default().with_member_id(joined.member_id)])
        };
        let ResponseKind::LeaveGroup(left) = scene.ask(version, leave.into()).await else {
            panic!()
        };
        assert_eq!(left.error_code, 0);
        assert!(left.members.iter().all(|member| member.error_code == 0));
    }
}

// KIP-35: the answer to an unknown version is version 0, so that any client can read it and ask again.
#[tokio::test]
async fn a_version_of_the_future_is_told_what_there_is() {
    let scene = Scene::new();
    let answer = scene.answer(frame(ApiKey::ApiVersions, 4, &body(ApiKey::ApiVersions, 4))).await;
    let ResponseKind::ApiVersions(known) = read(ApiKey::ApiVersions, 4, answer.unwrap()) else {
        panic!()
    };
    assert_eq!((known.error_code, known.api_keys.len()), (0, APIS.len()));
    let produce = known.api_keys.iter().find(|api| api.api_key == 0).unwrap();
    assert_eq!((produce.min_version, produce.max_version), (0, produce::API.max));

    let mut future = BytesMut::from(&frame(ApiKey::ApiVersions, 4, b"anything")[..]);
    future[2..4].copy_from_slice(&99_i16.to_be_bytes());
    let answer = scene.answer(future.freeze()).await.unwrap();
    let ResponseKind::ApiVersions(told) = read(ApiKey::ApiVersions, 0, answer) else { panic!() };
    assert_eq!(told.error_code, ResponseError::UnsupportedVersion.code());
    assert_eq!(told.api_keys.len(), APIS.len());
}

// Goal: the produce versions that are advertised for librdkafka's sake are refused in their own layout.
#[tokio::test]
async fn the_oldest_produce_versions_are_refused_politely() {
    let scene = Scene::new();
    for version in 0..3 {
        let mut old = BytesMut::new();
        old.put_i16(0);
        old.put_i16(version);
        old.put_i32(77);
        old.put_i16(-1); // no client id
        old.put_slice(&body(ApiKey::Produce, 3)[2..]); // no transactional id yet
        let mut answer = scene.answer(old.freeze()).await.unwrap().unwrap();
        assert_eq!(answer.split_to(4)[..], u32::try_from(answer.len()).unwrap().to_be_bytes());
        let mut expected = BytesMut::new();
        expected.put_i32(77);
        expected.put_i32(2);
        for _ in 0..2 {
            expected.put_i16(5);
            expected.put_slice(b"topic");
            expected.put_i32(2);
            for index in [0, 7] {
                expected.put_i32(index);
                expected.put_i16(ResponseError::UnsupportedVersion.code());
                expected.put_i64(-1);
                expected.put_slice(if version < 2 { b"" } else { &[0xff; 8] });
            }
        }
        expected.put_slice(if version < 1 { b"" } else { &[0; 4] });
        assert_eq!(answer, expected, "{version}");
    }
}

// Goal: each reason for a refusal is named for the log.
#[tokio::test]
async fn what_is_no_request_is_refused() {
    let scene = Scene::new();
    let check = async |frame: &[u8], expected: &str| {
        let refusal = scene.answer(Bytes::copy_from_slice(frame)).await.unwrap_err();
        assert!(refusal.to_string().contains(expected), "{refusal}");
    };
    check(&[0, 3, 0, 1], "no whole header").await;
    check(&[0, 99, 0, 1, 0, 0, 0, 0, 0, 0], "API 99").await;
    check(&[0, 3, 0, 99, 0, 0, 0, 0, 0, 0], "version 99 of Metadata").await;
    check(&[0, 3, 0xff, 0xff, 0, 0, 0, 0, 0, 0], "version -1 of Metadata").await;
    check(&[0, 3, 0, 1, 0, 0, 0, 0, 0, 9], "cannot be decoded").await;
    let hostile = frame(ApiKey::Metadata, 1, &[0x7f, 0xff, 0xff, 0xff]);
    check(&hostile, "Metadata version 1 is malformed: it ends before").await;
}

// Goal: what waits for company or for records ends with its connection.
#[tokio::test]
async fn a_parked_request_ends_with_its_client() {
    let scene = Scene::new();
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    let partition = FetchPartition::default().with_partition_max_bytes(1_000);
    let topic = FetchTopic::default().with_topic(topic()).with_partitions(vec![partition]);
    let fetch = FetchRequest::default()
        .with_topics(vec![topic])
        .with_max_wait_ms(60_000)
        .with_min_bytes(1)
        .with_max_bytes(1_000);
    let mut body = BytesMut::new();
    fetch.encode(&mut body, 12).unwrap();
    let leave = async {
        tokio::task::yield_now().await;
        scene.leaving.send_replace(true);
    };
    let parked = scene.answer(frame(ApiKey::Fetch, 12, &body));
    let both = async { tokio::join!(parked, leave) };
    let (ended, ()) = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
    assert!(matches!(ended, Err(Refusal::Gone)));
}
