//! `LeaveGroup`: a member goes; several at once from version 3 on (KIP-345).

use kafka_protocol::messages::{
    ApiKey, LeaveGroupRequest, LeaveGroupResponse, leave_group_response::MemberResponse,
};

use super::{
    Api, code,
    schema::{Schema, array, text},
};
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::LeaveGroup,
    min: 0,
    max: 5,
    schema: Schema {
        flexible: 4,
        fields: &[text(), text().until(2), array(&[text(), text(), text().since(5)]).since(3)],
    },
};

pub(super) fn answer(node: &Node, version: i16, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let group = &request.group_id;
    if version < 3 {
        let left = node.groups.leave(group, &request.member_id, None);
        return LeaveGroupResponse::default().with_error_code(code(&left));
    }
    let members = request.members.into_iter().map(|member| {
        let left = node.groups.leave(group, &member.member_id, member.group_instance_id.as_ref());
        MemberResponse::default()
            .with_member_id(member.member_id)
            .with_group_instance_id(member.group_instance_id)
            .with_error_code(code(&left))
    });
    LeaveGroupResponse::default().with_members(members.collect())
}
