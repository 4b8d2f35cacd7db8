//! What tools do with groups, over sockets: list, describe, delete, and that old offsets go by themselves.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use bookend_broker::Broker;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{
        DeleteGroupsRequest, DescribeGroupsRequest, JoinGroupRequest, LeaveGroupRequest,
        ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
        SyncGroupRequest,
        describe_groups_response::DescribedGroup,
        join_group_request::JoinGroupRequestProtocol,
        leave_group_request::MemberIdentity,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch_request::OffsetFetchRequestGroup,
        sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::StrBytes,
};

use crate::client::{Client, DEADLINE, broker, text, topic_name};

/// A static member of the group `g`: it needs no second step, and may come back.
struct Member {
    client: Client,
    id: StrBytes,
    generation: i32,
    skips: bool,
}

/// Metadata of a consumer: version, topics, user data.
fn subscription(topic: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(1);
    bytes.put_i16(i16::try_from(topic.len()).unwrap());
    bytes.put_slice(topic.as_bytes());
    bytes.put_i32(-1);
    bytes.freeze()
}

impl Member {
    async fn join(broker: &Broker, instance: &str, topic: &str) -> Self {
        let mut client = Client::connect(broker.addr()).await;
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text("range"))
            .with_metadata(subscription(topic));
        let join = JoinGroupRequest::default()
            .with_group_id(text("g").into())
            .with_group_instance_id(Some(text(instance)))
            .with_session_timeout_ms(60_000)
            .with_rebalance_timeout_ms(60_000)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        let joined = client.ask(9, &join).await;
        assert_eq!(joined.error_code, 0);
        let (generation, skips) = (joined.generation_id, joined.skip_assignment);
        Self { client, id: joined.member_id, generation, skips }
    }

    async fn sync(&mut self, part: Option<&'static [u8]>) -> Bytes {
        let part = part.map(|part| {
            SyncGroupRequestAssignment::default()
                .with_member_id(self.id.clone())
                .with_assignment(Bytes::from_static(part))
        });
        let sync = SyncGroupRequest::default()
            .with_group_id(text("g").into())
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
            .with_assignments(part.into_iter().collect());
        let synced = self.client.ask(5, &sync).await;
        assert_eq!(synced.error_code, 0);
        synced.assignment
    }

    async fn commit(&mut self, topic: &str) -> i16 {
        commit(&mut self.client, "g", topic, &self.id, self.generation).await
    }
}

async fn commit(client: &mut Client, group: &str, topic: &str, id: &str, generation: i32) -> i16 {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(7);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(text(group).into())
        .with_member_id(text(id))
        .with_generation_id_or_member_epoch(generation)
        .with_topics(vec![topic]);
    client.ask(8, &request).await.topics[0].partitions[0].error_code
}

async fn commit_alone(client: &mut Client, group: &str, topic: &str) -> i16 {
    commit(client, group, topic, "", -1).await
}

/// How many topics the group has committed offsets of.
async fn committed(client: &mut Client, group: &str) -> usize {
    let request = OffsetFetchRequest::default().with_group_id(text(group).into()).with_topics(None);
    client.ask(7, &request).await.topics.len()
}

/// Name, type and state of all groups in these states.
async fn list(client: &mut Client, states: &[&str]) -> Vec<[String; 3]> {
    let states = states.iter().map(|state| text(state)).collect();
    let groups =
        client.ask(5, &ListGroupsRequest::default().with_states_filter(states)).await.groups;
    groups
        .iter()
        .map(|g| [&**g.group_id, &*g.protocol_type, &*g.group_state].map(str::to_owned))
        .collect()
}

async fn describe(client: &mut Client, group: &str) -> DescribedGroup {
    let request = DescribeGroupsRequest::default().with_groups(vec![text(group).into()]);
    client.ask(6, &request).await.groups.remove(0)
}

async fn delete(client: &mut Client, group: &str) -> i16 {
    let request = DeleteGroupsRequest::default().with_groups_names(vec![text(group).into()]);
    client.ask(2, &request).await.results[0].error_code
}

