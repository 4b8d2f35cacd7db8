//! Settings of topics: told, changed, and kept to.

use std::time::Duration;

use bookend_broker::Broker;
use kafka_protocol::{
    ResponseError,
    messages::{
        AlterConfigsRequest, CreateTopicsRequest, DescribeConfigsRequest, FetchRequest,
        IncrementalAlterConfigsRequest, ProduceRequest, alter_configs_request as legacy,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        create_topics_response::CreatableTopicResult,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::DescribeConfigsResourceResult,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        incremental_alter_configs_response::AlterConfigsResourceResponse,
    },
    records::{RecordBatchDecoder, TimestampType},
};

use crate::client::{Client, batch, broker, fetch, produce, text, topic_name};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

async fn create(client: &mut Client, name: &str, given: &[(&str, &str)]) -> CreatableTopicResult {
    let config = |(name, value): &(&str, &str)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    let topic = CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(1)
        .with_replication_factor(1)
        .with_configs(given.iter().map(config).collect());
    let request = CreateTopicsRequest::default().with_topics(vec![topic]);
    client.ask(7, &request).await.topics.remove(0)
}

async fn describe(
    client: &mut Client,
    kind: i8,
    name: &str,
) -> Result<Vec<DescribeConfigsResourceResult>, i16> {
    let asked = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![asked])
        .with_include_synonyms(true)
        .with_include_documentation(true);
    let result = client.ask(4, &request).await.results.remove(0);
    if result.error_code == 0 { Ok(result.configs) } else { Err(result.error_code) }
}

/// Value and source of one setting.
async fn setting(client: &mut Client, topic: &str, name: &str) -> (String, i8) {
    let configs = describe(client, TOPIC, topic).await.unwrap();
    let config = configs.iter().find(|config| &*config.name == name).unwrap();
    (config.value.as_deref().unwrap().to_owned(), config.config_source)
}

/// Changes a topic: a setting with its operation and value.
async fn alter(
    client: &mut Client,
    topic: &str,
    changes: &[(&str, i8, Option<&str>)],
    validate_only: bool,
) -> AlterConfigsResourceResponse {
    let config = |(name, operation, value): &(&str, i8, Option<&str>)| {
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(*operation)
            .with_value(value.map(text))
    };
    let resource = AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(topic))
        .with_configs(changes.iter().map(config).collect());
    let request = IncrementalAlterConfigsRequest::default()
        .with_resources(vec![resource])
        .with_validate_only(validate_only);
    client.ask(1, &request).await.responses.remove(0)
}

// Goal: settings are told with their source, changed one by one, checked without being changed, and survive a restart.
#[tokio::test]
async fn settings_are_told_and_changed() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Broker::builder().data(dir.path()).start();
    let server = start().await.unwrap();
    let mut client = Client::connect(server.addr()).await;
    let created = create(&mut client, "t", &[("retention.ms", "5000000")]).await;
    assert_eq!(created.error_code, 0);
    let told = created.configs.unwrap();
    let told = told.iter().find(|config| &*config.name == "retention.ms").unwrap();
    assert_eq!((told.value.as_deref(), told.config_source), (Some("5000000"), 1));
    assert_eq!(setting(&mut client, "t", "retention.ms").await, ("5000000".into(), 1));
    assert_eq!(setting(&mut client, "t", "segment.bytes").await, ("67108864".into(), 5));

    let changes = [("retention.ms", 1, None), ("segment.bytes", 0, Some("1000"))];
    assert_eq!(alter(&mut client, "t", &changes, true).await.error_code, 0);
    assert_eq!(setting(&mut client, "t", "retention.ms").await, ("5000000".into(), 1));
    assert_eq!(alter(&mut client, "t", &changes, false).await.error_code, 0);
    assert_eq!(setting(&mut client, "t", "retention.ms").await, ("604800000".into(), 5));
    server.stop().await;

    let server = start().await.unwrap();
    let mut client = Client::connect(server.addr()).await;
    assert_eq!(setting(&mut client, "t", "segment.bytes").await, ("1000".into(), 1));
    // The older request says all settings at once.
    let config = legacy::AlterableConfig::default()
        .with_name(text("max.message.bytes"))
        .with_value(Some(text("200")));
    let resource = legacy::AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text("t"))
        .with_configs(vec![config]);
    let request = AlterConfigsRequest::default().with_resources(vec![resource]);
    assert_eq!(client.ask(1, &request).await.responses[0].error_code, 0);
    assert_eq!(setting(&mut client, "t", "segment.bytes").await, ("67108864".into(), 5));
    assert_eq!(setting(&mut client, "t", "max.message.bytes").await, ("200".into(), 1));
    server.stop().await;
}

