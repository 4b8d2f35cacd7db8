//! A test of code that talks to Kafka: it meets the faults that are hard to come by elsewhere, in a known order.
//!
//! `cargo run -p bookend-broker --example faults`. The code under test is [`is_there`] with its retries; in a real test
//! it is a service with its Kafka client, which gets [`Broker::bootstrap`].

use std::{io, net::SocketAddr, time::Duration};

use bookend_broker::{Api, Broker, ErrorCode, Fault};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// `ApiVersions`, version 0, of a client without a name.
const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];

/// Asks the broker what it can do; whether it says so.
async fn ask(addr: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(&REQUEST).await?;
    let length = stream.read_u32().await?;
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer).await?;
    Ok(answer[4..6] == [0, 0]) // the error code, behind the correlation id
}

/// The code under test: tries until the broker is there. Returns how often.
async fn is_there(addr: SocketAddr, tries_max: usize) -> Option<usize> {
    for tries in 1..=tries_max {
        if let Ok(Ok(true)) = tokio::time::timeout(Duration::from_millis(500), ask(addr)).await {
            return Some(tries);
        }
    }
    None
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), bookend_broker::StartError> {
    let broker = Broker::builder().start().await?;

    // One after the other: each of these is to be survived.
    broker.inject(Fault::refuse_connections());
    broker.inject(Fault::cut_before().on(Api::ApiVersions));
    broker.inject(Fault::error(ErrorCode::REQUEST_TIMED_OUT).on(Api::ApiVersions).times(2));
    broker.inject(Fault::delay(Duration::from_secs(5)).on(Api::ApiVersions));
    assert_eq!(is_there(broker.addr(), 10).await, Some(6));

    // Nothing helps against a broker that always cuts; giving up is right then.
    let cut = broker.inject(Fault::cut_after().until_lifted());
    assert_eq!(is_there(broker.addr(), 3).await, None);
    assert_eq!(cut.struck(), 3);
    cut.lift();
    assert_eq!(is_there(broker.addr(), 1).await, Some(1));

    broker.stop().await;
    Ok(())
}
