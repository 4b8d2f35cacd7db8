//! Producing and fetching.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{FetchRequest, InitProducerIdRequest, ProduceRequest, TopicName},
};

use crate::client::{Client, DEADLINE, batch, broker, fetch, produce, values};

// Goal: the plain way, with offsets and times. Method: four records in three batches, two of them in one request.
#[tokio::test]
async fn what_is_produced_is_fetched() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    assert_eq!(client.produce("t", batch(None, &["a", "b"])).await.base_offset, 0);
    let two = [batch(None, &["c"]), batch(None, &["d"])].concat();
    let refused = client.produce("t", two.into()).await;
    assert_eq!(refused.error_code, ResponseError::InvalidRecord.code(), "one batch a request");
    assert_eq!(client.produce("t", batch(None, &["c", "d"])).await.base_offset, 2);
    let fetched = client.fetch("t", 0).await;
    assert_eq!(values(&fetched), ["a", "b", "c", "d"]);
    assert_eq!((fetched.high_watermark, fetched.last_stable_offset), (4, 4));
    assert_eq!((client.offset_at("t", -2).await, client.offset_at("t", -1).await), (0, 4));
    assert_eq!((client.offset_at("t", 1_000).await, client.offset_at("t", 1_001).await), (0, -1));
    broker.stop().await;
}

// Goal: a consumer is woken by a produce, not by its waiting time. Method: it would wait for a minute.
#[tokio::test]
async fn a_waiting_fetch_is_woken() {
    let broker = broker().await;
    let mut producer = Client::connect(broker.addr()).await;
    let mut consumer = Client::connect(broker.addr()).await;
    producer.topic("t").await;
    consumer.send(12, &fetch("t", 0, Duration::from_mins(1))).await;
    let begin = Instant::now();
    producer.produce("t", batch(None, &["a"])).await;
    let response = consumer.receive::<FetchRequest>(12, 0).await;
    assert_eq!(values(&response.responses[0].partitions[0]), ["a"]);
    assert!(begin.elapsed() < DEADLINE);
    broker.stop().await;
}

// Goal: `min_bytes`. Method: two batches wake a fetch that needs both; a third that never comes is not waited for.
#[tokio::test]
async fn a_fetch_waits_for_as_many_bytes_as_it_asks_for() {
    let broker = broker().await;
    let mut producer = Client::connect(broker.addr()).await;
    let mut consumer = Client::connect(broker.addr()).await;
    producer.topic("t").await;
    let one = batch(None, &["a"]);
    let bytes = i32::try_from(one.len()).unwrap();
    consumer.send(12, &fetch("t", 0, Duration::from_mins(1)).with_min_bytes(2 * bytes)).await;
    producer.produce("t", one.clone()).await;
    producer.produce("t", one).await;
    let response = consumer.receive::<FetchRequest>(12, 0).await;
    assert_eq!(values(&response.responses[0].partitions[0]), ["a", "a"]);
    // Not enough comes: what there is, once the time is over.
    let short = fetch("t", 0, Duration::from_millis(20)).with_min_bytes(3 * bytes);
    let response = consumer.ask(12, &short).await;
    assert_eq!(values(&response.responses[0].partitions[0]), ["a", "a"]);
    broker.stop().await;
}

// Goal: `max_bytes`, and that a batch larger than it does not stop a consumer. Method: limits around whole batches.
#[tokio::test]
async fn a_fetch_keeps_its_limit_but_gives_one_batch() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    for value in ["a", "b", "c"] {
        client.produce("t", batch(None, &[value])).await;
    }
    let bytes = i32::try_from(batch(None, &["a"]).len()).unwrap();
    for (limit, expected) in [(1, 1), (bytes, 1), (2 * bytes, 2), (3 * bytes - 1, 2)] {
        let request = fetch("t", 0, Duration::ZERO).with_max_bytes(limit);
        let response = client.ask(12, &request).await;
        assert_eq!(values(&response.responses[0].partitions[0]).len(), expected, "{limit}");
    }
    broker.stop().await;
}

// Goal: the limit is one for all partitions. Method: two topics, one batch each, and room for one batch.
#[tokio::test]
async fn the_limit_of_a_fetch_is_shared() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let mut request = fetch("t", 0, Duration::ZERO);
    for topic in ["t", "u"] {
        client.topic(topic).await;
        client.produce(topic, batch(None, &["a"])).await;
    }
    request.topics.extend(fetch("u", 0, Duration::ZERO).topics);
    let bytes = i32::try_from(batch(None, &["a"]).len()).unwrap();
    for (limit, expected) in [(1, [1, 0]), (2 * bytes - 1, [1, 0]), (2 * bytes, [1, 1])] {
        let response = client.ask(12, &request.clone().with_max_bytes(limit)).await;
        let counts = response.responses.iter().map(|topic| values(&topic.partitions[0]).len());
        assert_eq!(counts.collect::<Vec<_>>(), expected, "{limit}");
    }
    broker.stop().await;
}

// Goal: each wrong place has its own error.
#[tokio::test]
async fn offsets_that_are_not_there_are_named() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    client.produce("t", batch(None, &["a"])).await;
    for (topic, offset, expected) in [
        ("t", 1, None),
        ("t", 2, Some(ResponseError::OffsetOutOfRange)),
        ("t", -1, Some(ResponseError::OffsetOutOfRange)),
        ("u", 0, Some(ResponseError::UnknownTopicOrPartition)),
    ] {
        let code = client.fetch(topic, offset).await.error_code;
        assert_eq!(ResponseError::try_from_code(code), expected, "{topic} {offset}");
    }
    broker.stop().await;
}

