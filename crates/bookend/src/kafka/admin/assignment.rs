//! Reads which partitions a member has, as consumers tell each other through the group's coordinator.
//!
//! The format is `ConsumerProtocolAssignment` of Kafka's classic group protocol: a version (i16), an array of topics, each
//! a name (i16 length, UTF-8) and an array of partitions (i32), then bytes of the member's own. All big-endian; later
//! versions only add to the end. Up the stream: [`groups`](super::groups).

use crate::topic::{Partition, TopicName, TopicPartition};

/// The partitions in these bytes; `None` when they are of another protocol than a consumer's.
pub(super) fn read(mut bytes: &[u8]) -> Option<Vec<TopicPartition>> {
    let _version = i16::from_be_bytes(*take(&mut bytes)?);
    let mut partitions = Vec::new();
    // Both counts come from others: nothing is allocated by them, and each turn takes bytes that are there.
    for _ in 0..i32::from_be_bytes(*take(&mut bytes)?) {
        let length = usize::try_from(i16::from_be_bytes(*take(&mut bytes)?)).ok()?;
        let name;
        (name, bytes) = bytes.split_at_checked(length)?;
        let topic = TopicName::new(str::from_utf8(name).ok()?).ok()?;
        for _ in 0..i32::from_be_bytes(*take(&mut bytes)?) {
            let partition = Partition(i32::from_be_bytes(*take(&mut bytes)?));
            partitions.push(TopicPartition::new(topic.clone(), partition));
        }
    }
    Some(partitions)
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Goal: the format as the Java client writes it, version 1, two topics.
    #[test]
    fn reads_what_members_write() {
        let bytes = b"\0\x01\0\0\0\x02\0\x01A\0\0\0\x02\0\0\0\0\0\0\0\x07\0\x02bc\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff";
        let read: Vec<_> = read(bytes).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(read, ["A/0", "A/7", "bc/1"]);
    }

    #[test]
    fn refuses_what_is_cut_off_or_no_assignment() {
        let whole = b"\0\0\0\0\0\x01\0\x01A\0\0\0\x01\0\0\0\0";
        assert!(read(whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None, "{end}");
        }
        assert_eq!(read(b"\0\0\x7f\xff\xff\xff\0\x01A\x7f\xff\xff\xff\0\0\0\0"), None);
        assert_eq!(read(b"\0\0\0\0\0\x01\xff\xff\0\0\0\0"), None, "a name of length -1");
        assert_eq!(read(b"{\"connector\":\"x\"}"), None);
    }

    proptest! {
        // Goal: bytes of anybody's are read or refused, never more than that.
        #[test]
        fn survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let partitions = read(&bytes).unwrap_or_default();
            prop_assert!(partitions.len() * 4 <= bytes.len());
        }
    }
}
