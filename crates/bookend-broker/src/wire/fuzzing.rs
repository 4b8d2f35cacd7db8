//! What fuzz targets and the tests of hostile bytes need of this crate, and nobody else: feature `fuzzing`.
//!
//! Requests are made from bytes so that every API and version is reached, and decoded or answered without a socket.

use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

use bookend_log::Fsync;
use bytes::BufMut as _;
use kafka_protocol::{messages::RequestHeader, protocol::Encodable as _};
use tokio::{sync::watch, task::JoinHandle};

use super::{APIS, Api, Client, Refusal, first_words};
use crate::{
    folder::Folder,
    memory::{ELEMENT_BYTES, Held, Memory},
    node::Node,
    partition::batch as batches_of,
};

/// Those of a topic without settings.
const RULES: batches_of::Rules =
    batches_of::Rules { zstd: true, bytes_max: 1_048_588, append_time: None };

/// An API that is implemented, and its versions.
#[derive(Debug, Clone, Copy)]
pub struct Implemented {
    /// Its number.
    pub key: i16,
    /// Its first version.
    pub min: i16,
    /// Its last version.
    pub max: i16,
}

/// What is implemented, in the order in which `frame` counts it.
#[must_use]
pub fn apis() -> Vec<Implemented> {
    APIS.iter().map(|api| Implemented { key: api.key as i16, min: api.min, max: api.max }).collect()
}

/// A well-formed body: two elements in every array, the topic `t` wherever a text stands, and batches for bytes.
#[must_use]
pub fn body(api: u8, version: i16) -> Vec<u8> {
    let schema = &APIS[usize::from(api) % APIS.len()].schema;
    schema.example(version, &batch(b"value"))
}

/// The request of the API and version that two bytes choose, with this body.
///
/// # Panics
/// Never: every header can be encoded.
#[must_use]
pub fn frame(api: u8, version: u8, body: &[u8]) -> Vec<u8> {
    let api = APIS[usize::from(api) % APIS.len()];
    let versions = api.max - api.min + 1;
    let version = api.min + i16::from(version) % versions;
    let header = RequestHeader::default()
        .with_request_api_key(api.key as i16)
        .with_request_api_version(version)
        .with_correlation_id(77);
    let mut frame = Vec::new();
    let encoded = header.encode(&mut frame, api.key.request_header_version(version));
    encoded.expect("a header of defaults");
    frame.extend_from_slice(body);
    frame
}

/// What the broker reckons that a request takes when it is decoded and answered.
#[must_use]
pub fn reckoned(frame: &[u8]) -> usize {
    checked(frame).map_or(0, |(.., elements)| elements * ELEMENT_BYTES)
}

/// Checks and decodes a request, as for an answer; whether it is one.
#[must_use]
pub fn decode(frame: Vec<u8>) -> bool {
    let checked = checked(&frame);
    checked.is_ok_and(|(api, version, _)| super::decode(api.key, version, frame.into()).is_ok())
}

fn checked(frame: &[u8]) -> Result<(&'static Api, i16, usize), Refusal> {
    let (key, version, _) = first_words(frame)?;
    let api = APIS.into_iter().find(|api| api.key as i16 == key).ok_or(Refusal::Api(key))?;
    if !(api.min..=api.max).contains(&version) {
        return Err(Refusal::Version { key: api.key, version });
    }
    Ok((api, version, super::check(api, version, frame)?))
}

/// A batch of one record with this value, as an ordinary producer sends it.
///
/// # Panics
/// When the value is longer than 60 bytes, which its one-byte length cannot say.
#[must_use]
pub fn batch(value: &[u8]) -> Vec<u8> {
    let length = i8::try_from(value.len() * 2).expect("the value is short").cast_unsigned();
    // Attributes, time, offset, no key, value, no headers; numbers are zigzag varints.
    let record = [&[0, 0, 0, 1, length][..], value, &[0]].concat();
    let size = u8::try_from(record.len() * 2).expect("the record is short");
    packed_batch(0, &[&[size], &record[..]].concat())
}

/// A batch of one record, packed already with the codec of that number.
#[must_use]
pub fn packed_batch(codec: u8, record: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 61];
    bytes[16] = 2;
    bytes[22] = codec;
    bytes[43..57].fill(0xff); // no producer id, epoch, sequence
    bytes[60] = 1;
    bytes.extend_from_slice(record);
    mend(&mut bytes);
    bytes
}

