//! A broker runs on threads of its own: it answers whoever blocks, and it ends wherever it is dropped.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use bookend_broker::Broker;
use tokio::runtime;

use crate::client::{Client, DEADLINE, batch, broker, own_address};

/// Asks for `ApiVersions` as a client without async does: this thread does nothing else until the answer is there.
fn ask_blocking(addr: SocketAddr) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).unwrap();
    let mut answer = vec![0; 10];
    stream.read_exact(&mut answer).unwrap();
    answer
}

fn current_thread() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

// Goal: a client that blocks the only thread of a test is answered, by two brokers at once.
#[tokio::test(flavor = "current_thread")]
async fn a_client_that_blocks_the_only_thread_is_answered() {
    let (one, other) = (broker().await, broker().await);
    for broker in [&one, &other] {
        let answer = ask_blocking(broker.addr());
        assert_eq!(answer[4..], [0, 0, 0, 7, 0, 0], "correlation id and no error");
    }
    one.stop().await;
    ask_blocking(other.addr());
    other.stop().await;
}

// Goal: a drop in async code is no panic, and when it returns, folder and port are free.
#[tokio::test(flavor = "current_thread")]
async fn a_broker_that_is_dropped_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Broker::builder().data(dir.path()).partitions(1);
    let broker = builder.clone().listen(own_address()).start().await.unwrap();
    let addr = broker.addr();
    let mut client = Client::connect(addr).await;
    client.topic("t").await;
    assert_eq!(client.produce("t", batch(None, &["a"])).await.error_code, 0);
    drop(broker);
    assert_eq!(client.receive_raw().await, None);
    let broker = builder.listen(addr).start().await.unwrap();
    assert_eq!(Client::connect(addr).await.values("t").await, ["a"]);
    broker.stop().await;
}

// Goal: a start that is given up is no panic, and leaves nothing running.
#[tokio::test(flavor = "current_thread")]
async fn a_start_that_is_given_up_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut start = Box::pin(Broker::builder().data(dir.path()).start());
    let begun = std::future::poll_fn(|context| {
        std::task::Poll::Ready(start.as_mut().poll(context).is_pending())
    });
    assert!(begun.await);
    drop(start);
    Broker::builder().data(dir.path()).start().await.unwrap().stop().await;
}

// Goal: a broker outlives the runtime that it was started in, and stops in any other.
#[test]
fn a_broker_belongs_to_no_runtime() {
    let start = Broker::builder().listen(own_address()).start();
    let broker = current_thread().block_on(start).unwrap();
    ask_blocking(broker.addr());
    let addr = broker.addr();
    current_thread().block_on(broker.stop());
    assert!(TcpStream::connect(addr).is_err());
    // Nor does a drop need one.
    drop(current_thread().block_on(crate::client::broker()));
}
