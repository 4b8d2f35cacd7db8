//! The error answer of every API, with the code where the protocol has a place for it.

mod configs;
mod records;
mod topics;

use std::mem;

use kafka_protocol::{
    messages::{
        ApiVersionsResponse, CreatePartitionsRequest, CreatePartitionsResponse,
        CreateTopicsRequest, CreateTopicsResponse, DeleteGroupsRequest, DeleteGroupsResponse,
        DescribeClusterResponse, DescribeGroupsRequest, DescribeGroupsResponse,
        DescribeLogDirsResponse, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
        FindCoordinatorRequest, FindCoordinatorResponse, HeartbeatResponse, InitProducerIdResponse,
        JoinGroupRequest, JoinGroupResponse, LeaveGroupResponse, ListGroupsResponse, RequestKind,
        ResponseKind, SyncGroupResponse, create_partitions_response::CreatePartitionsTopicResult,
        create_topics_response::CreatableTopicResult, delete_groups_response::DeletableGroupResult,
        describe_groups_response::DescribedGroup,
        describe_log_dirs_response::DescribeLogDirsResult,
        describe_topic_partitions_response::DescribeTopicPartitionsResponseTopic,
        find_coordinator_response::Coordinator,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::Hit;

/// A request, of which a part is struck.
pub(super) struct Split {
    /// What is to be answered as usual; none if all is struck.
    pub(super) rest: Option<RequestKind>,
    /// The answer to what is struck; none if nothing is.
    pub(super) refused: Option<ResponseKind>,
}

impl Split {
    fn untouched(request: impl Into<RequestKind>) -> Self {
        Self { rest: Some(request.into()), refused: None }
    }

    /// `rest` as a request again, unless it names nothing any more.
    fn of<T>(
        rest: impl Into<RequestKind>,
        rest_is_empty: bool,
        refused: Vec<T>,
        answer: impl FnOnce(Vec<T>) -> ResponseKind,
    ) -> Self {
        if refused.is_empty() {
            return Self::untouched(rest);
        }
        let rest = (!rest_is_empty).then(|| rest.into());
        Self { rest, refused: Some(answer(refused)) }
    }

    fn all(answer: impl Into<ResponseKind>) -> Self {
        Self { rest: None, refused: Some(answer.into()) }
    }
}

/// Splits off what is hit, and answers it.
pub(super) fn split(request: RequestKind, hit: &Hit<'_>) -> Split {
    match request {
        RequestKind::Produce(r) => records::produce(r, hit),
        RequestKind::Fetch(r) => records::fetch(r, hit),
        RequestKind::ListOffsets(r) => records::list_offsets(r, hit),
        RequestKind::OffsetForLeaderEpoch(r) => records::offset_for_leader_epoch(r, hit),
        RequestKind::DeleteRecords(r) => records::delete_records(r, hit),
        RequestKind::OffsetCommit(r) => records::offset_commit(r, hit),
        RequestKind::OffsetDelete(r) => records::offset_delete(r, hit),
        RequestKind::OffsetFetch(r) => records::offset_fetch(r, hit),
        RequestKind::Metadata(r) => topics::metadata(r, hit),
        RequestKind::DeleteTopics(r) => topics::delete(r, hit),
        RequestKind::CreateTopics(r) => create_topics(r, hit),
        RequestKind::CreatePartitions(r) => create_partitions(r, hit),
        RequestKind::DescribeTopicPartitions(r) => describe_topic_partitions(r, hit),
        RequestKind::DescribeConfigs(r) => configs::describe(r, hit),
        RequestKind::AlterConfigs(r) => configs::alter(r, hit),
        RequestKind::IncrementalAlterConfigs(r) => configs::incremental_alter(r, hit),
        request if hit.all() => Split::all(whole(request, hit)),
        request => Split::untouched(request),
    }
}

/// The error answer of an API that knows no topics.
fn whole(request: RequestKind, hit: &Hit<'_>) -> ResponseKind {
    let code = hit.code;
    match request {
        RequestKind::JoinGroup(r) => join_group(r, hit),
        RequestKind::SyncGroup(_) => SyncGroupResponse::default().with_error_code(code).into(),
        RequestKind::Heartbeat(_) => HeartbeatResponse::default().with_error_code(code).into(),
        RequestKind::LeaveGroup(_) => LeaveGroupResponse::default().with_error_code(code).into(),
        RequestKind::ListGroups(_) => ListGroupsResponse::default().with_error_code(code).into(),
        RequestKind::FindCoordinator(r) => find_coordinator(r, hit),
        RequestKind::DescribeGroups(r) => describe_groups(r, hit),
        RequestKind::DeleteGroups(r) => delete_groups(r, hit),
        RequestKind::InitProducerId(_) => InitProducerIdResponse::default()
            .with_error_code(code)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1)
            .into(),
        RequestKind::DescribeCluster(_) => {
            DescribeClusterResponse::default().with_error_code(code).with_error_message(None).into()
        }
        RequestKind::DescribeLogDirs(_) => describe_log_dirs(hit),
        RequestKind::ApiVersions(_) => ApiVersionsResponse::default().with_error_code(code).into(),
        _ => unreachable!("every API of the table has its error answer; a test goes through all"),
    }
}

fn join_group(request: JoinGroupRequest, hit: &Hit<'_>) -> ResponseKind {
    let answer = JoinGroupResponse::default()
        .with_error_code(hit.code)
        .with_generation_id(-1)
        .with_member_id(request.member_id);
    if hit.version < 7 { answer } else { answer.with_protocol_name(None) }.into()
}

fn find_coordinator(request: FindCoordinatorRequest, hit: &Hit<'_>) -> ResponseKind {
    let answer = FindCoordinatorResponse::default();
    if hit.version < 4 {
        let answer = answer.with_error_code(hit.code).with_node_id((-1).into()).with_port(-1);
        return answer.with_error_message(None).into();
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        Coordinator::default()
            .with_key(key)
            .with_node_id((-1).into())
            .with_port(-1)
            .with_error_code(hit.code)
            .with_error_message(None)
    });
    answer.with_coordinators(coordinators.collect()).into()
}

