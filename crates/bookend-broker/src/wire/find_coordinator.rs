//! `FindCoordinator`: always this broker; many keys at once from version 4 on (KIP-699).

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, FindCoordinatorRequest, FindCoordinatorResponse,
        find_coordinator_response::Coordinator,
    },
    protocol::StrBytes,
};

use super::{
    Api, Client,
    schema::{Schema, fixed, list, text},
};
use crate::node::NODE_ID;

pub(super) const API: Api = Api {
    key: ApiKey::FindCoordinator,
    min: 0,
    max: 4,
    schema: Schema {
        flexible: 3,
        fields: &[text().until(3), fixed(1).since(1), list(&text()).since(4)],
    },
};

/// The key type of a group; 1 is a transaction, which this broker does not coordinate.
const GROUP: i8 = 0;

pub(super) fn answer(
    client: &Client,
    version: i16,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let refused = request.key_type != GROUP;
    // The one error on which every client gives up at once instead of asking again.
    let denied = ResponseError::TransactionalIdAuthorizationFailed;
    let error = if refused { denied.code() } else { 0 };
    let message = refused.then(|| StrBytes::from_static_str("only groups have a coordinator here"));
    let (node_id, host, port) =
        if refused { (-1, StrBytes::new(), -1) } else { (NODE_ID, client.host(), client.port()) };
    if version < 4 {
        return FindCoordinatorResponse::default()
            .with_error_code(error)
            .with_error_message(message)
            .with_node_id(node_id.into())
            .with_host(host)
            .with_port(port);
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        Coordinator::default()
            .with_key(key)
            .with_error_code(error)
            .with_error_message(message.clone())
            .with_node_id(node_id.into())
            .with_host(host.clone())
            .with_port(port)
    });
    FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
}