async fn delete_offsets(client: &mut Client, group: &str, topic: &str) -> i16 {
    let partitions = vec![OffsetDeleteRequestPartition::default()];
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(partitions);
    let request =
        OffsetDeleteRequest::default().with_group_id(text(group).into()).with_topics(vec![topic]);
    let response = client.ask(0, &request).await;
    match response.topics.first() {
        Some(topic) => topic.partitions[0].error_code,
        None => response.error_code,
    }
}

async fn leave(client: &mut Client, instance: &str) -> i16 {
    let member = MemberIdentity::default().with_group_instance_id(Some(text(instance)));
    let request =
        LeaveGroupRequest::default().with_group_id(text("g").into()).with_members(vec![member]);
    client.ask(5, &request).await.members[0].error_code
}

// Goal: a group as tools see it, from its first member to its deletion.
#[tokio::test]
async fn a_group_is_seen_through_its_life() {
    let broker = broker().await;
    let mut tool = Client::connect(broker.addr()).await;
    for topic in ["t", "u"] {
        tool.topic(topic).await;
    }
    let none = describe(&mut tool, "g").await;
    let not_found = ResponseError::GroupIdNotFound.code();
    assert_eq!((none.error_code, &*none.group_state), (not_found, "Dead"));
    assert_eq!(delete(&mut tool, "g").await, not_found);
    assert_eq!(delete_offsets(&mut tool, "g", "t").await, not_found);

    let mut member = Member::join(&broker, "i", "t").await;
    assert_eq!(&*describe(&mut tool, "g").await.group_state, "CompletingRebalance");
    member.sync(Some(b"part")).await;
    for topic in ["t", "u"] {
        assert_eq!(member.commit(topic).await, 0);
    }
    assert_eq!(list(&mut tool, &["stable"]).await, [["g", "consumer", "Stable"]]);
    assert!(list(&mut tool, &["Empty", "Dead"]).await.is_empty());
    let group = describe(&mut tool, "g").await;
    assert_eq!((&*group.group_state, &*group.protocol_data), ("Stable", "range"));
    let [described] = &group.members[..] else { panic!("{group:?}") };
    assert_eq!(described.group_instance_id, Some(text("i")));
    assert_eq!((&*described.client_id, &*described.client_host), ("test", "/127.0.0.1"));
    assert_eq!(described.member_metadata, subscription("t"));
    assert_eq!(described.member_assignment, "part");

    assert_eq!(delete(&mut tool, "g").await, ResponseError::NonEmptyGroup.code());
    let subscribed = ResponseError::GroupSubscribedToTopic.code();
    assert_eq!(delete_offsets(&mut tool, "g", "t").await, subscribed);
    assert_eq!(delete_offsets(&mut tool, "g", "u").await, 0);
    assert_eq!(committed(&mut tool, "g").await, 1);
    let unknown = ResponseError::UnknownMemberId.code();
    assert_eq!(commit_alone(&mut tool, "g", "t").await, unknown, "the group is at work");

    assert_eq!(leave(&mut tool, "i").await, 0);
    assert_eq!(list(&mut tool, &["empty"]).await, [["g", "consumer", "Empty"]]);
    assert_eq!(commit_alone(&mut tool, "g", "u").await, 0, "as tools do that reset offsets");
    assert_eq!(delete_offsets(&mut tool, "g", "t").await, 0);
    let unknown = ResponseError::UnknownTopicOrPartition.code();
    assert_eq!(delete_offsets(&mut tool, "g", "v").await, unknown);
    assert_eq!(delete(&mut tool, "g").await, 0);
    assert!(list(&mut tool, &[]).await.is_empty());
    assert_eq!(committed(&mut tool, "g").await, 0);
    broker.stop().await;
}

