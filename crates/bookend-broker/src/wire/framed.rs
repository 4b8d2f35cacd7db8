//! The frame of an answer: its length, its header, its body; the records of a fetch stand in it without being copied.
//!
//! `kafka-protocol` encodes into one buffer. So it gets a fetch whose large records are taken out, and they are spliced
//! in where it wrote that there are none. Layout: the protocol guide (<https://kafka.apache.org/protocol>), KIP-482 for
//! compact lengths and tagged fields. Upstream: the APIs of [`wire`](super). Downstream: [`server`](crate::server),
//! which writes the parts with one call.

use std::{collections::VecDeque, io::IoSlice, mem};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiKey, FetchResponse, ResponseHeader, ResponseKind, fetch_response::PartitionData,
    },
    protocol::Encodable,
};

use super::Refusal;

/// The room for a small answer, and for what stands before a large one.
const FRAME_BYTES: usize = 256;
/// Records that are shorter are copied: a part of its own would cost more.
const SPLICED_BYTES: usize = 16 * 1024;
/// The first version of a fetch with compact lengths and tagged fields.
const FLEXIBLE_SINCE: i16 = 12;
/// What stands there for a length of 0; compact lengths count one more.
const NONE: &[u8] = &[0; 4];
const NONE_COMPACT: &[u8] = &[1];
/// The longest length, a varint of 32 bits.
const LENGTH_BYTES_MAX: usize = 5;

/// The frame of an answer, length included, in parts that are sent one behind the other. None of them is empty.
#[derive(Debug)]
pub(crate) struct Answer(VecDeque<Bytes>);

impl From<BytesMut> for Answer {
    fn from(frame: BytesMut) -> Self {
        Self(VecDeque::from([frame.freeze()]))
    }
}

impl Buf for Answer {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], |part| part)
    }

    fn chunks_vectored<'a>(&'a self, to: &mut [IoSlice<'a>]) -> usize {
        let parts = to.iter_mut().zip(&self.0);
        parts.map(|(slice, part)| *slice = IoSlice::new(part)).count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(part) = self.0.front_mut().filter(|_| count > 0) {
            let taken = count.min(part.len());
            part.advance(taken);
            count -= taken;
            if part.is_empty() {
                self.0.pop_front();
            }
        }
        assert_eq!(count, 0, "a caller stays within what remains");
    }
}

/// How many bytes an answer takes once it is encoded, but for its header.
pub(super) fn size(response: &ResponseKind, version: i16) -> usize {
    macro_rules! size {
        ($($kind:ident)*) => {
            match response {
                $(ResponseKind::$kind(response) => response.compute_size(version),)*
                _ => unreachable!("only what stands in the table is answered"),
            }
        };
    }
    let size = size!(
        Produce Fetch ListOffsets Metadata OffsetCommit OffsetFetch FindCoordinator JoinGroup Heartbeat LeaveGroup
        SyncGroup DescribeGroups ListGroups DeleteGroups OffsetDelete ApiVersions CreateTopics DeleteTopics
        DeleteRecords InitProducerId OffsetForLeaderEpoch DescribeConfigs AlterConfigs DescribeLogDirs CreatePartitions
        IncrementalAlterConfigs DescribeCluster DescribeTopicPartitions
    );
    // What has no size cannot be encoded either, and is refused then.
    size.unwrap_or(0)
}

/// Encodes an answer and frames it.
pub(super) fn encode(
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    mut response: ResponseKind,
) -> Result<Answer, Refusal> {
    let large =
        if let ResponseKind::Fetch(fetch) = &mut response { take_large(fetch) } else { Vec::new() };
    let frame = framed(size(&response, version), |frame| {
        ResponseHeader::default()
            .with_correlation_id(correlation_id)
            .encode(frame, key.response_header_version(version))
            .and_then(|()| response.encode(frame, version))
            .map_err(|error| Refusal::Encode { key, version, reason: error.to_string() })
    })?;
    Ok(match response {
        ResponseKind::Fetch(fetch) if large.iter().any(Option::is_some) => {
            splice(&frame, &fetch, large, version).expect("it could be encoded")
        }
        _ => frame.into(),
    })
}

/// Puts the length before what `write` writes, which is about `bytes` long.
pub(super) fn framed(
    bytes: usize,
    write: impl FnOnce(&mut BytesMut) -> Result<(), Refusal>,
) -> Result<BytesMut, Refusal> {
    let mut frame = BytesMut::with_capacity(bytes + FRAME_BYTES);
    frame.put_i32(0);
    write(&mut frame)?;
    let length = length_field(frame.len() - 4);
    frame[..4].copy_from_slice(&length);
    Ok(frame)
}

fn length_field(bytes: usize) -> [u8; 4] {
    let length = i32::try_from(bytes).expect("a fetch is limited, all else is small");
    length.to_be_bytes()
}

/// Takes the large records out, for each partition in order.
fn take_large(fetch: &mut FetchResponse) -> Vec<Option<Bytes>> {
    let partitions = fetch.responses.iter_mut().flat_map(|topic| &mut topic.partitions);
    let take = |partition: &mut PartitionData| {
        let records = partition.records.as_mut()?;
        (records.len() >= SPLICED_BYTES).then(|| mem::take(records))
    };
    partitions.map(take).collect()
}

