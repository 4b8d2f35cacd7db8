//! One entry of the log of committed offsets.
//!
//! ```text
//! version u8 = 1 · group: length u16, bytes · offsets u32, each:
//!   topic id 16 bytes · partition i32 · offset i64 · leader epoch i32 · metadata: length i16 or -1, bytes
//! ```
//!
//! All numbers are big-endian; the log around it holds the checksum.

use bytes::{Buf, BufMut};
use uuid::Uuid;

use super::{Committed, Place};

const VERSION: u8 = 1;
/// The bytes of an offset without its metadata.
const OFFSET_BYTES: usize = 34;

/// What one commit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) group: Box<str>,
    pub(super) offsets: Vec<(Place, Committed)>,
}

/// The bytes of `change`. A group's id came as a Kafka string, so its length fits.
pub(super) fn encode(change: &Change) -> Vec<u8> {
    let mut bytes =
        Vec::with_capacity(7 + change.group.len() + OFFSET_BYTES * change.offsets.len());
    bytes.put_u8(VERSION);
    bytes.put_u16(u16::try_from(change.group.len()).expect("a group id is checked by the wire"));
    bytes.put_slice(change.group.as_bytes());
    bytes.put_u32(u32::try_from(change.offsets.len()).expect("a request holds fewer offsets"));
    for ((topic, partition), committed) in &change.offsets {
        bytes.put_slice(topic.as_bytes());
        bytes.put_i32(*partition);
        bytes.put_i64(committed.offset);
        bytes.put_i32(committed.leader_epoch);
        match &committed.metadata {
            Some(metadata) => {
                bytes.put_i16(i16::try_from(metadata.len()).expect("metadata is limited to 4 KiB"));
                bytes.put_slice(metadata.as_bytes());
            }
            None => bytes.put_i16(-1),
        }
    }
    bytes
}

/// Reads `bytes`; `None` if they are no such entry.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Change> {
    if bytes.try_get_u8().ok()? != VERSION {
        return None;
    }
    let length = bytes.try_get_u16().ok()?;
    let group = text(&mut bytes, length.into())?;
    let count = bytes.try_get_u32().ok()?;
    let offsets = (0..count).map(|_| offset(&mut bytes)).collect::<Option<_>>()?;
    bytes.is_empty().then_some(Change { group, offsets })
}

fn offset(bytes: &mut &[u8]) -> Option<(Place, Committed)> {
    let (topic, rest) = bytes.split_first_chunk::<16>()?;
    *bytes = rest;
    let partition = bytes.try_get_i32().ok()?;
    let offset = bytes.try_get_i64().ok()?;
    let leader_epoch = bytes.try_get_i32().ok()?;
    let metadata = match bytes.try_get_i16().ok()? {
        -1 => None,
        length => Some(text(bytes, usize::try_from(length).ok()?)?),
    };
    Some(((Uuid::from_bytes(*topic), partition), Committed { offset, leader_epoch, metadata }))
}

fn text(bytes: &mut &[u8], length: usize) -> Option<Box<str>> {
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_less() {
        let committed = |metadata: Option<&str>| Committed {
            offset: 7,
            leader_epoch: -1,
            metadata: metadata.map(Into::into),
        };
        let offsets = vec![
            ((Uuid::from_bytes([3; 16]), 1), committed(None)),
            ((Uuid::from_bytes([4; 16]), 0), committed(Some("ä"))),
        ];
        let change = Change { group: "metrics".into(), offsets };
        let bytes = encode(&change);
        assert_eq!(decode(&bytes), Some(change));
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "cut at {length}");
        }
    }
}
