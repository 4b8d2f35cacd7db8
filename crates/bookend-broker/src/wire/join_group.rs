//! `JoinGroup`: a member wants to be in the next generation. Its id first, from version 4 on (KIP-394); a leader that
//! restarted is told from version 9 on not to share out (KIP-814).

use std::{sync::Arc, time::Duration};

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, JoinGroupRequest, JoinGroupResponse, RequestHeader,
        join_group_response::JoinGroupResponseMember,
    },
    protocol::StrBytes,
};

use super::{
    Api, Client, Refusal, millis, own, own_bytes,
    refused::Refused,
    schema::{Schema, array, bytes, fixed, text},
};
use crate::{
    group::{
        self,
        request::{Join, JoinRefused, Joined},
    },
    node::{Node, blocking, now_ms},
};

pub(super) const API: Api = Api {
    key: ApiKey::JoinGroup,
    min: 0,
    max: 9,
    schema: Schema {
        flexible: 6,
        fields: &[
            text(),
            fixed(4),
            fixed(4).since(1),
            text(),
            text().since(5),
            text(),
            array(&[text(), bytes()]),
            text().since(8),
        ],
    },
};

/// Apache Kafka's `group.max.session.timeout.ms`.
const SESSION_MAX: Duration = Duration::from_mins(30);

pub(super) async fn answer(
    node: &Arc<Node>,
    client: &Client,
    header: &RequestHeader,
    version: i16,
    request: JoinGroupRequest,
) -> Result<JoinGroupResponse, Refusal> {
    let session_timeout = millis(request.session_timeout_ms);
    if request.group_id.is_empty() {
        return Ok(refused(version, ResponseError::InvalidGroupId, request.member_id));
    }
    if session_timeout.is_zero() || session_timeout > SESSION_MAX {
        return Ok(refused(version, ResponseError::InvalidSessionTimeout, request.member_id));
    }
    let join = Join {
        fresh_id: fresh_id(request.group_instance_id.as_ref().or(header.client_id.as_ref())),
        member_id: own(&request.member_id),
        two_steps: version >= 4,
        can_skip: version >= 9,
        client_id: header.client_id.as_ref().map(own).unwrap_or_default(),
        client_host: client.peer_host(),
        instance_id: request.group_instance_id.as_ref().map(own),
        session_timeout,
        rebalance_timeout: if version < 1 {
            session_timeout
        } else {
            millis(request.rebalance_timeout_ms)
        },
        protocol_type: own(&request.protocol_type),
        protocols: request
            .protocols
            .iter()
            .map(|p| (own(&p.name), own_bytes(&p.metadata)))
            .collect(),
    };
    let group = own(&request.group_id);
    match node.groups.join(&group, join, client.gone()).await {
        None => Err(Refusal::Gone),
        Some(Ok(joined)) => {
            if node.offsets.is_asleep(&group) {
                // Before the answer: what such a member may rely on is not expired after a crash.
                let (node, protocol_type) = (Arc::clone(node), joined.protocol_type.clone());
                blocking(move || node.offsets.join(&group, &protocol_type, now_ms())).await;
            }
            Ok(accepted(version, joined))
        }
        Some(Err(JoinRefused { error, member_id })) => {
            if error == ResponseError::GroupMaxSizeReached {
                Refused::new(error, group::bounds()).tell(node, "a member of a group", &group);
            }
            Ok(refused(version, error, member_id))
        }
    }
}

fn accepted(version: i16, joined: Joined) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|(id, instance_id, metadata)| {
        let member = JoinGroupResponseMember::default().with_member_id(id).with_metadata(metadata);
        if version < 5 { member } else { member.with_group_instance_id(instance_id) }
    });
    let response = JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_name(Some(joined.protocol))
        .with_leader(joined.leader)
        .with_member_id(joined.member_id)
        .with_members(members.collect())
        .with_skip_assignment(joined.skip_assignment);
    if version < 7 { response } else { response.with_protocol_type(Some(joined.protocol_type)) }
}

fn refused(version: i16, error: ResponseError, member_id: StrBytes) -> JoinGroupResponse {
    let response =
        JoinGroupResponse::default().with_error_code(error.code()).with_member_id(member_id);
    if version < 7 { response } else { response.with_protocol_name(None) }
}

/// A member id that no other member ever had, with a name that people know in front.
fn fresh_id(name: Option<&StrBytes>) -> StrBytes {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    // A name may be 32 KiB long; an id goes over the wire with every heartbeat.
    let name: String = name.map(|name| name.chars().take(64).collect()).unwrap_or_default();
    StrBytes::from_string(format!("{name}-{id}"))
}
