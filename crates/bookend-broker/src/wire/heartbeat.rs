//! `Heartbeat`: a member's sign of life, and how it learns that it has to join again.

use kafka_protocol::messages::{ApiKey, HeartbeatRequest, HeartbeatResponse};

use super::{
    Api, code,
    schema::{Schema, fixed, text},
};
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::Heartbeat,
    min: 0,
    max: 4,
    schema: Schema { flexible: 4, fields: &[text(), fixed(4), text(), text().since(3)] },
};

pub(super) fn answer(node: &Node, request: &HeartbeatRequest) -> HeartbeatResponse {
    let alive = node.groups.heartbeat(
        &request.group_id,
        &request.member_id,
        request.group_instance_id.as_ref(),
        request.generation_id,
    );
    HeartbeatResponse::default().with_error_code(code(&alive))
}
