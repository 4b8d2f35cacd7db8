//! Topics come and go.

use std::time::Duration;

use kafka_protocol::{
    ResponseError,
    messages::{
        DeleteTopicsRequest, FetchRequest, MetadataRequest, OffsetCommitRequest,
        OffsetFetchRequest,
        metadata_request::MetadataRequestTopic,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch_request::OffsetFetchRequestTopic,
    },
};

use crate::client::{Client, batch, broker, fetch, text, topic_name};

async fn commit(client: &mut Client, topic: &str, offset: i64) -> i16 {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    client.ask(8, &request).await.topics[0].partitions[0].error_code
}

async fn committed(client: &mut Client, topic: &str) -> i64 {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(topic_name(topic))
        .with_partition_indexes(vec![0]);
    let request = OffsetFetchRequest::default()
        .with_group_id(text("g").into())
        .with_topics(Some(vec![topic]));
    client.ask(7, &request).await.topics[0].partitions[0].committed_offset
}

async fn delete(client: &mut Client, topic: &str) -> i16 {
    let request = DeleteTopicsRequest::default().with_topic_names(vec![topic_name(topic)]);
    client.ask(5, &request).await.responses[0].error_code
}

// Goal: nothing of a deleted topic is ever taken for its successor of the same name.
#[tokio::test]
async fn a_topic_created_again_is_another_one() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let first = client.topic("t").await;
    client.produce("t", batch(None, &["a", "b"])).await;
    assert_eq!(commit(&mut client, "t", 2).await, 0);
    assert_eq!(committed(&mut client, "t").await, 2);

    let mut waiting = Client::connect(broker.addr()).await;
    waiting.send(12, &fetch("t", 2, Duration::from_mins(1))).await;
    assert_eq!(delete(&mut client, "t").await, 0);
    let woken = waiting.receive::<FetchRequest>(12, 0).await;
    let code = woken.responses[0].partitions[0].error_code;
    assert_eq!(code, ResponseError::UnknownTopicOrPartition.code());
    assert_eq!(delete(&mut client, "t").await, ResponseError::UnknownTopicOrPartition.code());
    assert_eq!(commit(&mut client, "t", 2).await, ResponseError::UnknownTopicOrPartition.code());

    let second = client.topic("t").await;
    assert_ne!(first.topic_id, second.topic_id);
    assert_eq!(client.offset_at("t", -1).await, 0);
    assert_eq!(committed(&mut client, "t").await, -1);
    assert_eq!(client.produce("t", batch(None, &["c"])).await.base_offset, 0);
    broker.stop().await;
}

// Goal: auto-creation follows the client's word, and metadata names this broker as the client reached it.
#[tokio::test]
async fn a_topic_is_only_created_when_the_client_allows_it() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let asked = MetadataRequestTopic::default().with_name(Some(topic_name("t")));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![asked]))
        .with_allow_auto_topic_creation(false);
    let code = client.ask(12, &request).await.topics[0].error_code;
    assert_eq!(code, ResponseError::UnknownTopicOrPartition.code());
    let created = client.topic("t").await;
    assert_eq!((created.error_code, created.partitions.len()), (0, 1));
    let asked = MetadataRequestTopic::default().with_name(Some(topic_name("t")));
    let often = MetadataRequest::default().with_topics(Some(vec![asked; 1_000]));
    assert_eq!(client.ask(12, &often).await.topics.len(), 1, "named often, described once");
    let all = MetadataRequest::default().with_topics(None);
    let response = client.ask(12, &all).await;
    assert_eq!(response.topics.len(), 1);
    assert_eq!(response.cluster_id.as_deref(), Some(broker.cluster_id()));
    let node = &response.brokers[0];
    assert_eq!(format!("{}:{}", node.host, node.port), broker.bootstrap());
    broker.stop().await;
}
