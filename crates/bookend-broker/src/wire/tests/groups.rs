//! What tools ask about groups, of one that only committed.

use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, ListGroupsRequest, OffsetDeleteRequest,
    offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
};

use super::*;

/// A request with something in every field that the version has.
pub(super) fn sample(key: ApiKey, version: i16) -> RequestKind {
    let groups = || vec![text("simple").into(), text("none").into()];
    match key {
        ApiKey::OffsetDelete => {
            let partition = OffsetDeleteRequestPartition::default();
            let topic = OffsetDeleteRequestTopic::default()
                .with_name(topic())
                .with_partitions(vec![partition.clone(), partition.with_partition_index(7)]);
            OffsetDeleteRequest::default()
                .with_group_id(text("simple").into())
                .with_topics(vec![topic])
                .into()
        }
        ApiKey::ListGroups => {
            let request = ListGroupsRequest::default();
            let states = vec![text("Dead"), text("empty")];
            let request = if version < 4 { request } else { request.with_states_filter(states) };
            let types = vec![text("Classic"), text("share")];
            if version < 5 { request } else { request.with_types_filter(types) }.into()
        }
        ApiKey::DescribeGroups => DescribeGroupsRequest::default()
            .with_groups(groups())
            .with_include_authorized_operations(version >= 3)
            .into(),
        _ => DeleteGroupsRequest::default().with_groups_names(groups()).into(),
    }
}

/// Of the answers about groups, those that say something about a group that only committed.
pub(super) async fn check(scene: &Scene, api: &Api, version: i16, response: ResponseKind) {
    match response {
        ResponseKind::OffsetDelete(r) => {
            // It was deleted with its group, in the last version of that.
            assert_eq!((r.error_code, r.topics.len()), (69, 0), "{version}");
        }
        ResponseKind::ListGroups(r) => {
            let group = r.groups.iter().find(|group| **group.group_id == *"simple").unwrap();
            assert!(r.groups.len() > 1, "those that only joined are there too");
            assert_eq!(&*group.group_state, if version < 4 { "" } else { "Empty" });
            assert_eq!(&*group.group_type, if version < 5 { "" } else { "classic" });
        }
        ResponseKind::DescribeGroups(r) => {
            let [simple, none] = &r.groups[..] else { panic!("{version}: {r:?}") };
            assert_eq!((simple.error_code, &*simple.group_state), (0, "Empty"), "{version}");
            let expected = if version < 6 { 0 } else { 69 };
            assert_eq!((none.error_code, &*none.group_state), (expected, "Dead"), "{version}");
            let operations = if version < 3 { i32::MIN } else { 328 };
            assert_eq!(simple.authorized_operations, operations, "{version}");
        }
        ResponseKind::DeleteGroups(r) => {
            let codes: Vec<_> = r.results.iter().map(|r| r.error_code).collect();
            assert_eq!(codes, [0, 69], "{version}");
            scene.ask(8, super::sample(ApiKey::OffsetCommit, 8)).await;
            if version == api.max {
                scene.ask(version, sample(api.key, version)).await;
            }
        }
        _ => {}
    }
}