// KIP-345: a process that restarts gets its old part back in the same generation, though it is a new member, and its
// predecessor is fenced.
#[tokio::test]
async fn a_static_member_restarts_without_a_round() {
    let broker = broker().await;
    let mut old = Member::join(&broker, "i", "t").await;
    old.client.topic("t").await;
    assert!(!old.skips);
    assert_eq!(old.sync(Some(b"part")).await, "part");
    let mut new = Member::join(&broker, "i", "t").await;
    assert_ne!(new.id, old.id);
    assert!(new.skips, "the work is shared out already");
    assert_eq!(new.generation, old.generation);
    assert_eq!(new.sync(None).await, "part");
    assert_eq!(new.commit("t").await, 0);
    let partition = OffsetCommitRequestPartition::default();
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(text("g").into())
        .with_member_id(old.id.clone())
        .with_group_instance_id(Some(text("i")))
        .with_generation_id_or_member_epoch(old.generation)
        .with_topics(vec![topic]);
    let fenced = old.client.ask(8, &request).await.topics[0].partitions[0].error_code;
    assert_eq!(fenced, ResponseError::FencedInstanceId.code());
    broker.stop().await;
}

/// Starts a broker as soon as the one before, which was dropped, has let go of the folder.
async fn restart(folder: &Path, retention: Duration) -> Broker {
    let begin = Instant::now();
    loop {
        let builder = Broker::builder().data(folder).partitions(1).offsets_retention(retention);
        match builder.start().await {
            Ok(broker) => return broker,
            Err(error) => assert!(begin.elapsed() < DEADLINE, "{error}"),
        }
    }
}

// Goal: that a group is at work again is known after a crash, though its members have committed nothing yet: its old
// offsets are theirs. Method: the group has a type from then on.
#[tokio::test]
async fn a_group_at_work_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Duration::from_hours(1);
    let broker = restart(dir.path(), retention).await;
    let mut tool = Client::connect(broker.addr()).await;
    tool.topic("t").await;
    assert_eq!(commit_alone(&mut tool, "g", "t").await, 0);
    assert_eq!(list(&mut tool, &[]).await, [["g", "", "Empty"]]);
    Member::join(&broker, "i", "t").await;
    drop(broker);
    let broker = restart(dir.path(), retention).await;
    let mut tool = Client::connect(broker.addr()).await;
    assert_eq!(list(&mut tool, &[]).await, [["g", "consumer", "Empty"]]);
    broker.stop().await;
}

// Goal: old offsets go by themselves, and their group with them, but not those of a group at work; and that it was at
// work is known after a crash. Method: a short retention, and a broker that is dropped.
#[tokio::test]
async fn offsets_of_no_use_expire() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Duration::from_secs(1);
    let broker = restart(dir.path(), retention).await;
    let mut tool = Client::connect(broker.addr()).await;
    tool.topic("t").await;
    let mut member = Member::join(&broker, "i", "t").await;
    member.sync(Some(b"part")).await;
    assert_eq!(member.commit("t").await, 0);
    let begin = Instant::now();
    assert_eq!(commit_alone(&mut tool, "alone", "t").await, 0);
    let is_there =
        |groups: &[[String; 3]], name: &str| groups.iter().any(|[group, ..]| group == name);
    while is_there(&list(&mut tool, &[]).await, "alone") {
        assert!(begin.elapsed() < DEADLINE, "it does not expire");
    }
    assert!(begin.elapsed() >= retention, "it expired after {:?}", begin.elapsed());
    assert_eq!(committed(&mut tool, "g").await, 1);
    drop(broker);

    let broker = restart(dir.path(), Duration::from_hours(1)).await;
    let mut tool = Client::connect(broker.addr()).await;
    assert_eq!(list(&mut tool, &[]).await, [["g", "consumer", "Empty"]]);
    assert_eq!(committed(&mut tool, "g").await, 1);
    broker.stop().await;
}

// Goal: a short question does not get an answer without end. Method: one group, asked about as often as a request can
// name it.
#[tokio::test]
async fn a_group_that_is_named_often_is_described_once() {
    let broker = broker().await;
    let mut tool = Client::connect(broker.addr()).await;
    let often = vec![text("g").into(); 10_000];
    let request = DescribeGroupsRequest::default().with_groups(often);
    assert_eq!(tool.ask(6, &request).await.groups.len(), 1);
    let all = OffsetFetchRequestGroup::default().with_group_id(text("g").into()).with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![all; 10_000]);
    assert_eq!(tool.ask(9, &request).await.groups.len(), 1);
    broker.stop().await;
}
