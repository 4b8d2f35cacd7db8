//! Partitions are added, records deleted, and the cluster described.

use std::time::Duration;

use kafka_protocol::{
    ResponseError,
    messages::{
        CreatePartitionsRequest, DeleteRecordsRequest, DescribeClusterRequest,
        DescribeTopicPartitionsRequest, FetchRequest, ListOffsetsRequest,
        OffsetForLeaderEpochRequest,
        create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic},
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
        describe_topic_partitions_request::{Cursor, TopicRequest},
        describe_topic_partitions_response::DescribeTopicPartitionsResponse,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    },
};

use crate::client::{Client, batch, broker, fetch, text, topic_name};

fn to(count: i32) -> CreatePartitionsTopic {
    CreatePartitionsTopic::default()
        .with_name(topic_name("t"))
        .with_count(count)
        .with_assignments(None)
}

async fn grow(client: &mut Client, topics: Vec<CreatePartitionsTopic>, validate_only: bool) -> i16 {
    let request =
        CreatePartitionsRequest::default().with_topics(topics).with_validate_only(validate_only);
    client.ask(3, &request).await.results[0].error_code
}

// KIP-195: a topic grows at once and keeps its records; each wrong wish has its own error.
#[tokio::test]
async fn a_topic_grows() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    client.produce("t", batch(None, &["a"])).await;
    let assigned = |brokers: &[i32]| {
        let brokers = brokers.iter().map(|id| (*id).into()).collect();
        to(2).with_assignments(Some(vec![
            CreatePartitionsAssignment::default().with_broker_ids(brokers),
        ]))
    };
    for (topics, expected) in [
        (vec![to(1)], ResponseError::InvalidPartitions),
        (vec![to(-5)], ResponseError::InvalidPartitions),
        (vec![to(20_000)], ResponseError::PolicyViolation),
        (vec![to(2), to(3)], ResponseError::InvalidRequest),
        (vec![to(2).with_name(topic_name("u"))], ResponseError::UnknownTopicOrPartition),
        (vec![to(2).with_assignments(Some(vec![]))], ResponseError::InvalidReplicaAssignment),
        (vec![assigned(&[2])], ResponseError::InvalidReplicaAssignment),
    ] {
        let code = grow(&mut client, topics.clone(), false).await;
        assert_eq!(ResponseError::try_from_code(code), Some(expected), "{topics:?}");
    }
    assert_eq!(grow(&mut client, vec![to(3)], true).await, 0);
    assert_eq!(client.topic("t").await.partitions.len(), 1);
    assert_eq!(grow(&mut client, vec![assigned(&[1])], false).await, 0);
    assert_eq!(client.topic("t").await.partitions.len(), 2);
    assert_eq!(client.values("t").await, ["a"]);
    let mut request = fetch("t", 0, Duration::ZERO);
    request.topics[0].partitions[0].partition = 1;
    let response = client.ask::<FetchRequest>(12, &request).await;
    assert_eq!(response.responses[0].partitions[0].error_code, 0);
    broker.stop().await;
}

async fn delete_before(client: &mut Client, offset: i64) -> (i16, i64) {
    let partition = DeleteRecordsPartition::default().with_offset(offset);
    let topic =
        DeleteRecordsTopic::default().with_name(topic_name("t")).with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]);
    let response = client.ask(2, &request).await;
    let partition = &response.topics[0].partitions[0];
    (partition.error_code, partition.low_watermark)
}

// KIP-107: records before an offset are gone for everyone; -1 means all there are.
#[tokio::test]
async fn records_are_deleted() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    client.produce("t", batch(None, &["a", "b", "c"])).await;
    assert_eq!(delete_before(&mut client, 4).await, (1, -1));
    assert_eq!(delete_before(&mut client, 2).await, (0, 2));
    assert_eq!(delete_before(&mut client, 1).await, (0, 2));
    assert_eq!(client.offset_at("t", -2).await, 2);
    let fetched = client.fetch("t", 1).await;
    assert_eq!(fetched.error_code, ResponseError::OffsetOutOfRange.code());
    assert_eq!(fetched.log_start_offset, 2);
    assert_eq!(client.fetch("t", 2).await.error_code, 0);
    assert_eq!(delete_before(&mut client, -1).await, (0, 3));
    assert_eq!(client.produce("t", batch(None, &["d"])).await.base_offset, 3);
    broker.stop().await;
}

