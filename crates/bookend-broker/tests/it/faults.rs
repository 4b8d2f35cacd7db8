//! Faults made to order, and what a client can make of them.

#[path = "../../examples/faults.rs"]
mod example;

use std::time::{Duration, Instant};

use bookend_broker::{Api, Broker, ErrorCode, Fault};
use kafka_protocol::{
    ResponseError,
    messages::{CreateTopicsRequest, create_topics_request::CreatableTopic},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::client::{Client, batch, broker, fetch, produce, topic_name};

/// Produces with the connection cut after the append, then once more as a client does that got no answer; returns
/// what stands in the log.
async fn cut_and_retry(idempotent: bool) -> Vec<String> {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let id = client.producer_id().await;
    let stamp = |first| idempotent.then_some((id, first));
    client.produce("t", batch(stamp(0), &["a"])).await;
    broker.inject(Fault::cut_after().on(Api::Produce));
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

// Goal: an error may come after the effect, so that a retry meets what it has stored already.
#[tokio::test]
async fn an_error_after_the_append_is_no_loss() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    let id = client.producer_id().await;
    let code = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    broker.inject(Fault::error_after(code).on(Api::Produce).partition("t", 0));
    let told = client.produce("t", batch(Some((id, 0)), &["a"])).await;
    assert_eq!(ErrorCode(told.error_code), code);
    assert_eq!(client.values("t").await, ["a"]);
    let again = client.produce("t", batch(Some((id, 0)), &["a"])).await;
    assert_eq!((again.error_code, again.base_offset), (0, 0));
    assert_eq!(client.values("t").await, ["a"]);
    // Whoever asks for no answer loses the connection, and what was sent is stored all the same.
    broker.inject(Fault::error_after(code).on(Api::Produce));
    client.send(9, &produce("t", batch(None, &["b"])).with_acks(0)).await;
    assert_eq!(client.receive_raw().await, None);
    assert_eq!(Client::connect(broker.addr()).await.values("t").await, ["a", "b"]);
    broker.stop().await;
}

// Goal: connections are cut at once, whatever they wait for, and new ones are taken.
#[tokio::test]
async fn standing_connections_are_cut() {
    let broker = broker().await;
    let mut idle = Client::connect(broker.addr()).await;
    idle.topic("t").await;
    let mut parked = Client::connect(broker.addr()).await;
    parked.topic("t").await;
    parked.send(12, &fetch("t", 0, Duration::from_mins(1))).await;
    broker.cut_connections();
    assert_eq!(idle.receive_raw().await, None);
    assert_eq!(parked.receive_raw().await, None);
    let mut client = Client::connect(broker.addr()).await;
    assert_eq!(client.produce("t", batch(None, &["a"])).await.error_code, 0);
    broker.stop().await;
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
    for fault in
        [Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS), Fault::delay(delay), Fault::cut_before()]
    {
        broker.inject(fault.on(Api::Produce));
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

// Goal: records sent without asking for an answer are lost with their connection, not in silence.
#[tokio::test]
async fn an_unacknowledged_request_that_is_refused_loses_its_connection() {
    let broker = broker().await;
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    broker.inject(Fault::error(ErrorCode::NOT_LEADER_OR_FOLLOWER).on(Api::Produce));
    client.send(9, &produce("t", batch(None, &["lost"])).with_acks(0)).await;
    assert_eq!(client.receive_raw().await, None);
    let mut client = Client::connect(broker.addr()).await;
    assert!(client.values("t").await.is_empty());
    broker.stop().await;
}

// Goal: connections are refused as long as it was said, and those that stand go on.
#[tokio::test]
async fn new_connections_are_refused_until_the_faults_are_lifted() {
    let broker = broker().await;
    let mut standing = Client::connect(broker.addr()).await;
    standing.topic("t").await;
    let refused = broker.inject(Fault::refuse_connections().until_lifted());
    for _ in 0..3 {
        let mut stream = TcpStream::connect(broker.addr()).await.unwrap();
        // The end of the stream, or a reset: closed either way.
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    }
    assert_eq!(refused.struck(), 3);
    assert_eq!(standing.produce("t", batch(None, &["a"])).await.error_code, 0);
    broker.lift_faults();
    let mut client = Client::connect(broker.addr()).await;
    assert_eq!(client.values("t").await, ["a"]);
    broker.stop().await;
}

// Goal: whoever injects a fault can wait for it instead of sleeping.
#[tokio::test]
async fn a_strike_can_be_waited_for() {
    let broker = broker().await;
    let fault =
        broker.inject(Fault::delay(Duration::from_millis(1)).on(Api::Metadata).skip(1).times(2));
    let asking = async {
        let mut client = Client::connect(broker.addr()).await;
        for _ in 0..3 {
            client.topic("t").await;
        }
    };
    tokio::join!(asking, fault.has_struck(2));
    assert_eq!(fault.struck(), 2);
    broker.stop().await;
}

// Goal: a broker that was told to creates no topic because someone asks for it, only when an admin orders it.
#[tokio::test]
async fn topics_are_created_on_first_use_only_where_that_is_allowed() {
    let broker = Broker::builder().auto_create(false).start().await.unwrap();
    let mut client = Client::connect(broker.addr()).await;
    let unknown = ResponseError::UnknownTopicOrPartition.code();
    assert_eq!(client.topic("t").await.error_code, unknown);
    let topic = CreatableTopic::default()
        .with_name(topic_name("t"))
        .with_num_partitions(1)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(1_000);
    assert_eq!(client.ask(7, &request).await.topics[0].error_code, 0);
    assert_eq!(client.topic("t").await.error_code, 0);
    broker.stop().await;
}

// Goal: the example holds what it says.
#[test]
fn the_example_runs() {
    example::main().unwrap();
}
