//! What has settings: topics, and this broker. Resource types: KIP-133.

use std::sync::Arc;

use kafka_protocol::ResponseError;

use super::refused::Refused;
use crate::{
    catalog::Topic,
    node::{NODE_ID, Node},
};

/// The resource type of topics.
pub(super) const TOPIC: i8 = 2;
/// The resource type of brokers.
pub(super) const BROKER: i8 = 4;

/// Something with settings.
pub(super) enum Resource {
    Topic(Arc<Topic>),
    /// This broker.
    Broker,
    /// What all brokers of the cluster have in common, which is nothing.
    AllBrokers,
}

/// Finds what a client calls by this type and name.
pub(super) fn find(node: &Node, kind: i8, name: &str) -> Result<Resource, Refused> {
    match (kind, name) {
        (TOPIC, name) => {
            let topic = node.catalog.find(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
            Ok(Resource::Topic(topic))
        }
        (BROKER, "") => Ok(Resource::AllBrokers),
        (BROKER, name) if name == NODE_ID.to_string() => Ok(Resource::Broker),
        (BROKER, name) => Err(Refused::new(
            ResponseError::InvalidRequest,
            format!("there is one broker, {NODE_ID}, and no broker `{name}`"),
        )),
        (kind, _) => Err(Refused::new(
            ResponseError::InvalidRequest,
            format!(
                "topics (2) and brokers (4) have settings here, resources of type {kind} have none"
            ),
        )),
    }
}

/// Finds a topic whose settings shall change; those of the broker do not, while it runs.
pub(super) fn find_to_alter(node: &Node, kind: i8, name: &str) -> Result<Arc<Topic>, Refused> {
    match find(node, kind, name)? {
        Resource::Topic(topic) => Ok(topic),
        Resource::Broker | Resource::AllBrokers => Err(Refused::new(
            ResponseError::InvalidConfig,
            "this broker's own settings are given at its start and cannot be changed",
        )),
    }
}
