//! A conversation with a broker that has no socket: any requests in any order, and every answer can be decoded.
//!
//! The bytes are requests: API, version, length, body. Time is paused, so nobody waits for what does not come.
#![no_main]

use std::time::Duration;

use bookend_broker::fuzzing::{self, Peer};
use bookend_fuzz::{folder, sow, take, within};
use bytes::Bytes;
use kafka_protocol::{
    messages::{ApiKey, ResponseHeader, ResponseKind},
    protocol::Decodable as _,
};
use libfuzzer_sys::fuzz_target;

/// What the broker itself may take: most of all the partitions that a few bytes can ask for.
const SLACK: usize = 64 * 1024 * 1024;
/// The longest answer to next to nothing: all of those partitions.
const ANSWER_BYTES: usize = 1024 * 1024;
/// How many bytes of an answer one byte of all that was asked may lead to.
const ANSWER_BYTES_EACH: usize = 512;
const REQUESTS_MAX: usize = 24;

fuzz_target!(init: sow("conversation"), |data: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("it needs nothing but memory");
    let folder = folder();
    within(SLACK, || runtime.block_on(async { converse(Peer::new(folder.path()), data).await }));
});

async fn converse(peer: Peer, mut data: &[u8]) {
    let answer_bytes_max = ANSWER_BYTES + ANSWER_BYTES_EACH * data.len();
    for _ in 0..REQUESTS_MAX {
        if data.is_empty() {
            return;
        }
        let [api, version, high, low] = take(&mut data);
        let length = usize::from(u16::from_be_bytes([high, low])).min(data.len());
        let (body, rest) = data.split_at(length);
        data = rest;
        let frame = fuzzing::frame(api, version, body);
        let asked = tokio::time::timeout(Duration::from_secs(60), peer.ask(frame.clone())).await;
        if let Ok(Some(answer)) = asked {
            assert!(answer.len() <= answer_bytes_max, "{} bytes were answered", answer.len());
            check(&frame, Bytes::from(answer));
        }
    }
}

/// The answer is one to this request, and whole.
fn check(request: &[u8], mut answer: Bytes) {
    let key = i16::from_be_bytes([request[0], request[1]]);
    let version = i16::from_be_bytes([request[2], request[3]]);
    let length = answer.split_to(4);
    assert_eq!(length[..], u32::try_from(answer.len()).expect("it is small").to_be_bytes());
    let key = ApiKey::try_from(key).expect("it was answered");
    let header_version = key.response_header_version(version);
    let header = ResponseHeader::decode(&mut answer, header_version).expect("it has a header");
    assert_eq!(header.correlation_id.to_be_bytes(), request[4..8]);
    ResponseKind::decode(key, &mut answer, version).expect("it has a body");
    assert!(answer.is_empty(), "{} bytes too many", answer.len());
}