fn describe_groups(request: DescribeGroupsRequest, hit: &Hit<'_>) -> ResponseKind {
    let groups = request.groups.into_iter().map(|group| {
        let group = DescribedGroup::default().with_group_id(group).with_error_code(hit.code);
        if hit.version < 6 { group } else { group.with_error_message(None) }
    });
    DescribeGroupsResponse::default().with_groups(groups.collect()).into()
}

fn describe_log_dirs(hit: &Hit<'_>) -> ResponseKind {
    let answer = DescribeLogDirsResponse::default();
    if hit.version >= 3 {
        return answer.with_error_code(hit.code).into();
    }
    let dir = DescribeLogDirsResult::default().with_error_code(hit.code);
    answer.with_results(vec![dir]).into()
}

fn delete_groups(request: DeleteGroupsRequest, hit: &Hit<'_>) -> ResponseKind {
    let groups = request.groups_names.into_iter().map(|group| {
        DeletableGroupResult::default().with_group_id(group).with_error_code(hit.code)
    });
    DeleteGroupsResponse::default().with_results(groups.collect()).into()
}

/// Takes the elements out of `all` that `is_hit` says.
fn take<T>(all: &mut Vec<T>, is_hit: impl Fn(&T) -> bool) -> Vec<T> {
    let (taken, left) = mem::take(all).into_iter().partition(is_hit);
    *all = left;
    taken
}

fn create_topics(mut request: CreateTopicsRequest, hit: &Hit<'_>) -> Split {
    let taken = take(&mut request.topics, |topic| hit.topic(&topic.name, Uuid::nil()));
    let is_empty = request.topics.is_empty();
    Split::of(request, is_empty, taken, |taken| {
        let results = taken.into_iter().map(|topic| {
            CreatableTopicResult::default()
                .with_name(topic.name)
                .with_error_code(hit.code)
                .with_error_message(None)
        });
        CreateTopicsResponse::default().with_topics(results.collect()).into()
    })
}

fn create_partitions(mut request: CreatePartitionsRequest, hit: &Hit<'_>) -> Split {
    let taken = take(&mut request.topics, |topic| hit.topic(&topic.name, Uuid::nil()));
    let is_empty = request.topics.is_empty();
    Split::of(request, is_empty, taken, |taken| {
        let results = taken.into_iter().map(|topic| {
            CreatePartitionsTopicResult::default()
                .with_name(topic.name)
                .with_error_code(hit.code)
                .with_error_message(None)
        });
        CreatePartitionsResponse::default().with_results(results.collect()).into()
    })
}

fn describe_topic_partitions(mut request: DescribeTopicPartitionsRequest, hit: &Hit<'_>) -> Split {
    let taken = take(&mut request.topics, |topic| hit.topic(&topic.name, Uuid::nil()));
    let is_empty = request.topics.is_empty();
    Split::of(request, is_empty, taken, |taken| {
        let topics = taken.into_iter().map(|topic| {
            DescribeTopicPartitionsResponseTopic::default()
                .with_name(Some(topic.name))
                .with_error_code(hit.code)
        });
        DescribeTopicPartitionsResponse::default()
            .with_topics(topics.collect())
            .with_next_cursor(None)
            .into()
    })
}

/// The name of a topic that is asked for by its id alone.
fn name_of(hit: &Hit<'_>, id: Uuid) -> Option<StrBytes> {
    Some(StrBytes::from_string(hit.node.catalog.find_id(id)?.name.to_string()))
}
