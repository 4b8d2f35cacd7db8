//! One entry of the log of committed offsets: what changed for a group, or for several when the log is rewritten.
//!
//! ```text
//! kind u8 · group: length u16, bytes, then by kind:
//!   1 committed, by no member   offsets
//!   2 committed, by a member    protocol type: length u16, bytes · offsets
//!   3 joined: it has members    protocol type: length u16, bytes
//!   4 emptied: it has none
//!   5 forgotten                 count u32, each: topic id 16 bytes · partition i32
//! offsets: count u32, each:
//!   topic id 16 bytes · partition i32 · offset i64 · leader epoch i32 · metadata: length i16 or -1, bytes
//! ```
//!
//! or `6 · changes, each: time i64 · length u32 · one of the above`. All numbers are big-endian; the log around it
//! holds the checksum, and the time of a change that stands alone.

use bytes::{Buf, BufMut};
use uuid::Uuid;

use super::{Committed, Place};

const COMMITTED: u8 = 1;
const COMMITTED_BY_MEMBER: u8 = 2;
const JOINED: u8 = 3;
const EMPTIED: u8 = 4;
const FORGOTTEN: u8 = 5;
const SEVERAL: u8 = 6;
/// The bytes of an offset without its metadata.
const OFFSET_BYTES: usize = 34;

/// What changed for a group, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) group: Box<str>,
    pub(super) time_ms: i64,
    pub(super) what: What,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// It has come so far; `by` is the protocol type of a group that has members, if they were not known of.
    Committed { by: Option<Box<str>>, offsets: Vec<(Place, Committed)> },
    /// It has members, of this protocol type.
    Joined(Box<str>),
    /// It has no members any more.
    Emptied,
    /// These offsets are no more.
    Forgotten(Vec<Place>),
}

/// The bytes of `change`, but for its time. A group's id came as a Kafka string, so its length fits.
pub(super) fn encode(change: &Change) -> Vec<u8> {
    let offsets =
        if let What::Committed { offsets, .. } = &change.what { offsets.len() } else { 0 };
    let mut bytes = Vec::with_capacity(16 + change.group.len() + OFFSET_BYTES * offsets);
    bytes.put_u8(match &change.what {
        What::Committed { by: None, .. } => COMMITTED,
        What::Committed { by: Some(_), .. } => COMMITTED_BY_MEMBER,
        What::Joined(_) => JOINED,
        What::Emptied => EMPTIED,
        What::Forgotten(_) => FORGOTTEN,
    });
    put_text(&mut bytes, &change.group);
    match &change.what {
        What::Committed { by, offsets } => {
            if let Some(protocol_type) = by {
                put_text(&mut bytes, protocol_type);
            }
            put_offsets(&mut bytes, offsets);
        }
        What::Joined(protocol_type) => put_text(&mut bytes, protocol_type),
        What::Emptied => {}
        What::Forgotten(places) => {
            put_count(&mut bytes, places.len());
            for place in places {
                put_place(&mut bytes, place);
            }
        }
    }
    bytes
}

/// Several changes as one entry, which is there whole or not at all.
pub(super) fn encode_all(changes: &[Change]) -> Vec<u8> {
    let mut bytes = vec![SEVERAL];
    for change in changes {
        let one = encode(change);
        bytes.put_i64(change.time_ms);
        put_count(&mut bytes, one.len());
        bytes.put_slice(&one);
    }
    bytes
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.put_u16(u16::try_from(text.len()).expect("a Kafka string is no longer"));
    bytes.put_slice(text.as_bytes());
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.put_u32(u32::try_from(count).expect("what is in memory is bounded"));
}

fn put_place(bytes: &mut Vec<u8>, (topic, partition): &Place) {
    bytes.put_slice(topic.as_bytes());
    bytes.put_i32(*partition);
}

