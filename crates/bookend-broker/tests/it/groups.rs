//! Groups over sockets: the machine itself is tested without, here it is time and connections.

use std::time::Instant;

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest,
        join_group_request::JoinGroupRequestProtocol,
        sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::StrBytes,
};

use crate::client::{Client, DEADLINE, broker, text};

fn join(member_id: &StrBytes) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    JoinGroupRequest::default()
        .with_group_id(text("g").into())
        .with_member_id(member_id.clone())
        .with_session_timeout_ms(60_000)
        .with_rebalance_timeout_ms(60_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol])
}

/// Asks for a member id, as every client of today does.
async fn member_id(client: &mut Client) -> StrBytes {
    let response = client.ask(9, &join(&StrBytes::new())).await;
    assert_eq!(response.error_code, ResponseError::MemberIdRequired.code());
    response.member_id
}

async fn joined(client: &mut Client) -> JoinGroupResponse {
    let response = client.receive::<JoinGroupRequest>(9, 0).await;
    assert_eq!(response.error_code, 0);
    response
}

// Goal: a lone member gets its answer when the first round is due, without anybody else's request. How soon that is,
// the machine's own tests say.
#[tokio::test]
async fn a_lone_member_joins_by_the_timer() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let id = member_id(&mut client).await;
    client.send(9, &join(&id)).await;
    assert_eq!(joined(&mut client).await.leader, id);
    broker.stop().await;
}

// Goal: two that start together are in one generation with one leader, and each gets its own part.
#[tokio::test]
async fn two_members_share_the_work() {
    let broker = broker().await;
    let mut first = Client::connect(broker.addr()).await;
    let mut second = Client::connect(broker.addr()).await;
    let ids = [member_id(&mut first).await, member_id(&mut second).await];
    first.send(9, &join(&ids[0])).await;
    second.send(9, &join(&ids[1])).await;
    let responses = [joined(&mut first).await, joined(&mut second).await];
    assert_eq!(responses[0].generation_id, responses[1].generation_id);
    assert_eq!(responses[0].leader, responses[1].leader);
    let generation = responses[0].generation_id;
    let parts = ids.iter().map(|id| {
        SyncGroupRequestAssignment::default()
            .with_member_id(id.clone())
            .with_assignment(Bytes::from(id.to_string()))
    });
    let parts: Vec<_> = parts.collect();
    let sync = |place: usize| {
        let leads = responses[place].leader == ids[place];
        SyncGroupRequest::default()
            .with_group_id(text("g").into())
            .with_generation_id(generation)
            .with_member_id(ids[place].clone())
            .with_assignments(if leads { parts.clone() } else { vec![] })
    };
    first.send(5, &sync(0)).await;
    second.send(5, &sync(1)).await;
    assert_eq!(first.receive::<SyncGroupRequest>(5, 0).await.assignment, *ids[0].as_bytes());
    assert_eq!(second.receive::<SyncGroupRequest>(5, 0).await.assignment, *ids[1].as_bytes());
    broker.stop().await;
}

// Goal: a member that outlives its broker starts over. Found by consumers that hung: they were told that the group
// is full, and kept their id. Method: a group this broker has never heard of, as after a restart.
#[tokio::test]
async fn a_member_of_an_unknown_group_is_told_to_start_over() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let unknown = ResponseError::UnknownMemberId.code();
    let id = text("from-before");
    assert_eq!(client.ask(9, &join(&id)).await.error_code, unknown);
    let sync = SyncGroupRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id(3)
        .with_member_id(id.clone());
    assert_eq!(client.ask(5, &sync).await.error_code, unknown);
    let alive = HeartbeatRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id(3)
        .with_member_id(id);
    assert_eq!(client.ask(4, &alive).await.error_code, unknown);
    broker.stop().await;
}

// Goal: a client that goes away while it waits to join holds up nobody. Method: the other would wait for a minute.
#[tokio::test]
async fn a_member_whose_connection_ends_while_it_joins_is_forgotten() {
    let broker = broker().await;
    let mut stays = Client::connect(broker.addr()).await;
    let stays_id = member_id(&mut stays).await;
    stays.send(9, &join(&stays_id)).await;
    let generation = joined(&mut stays).await.generation_id;
    let alive = HeartbeatRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id(generation)
        .with_member_id(stays_id.clone());

    let mut leaves = Client::connect(broker.addr()).await;
    let leaves_id = member_id(&mut leaves).await;
    leaves.send(9, &join(&leaves_id)).await;
    let deadline = Instant::now() + DEADLINE;
    while stays.ask(4, &alive).await.error_code != ResponseError::RebalanceInProgress.code() {
        assert!(Instant::now() < deadline, "the newcomer was not seen");
    }
    drop(leaves);
    // A join before the broker has noticed would end the round with the newcomer in it.
    let describe = kafka_protocol::messages::DescribeGroupsRequest::default()
        .with_groups(vec![text("g").into()]);
    while stays.ask(5, &describe).await.groups[0].members.len() != 1 {
        assert!(Instant::now() < deadline, "the newcomer is still there");
    }
    stays.send(9, &join(&stays_id)).await;
    assert_eq!(joined(&mut stays).await.members.len(), 1);
    broker.stop().await;
}
