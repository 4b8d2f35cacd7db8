//! `CreateTopics`, by an admin client.
//!
//! A setting that this broker does not honor is refused; [`settings`](crate::settings) knows which it does.

use std::{collections::BTreeSet, sync::Arc};

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, CreateTopicsRequest, CreateTopicsResponse, TopicName,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::{
    Api, Client, Refusal,
    describe_configs::{DEFAULT, SET_FOR_TOPIC},
    refused::Refused,
    resource,
    schema::{Schema, array, fixed, list, text},
};
use crate::{
    catalog::{NewTopic, NotCreated},
    node::{NODE_ID, Node, blocking},
    settings::{Settings, table},
};

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

/// The first version that tells the settings of what was created (KIP-525).
const CONFIGS_SINCE: i16 = 5;

pub(super) async fn answer(
    node: &Arc<Node>,
    client: &Client,
    version: i16,
    request: CreateTopicsRequest,
) -> Result<CreateTopicsResponse, Refusal> {
    if version >= CONFIGS_SINCE {
        client.held.take_elements(request.topics.len() * table::TOPIC.len()).await?;
    }
    let node = Arc::clone(node);
    let results = blocking(move || create_all(&node, version, request)).await;
    Ok(CreateTopicsResponse::default().with_topics(results))
}

/// Creates what can be created, in one change of the catalog.
fn create_all(
    node: &Node,
    version: i16,
    request: CreateTopicsRequest,
) -> Vec<CreatableTopicResult> {
    let repeated = resource::repeated(request.topics.iter().map(|topic| topic.name.clone()));
    let asked: Vec<_> = request
        .topics
        .iter()
        .map(|topic| {
            if repeated.contains(&topic.name) {
                return Err(resource::twice(&topic.name));
            }
            new_topic(node, topic)
        })
        .collect();
    let new: Vec<_> = asked.iter().flatten().cloned().collect();
    let mut created: std::vec::IntoIter<Result<Uuid, NotCreated>> = if request.validate_only {
        let checked = node.catalog.may_create_all(&new).into_iter();
        checked.map(|checked| checked.map(|()| Uuid::nil())).collect::<Vec<_>>().into_iter()
    } else {
        let created = node.catalog.create_all(new).into_iter();
        created.map(|created| created.map(|topic| topic.id)).collect::<Vec<_>>().into_iter()
    };
    let results = request.topics.into_iter().zip(asked).map(|(topic, asked)| {
        let outcome = asked.and_then(|new| {
            let id = created.next().expect("each topic that may be created has its outcome")?;
            Ok((new, id))
        });
        result(node, version, topic.name, outcome)
    });
    results.collect()
}

fn result(
    node: &Node,
    version: i16,
    name: TopicName,
    outcome: Result<(NewTopic, Uuid), Refused>,
) -> CreatableTopicResult {
    let result = CreatableTopicResult::default();
    let (new, id) = match outcome {
        Ok(outcome) => outcome,
        Err(refused) => {
            let (code, message) = refused.tell(node, "a new topic", &name);
            let result = result.with_name(name);
            return result.with_error_code(code).with_error_message(Some(message));
        }
    };
    let result = result.with_name(name).with_error_message(None);
    if version < CONFIGS_SINCE {
        return result;
    }
    let result = result
        .with_num_partitions(new.partitions.cast_signed())
        .with_replication_factor(1)
        .with_configs(Some(configs(&new.settings)));
    if version < 7 { result } else { result.with_topic_id(id) }
}

/// The settings that a new topic has.
fn configs(settings: &Settings) -> Vec<CreatableTopicConfigs> {
    let configs = table::TOPIC.iter().map(|setting| {
        let given = settings.get(setting);
        let value = given.unwrap_or(setting.default).to_owned();
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_static_str(setting.name))
            .with_value(Some(StrBytes::from_string(value)))
            .with_read_only(!setting.can_change())
            .with_config_source(if given.is_some() { SET_FOR_TOPIC } else { DEFAULT })
    });
    configs.collect()
}

/// The topic that is asked for, if all about it can be had.
fn new_topic(node: &Node, topic: &CreatableTopic) -> Result<NewTopic, Refused> {
    let given = topic.configs.iter().map(|config| {
        let null = || format!("`{}` needs a value", config.name);
        let value = config.value.as_deref();
        let value = value.ok_or_else(|| Refused::new(ResponseError::InvalidConfig, null()))?;
        Ok((&*config.name, value))
    });
    let settings = Settings::new(given.collect::<Result<Vec<_>, Refused>>()?)?;
    let partitions = partitions(node, topic)?;
    Ok(NewTopic { name: topic.name.to_string(), partitions, settings })
}

/// How many partitions the topic shall have.
fn partitions(node: &Node, topic: &CreatableTopic) -> Result<u32, Refused> {
    if !topic.assignments.is_empty() {
        if topic.assignments.iter().any(|a| a.broker_ids != [NODE_ID]) {
            let message = format!("there is one broker, {NODE_ID}, and one replica of a partition");
            return Err(Refused::new(ResponseError::InvalidReplicaAssignment, message));
        }
        if (topic.num_partitions, topic.replication_factor) != (-1, -1) {
            let message = "the assignments say how many partitions and replicas there are, so both numbers are -1";
            return Err(Refused::new(ResponseError::InvalidRequest, message));
        }
        let indexes: BTreeSet<_> = topic.assignments.iter().map(|a| a.partition_index).collect();
        if indexes.len() < topic.assignments.len()
            || !indexes.into_iter().eq((0..).take(topic.assignments.len()))
        {
            let message = "the assignments are of partitions numbered from 0 on, each once";
            return Err(Refused::new(ResponseError::InvalidReplicaAssignment, message));
        }
        return u32::try_from(topic.assignments.len())
            .map_err(|_| ResponseError::InvalidPartitions.into());
    }
    if !matches!(topic.replication_factor, -1 | 1) {
        let message = "there is one broker, so the replication factor is 1";
        return Err(Refused::new(ResponseError::InvalidReplicationFactor, message));
    }
    match topic.num_partitions {
        -1 => Ok(node.partitions),
        count => u32::try_from(count).map_err(|_| ResponseError::InvalidPartitions.into()),
    }
}
