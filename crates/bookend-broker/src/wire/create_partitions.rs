//! `CreatePartitions` (KIP-195): a topic grows. Records stay where they are, so keys may move to another partition.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, CreatePartitionsRequest, CreatePartitionsResponse,
        create_partitions_request::CreatePartitionsTopic,
        create_partitions_response::CreatePartitionsTopicResult,
    },
};

use super::{
    Api,
    refused::Refused,
    resource,
    schema::{Schema, array, fixed, list, text},
};
use crate::node::{NODE_ID, Node, blocking};

pub(super) const API: Api = Api {
    key: ApiKey::CreatePartitions,
    min: 0,
    max: 3,
    schema: Schema {
        flexible: 2,
        fields: &[array(&[text(), fixed(4), array(&[list(&fixed(4))])]), fixed(4), fixed(1)],
    },
};

pub(super) async fn answer(
    node: &Arc<Node>,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let node = Arc::clone(node);
    let validate_only = request.validate_only;
    let repeated = resource::repeated(request.topics.iter().map(|topic| topic.name.clone()));
    let results = blocking(move || {
        let topics = request.topics.into_iter().map(|topic| {
            let grown = if repeated.contains(&topic.name) {
                Err(resource::twice(&topic.name))
            } else {
                grow(&node, validate_only, &topic)
            };
            let told =
                grown.err().map(|refused| refused.tell(&node, "more partitions", &topic.name));
            let (code, message) = told.unzip();
            CreatePartitionsTopicResult::default()
                .with_name(topic.name)
                .with_error_code(code.unwrap_or(0))
                .with_error_message(message)
        });
        topics.collect()
    })
    .await;
    CreatePartitionsResponse::default().with_results(results)
}

fn grow(node: &Node, validate_only: bool, asked: &CreatePartitionsTopic) -> Result<(), Refused> {
    let topic = node.catalog.find(&asked.name).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let existing = topic.partitions.len();
    let count = usize::try_from(asked.count).unwrap_or(0);
    if count <= existing {
        let message = format!(
            "the topic has {existing} partitions already, and {} were asked for; it cannot shrink",
            asked.count
        );
        return Err(Refused::new(ResponseError::InvalidPartitions, message));
    }
    if let Some(assignments) = &asked.assignments {
        if assignments.len() != count - existing {
            let message = format!(
                "{} assignments were given for {} new partitions",
                assignments.len(),
                count - existing
            );
            return Err(Refused::new(ResponseError::InvalidReplicaAssignment, message));
        }
        if assignments.iter().any(|assignment| assignment.broker_ids != [NODE_ID]) {
            let message = format!("there is one broker, {NODE_ID}, and one replica of a partition");
            return Err(Refused::new(ResponseError::InvalidReplicaAssignment, message));
        }
    }
    let count = asked.count.unsigned_abs();
    if validate_only {
        node.catalog.may_grow(&topic, count)?;
    } else {
        node.catalog.grow(&asked.name, count)?;
    }
    Ok(())
}