// KIP-516: newer clients name a topic by its id.
#[tokio::test]
async fn a_topic_is_fetched_by_its_id() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let id = client.topic("t").await.topic_id;
    client.produce("t", batch(None, &["a"])).await;
    let mut request = fetch("t", 0, Duration::ZERO);
    request.topics[0].topic = TopicName::default();
    request.topics[0].topic_id = id;
    let response = client.ask(16, &request).await;
    assert_eq!(response.responses[0].topic_id, id);
    assert_eq!(values(&response.responses[0].partitions[0]), ["a"]);
    broker.stop().await;
}

// KIP-227: without sessions, a client that believes in one is told so, and one that asks for one gets none.
#[tokio::test]
async fn no_fetch_session_is_pretended() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let request = fetch("t", 0, Duration::ZERO).with_session_epoch(0);
    let response = client.ask(12, &request).await;
    assert_eq!((response.error_code, response.session_id), (0, 0));
    let response = client.ask(12, &request.with_session_id(7).with_session_epoch(1)).await;
    assert_eq!(response.error_code, ResponseError::FetchSessionIdNotFound.code());
    broker.stop().await;
}

// Goal: what cannot be stored is refused by its own error, and nothing of it is stored.
#[tokio::test]
async fn bad_batches_are_refused() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let mut flipped = batch(None, &["a"]).to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    for (records, expected) in [
        (flipped.into(), ResponseError::CorruptMessage),
        (Bytes::new(), ResponseError::InvalidRecord),
        (batch(None, &[&"x".repeat(1_100_000)]), ResponseError::MessageTooLarge),
    ] {
        let code = client.produce("t", records).await.error_code;
        assert_eq!(ResponseError::try_from_code(code), Some(expected));
    }
    assert!(client.values("t").await.is_empty());
    broker.stop().await;
}

// Goal: answers come in the order of the requests, and records sent without wanting an answer get none.
#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    client.send(9, &produce("t", batch(None, &["a"])).with_acks(0)).await;
    client.send(9, &produce("t", batch(None, &["b"]))).await;
    client.send(12, &fetch("t", 0, Duration::ZERO)).await;
    client.send(9, &produce("t", batch(None, &["c"]))).await;
    let first = client.receive::<ProduceRequest>(9, 2).await;
    assert_eq!(first.responses[0].partition_responses[0].base_offset, 1);
    let second = client.receive::<FetchRequest>(12, 1).await;
    assert_eq!(values(&second.responses[0].partitions[0]), ["a", "b"]);
    client.receive::<ProduceRequest>(9, 0).await;
    broker.stop().await;
}

// Goal: records sent without wanting an answer, just before leaving, are not lost.
#[tokio::test]
async fn a_client_that_leaves_at_once_is_still_heard() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let mut leaver = Client::connect(broker.addr()).await;
    for value in ["a", "b", "c"] {
        leaver.send(9, &produce("t", batch(None, &[value])).with_acks(0)).await;
    }
    drop(leaver);
    let request = fetch("t", 2, Duration::from_mins(1));
    // Offset 2 is past the end until the second record is there.
    let deadline = Instant::now() + DEADLINE;
    loop {
        let response = client.ask(12, &request).await;
        if response.responses[0].partitions[0].error_code == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "the records did not arrive");
        tokio::task::yield_now().await;
    }
    assert_eq!(client.values("t").await, ["a", "b", "c"]);
    broker.stop().await;
}

// KIP-360: a producer that says who it was gets a new id, as from Apache Kafka without transactions; half a name is none.
#[tokio::test]
async fn a_producer_that_starts_over_gets_a_new_id() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    let old = client.producer_id().await;
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    let known = request.clone().with_producer_id(old.into()).with_producer_epoch(3);
    let told = client.ask(5, &known).await;
    assert_eq!((told.error_code, told.producer_epoch), (0, 0));
    assert_ne!(*told.producer_id, old);
    let half = request.with_producer_id(old.into());
    let told = client.ask(5, &half).await;
    assert_eq!(told.error_code, ResponseError::InvalidRequest.code());
    broker.stop().await;
}

// Goal: an epoch begins at sequence 0 and ends the one before it. Method: the same producer in two epochs.
#[tokio::test]
async fn a_new_epoch_starts_over() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let id = client.producer_id().await;
    let in_epoch = |epoch: i16, first: i32| {
        let mut bytes = batch(Some((id, first)), &["a"]).to_vec();
        bytes[51..53].copy_from_slice(&epoch.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        Bytes::from(bytes)
    };
    for (epoch, first, expected) in [
        (0, 0, None),
        (1, 1, Some(ResponseError::OutOfOrderSequenceNumber)),
        (1, 0, None),
        (0, 1, Some(ResponseError::InvalidProducerEpoch)),
        (1, 1, None),
    ] {
        let code = client.produce("t", in_epoch(epoch, first)).await.error_code;
        assert_eq!(ResponseError::try_from_code(code), expected, "{epoch} {first}");
    }
    broker.stop().await;
}
