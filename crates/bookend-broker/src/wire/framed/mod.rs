//! The frame of an answer: its length, its header, its body; the records of a fetch stand in it without being copied.
//!
//! `kafka-protocol` encodes into one buffer. So it gets a fetch whose large records are taken out, and they are spliced
//! in where it wrote that there are none; so are those that are [apart](super::apart) as they are not in memory. Layout: the protocol guide (<https://kafka.apache.org/protocol>), KIP-482 for
//! compact lengths and tagged fields. Upstream: the APIs of [`wire`](super). Downstream: [`server`](crate::server),
//! which sends the parts.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, io::IoSlice, mem};

use bookend_log::Located;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiKey, FetchResponse, ResponseHeader, ResponseKind, fetch_response::PartitionData,
    },
    protocol::Encodable,
};

use super::{Apart, Refusal};
use crate::records::{Part, Records};

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
pub(crate) struct Answer(VecDeque<Part>);

/// What of an answer is to be sent next.
#[derive(Debug)]
pub(crate) enum Next<'a> {
    /// So many of the slices that were given are filled. Perhaps what follows them is in a file.
    Memory {
        slices: usize,
        then_file: bool,
    },
    File(&'a Located),
}

impl From<BytesMut> for Answer {
    fn from(frame: BytesMut) -> Self {
        Self(VecDeque::from([Part::Memory(frame.freeze())]))
    }
}

impl Answer {
    /// What comes next, `None` when all is sent.
    pub(crate) fn next<'a>(&'a self, to: &mut [IoSlice<'a>]) -> Option<Next<'a>> {
        if let Part::File(file) = self.0.front()? {
            return Some(Next::File(&file.place));
        }
        let mut slices = 0;
        for (slice, part) in to.iter_mut().zip(&self.0) {
            let Part::Memory(bytes) = part else { break };
            *slice = IoSlice::new(bytes);
            slices += 1;
        }
        let then_file = matches!(self.0.get(slices), Some(Part::File(_)));
        Some(Next::Memory { slices, then_file })
    }

    /// Goes past what is sent.
    ///
    /// # Panics
    /// When that is more than there is.
    pub(crate) fn advance(&mut self, mut bytes: usize) {
        while let Some(part) = self.0.front_mut().filter(|_| bytes > 0) {
            let taken = bytes.min(part.bytes());
            part.advance(taken);
            bytes -= taken;
            if part.bytes() == 0 {
                self.0.pop_front();
            }
        }
        assert_eq!(bytes, 0, "a caller stays within what there is");
    }

    /// The whole frame, for those who have no socket.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_iter().flat_map(Part::into_bytes).collect()
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
    apart: Apart,
) -> Result<Answer, Refusal> {
    let large = match &mut response {
        ResponseKind::Fetch(fetch) => take_large(fetch, apart),
        _ => Vec::new(),
    };
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

/// Takes the large records out, for each partition in order, and adds those that were never in.
fn take_large(fetch: &mut FetchResponse, mut apart: Apart) -> Vec<Option<Records>> {
    let mut large = Vec::new();
    for topic in &mut fetch.responses {
        for partition in &mut topic.partitions {
            let never_in = apart.take(&topic.topic, topic.topic_id, partition);
            large.push(never_in.or_else(|| take_large_of(partition)));
        }
    }
    large
}

fn take_large_of(partition: &mut PartitionData) -> Option<Records> {
    let records = partition.records.as_mut()?;
    (records.len() >= SPLICED_BYTES).then(|| mem::take(records).into())
}

/// Puts the records back that were taken out before the fetch was encoded into `frame`; `None` if it was not.
fn splice(
    frame: &[u8],
    fetch: &FetchResponse,
    large: Vec<Option<Records>>,
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
                head.put_slice(&length_field(records.bytes()));
            } else {
                put_varint(&mut head, records.bytes() + 1);
            }
            parts.push_back(Part::Memory(head.split().freeze()));
            parts.extend(records.into_parts());
        }
        end += tags;
    }
    head.put_slice(&frame[written..]);
    parts.extend((!head.is_empty()).then(|| Part::Memory(head.freeze())));
    let length = length_field(parts.iter().map(Part::bytes).sum());
    parts.push_front(Part::Memory(Bytes::copy_from_slice(&length)));
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
