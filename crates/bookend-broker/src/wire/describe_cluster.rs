//! `DescribeCluster` (KIP-700): the one broker there is. Endpoint types: KIP-919.

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, DescribeClusterRequest, DescribeClusterResponse,
        describe_cluster_response::DescribeClusterBroker,
    },
    protocol::StrBytes,
};

use super::{
    Api, Client,
    metadata::CLUSTER_OPERATIONS,
    refused::Refused,
    schema::{Schema, fixed},
};
use crate::node::{NODE_ID, Node};

pub(super) const API: Api = Api {
    key: ApiKey::DescribeCluster,
    min: 0,
    max: 2,
    schema: Schema { flexible: 0, fields: &[fixed(1), fixed(1).since(1), fixed(1).since(2)] },
};

/// The endpoint types: those that clients use, and those that only brokers use.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(super) fn answer(
    node: &Node,
    client: &Client,
    request: &DescribeClusterRequest,
) -> DescribeClusterResponse {
    let refused = match request.endpoint_type {
        BROKERS => None,
        CONTROLLERS => Some(Refused::new(
            ResponseError::MismatchedEndpointType,
            "this is a broker's endpoint, not a controller's",
        )),
        other => Some(Refused::new(
            ResponseError::UnsupportedEndpointType,
            format!("there is no endpoint type {other}"),
        )),
    };
    let response = DescribeClusterResponse::default();
    if let Some(refused) = refused {
        return response
            .with_error_code(refused.code())
            .with_error_message(Some(refused.message()));
    }
    let broker = DescribeClusterBroker::default()
        .with_broker_id(NODE_ID.into())
        .with_host(client.host())
        .with_port(client.port())
        .with_rack(None);
    let response = response
        .with_error_message(None)
        .with_cluster_id(StrBytes::from_string(node.catalog.cluster_id().to_owned()))
        .with_controller_id(NODE_ID.into())
        .with_brokers(vec![broker]);
    if request.include_cluster_authorized_operations {
        response.with_cluster_authorized_operations(CLUSTER_OPERATIONS)
    } else {
        response
    }
}
