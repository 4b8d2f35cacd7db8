//! Clients that send what they should not: their connection ends, and no one else notices.

use bookend_broker::{Broker, Limits};
use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use crate::client::{Client, batch, broker, produce, text};

// Goal: a lie closes its own connection and no other. Method: lengths of arrays, strings and frames beyond what is there.
#[tokio::test]
async fn lengths_that_lie_close_the_connection() {
    let broker = broker().await;
    let mut bystander = Client::connect(broker.addr()).await;
    bystander.topic("t").await;
    let metadata = |body: &[u8]| {
        let request = [&[0, 3, 0, 1, 0, 0, 0, 9, 0xff, 0xff], body].concat();
        [&u32::try_from(request.len()).unwrap().to_be_bytes(), &request[..]].concat()
    };
    for bytes in [
        metadata(&[0x7f, 0xff, 0xff, 0xff]),
        metadata(&[0, 0, 0, 1, 0x7f, 0xff]),
        metadata(&[]),
        vec![0x7f, 0xff, 0xff, 0xff, 0, 3],
        vec![0xff, 0xff, 0xff, 0xff, 0, 3],
        vec![0, 0, 0, 0],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let mut client = Client::connect(broker.addr()).await;
        client.send_raw(&bytes).await;
        assert_eq!(client.receive_raw().await, None, "{bytes:?}");
    }
    assert_eq!(bystander.produce("t", batch(None, &["a"])).await.error_code, 0);
    broker.stop().await;
}

/// A frame around a request of this API and version, with a header that any version can read the start of.
fn request(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let (key, version) = (key.to_be_bytes(), version.to_be_bytes());
    let request = [&key, &version, &[0, 0, 0, 9][..], &[0xff, 0xff], body].concat();
    [&u32::try_from(request.len()).unwrap().to_be_bytes(), &request[..]].concat()
}

/// All that the broker says it can do: keys with their newest versions.
async fn advertised(client: &mut Client) -> Vec<(i16, i16)> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(text("test"))
        .with_client_software_version(text("1"));
    let keys = client.ask(3, &request).await.api_keys;
    keys.into_iter().map(|api| (api.api_key, api.max_version)).collect()
}

// Goal: no bytes take the broker down, whatever they claim to be. Method: bodies of noise for every API that is
// advertised in every version, and for some that are not; on one connection for as long as it lasts.
#[tokio::test]
async fn noise_harms_no_one() {
    let broker = broker().await;
    let mut bystander = Client::connect(broker.addr()).await;
    bystander.topic("t").await;
    let apis = advertised(&mut bystander).await;
    let unknown = (0..100).map(|key| (key, 0));
    let mut runner = TestRunner::deterministic();
    let noise = prop::collection::vec(prop_oneof![0..3_u8, any::<u8>()], 0..300);
    for (key, newest) in apis.into_iter().chain(unknown) {
        for version in -1..=newest + 1 {
            let body = noise.new_tree(&mut runner).unwrap().current();
            let mut client = Client::connect(broker.addr()).await;
            client.send_raw(&request(key, version, &body)).await;
        }
    }
    assert_eq!(bystander.produce("t", batch(None, &["a"])).await.error_code, 0);
    broker.stop().await;
}

// Goal: a client that goes away in the middle of a request leaves nothing behind. Method: an honest request, cut at
// every byte; each on its own connection.
#[tokio::test]
async fn a_request_may_end_anywhere() {
    let broker = broker().await;
    let mut bystander = Client::connect(broker.addr()).await;
    bystander.topic("t").await;
    let whole = bystander.frame(9, &produce("t", batch(None, &["a"])));
    for length in 0..whole.len() {
        let mut client = Client::connect(broker.addr()).await;
        client.send_raw(&whole[..length]).await;
    }
    assert!(bystander.values("t").await.is_empty(), "half a request has no effect");
    broker.stop().await;
}

// Goal: connections that come and go cost nothing that stays. Method: ten times as many, one after the other, as may
// stand at a time.
#[tokio::test]
async fn a_thousand_connections_come_and_go() {
    let limits = Limits { connections: 100, ..Limits::default() };
    let broker = Broker::builder().partitions(1).limits(limits).start().await.unwrap();
    let mut bystander = Client::connect(broker.addr()).await;
    bystander.topic("t").await;
    for n in 0..1_000 {
        let mut client = Client::connect(broker.addr()).await;
        if n % 2 == 0 {
            // Some go while they are answered. Their predecessors may still be counted, so any may be turned away.
            client.try_send(12, &MetadataRequest::default()).await;
        }
    }
    assert_eq!(bystander.produce("t", batch(None, &["a"])).await.error_code, 0);
    broker.stop().await;
}

/// The most memory that a process has had, in MiB.
#[cfg(target_os = "linux")]
fn peak_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

// Goal: memory follows what arrives and what is allowed, not what is announced. Method: a broker in a process of its
// own; clients that announce the largest request, or very many elements, and then stop.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_does_not_follow_announcements() {
    let dir = tempfile::tempdir().unwrap();
    let (mut process, addr) = crate::crash::spawn(dir.path());
    let mut bystander = Client::connect(addr).await;
    bystander.topic("t").await;
    let before = peak_mib(process.id());
    let mut clients = Vec::new();
    for n in 0..200_u32 {
        let mut client = Client::connect(addr).await;
        let announced = [100 * 1024 * 1024, 60_000, i32::MAX.cast_unsigned()][n as usize % 3];
        client.send_raw(&announced.to_be_bytes()).await;
        // The last kind is closed at once, so this may fail.
        client.try_send_raw(&vec![0; 50_000]).await;
        clients.push(client);
    }
    // As many topics as a request may name, in far more bytes than it has.
    let many = [&100_000_u32.to_be_bytes()[..], &vec![0; 200_000]].concat();
    for _ in 0..20 {
        let mut client = Client::connect(addr).await;
        client.send_raw(&request(3, 1, &many)).await;
        clients.push(client);
    }
    assert_eq!(bystander.produce("t", batch(None, &["a"])).await.error_code, 0);
    let grown = peak_mib(process.id()) - before;
    assert!(grown < 400, "the broker grew by {grown} MiB");
    process.kill().unwrap();
    process.wait().unwrap();
}
