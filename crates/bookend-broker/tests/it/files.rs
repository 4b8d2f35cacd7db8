//! Large batches, which go from the files of their log to the socket.

use std::time::Duration;

use bookend_broker::Broker;
use kafka_protocol::{
    messages::{DeleteTopicsRequest, FetchRequest},
    protocol::Decodable as _,
};

use crate::client::{Client, batch, fetch, topic_name, values};

const VALUE_BYTES: usize = 1_000_000;

fn value(number: u8) -> String {
    char::from(b'a' + number).to_string().repeat(VALUE_BYTES)
}

async fn fill(client: &mut Client, values: u8) {
    client.topic("t").await;
    for number in 0..values {
        assert_eq!(client.produce("t", batch(None, &[&value(number)])).await.error_code, 0);
    }
}

/// A fetch of all in one answer.
fn all(values: u8) -> FetchRequest {
    let bytes = i32::MAX;
    let mut request = fetch("t", 0, Duration::from_mins(1)).with_max_bytes(bytes);
    request.topics[0].partitions[0].partition_max_bytes = bytes;
    let batch_bytes = batch(None, &[&value(0)]).len();
    request.with_min_bytes(i32::from(values) * i32::try_from(batch_bytes).unwrap())
}

// Goal: who reads slowly gets the whole answer, byte for byte, also if its files are deleted meanwhile. Method: an answer
// of more than the sockets buffer; once it has begun, the topic is deleted.
#[tokio::test]
async fn an_answer_outlives_its_files() {
    const VALUES: u8 = 20;
    let broker = Broker::builder().partitions(1).start().await.unwrap();
    let mut client = Client::connect(broker.addr()).await;
    fill(&mut client, VALUES).await;
    let mut reader = Client::connect(broker.addr()).await;
    reader.send(12, &all(VALUES)).await;
    reader.readable().await;
    let delete = DeleteTopicsRequest::default().with_topic_names(vec![topic_name("t")]);
    assert_eq!(client.ask(5, &delete).await.responses[0].error_code, 0);
    let response = reader.receive::<FetchRequest>(12, 0).await;
    let read = values(&response.responses[0].partitions[0]);
    assert!(read == (0..VALUES).map(value).collect::<Vec<_>>());
    broker.stop().await;
}

// Goal: what comes from files and what a later process reads is the same, to the last byte. Method: a restart.
#[tokio::test]
async fn a_restart_changes_no_byte() {
    let dir = tempfile::tempdir().unwrap();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let broker = Broker::builder().partitions(1).data(dir.path()).start().await.unwrap();
        let mut client = Client::connect(broker.addr()).await;
        if answers.is_empty() {
            fill(&mut client, 4).await;
        }
        client.send(12, &all(4)).await;
        let mut answer = client.receive_raw().await.unwrap().slice(4..); // without its number
        answers.push(answer.clone());
        answer = answer.slice(1..);
        let response = kafka_protocol::messages::FetchResponse::decode(&mut answer, 12).unwrap();
        assert_eq!(values(&response.responses[0].partitions[0]).len(), 4);
        broker.stop().await;
    }
    assert!(answers[0] == answers[1]);
}
