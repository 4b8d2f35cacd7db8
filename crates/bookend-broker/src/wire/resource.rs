//! What has settings: topics, and this broker. Resource types: KIP-133.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use kafka_protocol::{ResponseError, protocol::StrBytes};

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

/// What stands in a request more than once: refused, because the answers to it could differ, and so that the work for
/// one request is bounded by what there is.
pub(super) fn repeated<T: Hash + Eq>(asked: impl IntoIterator<Item = T>) -> HashSet<T> {
    let mut times: HashMap<T, u32> = HashMap::new();
    for one in asked {
        *times.entry(one).or_default() += 1;
    }
    times.into_iter().filter(|(_, times)| *times > 1).map(|(one, _)| one).collect()
}

/// The refusal of what is [`repeated`].
pub(super) fn twice(name: &str) -> Refused {
    Refused::new(ResponseError::InvalidRequest, format!("`{name}` stands there twice"))
}

/// Alters the settings of each of these resources that stands there once, and answers with what became of it. Blocks on
/// the disk.
pub(super) fn alter_each<A, R>(
    node: &Node,
    asked: Vec<A>,
    name: impl Fn(&A) -> (i8, StrBytes),
    alter: impl Fn(&A) -> Result<(), Refused>,
    response: impl Fn((i8, StrBytes), i16, Option<StrBytes>) -> R,
) -> Vec<R> {
    let repeated = repeated(asked.iter().map(&name));
    let answer = |asked: A| {
        let name = name(&asked);
        let altered = if repeated.contains(&name) { Err(twice(&name.1)) } else { alter(&asked) };
        match altered {
            Ok(()) => response(name, 0, None),
            Err(refused) => {
                let (code, message) = refused.tell(node, "a change of settings", &name.1);
                response(name, code, Some(message))
            }
        }
    };
    asked.into_iter().map(answer).collect()
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