/// Puts the records back that were taken out before the fetch was encoded into `frame`; `None` if it was not.
fn splice(
    frame: &[u8],
    fetch: &FetchResponse,
    large: Vec<Option<Bytes>>,
    version: i16,
) -> Option<Answer> {
    // Tagged fields end every structure, and a fetch sets none of them. The records are a partition's last field.
    let (none, tags) = if version < FLEXIBLE_SINCE { (NONE, 0) } else { (NONE_COMPACT, 1) };
    let mut parts = VecDeque::new();
    let mut head = BytesMut::with_capacity(frame.len() + large.len() * LENGTH_BYTES_MAX);
    let mut large = large.into_iter();
    let (mut end, mut written) = (frame.len() - tags - sizes(&fetch.responses, version)?, 4);
    for topic in &fetch.responses {
        end += topic.compute_size(version).ok()? - tags - sizes(&topic.partitions, version)?;
        for partition in &topic.partitions {
            end += partition.compute_size(version).ok()?;
            let Some(records) = large.next()? else { continue };
            let at = end - tags - none.len();
            debug_assert_eq!(&frame[at..end - tags], none, "no records were encoded here");
            head.put_slice(&frame[written..at]);
            written = end - tags;
            if version < FLEXIBLE_SINCE {
                head.put_slice(&length_field(records.len()));
            } else {
                put_varint(&mut head, records.len() + 1);
            }
            parts.extend([head.split().freeze(), records]);
        }
        end += tags;
    }
    head.put_slice(&frame[written..]);
    parts.extend((!head.is_empty()).then(|| head.freeze()));
    let length = length_field(parts.iter().map(Bytes::len).sum());
    parts.push_front(Bytes::copy_from_slice(&length));
    Some(Answer(parts))
}

/// Seven bits a byte, the lowest first; all but the last byte have their highest bit set.
fn put_varint(to: &mut BytesMut, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        to.put_u8(if value > 0 { low | 0x80 } else { low });
        if value == 0 {
            return;
        }
    }
}

fn sizes<T: Encodable>(all: &[T], version: i16) -> Option<usize> {
    all.iter().map(|one| one.compute_size(version).ok()).sum()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::{messages::fetch_response::FetchableTopicResponse, protocol::StrBytes};

    use super::*;

    fn partition(index: i32, records: Option<Vec<u8>>) -> PartitionData {
        PartitionData::default().with_partition_index(index).with_records(records.map(Bytes::from))
    }

    /// Two topics with large, small, empty and missing records in every order of two.
    fn fetch(version: i16) -> FetchResponse {
        let lengths = [SPLICED_BYTES, 200_000, 0, SPLICED_BYTES - 1, 3_000_000, SPLICED_BYTES, 7];
        let partitions = (0..).zip(lengths).map(|(index, length)| {
            let byte = u8::try_from(index).unwrap();
            partition(index, Some(vec![byte; length]))
        });
        let topic = |name: &str, partitions: Vec<PartitionData>| {
            let name = if version < 13 { name } else { "" };
            FetchableTopicResponse::default()
                .with_topic(StrBytes::from_string(name.to_owned()).into())
                .with_partitions(partitions)
        };
        let mut partitions: Vec<_> = partitions.collect();
        partitions.push(partition(8, None));
        let alone = topic("alone", vec![partition(0, Some(vec![9; 70_000]))]);
        FetchResponse::default().with_responses(vec![
            topic("one", partitions),
            topic("without", Vec::new()),
            alone,
        ])
    }

    fn plain(version: i16, response: &ResponseKind) -> BytesMut {
        let frame = framed(0, |frame| {
            let header = ResponseHeader::default().with_correlation_id(77);
            header.encode(frame, ApiKey::Fetch.response_header_version(version)).unwrap();
            response.encode(frame, version).unwrap();
            Ok(())
        });
        frame.unwrap()
    }

    // Goal: splicing changes no byte, in any version, and copies nothing large. Method: the encoder itself, which copies.
    #[test]
    fn a_spliced_fetch_is_what_the_encoder_writes() {
        for version in super::super::fetch::API.min..=super::super::fetch::API.max {
            let response = ResponseKind::from(fetch(version));
            let mut answer = encode(ApiKey::Fetch, version, 77, response.clone()).unwrap();
            assert_eq!(answer.0.iter().filter(|part| part.len() >= SPLICED_BYTES).count(), 6);
            assert!(answer.0.iter().all(|part| !part.is_empty()));
            let parts = answer.copy_to_bytes(answer.remaining());
            assert!(parts == plain(version, &response), "version {version}");
        }
    }

    // Goal: an answer is sent whole however little of it goes at a time, in one call or over several.
    #[test]
    fn an_answer_is_sent_in_any_steps() {
        let response = ResponseKind::from(fetch(12));
        let whole = plain(12, &response);
        for step in [1_000, 65_536, usize::MAX] {
            let mut answer = encode(ApiKey::Fetch, 12, 77, response.clone()).unwrap();
            let mut sent = Vec::new();
            while answer.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 3];
                let count = answer.chunks_vectored(&mut slices);
                assert!(count > 0 && slices[0][..] == *answer.chunk());
                let before = sent.len();
                for part in &slices[..count] {
                    let taken = part.len().min(step - (sent.len() - before));
                    sent.extend_from_slice(&part[..taken]);
                }
                answer.advance(sent.len() - before);
            }
            assert!(sent == whole, "steps of {step}");
            assert_eq!((answer.chunk(), answer.remaining()), (&[][..], 0));
        }
    }
}
