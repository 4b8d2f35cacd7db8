//! `DeleteGroups`: groups without members go, and what they committed with them (KIP-229).

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, DeleteGroupsRequest, DeleteGroupsResponse, GroupId,
        delete_groups_response::DeletableGroupResult,
    },
};

use super::{
    Api, code,
    schema::{Schema, list, text},
};
use crate::node::{Node, blocking, now_ms};

pub(super) const API: Api = Api {
    key: ApiKey::DeleteGroups,
    min: 0,
    max: 2,
    schema: Schema { flexible: 2, fields: &[list(&text())] },
};

pub(super) async fn answer(node: &Arc<Node>, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let node = Arc::clone(node);
    let results = blocking(move || {
        let delete = |name: GroupId| {
            let deleted = delete(&node, &name);
            DeletableGroupResult::default().with_group_id(name).with_error_code(code(&deleted))
        };
        request.groups_names.into_iter().map(delete).collect()
    });
    DeleteGroupsResponse::default().with_results(results.await)
}

fn delete(node: &Node, name: &str) -> Result<(), ResponseError> {
    node.offsets.forget(name, now_ms(), || {
        let had_members = node.groups.delete(name)?;
        let places: Vec<_> =
            node.offsets.of_group(name).into_iter().map(|(place, _)| place).collect();
        if places.is_empty() && !had_members {
            return Err(ResponseError::GroupIdNotFound);
        }
        Ok(places)
    })
}