// Goal: what is not honored is refused, wherever it is asked for, in words that say what is.
#[tokio::test]
async fn what_is_not_honored_is_refused() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let invalid = ResponseError::InvalidConfig.code();
    let refused = create(&mut client, "t", &[("cleanup.policy", "compact")]).await;
    assert_eq!(refused.error_code, invalid);
    assert!(refused.error_message.unwrap().contains("does not compact"));
    assert_eq!(create(&mut client, "t", &[("cleanup.policy", "delete")]).await.error_code, 0);
    for (changes, expected, words) in [
        (vec![("flush.ms", 0, Some("1"))], invalid, "retention.bytes, retention.ms"),
        (vec![("retention.ms", 0, Some("x"))], invalid, "not `x`"),
        (vec![("retention.ms", 2, Some("1"))], invalid, "no list"),
        (vec![("cleanup.policy", 2, Some("compact"))], invalid, "does not compact"),
        (vec![("retention.ms", 0, None)], 42, "needs a value"),
        (vec![("retention.ms", 9, None)], 42, "no operation 9"),
        (vec![("retention.ms", 1, None), ("retention.ms", 0, Some("1"))], 42, "twice"),
    ] {
        let response = alter(&mut client, "t", &changes, false).await;
        assert_eq!(response.error_code, expected, "{changes:?}");
        let message = response.error_message.unwrap();
        assert!(message.contains(words), "{message}");
    }
    let missing = alter(&mut client, "u", &[("retention.ms", 1, None)], false).await;
    assert_eq!(missing.error_code, ResponseError::UnknownTopicOrPartition.code());
    broker.stop().await;
}

// Goal: the broker's own settings are told, with its id, and there is no other broker.
#[tokio::test]
async fn the_broker_tells_its_settings() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let configs = describe(&mut client, BROKER, "1").await.unwrap();
    for (name, value) in
        [("node.id", "1"), ("num.partitions", "1"), ("log.retention.ms", "604800000")]
    {
        let config = configs.iter().find(|config| &*config.name == name).unwrap();
        assert_eq!(config.value.as_deref(), Some(value), "{name}");
        assert!(config.read_only && config.documentation.is_some(), "{name}");
    }
    assert_eq!(describe(&mut client, BROKER, "").await.unwrap(), []);
    assert_eq!(describe(&mut client, BROKER, "2").await, Err(42));
    assert_eq!(describe(&mut client, 32, "g").await, Err(42));
    broker.stop().await;
}

// Goal: `max.message.bytes` and `message.timestamp.type` hold from the change on.
#[tokio::test]
async fn a_changed_setting_holds() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let one = batch(None, &["a"]);
    assert_eq!(client.produce("t", one.clone()).await.log_append_time_ms, -1);
    let bytes = (one.len() - 1).to_string();
    alter(&mut client, "t", &[("max.message.bytes", 0, Some(&bytes))], false).await;
    let refused = client.produce("t", one.clone()).await;
    assert_eq!(refused.error_code, ResponseError::MessageTooLarge.code());
    let changes =
        [("max.message.bytes", 1, None), ("message.timestamp.type", 0, Some("LogAppendTime"))];
    alter(&mut client, "t", &changes, false).await;
    let appended = client.produce("t", one).await;
    assert!(appended.log_append_time_ms > 1_600_000_000_000);
    let mut records = client.fetch("t", 1).await.records.unwrap();
    let sets = RecordBatchDecoder::decode_all(&mut records).unwrap();
    let record = &sets[0].records[0];
    assert_eq!(record.timestamp_type, TimestampType::LogAppend);
    assert_eq!(client.offset_at("t", appended.log_append_time_ms).await, 1);
    broker.stop().await;
}

// Goal: old records go by themselves, and who waits for them is told. Method: records of 1970, a broker that looks
// every 10 ms, and a fetch that waits at the end for what never comes; it is answered when its topic's start has moved.
#[tokio::test]
async fn retention_works_by_itself() {
    let broker =
        Broker::builder().retention_check(Duration::from_millis(10)).start().await.unwrap();
    let mut client = Client::connect(broker.addr()).await;
    create(&mut client, "t", &[("retention.ms", "-1")]).await;
    client.produce("t", batch(None, &["a", "b"])).await;
    let parked = fetch("t", 0, Duration::from_mins(1)).with_min_bytes(1_000_000);
    client.send(12, &parked).await;
    let mut admin = Client::connect(broker.addr()).await;
    alter(&mut admin, "t", &[("retention.ms", 0, Some("1000"))], false).await;
    let told = client.receive::<FetchRequest>(12, 0).await;
    let partition = &told.responses[0].partitions[0];
    assert_eq!(partition.error_code, ResponseError::OffsetOutOfRange.code());
    assert_eq!((admin.offset_at("t", -2).await, admin.offset_at("t", -1).await), (2, 2));
    broker.stop().await;
}

// KIP-467: since version 8 a refusal names the record.
#[tokio::test]
async fn a_refused_record_is_named() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let id = client.producer_id().await;
    let mut bad = batch(Some((id, 0)), &["a", "b"]).to_vec();
    bad[26] = 2; // the last offset delta
    bad[60] = 3; // the number of records
    let crc = crc32c::crc32c(&bad[21..]);
    bad[17..21].copy_from_slice(&crc.to_be_bytes());
    for (version, named) in [(7, 0), (8, 1), (11, 1)] {
        let request = produce("t", bad.clone().into());
        let mut response = client.ask::<ProduceRequest>(version, &request).await;
        let partition = response.responses.remove(0).partition_responses.remove(0);
        assert_eq!(partition.error_code, ResponseError::InvalidRecord.code(), "{version}");
        assert_eq!(partition.record_errors.len(), named, "{version}");
        if let Some(record) = partition.record_errors.first() {
            assert_eq!(record.batch_index, 2);
            assert_eq!(partition.error_message, record.batch_index_error_message);
        }
    }
    broker.stop().await;
}
