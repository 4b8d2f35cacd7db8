//! `Metadata`: the one broker there is, and the topics asked for.
//!
//! A topic that does not exist is created, if the client allows it, before the answer leaves: kafkajs does not
//! wait out `UNKNOWN_TOPIC_OR_PARTITION`. Topic ids: KIP-516.

use std::{collections::HashSet, sync::Arc};

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, MetadataRequest, MetadataResponse,
        metadata_request::MetadataRequestTopic,
        metadata_response::{
            MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        },
    },
    protocol::StrBytes,
};

use super::{
    Api, Client, Refusal,
    refused::Refused,
    schema::{Schema, array, fixed, text},
};
use crate::{
    catalog::{self, Topic},
    node::{NODE_ID, Node, blocking},
    partition::LEADER_EPOCH,
};

pub(super) const API: Api = Api {
    key: ApiKey::Metadata,
    min: 0,
    max: 13,
    schema: Schema {
        flexible: 9,
        fields: &[
            array(&[fixed(16).since(10), text()]),
            fixed(1).since(4),
            fixed(1).since(8).until(10),
            fixed(1).since(8),
        ],
    },
};

/// What a client may do with a topic where there are no access rights: the bits of READ, WRITE, CREATE, DELETE,
/// ALTER, DESCRIBE, `DESCRIBE_CONFIGS` and `ALTER_CONFIGS` (KIP-430).
pub(super) const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;

/// As [`TOPIC_OPERATIONS`], with the cluster: CREATE, ALTER, DESCRIBE, `CLUSTER_ACTION`, `DESCRIBE_CONFIGS`,
/// `ALTER_CONFIGS` and `IDEMPOTENT_WRITE`.
pub(super) const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;

pub(super) async fn answer(
    node: &Arc<Node>,
    client: &Client,
    version: i16,
    request: MetadataRequest,
) -> Result<MetadataResponse, Refusal> {
    let create = request.allow_auto_topic_creation && node.auto_create;
    // Before version 1 there was no null: an empty list means all.
    let asked = request.topics.filter(|topics| version > 0 || !topics.is_empty());
    // Named often, a topic is described once: else a small request could ask for gigabytes.
    let mut named = HashSet::new();
    let asked = asked.map(|mut asked| {
        asked.retain(|topic| named.insert((topic.name.clone(), topic.topic_id)));
        asked
    });
    let partitions = match &asked {
        None => node.catalog.all().iter().map(|topic| 1 + topic.partitions.len()).sum(),
        Some(asked) => asked.iter().map(|asked| partitions(node, asked)).sum(),
    };
    client.held.take_elements(partitions).await?;
    let mut topics: Vec<_> = match asked {
        None => node.catalog.all().iter().map(|topic| describe(topic)).collect(),
        Some(asked) => {
            let node = Arc::clone(node);
            let find = move |asked| describe_asked(&node, version, create, asked);
            blocking(move || asked.into_iter().map(find).collect()).await
        }
    };
    if request.include_topic_authorized_operations {
        for topic in topics.iter_mut().filter(|topic| topic.error_code == 0) {
            topic.topic_authorized_operations = TOPIC_OPERATIONS;
        }
    }
    let broker = MetadataResponseBroker::default()
        .with_node_id(NODE_ID.into())
        .with_host(client.host())
        .with_port(client.port());
    let mut response = MetadataResponse::default();
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    let response = response
        .with_brokers(vec![broker])
        .with_cluster_id(Some(StrBytes::from_string(node.catalog.cluster_id().to_owned())))
        .with_controller_id(NODE_ID.into())
        .with_topics(topics);
    Ok(response)
}

/// How many partitions are about to be described.
fn partitions(node: &Node, asked: &MetadataRequestTopic) -> usize {
    let topic = match &asked.name {
        Some(name) => node.catalog.find(name),
        None => node.catalog.find_id(asked.topic_id),
    };
    topic.map_or(0, |topic| topic.partitions.len())
}

fn describe_asked(
    node: &Node,
    version: i16,
    create: bool,
    asked: MetadataRequestTopic,
) -> MetadataResponseTopic {
    let found = match &asked.name {
        Some(name) => find_or_create(node, name, create),
        None => node.catalog.find_id(asked.topic_id).ok_or(ResponseError::UnknownTopicId),
    };
    match found {
        Ok(topic) => describe(&topic),
        Err(error) => MetadataResponseTopic::default()
            .with_error_code(error.code())
            .with_name(if version < 12 { Some(asked.name.unwrap_or_default()) } else { asked.name })
            .with_topic_id(asked.topic_id),
    }
}

fn find_or_create(node: &Node, name: &str, create: bool) -> Result<Arc<Topic>, ResponseError> {
    if let Some(topic) = node.catalog.find(name) {
        return Ok(topic);
    }
    if !create {
        let is_legal = catalog::is_legal(name);
        return Err(if is_legal {
            ResponseError::UnknownTopicOrPartition
        } else {
            ResponseError::InvalidTopicException
        });
    }
    node.catalog.create(name, node.partitions).or_else(|refused| match refused.error() {
        // Another client was faster.
        ResponseError::TopicAlreadyExists => {
            node.catalog.find(name).ok_or(ResponseError::UnknownTopicOrPartition)
        }
        error => {
            Refused::from(refused).tell(node, "a new topic", name);
            Err(error)
        }
    })
}

fn describe(topic: &Topic) -> MetadataResponseTopic {
    let partitions = (0..).take(topic.partitions.len()).map(|index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE_ID.into())
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![NODE_ID.into()])
            .with_isr_nodes(vec![NODE_ID.into()])
    });
    MetadataResponseTopic::default()
        .with_name(Some(StrBytes::from_string(topic.name.to_string()).into()))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
}
