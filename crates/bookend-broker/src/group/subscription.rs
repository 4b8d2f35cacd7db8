//! What consumers say about themselves when they join, as far as the broker has to know: their topics.
//!
//! A group's metadata is the clients' own affair, except in one place: offsets of a topic that a group works on are
//! neither deleted (KIP-496) nor expired. Like Apache Kafka this reads what all versions of the consumer
//! protocol begin with: `version i16 · topics: count i32, each: length i16, bytes`
//! (`ConsumerProtocolSubscription.json`, version 0).

use std::collections::BTreeSet;

use bytes::Buf;

/// The protocol type of groups of consumers.
pub(crate) const CONSUMER: &str = "consumer";

/// Names of topics.
pub(crate) type Topics = BTreeSet<Box<str>>;

/// The topics in a consumer's metadata; `None` if it is something else.
pub(super) fn topics(mut metadata: &[u8]) -> Option<Topics> {
    let version = metadata.try_get_i16().ok()?;
    if version < 0 {
        return None;
    }
    let count = usize::try_from(metadata.try_get_i32().ok()?).ok()?;
    // A lie about the count ends at the first topic that is not there.
    (0..count).map(|_| topic(&mut metadata)).collect()
}

fn topic(metadata: &mut &[u8]) -> Option<Box<str>> {
    let length = usize::try_from(metadata.try_get_i16().ok()?).ok()?;
    let (name, rest) = metadata.split_at_checked(length)?;
    *metadata = rest;
    std::str::from_utf8(name).ok().map(Into::into)
}

#[cfg(test)]
pub(crate) mod tests {
    use bytes::{BufMut, Bytes, BytesMut};
    use proptest::prelude::*;

    use super::*;

    /// A consumer's metadata, with something behind the topics.
    pub(crate) fn metadata(topics: &[&str], rest: &[u8]) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_i16(3);
        bytes.put_i32(i32::try_from(topics.len()).unwrap());
        for topic in topics {
            bytes.put_i16(i16::try_from(topic.len()).unwrap());
            bytes.put_slice(topic.as_bytes());
        }
        bytes.put_slice(rest);
        bytes.freeze()
    }

    #[test]
    fn the_topics_are_read_and_nothing_less() {
        let whole = metadata(&["b", "a", "a"], &[]);
        assert_eq!(topics(&whole), Some(["a".into(), "b".into()].into()));
        assert_eq!(topics(&metadata(&[], b"more")), Some(Topics::new()));
        for length in 0..whole.len() {
            assert_eq!(topics(&whole[..length]), None, "cut at {length}");
        }
        for not_consumers in [&b"about me"[..], &[0xff, 0xff, 0, 0, 0, 0], &[0, 0, 0xff, 0, 0, 0]] {
            assert_eq!(topics(not_consumers), None, "{not_consumers:?}");
        }
    }

    proptest! {
        // Goal: what clients send harms no one: neither a panic nor memory for a count that lies.
        #[test]
        fn noise_is_no_subscription_or_a_small_one(noise in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(topics(&noise).is_none_or(|topics| 2 * topics.len() <= noise.len()));
        }
    }
}
