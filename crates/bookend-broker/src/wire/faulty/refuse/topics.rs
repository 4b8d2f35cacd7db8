//! Error answers of the APIs that name topics by name or by id.

use kafka_protocol::{
    messages::{
        DeleteTopicsRequest, DeleteTopicsResponse, MetadataRequest, MetadataResponse,
        delete_topics_request::DeleteTopicState, delete_topics_response::DeletableTopicResult,
        metadata_request::MetadataRequestTopic, metadata_response::MetadataResponseTopic,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::{Hit, Split, name_of, take};

/// The rest is always asked, because the answer names the brokers.
pub(super) fn metadata(mut request: MetadataRequest, hit: &Hit<'_>) -> Split {
    let mut asked = match request.topics.take() {
        Some(topics) if hit.version > 0 || !topics.is_empty() => topics,
        _ => {
            let all = hit.node.catalog.all();
            let name = |topic: &std::sync::Arc<crate::catalog::Topic>| {
                StrBytes::from_string(topic.name.to_string()).into()
            };
            let topic = |topic| MetadataRequestTopic::default().with_name(Some(name(topic)));
            all.iter().map(topic).collect()
        }
    };
    let taken = take(&mut asked, |topic| {
        hit.topic(topic.name.as_ref().map_or("", |name| name), topic.topic_id)
    });
    request.topics = Some(asked);
    Split::of(request, false, taken, |taken| {
        let topics = taken.into_iter().map(|topic| {
            let name = topic.name.or_else(|| name_of(hit, topic.topic_id).map(Into::into));
            let name = if hit.version < 12 { Some(name.unwrap_or_default()) } else { name };
            let answer = MetadataResponseTopic::default().with_name(name).with_error_code(hit.code);
            if hit.version < 10 { answer } else { answer.with_topic_id(topic.topic_id) }
        });
        MetadataResponse::default().with_topics(topics.collect()).into()
    })
}

pub(super) fn delete(mut request: DeleteTopicsRequest, hit: &Hit<'_>) -> Split {
    let by_state = |topic: &DeleteTopicState| {
        hit.topic(topic.name.as_ref().map_or("", |name| name), topic.topic_id)
    };
    let mut taken: Vec<_> = take(&mut request.topics, by_state)
        .into_iter()
        .map(|topic| (topic.name, topic.topic_id))
        .collect();
    let by_name = take(&mut request.topic_names, |name| hit.topic(name, Uuid::nil()));
    taken.extend(by_name.into_iter().map(|name| (Some(name), Uuid::nil())));
    let is_empty = request.topics.is_empty() && request.topic_names.is_empty();
    Split::of(request, is_empty, taken, |taken| {
        let responses = taken.into_iter().map(|(name, id)| {
            let answer = DeletableTopicResult::default()
                .with_name(name)
                .with_error_code(hit.code)
                .with_error_message(None);
            if hit.version < 6 { answer } else { answer.with_topic_id(id) }
        });
        DeleteTopicsResponse::default().with_responses(responses.collect()).into()
    })
}
