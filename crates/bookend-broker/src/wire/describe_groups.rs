//! `DescribeGroups`: the members of groups and what they were given. A group that there is not is `Dead`, and from
//! version 6 on an error besides (KIP-1043).

use std::collections::HashSet;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
    },
    protocol::StrBytes,
};

use super::{
    Api, Client, Refusal,
    schema::{Schema, fixed, list, text},
};
use crate::{
    group::describe::{DEAD, Description, EMPTY, MemberDescription},
    node::Node,
};

pub(super) const API: Api = Api {
    key: ApiKey::DescribeGroups,
    min: 0,
    max: 6,
    schema: Schema { flexible: 5, fields: &[list(&text()), fixed(1).since(3)] },
};

/// What a client may do with a group where there are no access rights: the bits of READ, DELETE and DESCRIBE (KIP-430).
const GROUP_OPERATIONS: i32 = 0b1_0100_1000;

pub(super) async fn answer(
    node: &Node,
    client: &Client,
    version: i16,
    request: DescribeGroupsRequest,
) -> Result<DescribeGroupsResponse, Refusal> {
    let operations = request.include_authorized_operations;
    // Once each, however often it is named: a short question about a large group is not to fill the memory.
    let mut seen = HashSet::new();
    let mut asked = request.groups;
    asked.retain(|name| seen.insert(name.clone()));
    let members = asked.iter().filter_map(|name| Some(node.groups.describe(name)?.members.len()));
    client.held.take_elements(members.sum()).await?;
    let groups = asked.into_iter().map(|name| {
        let group = match find(node, &name) {
            Some(description) => described(version, description),
            None => dead(version, &name),
        };
        let group = group.with_group_id(name);
        if operations { group.with_authorized_operations(GROUP_OPERATIONS) } else { group }
    });
    Ok(DescribeGroupsResponse::default().with_groups(groups.collect()))
}

/// A group, also one of which there are but offsets.
fn find(node: &Node, name: &str) -> Option<Description> {
    node.groups.describe(name).or_else(|| {
        let protocol_type = node.offsets.protocol_type(name)?;
        let (protocol, members) = (StrBytes::new(), Vec::new());
        Some(Description { state: EMPTY, protocol_type, protocol, members })
    })
}

fn described(version: i16, group: Description) -> DescribedGroup {
    let member = |member: MemberDescription| {
        let described = DescribedGroupMember::default()
            .with_member_id(member.id)
            .with_client_id(member.client_id)
            .with_client_host(member.client_host)
            .with_member_metadata(member.metadata)
            .with_member_assignment(member.assignment);
        if version < 4 { described } else { described.with_group_instance_id(member.instance_id) }
    };
    DescribedGroup::default()
        .with_group_state(StrBytes::from_static_str(group.state))
        .with_protocol_type(group.protocol_type)
        .with_protocol_data(group.protocol)
        .with_members(group.members.into_iter().map(member).collect())
}

fn dead(version: i16, name: &GroupId) -> DescribedGroup {
    let group = DescribedGroup::default().with_group_state(StrBytes::from_static_str(DEAD));
    if version < 6 {
        return group;
    }
    let message = format!("group {} is not known", &***name);
    group
        .with_error_code(ResponseError::GroupIdNotFound.code())
        .with_error_message(Some(StrBytes::from_string(message)))
}
