//! Faults made to order, and what a client can make of them.

use std::time::{Duration, Instant};

use bookend_broker::Fault;
use kafka_protocol::ResponseError;

use crate::client::{Client, batch, broker, produce};

/// Produces with the connection cut after the append, then once more as a client does that got no answer; returns
/// what stands in the log.
async fn cut_and_retry(idempotent: bool) -> Vec<String> {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let id = client.producer_id().await;
    let stamp = |first| idempotent.then_some((id, first));
    client.produce("t", batch(stamp(0), &["a"])).await;
    broker.inject(Fault::CutAfterAppend);
    client.send(9, &produce("t", batch(stamp(1), &["b", "c"]))).await;
    assert_eq!(client.receive_raw().await, None);
    let mut client = Client::connect(broker.addr()).await;
    let again = client.produce("t", batch(stamp(1), &["b", "c"])).await;
    assert_eq!(again.error_code, 0);
    if idempotent {
        assert_eq!(again.base_offset, 1, "the offset it got the first time");
    }
    let next = client.produce("t", batch(stamp(3), &["d"])).await;
    assert_eq!(next.error_code, 0);
    let values = client.values("t").await;
    broker.stop().await;
    values
}

// Goal: with the answer lost after the append, a retry of the same sequence doubles nothing.
#[tokio::test]
async fn a_repeated_batch_is_stored_once() {
    assert_eq!(cut_and_retry(true).await, ["a", "b", "c", "d"]);
}

// The control: without the protection, the same fault does double the records.
#[tokio::test]
async fn without_idempotence_it_is_stored_twice() {
    assert_eq!(cut_and_retry(false).await, ["a", "b", "c", "b", "c", "d"]);
}

// Goal: a lost batch is noticed. Method: sequence 0, then 2.
#[tokio::test]
async fn a_gap_is_refused() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let id = client.producer_id().await;
    client.produce("t", batch(Some((id, 0)), &["a"])).await;
    let gap = client.produce("t", batch(Some((id, 2)), &["c"])).await;
    assert_eq!(gap.error_code, ResponseError::OutOfOrderSequenceNumber.code());
    assert_eq!(client.values("t").await, ["a"]);
    broker.stop().await;
}

// Goal: faults come in the order of injection, one per request, and then no more.
#[tokio::test]
async fn each_fault_hits_one_request() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let delay = Duration::from_millis(50);
    for fault in [
        Fault::Refuse(ResponseError::NotEnoughReplicas.code()),
        Fault::Delay(delay),
        Fault::CutBeforeAppend,
    ] {
        broker.inject(fault);
    }
    let refused = client.produce("t", batch(None, &["refused"])).await;
    assert_eq!(refused.error_code, ResponseError::NotEnoughReplicas.code());
    let begin = Instant::now();
    assert_eq!(client.produce("t", batch(None, &["late"])).await.error_code, 0);
    assert!(begin.elapsed() >= delay);
    client.send(9, &produce("t", batch(None, &["lost"]))).await;
    assert_eq!(client.receive_raw().await, None);
    let mut client = Client::connect(broker.addr()).await;
    assert_eq!(client.produce("t", batch(None, &["well"])).await.error_code, 0);
    assert_eq!(client.values("t").await, ["late", "well"]);
    broker.stop().await;
}
