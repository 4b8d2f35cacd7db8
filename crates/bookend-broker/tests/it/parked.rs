//! Fetches that wait: who is woken, and by what.

use std::time::{Duration, Instant};

use kafka_protocol::messages::{FetchRequest, ProduceRequest};

use crate::client::{Client, DEADLINE, batch, broker, fetch, produce, values};

// Goal: any number of consumers may wait for one partition. Method: a thousand, and one record.
#[tokio::test]
async fn a_thousand_are_woken_by_one_record() {
    let broker = broker().await;
    let mut producer = Client::connect(broker.addr()).await;
    producer.topic("t").await;
    let mut parked = Vec::new();
    for _ in 0..1_000 {
        let mut client = Client::connect(broker.addr()).await;
        client.send(12, &fetch("t", 0, Duration::from_mins(1))).await;
        parked.push(client);
    }
    producer.produce("t", batch(None, &["a"])).await;
    for client in &mut parked {
        let response = client.receive::<FetchRequest>(12, 0).await;
        assert_eq!(values(&response.responses[0].partitions[0]), ["a"]);
    }
    broker.stop().await;
}

// Goal: bytes are counted over all partitions of a fetch, and an answer comes with the produce that makes them enough.
// Method: two topics, and as many records as it takes, one by one.
#[tokio::test]
async fn bytes_add_up_over_partitions() {
    let broker = broker().await;
    let mut producer = Client::connect(broker.addr()).await;
    let mut consumer = Client::connect(broker.addr()).await;
    let mut request = fetch("t", 0, Duration::from_mins(1));
    request.topics.extend(fetch("u", 0, Duration::ZERO).topics);
    for topic in ["t", "u"] {
        producer.topic(topic).await;
    }
    let one = batch(None, &["a"]);
    let bytes = i32::try_from(one.len()).unwrap();
    consumer.send(12, &request.with_min_bytes(10 * bytes)).await;
    let begin = Instant::now();
    for _ in 0..5 {
        for topic in ["t", "u"] {
            producer.produce(topic, one.clone()).await;
        }
    }
    let response = consumer.receive::<FetchRequest>(12, 0).await;
    let counts = response.responses.iter().map(|topic| values(&topic.partitions[0]).len());
    assert_eq!(counts.collect::<Vec<_>>(), [5, 5]);
    assert!(begin.elapsed() < DEADLINE);
    broker.stop().await;
}

// Goal: `min_bytes` above `max_bytes` cannot be met, so the smaller one counts, as in Apache Kafka.
#[tokio::test]
async fn more_than_fits_is_not_waited_for() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let one = batch(None, &["a"]);
    let bytes = i32::try_from(one.len()).unwrap();
    client.produce("t", one).await;
    let request =
        fetch("t", 0, Duration::from_mins(1)).with_min_bytes(99_999).with_max_bytes(bytes);
    let response = client.ask(12, &request).await;
    assert_eq!(values(&response.responses[0].partitions[0]), ["a"]);
    broker.stop().await;
}

// Goal: no record slips between looking and parking. Method: a consumer and a producer race each other, record by
// record; one lost wakeup would wait out its minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wakeup_is_lost() {
    let broker = broker().await;
    let mut producer = Client::connect(broker.addr()).await;
    producer.topic("t").await;
    let mut consumer = Client::connect(broker.addr()).await;
    let records = 500;
    let consuming = tokio::spawn(async move {
        let mut next = 0;
        while next < records {
            let response = consumer.ask(12, &fetch("t", next, Duration::from_mins(1))).await;
            next = response.responses[0].partitions[0].high_watermark;
        }
    });
    for _ in 0..records {
        producer.send(9, &produce("t", batch(None, &["a"]))).await;
        producer.receive::<ProduceRequest>(9, 0).await;
    }
    tokio::time::timeout(DEADLINE, consuming).await.unwrap().unwrap();
    broker.stop().await;
}
