//! `SyncGroup`: the leader brings everyone's part, everyone takes its own.

use kafka_protocol::messages::{ApiKey, SyncGroupRequest, SyncGroupResponse};

use super::{
    Api, Client, Refusal, own_bytes,
    schema::{Schema, array, bytes, fixed, text},
};
use crate::{group::request::Sync, node::Node};

pub(super) const API: Api = Api {
    key: ApiKey::SyncGroup,
    min: 0,
    max: 5,
    schema: Schema {
        flexible: 4,
        fields: &[
            text(),
            fixed(4),
            text(),
            text().since(3),
            text().since(5),
            text().since(5),
            array(&[text(), bytes()]),
        ],
    },
};

pub(super) async fn answer(
    node: &Node,
    client: &Client,
    version: i16,
    request: SyncGroupRequest,
) -> Result<SyncGroupResponse, Refusal> {
    let assignments =
        request.assignments.into_iter().map(|a| (a.member_id, own_bytes(&a.assignment)));
    let sync = Sync {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        generation: request.generation_id,
        protocol_type: request.protocol_type,
        protocol: request.protocol_name,
        assignments: assignments.collect(),
    };
    match node.groups.sync(&request.group_id, sync, client.gone()).await {
        None => Err(Refusal::Gone),
        Some(Err(error)) => Ok(SyncGroupResponse::default().with_error_code(error.code())),
        Some(Ok(synced)) => {
            let response = SyncGroupResponse::default().with_assignment(synced.assignment);
            if version < 5 {
                return Ok(response);
            }
            Ok(response
                .with_protocol_type(Some(synced.protocol_type))
                .with_protocol_name(Some(synced.protocol)))
        }
    }
}
