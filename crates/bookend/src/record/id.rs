//! The id a sender gives each message, so that a store recognizes one that was sent again.
//!
//! On the wire: the header [`ID_HEADER`] of 21 bytes: `0x00` (a version; NestJS then leaves the header a Buffer),
//! the 12 bytes of the [`LaneId`], and the sequence as big-endian u64. Within a lane sequences are contiguous from
//! 0, so a store keeps a mark and its holes per lane, never a row per message.

use std::fmt;

use serde::Serialize;

/// The header that carries a message's id.
pub const ID_HEADER: &str = "bookend-id";

const VERSION: u8 = 0;

/// Names one lane of one sender: what one sender sends to one partition of one topic.
///
/// A sender draws 12 random bytes at its start and adds the lane's number to the last four, so no two lanes share
/// a name and an id alone tells its lane, wherever the message turns up later.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(pub [u8; 12]);

impl LaneId {
    /// Lane `number` of the sender whose own 12 random bytes these are.
    #[must_use]
    pub fn lane(self, number: u32) -> Self {
        let mut bytes = self.0;
        let last = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        bytes[8..].copy_from_slice(&last.wrapping_add(number).to_be_bytes());
        Self(bytes)
    }
}

/// Names one message for ever: its lane, and its place there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    /// The sender's lane.
    pub lane: LaneId,
    /// Contiguous within the lane, from 0.
    pub sequence: u64,
}

/// A header of the right name that is no id of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message id is 21 bytes that start with 0, not {length} bytes that start with {first:?}")]
pub struct InvalidMessageId {
    /// How many bytes there were.
    pub length: usize,
    /// The version byte that was there.
    pub first: Option<u8>,
}

impl MessageId {
    /// The bytes of the id on the wire.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 21] {
        let mut bytes = [VERSION; 21];
        bytes[1..13].copy_from_slice(&self.lane.0);
        bytes[13..].copy_from_slice(&self.sequence.to_be_bytes());
        bytes
    }

    /// Reads an id from the bytes of its header.
    ///
    /// # Errors
    /// [`InvalidMessageId`] when the length or the version is another.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidMessageId> {
        let invalid = || InvalidMessageId { length: bytes.len(), first: bytes.first().copied() };
        let bytes: &[u8; 21] = bytes.try_into().map_err(|_| invalid())?;
        let [VERSION, lane_and_sequence @ ..] = bytes else { return Err(invalid()) };
        let (lane, sequence) = lane_and_sequence.split_at(12);
        Ok(Self {
            lane: LaneId(lane.try_into().map_err(|_| invalid())?),
            sequence: u64::from_be_bytes(sequence.try_into().map_err(|_| invalid())?),
        })
    }
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `lane-sequence`, the lane in hexadecimal.
impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.lane, self.sequence)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Goal: an id survives the wire, and two lanes of one sender never share a name.
        #[test]
        fn survives_the_wire(sender: [u8; 12], a: u32, b: u32, sequence: u64) {
            let lane = LaneId(sender).lane(a);
            let id = MessageId { lane, sequence };
            prop_assert_eq!(MessageId::from_bytes(&id.to_bytes()), Ok(id));
            prop_assert_eq!(a == b, lane == LaneId(sender).lane(b));
        }
    }

    #[test]
    fn refuses_what_is_no_id() {
        for bytes in [&[][..], &[0; 20], &[0; 22], &[1; 21]] {
            assert!(MessageId::from_bytes(bytes).is_err(), "{bytes:?}");
        }
    }
}
