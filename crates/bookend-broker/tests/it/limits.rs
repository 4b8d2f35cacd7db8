//! What clients may take: too many connections, idle ones, slow writers and slow readers are cut, and nobody else notices.
//!
//! Real sockets and real time, with limits far below the usual ones. Every test waits for the connection to end.

use std::time::{Duration, Instant};

use bookend_broker::{Broker, BrokerBuilder, Limits};
use kafka_protocol::messages::MetadataRequest;

use crate::client::{Client, DEADLINE, batch, fetch};

const MIB: usize = 1024 * 1024;
const SHORT: Duration = Duration::from_millis(100);

fn builder(limits: Limits) -> BrokerBuilder {
    Broker::builder().partitions(1).limits(limits)
}

/// Whether the broker still answers a connection.
async fn is_served(client: &mut Client) -> bool {
    client.send(12, &MetadataRequest::default()).await;
    client.receive_raw().await.is_some()
}

// Goal: one connection too many is closed at once; as soon as there is room, the next one is taken.
#[tokio::test]
async fn too_many_connections_are_closed() {
    let broker = builder(Limits { connections: 2, ..Limits::default() }).start().await.unwrap();
    let mut first = Client::connect(broker.addr()).await;
    let mut second = Client::connect(broker.addr()).await;
    assert!(is_served(&mut first).await && is_served(&mut second).await);
    let mut third = Client::connect(broker.addr()).await;
    assert_eq!(third.receive_raw().await, None);
    assert!(is_served(&mut first).await);
    drop(second);
    let begin = Instant::now();
    loop {
        let mut next = Client::connect(broker.addr()).await;
        // The broker may learn of the end of the second a little later.
        if next.try_ask(12, &MetadataRequest::default()).await.is_some() {
            break;
        }
        assert!(begin.elapsed() < DEADLINE);
    }
    broker.stop().await;
}

// Goal: a connection on which nothing happens ends, not before it may; one with a parked fetch does not, however long
// that takes. Method: where the machine is slow, the limit may strike between two requests, as it should; then the
// second one is tried again on a new connection. One that was cut while parked would never get its answer.
#[tokio::test]
async fn an_idle_connection_is_closed() {
    let broker = builder(Limits { idle: SHORT, ..Limits::default() }).start().await.unwrap();
    let begin = Instant::now();
    let mut idle = Client::connect(broker.addr()).await;
    assert_eq!(idle.receive_raw().await, None);
    assert!(begin.elapsed() >= SHORT, "it was closed after {:?}", begin.elapsed());

    let begin = Instant::now();
    let parked = fetch("t", 0, 5 * SHORT);
    let (mut client, asked) = loop {
        assert!(begin.elapsed() < DEADLINE, "no parked fetch was answered");
        let mut client = Client::connect(broker.addr()).await;
        let asked = Instant::now();
        if client.try_topic("t").await.is_some() && client.try_ask(12, &parked).await.is_some() {
            break (client, asked);
        }
    };
    assert!(asked.elapsed() >= 5 * SHORT, "it was not parked");
    assert_eq!(client.receive_raw().await, None, "now it is idle");
    broker.stop().await;
}

// Goal: half a request, or half a length, does not hold a connection for ever.
#[tokio::test]
async fn a_slow_writer_is_cut() {
    let broker = builder(Limits { stalled: SHORT, ..Limits::default() }).start().await.unwrap();
    let mut bystander = Client::connect(broker.addr()).await;
    for half in [&[0, 0][..], &[0, 0, 0, 9, 0, 3], &[0, 0x40, 0, 0, 0, 3]] {
        let mut client = Client::connect(broker.addr()).await;
        client.send_raw(half).await;
        assert_eq!(client.receive_raw().await, None, "{half:?}");
    }
    assert!(is_served(&mut bystander).await);
    broker.stop().await;
}

// Goal: clients that fetch and do not read are cut, and until then hold a bounded part of the memory: others still
// fetch. Method: more slow readers than there is memory for, each asking for far more than a socket buffers; as the broker
// has not read all they ask, closing resets them. First records come from files, then, of an earlier broker, from memory.
#[tokio::test]
async fn slow_readers_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    let limits =
        Limits { stalled: Duration::from_millis(500), memory_bytes: 16 * MIB, ..Limits::default() };
    for is_first in [true, false] {
        let broker = builder(limits).data(dir.path()).start().await.unwrap();
        let mut client = Client::connect(broker.addr()).await;
        if is_first {
            client.topic("t").await;
            let value = "x".repeat(MIB - 1_000);
            for _ in 0..16 {
                assert_eq!(client.produce("t", batch(None, &[&value])).await.error_code, 0);
            }
        }
        let mut slow = Vec::new();
        for _ in 0..8 {
            slow.push(slow_reader(&broker).await);
        }
        assert_eq!(client.fetch("t", 0).await.error_code, 0);
        for mut reader in slow {
            reader.reset().await;
        }
        assert_eq!(client.fetch("t", 0).await.error_code, 0);
        broker.stop().await;
    }
}

/// One that asks for many answers, so that they fill what the sockets buffer, and reads none.
async fn slow_reader(broker: &Broker) -> Client {
    let mut reader = Client::connect(broker.addr()).await;
    let mut request = fetch("t", 0, Duration::ZERO).with_max_bytes(i32::MAX);
    request.topics[0].partitions[0].partition_max_bytes = i32::MAX;
    for _ in 0..16 {
        reader.send(12, &request).await;
    }
    reader
}

// Goal: a request beyond the limit costs its client the connection before it is read.
#[tokio::test]
async fn the_limit_of_a_request_is_kept() {
    let limits = Limits { request_bytes: 1_000, ..Limits::default() };
    let broker = builder(limits).start().await.unwrap();
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    client.send_raw(&1_001_u32.to_be_bytes()).await;
    assert_eq!(client.receive_raw().await, None);
    let mut client = Client::connect(broker.addr()).await;
    assert_eq!(client.produce("t", batch(None, &["a"])).await.error_code, 0);
    broker.stop().await;
}

// Goal: those who announce large requests and send nothing keep nobody from fetching, nor from sending. Method: as many
// as there is memory for, and one more; then a fetch of more than a connection has for itself.
#[tokio::test]
async fn announcements_keep_nobody_waiting() {
    let broker = builder(Limits::default()).start().await.unwrap();
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let mut announcing = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(broker.addr()).await;
        // More than a connection has for itself arrives of each.
        client.send_raw(&(100_u32 * 1024 * 1024).to_be_bytes()).await;
        client.send_raw(&vec![0; 70 * 1024]).await;
        announcing.push(client);
    }
    let value = "x".repeat(1024 * 1024 - 1_000);
    assert_eq!(client.produce("t", batch(None, &[&value])).await.error_code, 0);
    let mut request = fetch("t", 0, Duration::ZERO);
    request.max_bytes = 50 * 1024 * 1024;
    request.topics[0].partitions[0].partition_max_bytes = request.max_bytes;
    assert_eq!(client.ask(12, &request).await.responses[0].partitions[0].error_code, 0);
    broker.stop().await;
}
