//! Clients that send what they should not: their connection ends, and no one else notices.

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use crate::client::{Client, batch, broker};

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

// Goal: no bytes take the broker down. Method: frames of noise behind every API key, then an honest request.
#[tokio::test]
async fn noise_harms_no_one() {
    let broker = broker().await;
    let mut bystander = Client::connect(broker.addr()).await;
    bystander.topic("t").await;
    let mut runner = TestRunner::deterministic();
    let noise = (0..40_u8, 0..18_u8, prop::collection::vec(any::<u8>(), 0..64));
    for _ in 0..500 {
        let (key, version, body) = noise.new_tree(&mut runner).unwrap().current();
        let request = [&[0, key, 0, version, 0, 0, 0, 9, 0xff, 0xff], &body[..]].concat();
        let length = u32::try_from(request.len()).unwrap().to_be_bytes();
        let mut client = Client::connect(broker.addr()).await;
        client.send_raw(&[&length, &request[..]].concat()).await;
    }
    assert_eq!(bystander.produce("t", batch(None, &["a"])).await.error_code, 0);
    broker.stop().await;
}