fn put_offsets(bytes: &mut Vec<u8>, offsets: &[(Place, Committed)]) {
    put_count(bytes, offsets.len());
    for (place, committed) in offsets {
        put_place(bytes, place);
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
}

/// Reads `bytes` of an entry with that time; `None` if they are no changes.
pub(super) fn decode(time_ms: i64, bytes: &[u8]) -> Option<Vec<Change>> {
    let Some((&SEVERAL, mut rest)) = bytes.split_first() else {
        return decode_one(time_ms, bytes).map(|change| vec![change]);
    };
    let mut changes = Vec::new();
    while !rest.is_empty() {
        let time_ms = rest.try_get_i64().ok()?;
        let length = usize::try_from(rest.try_get_u32().ok()?).ok()?;
        let (one, others) = rest.split_at_checked(length)?;
        changes.push(decode_one(time_ms, one)?);
        rest = others;
    }
    Some(changes)
}

fn decode_one(time_ms: i64, mut bytes: &[u8]) -> Option<Change> {
    let kind = bytes.try_get_u8().ok()?;
    let group = text(&mut bytes)?;
    let what = match kind {
        COMMITTED => What::Committed { by: None, offsets: list(&mut bytes, offset)? },
        COMMITTED_BY_MEMBER => {
            let by = Some(text(&mut bytes)?);
            What::Committed { by, offsets: list(&mut bytes, offset)? }
        }
        JOINED => What::Joined(text(&mut bytes)?),
        EMPTIED => What::Emptied,
        FORGOTTEN => What::Forgotten(list(&mut bytes, place)?),
        _ => return None,
    };
    bytes.is_empty().then_some(Change { group, time_ms, what })
}

fn list<T>(bytes: &mut &[u8], element: impl Fn(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    let count = bytes.try_get_u32().ok()?;
    (0..count).map(|_| element(bytes)).collect()
}

fn place(bytes: &mut &[u8]) -> Option<Place> {
    let (topic, rest) = bytes.split_first_chunk::<16>()?;
    *bytes = rest;
    Some((Uuid::from_bytes(*topic), bytes.try_get_i32().ok()?))
}

fn offset(bytes: &mut &[u8]) -> Option<(Place, Committed)> {
    let place = place(bytes)?;
    let offset = bytes.try_get_i64().ok()?;
    let leader_epoch = bytes.try_get_i32().ok()?;
    let metadata = match bytes.try_get_i16().ok()? {
        -1 => None,
        length => Some(text_of(bytes, usize::try_from(length).ok()?)?),
    };
    Some((place, Committed { offset, leader_epoch, metadata }))
}

fn text(bytes: &mut &[u8]) -> Option<Box<str>> {
    let length = bytes.try_get_u16().ok()?;
    text_of(bytes, length.into())
}

fn text_of(bytes: &mut &[u8], length: usize) -> Option<Box<str>> {
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
        let mut all = Vec::new();
        let (first, second) = ((Uuid::from_bytes([3; 16]), 1), (Uuid::from_bytes([4; 16]), 0));
        let offsets = vec![(first, committed(None)), (second, committed(Some("ä")))];
        for what in [
            What::Committed { by: None, offsets: offsets.clone() },
            What::Committed { by: Some("consumer".into()), offsets },
            What::Joined("connect".into()),
            What::Emptied,
            What::Forgotten(vec![first, second]),
        ] {
            let change = Change { group: "metrics".into(), time_ms: 5, what };
            let bytes = encode(&change);
            for length in 0..bytes.len() {
                assert_eq!(decode(5, &bytes[..length]), None, "{change:?} cut at {length}");
            }
            assert_eq!(decode(5, &[&bytes[..], &[0]].concat()), None);
            assert_eq!(decode(5, &bytes), Some(vec![change.clone()]));
            all.push(Change { time_ms: i64::try_from(all.len()).unwrap(), ..change });
        }
        let bytes = encode_all(&all);
        let ends: Vec<_> = (0..=all.len()).map(|n| encode_all(&all[..n]).len()).collect();
        for length in 1..=bytes.len() {
            let expected = ends.iter().position(|end| *end == length).map(|n| all[..n].to_vec());
            assert_eq!(decode(9, &bytes[..length]), expected, "cut at {length}");
        }
        for nothing in [&[][..], &[9, 0, 0], &encode_all(&all)[13..]] {
            assert_ne!(decode(9, nothing), Some(all.clone()));
        }
    }
}
