//! `CreateTopics`, by an admin client.
//!
//! Settings of a topic are taken where they ask for what this broker does anyway, or only tune; a setting whose
//! promise would be broken is refused.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, CreateTopicsRequest, CreateTopicsResponse,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        create_topics_response::CreatableTopicResult,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::{
    Api,
    schema::{Schema, array, fixed, list, text},
};
use crate::node::{NODE_ID, Node, blocking};

pub(super) const API: Api = Api {
    key: ApiKey::CreateTopics,
    min: 2,
    max: 7,
    schema: Schema {
        flexible: 5,
        fields: &[
            array(&[
                text(),
                fixed(4),
                fixed(2),
                array(&[fixed(4), list(&fixed(4))]),
                array(&[text(), text()]),
            ]),
            fixed(4),
            fixed(1),
        ],
    },
};

/// Settings that only tune, or ask for less to be kept than is.
const WITHOUT_EFFECT: [&str; 9] = [
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "max.message.bytes",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.ms",
];

pub(super) async fn answer(
    node: &Arc<Node>,
    version: i16,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let node = Arc::clone(node);
    let validate_only = request.validate_only;
    let create = move |topic| create(&node, version, validate_only, topic);
    let results = blocking(move || request.topics.into_iter().map(create).collect()).await;
    CreateTopicsResponse::default().with_topics(results)
}

/// Why a topic is not created.
struct Refused(ResponseError, String);

impl From<ResponseError> for Refused {
    fn from(error: ResponseError) -> Self {
        Self(error, error.to_string())
    }
}

fn create(
    node: &Node,
    version: i16,
    validate_only: bool,
    topic: CreatableTopic,
) -> CreatableTopicResult {
    let created = partitions(node, &topic).and_then(|partitions| {
        if validate_only {
            node.catalog.may_create(&topic.name, partitions)?;
            return Ok((partitions, Uuid::nil()));
        }
        Ok((partitions, node.catalog.create(&topic.name, partitions)?.id))
    });
    let result = CreatableTopicResult::default().with_name(topic.name);
    match created {
        Err(Refused(error, message)) => result
            .with_error_code(error.code())
            .with_error_message(Some(StrBytes::from_string(message))),
        Ok((partitions, id)) => {
            let result = result.with_error_message(None);
            if version < 5 {
                return result;
            }
            let result =
                result.with_num_partitions(partitions.cast_signed()).with_replication_factor(1);
            if version < 7 { result } else { result.with_topic_id(id) }
        }
    }
}

/// How many partitions the topic shall have, if all else about it can be had.
fn partitions(node: &Node, topic: &CreatableTopic) -> Result<u32, Refused> {
    topic.configs.iter().try_for_each(check_config)?;
    if !topic.assignments.is_empty() {
        if topic.assignments.iter().any(|a| a.broker_ids != [NODE_ID]) {
            let message = format!("there is one broker, {NODE_ID}, and one replica of a partition");
            return Err(Refused(ResponseError::InvalidReplicaAssignment, message));
        }
        return u32::try_from(topic.assignments.len())
            .map_err(|_| ResponseError::InvalidPartitions.into());
    }
    if !matches!(topic.replication_factor, -1 | 1) {
        let message = "there is one broker, so the replication factor is 1".to_owned();
        return Err(Refused(ResponseError::InvalidReplicationFactor, message));
    }
    match topic.num_partitions {
        -1 => Ok(node.partitions),
        count => u32::try_from(count).map_err(|_| ResponseError::InvalidPartitions.into()),
    }
}

fn check_config(config: &CreatableTopicConfig) -> Result<(), Refused> {
    let value = config.value.as_deref().unwrap_or_default();
    match (&*config.name, value) {
        ("cleanup.policy", "delete" | "")
        | ("min.insync.replicas", "1")
        | ("compression.type", "producer")
        | ("message.timestamp.type", "CreateTime") => Ok(()),
        (name, _) if WITHOUT_EFFECT.contains(&name) => {
            tracing::warn!(name, value, "a topic's setting has no effect in this broker");
            Ok(())
        }
        (name, value) => {
            let message = format!("this broker does not support `{name}={value}`");
            Err(Refused(ResponseError::InvalidConfig, message))
        }
    }
}