/// Makes the length and the checksum right of the first batch in `records`, which then spans all of them.
pub fn mend(records: &mut [u8]) {
    if records.len() < 61 {
        return;
    }
    let length = u32::try_from(records.len() - 12).unwrap_or(u32::MAX);
    (&mut records[8..12]).put_u32(length);
    let crc = crc32c::crc32c(&records[21..]);
    (&mut records[17..21]).put_u32(crc);
}

/// Splits and checks what a producer sent, and looks into it for a time; whether it would be appended.
///
/// # Panics
/// When a batch that was taken is no batch any more once it stands at its offset.
#[must_use]
pub fn batches(records: Vec<u8>) -> bool {
    let Ok(batches) = batches_of::split(records.into(), &RULES) else { return false };
    for batch in batches {
        let mut bytes = batch.bytes.to_vec();
        batches_of::place(&mut bytes, 1 << 40, 3);
        let again = batches_of::split(bytes.into(), &RULES);
        assert!(again.is_ok(), "placing a batch breaks nothing");
        let mut budget = batches_of::Budget::default();
        for time in [i64::MIN, 0, 1_000, i64::MAX] {
            let found = batches_of::find_time(&batch.bytes, time, 0, &mut budget);
            assert!(found.is_none_or(|found| found.delta < batch.count || batch.count == 0));
        }
    }
    true
}

/// The other end of a connection to a broker without a socket.
#[derive(Debug)]
pub struct Peer {
    node: Arc<Node>,
    client: Client,
    _staying: watch::Sender<bool>,
    timer: JoinHandle<()>,
}

impl Peer {
    /// Opens the data in `folder`, with one topic `t`.
    ///
    /// # Panics
    /// When the folder cannot be used.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let folder = Folder::take(Some(folder.to_owned())).expect("the folder is free");
        let node = Node::open(folder, Fsync::Never, 1).expect("the folder is a broker's, or empty");
        if node.catalog.find("t").is_none() {
            node.catalog.create("t", 1).expect("there is room for a topic");
        }
        let node = Arc::new(node);
        let timer = {
            let node = Arc::clone(&node);
            tokio::spawn(async move { node.groups.run_timer().await })
        };
        let (staying, gone) = watch::channel(false);
        let held = Held::new(Memory::new(1 << 28, Duration::from_secs(1)));
        let reached = (Ipv4Addr::LOCALHOST, 9092).into();
        let peer = (Ipv4Addr::LOCALHOST, 50_000).into();
        let client = Client::new(reached, peer, gone, held);
        Self { node, client, _staying: staying, timer }
    }

    /// Answers a request; `None` where the connection would be closed, or nothing is answered.
    ///
    /// # Cancel safety
    /// As when a client goes away: the request may have taken effect.
    pub async fn ask(&self, frame: Vec<u8>) -> Option<Vec<u8>> {
        let answer = super::answer(&self.node, &self.client, frame.into()).await;
        self.client.held.release();
        Some(answer.ok()??.into_bytes())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::messages::{ApiKey, RequestKind};

    use super::*;

    // Goal: the seeds are requests. Method: schema and decoder take them whole, in every version.
    #[test]
    fn every_seed_is_a_request() {
        for (index, api) in (0..).zip(apis()) {
            for version in api.min..=api.max {
                let body = body(index, version);
                let schema = &APIS[usize::from(index)].schema;
                assert_eq!(schema.check(version, &body), Ok(0), "{} {version}", api.key);
                let key = ApiKey::try_from(api.key).unwrap();
                let mut rest = Bytes::from(body);
                RequestKind::decode(key, &mut rest, version).unwrap();
                assert!(rest.is_empty(), "{key:?} {version}");
            }
        }
        assert!(batches(batch(b"value")));
    }

    // Goal: what the fuzz target of conversations does is not in vain: its seeds are answered.
    #[tokio::test(start_paused = true)]
    async fn every_seed_is_answered() {
        let dir = tempfile::tempdir().unwrap();
        let peer = Peer::new(dir.path());
        for (index, api) in (0..).zip(apis()) {
            let newest = u8::try_from(api.max - api.min).unwrap();
            let frame = frame(index, newest, &body(index, api.max));
            assert_eq!(first_words(&frame).unwrap().0, api.key);
            let unanswered = api.key == ApiKey::Produce as i16; // its example asks for no answer
            assert_eq!(peer.ask(frame).await.is_none(), unanswered, "{}", api.key);
        }
    }
}
