//! `ListGroups`: who there is, by state from version 4 on (KIP-518), and by type from version 5 on (KIP-848). There is
//! one type here, `classic`. A group without members is listed for as long as it has committed offsets.

use std::collections::BTreeMap;

use kafka_protocol::{
    messages::{ApiKey, ListGroupsRequest, ListGroupsResponse, list_groups_response::ListedGroup},
    protocol::StrBytes,
};

use super::{
    Api, Client, Refusal,
    schema::{Schema, list, text},
};
use crate::{
    group::describe::{EMPTY, Listed},
    node::Node,
};

pub(super) const API: Api = Api {
    key: ApiKey::ListGroups,
    min: 0,
    max: 5,
    schema: Schema { flexible: 3, fields: &[list(&text()).since(4), list(&text()).since(5)] },
};

/// The type of all groups: they rebalance as they did before KIP-848.
const TYPE: &str = "classic";

pub(super) async fn answer(
    node: &Node,
    client: &Client,
    version: i16,
    request: &ListGroupsRequest,
) -> Result<ListGroupsResponse, Refusal> {
    // Counted first, and found again: nothing is held by those who wait for room.
    let count = all(node).len();
    client.held.take_elements(count).await?;
    let wanted = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let of_type = wanted(&request.types_filter, TYPE);
    let groups = all(node)
        .into_iter()
        .filter(|group| of_type && wanted(&request.states_filter, group.state));
    let groups = groups.map(|group| {
        let listed = ListedGroup::default()
            .with_group_id(group.name.into())
            .with_protocol_type(group.protocol_type);
        let listed = if version < 4 {
            listed
        } else {
            listed.with_group_state(StrBytes::from_static_str(group.state))
        };
        if version < 5 { listed } else { listed.with_group_type(StrBytes::from_static_str(TYPE)) }
    });
    Ok(ListGroupsResponse::default().with_groups(groups.collect()))
}

/// All groups, by name.
fn all(node: &Node) -> Vec<Listed> {
    let asleep = node.offsets.groups().into_iter().map(|(name, protocol_type)| Listed {
        name,
        protocol_type,
        state: EMPTY,
    });
    let by_name = |group: Listed| (group.name.to_string(), group);
    let mut all: BTreeMap<_, _> = asleep.map(by_name).collect();
    all.extend(node.groups.list().into_iter().map(by_name));
    all.into_values().collect()
}