// KIP-320: the one epoch ends where the log does; one that never was is undefined.
#[tokio::test]
async fn the_epoch_ends_with_the_log() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    client.produce("t", batch(None, &["a", "b"])).await;
    for (current, asked, expected) in [
        (0, 0, (0, 0, 2)),
        (-1, 0, (0, 0, 2)),
        (0, 1, (0, -1, -1)),
        (1, 0, (ResponseError::UnknownLeaderEpoch.code(), -1, -1)),
    ] {
        let partition = OffsetForLeaderPartition::default()
            .with_current_leader_epoch(current)
            .with_leader_epoch(asked);
        let topic = OffsetForLeaderTopic::default()
            .with_topic(topic_name("t"))
            .with_partitions(vec![partition]);
        let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
        let response = client.ask(4, &request).await;
        let end = &response.topics[0].partitions[0];
        assert_eq!((end.error_code, end.leader_epoch, end.end_offset), expected);
    }
    broker.stop().await;
}

// KIP-734, KIP-405, KIP-1005: times that are no times, from the version on that has them.
#[tokio::test]
async fn special_times_are_answered_by_their_versions() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    client.produce("t", batch(None, &["a", "b"])).await;
    let unsupported = ResponseError::UnsupportedVersion.code();
    for (version, time, expected) in [
        (1, -1, (0, 2)),
        (1, -2, (0, 0)),
        (6, -3, (unsupported, -1)),
        (7, -3, (0, 0)),
        (7, -4, (unsupported, -1)),
        (8, -4, (0, 0)),
        (8, -5, (unsupported, -1)),
        (9, -5, (0, -1)),
        (10, -5, (0, -1)),
        (10, -6, (unsupported, -1)),
        (10, 1_000, (0, 0)),
    ] {
        let partition = ListOffsetsPartition::default().with_timestamp(time);
        let topic =
            ListOffsetsTopic::default().with_name(topic_name("t")).with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default().with_topics(vec![topic]);
        let response = client.ask(version, &request).await;
        let listed = &response.topics[0].partitions[0];
        assert_eq!((listed.error_code, listed.offset), expected, "{version}: {time}");
    }
    broker.stop().await;
}

fn pages(response: &DescribeTopicPartitionsResponse) -> Vec<(String, Vec<i32>)> {
    let topics = response.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| partition.partition_index);
        (topic.name.as_ref().unwrap().to_string(), partitions.collect())
    });
    topics.collect()
}

// KIP-966: a list of topics is read page by page. Method: topics of 3, 1 and 2 partitions, pages of two.
#[tokio::test]
async fn topics_are_described_page_by_page() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    for (name, count) in [("a", 3), ("b", 1), ("c", 2)] {
        client.topic(name).await;
        if count > 1 {
            let request = to(count).with_name(topic_name(name));
            assert_eq!(grow(&mut client, vec![request], false).await, 0);
        }
    }
    let mut request = DescribeTopicPartitionsRequest::default()
        .with_response_partition_limit(2)
        .with_cursor(None);
    let mut seen = Vec::new();
    loop {
        let response = client.ask(0, &request).await;
        seen.push(pages(&response));
        let Some(next) = response.next_cursor else { break };
        let cursor = Cursor::default()
            .with_topic_name(next.topic_name)
            .with_partition_index(next.partition_index);
        request.cursor = Some(cursor);
    }
    let page = |parts: &[(&str, &[i32])]| {
        parts.iter().map(|(name, ids)| ((*name).to_owned(), ids.to_vec())).collect::<Vec<_>>()
    };
    let expected =
        [page(&[("a", &[0, 1])]), page(&[("a", &[2]), ("b", &[0])]), page(&[("c", &[0, 1])])];
    assert_eq!(seen, expected);

    let named =
        ["c", "none", "..", "b", "c"].map(|n| TopicRequest::default().with_name(topic_name(n)));
    let request = DescribeTopicPartitionsRequest::default()
        .with_topics(named.to_vec())
        .with_response_partition_limit(100)
        .with_cursor(None);
    let response = client.ask(0, &request).await;
    let told: Vec<_> = response
        .topics
        .iter()
        .map(|topic| (topic.name.as_ref().unwrap().to_string(), topic.error_code))
        .collect();
    let expected = [("..", 17), ("b", 0), ("c", 0), ("none", 3)].map(|(n, e)| (n.to_owned(), e));
    assert_eq!(told, expected);
    broker.stop().await;
}

// KIP-919: this is an endpoint for clients.
#[tokio::test]
async fn the_cluster_is_one_broker() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let request = DescribeClusterRequest::default();
    let told = client.ask(2, &request).await;
    assert_eq!((&*told.cluster_id, *told.controller_id), (broker.cluster_id(), 1));
    let node = &told.brokers[0];
    assert_eq!(format!("{}:{}", node.host, node.port), broker.bootstrap());
    for (kind, expected) in [(2, 114), (7, 115)] {
        let refused = client.ask(1, &request.clone().with_endpoint_type(kind)).await;
        assert_eq!(refused.error_code, expected);
        assert_ne!(refused.error_message, Some(text("")));
    }
    broker.stop().await;
}
