//! `DeleteTopics`, by name, or by id from version 6 on (KIP-516).

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, DeleteTopicsRequest, DeleteTopicsResponse, delete_topics_request::DeleteTopicState,
        delete_topics_response::DeletableTopicResult,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::{
    Api, code, resource,
    schema::{Schema, array, fixed, list, text},
};
use crate::{
    catalog::Topic,
    node::{Node, blocking},
};

pub(super) const API: Api = Api {
    key: ApiKey::DeleteTopics,
    min: 1,
    max: 6,
    schema: Schema {
        flexible: 4,
        fields: &[array(&[text(), fixed(16)]).since(6), list(&text()).until(5), fixed(4)],
    },
};

pub(super) async fn answer(
    node: &Arc<Node>,
    version: i16,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let named = request
        .topic_names
        .into_iter()
        .map(|name| DeleteTopicState::default().with_name(Some(name)).with_topic_id(Uuid::nil()));
    let asked: Vec<_> = request.topics.into_iter().chain(named).collect();
    let node = Arc::clone(node);
    let results = blocking(move || {
        let asked: Vec<_> = asked.into_iter().map(|asked| (find(&node, &asked), asked)).collect();
        // By name and by id are two ways to name one topic.
        let ids = asked.iter().filter_map(|(found, _)| Some(found.as_ref().ok()?.id));
        let repeated = resource::repeated(ids);
        let delete = |(found, asked): (Result<Arc<Topic>, _>, _)| {
            let is_repeated = found.as_ref().is_ok_and(|topic| repeated.contains(&topic.id));
            delete(&node, version, asked, found, is_repeated)
        };
        asked.into_iter().map(delete).collect()
    })
    .await;
    DeleteTopicsResponse::default().with_responses(results)
}

fn find(node: &Node, asked: &DeleteTopicState) -> Result<Arc<Topic>, ResponseError> {
    match &asked.name {
        Some(name) => node.catalog.find(name).ok_or(ResponseError::UnknownTopicOrPartition),
        None => node.catalog.find_id(asked.topic_id).ok_or(ResponseError::UnknownTopicId),
    }
}

fn delete(
    node: &Node,
    version: i16,
    asked: DeleteTopicState,
    found: Result<Arc<Topic>, ResponseError>,
    is_repeated: bool,
) -> DeletableTopicResult {
    let id = found.as_ref().map_or(asked.topic_id, |topic| topic.id);
    let name =
        found.as_ref().ok().map(|topic| StrBytes::from_string(topic.name.to_string()).into());
    let deleted = found.and_then(|topic| {
        if is_repeated {
            return Err(ResponseError::InvalidRequest);
        }
        node.catalog.delete(&topic)?;
        node.offsets.forget_topic(topic.id);
        Ok(())
    });
    let result = DeletableTopicResult::default()
        .with_name(name.or(asked.name))
        .with_error_code(code(&deleted))
        .with_error_message(None);
    if version < 6 { result } else { result.with_topic_id(id) }
}
