//! Which partition a key belongs to: murmur2, as the Java client, kafkajs 2 and librdkafka's `murmur2` do it.
//!
//! The hash is that of `org.apache.kafka.common.utils.Utils.murmur2`: 32 bits, seed `0x9747b28c`.

use crate::topic::Partition;

/// Kafka's murmur2 of `key`.
///
/// ```
/// assert_eq!(bookend::batch::murmur2(b"key") as i32, -1_079_937_367);
/// ```
#[must_use]
pub fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const MULTIPLIER: u32 = 0x5bd1_e995;
    const ROTATION: u32 = 24;

    // Keys are far shorter than 4 GiB; the hash is defined on the low 32 bits of the length.
    let length = u32::try_from(key.len() & 0xffff_ffff).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut mixed = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        mixed = mixed.wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> ROTATION;
        mixed = mixed.wrapping_mul(MULTIPLIER);
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (place, &byte) in rest.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * place);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

/// The partition of `key` among `count` of them.
///
/// # Panics
/// When there are no partitions; a topic has at least one.
pub(crate) fn partition_of(key: &[u8], count: u32) -> Partition {
    let positive = murmur2(key) & 0x7fff_ffff;
    Partition(i32::try_from(positive % count).expect("31 bits fit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: the same hash as the Java client and kafkajs 2. The vectors were read off kafkajs and a broker.
    #[test]
    #[expect(clippy::cast_possible_wrap, reason = "the peers print the hash as a signed number")]
    fn agrees_with_its_peers() {
        for (key, hash) in [
            ("", 275_646_681),
            ("a", -1_563_381_124),
            ("key", -1_079_937_367),
            ("hero-1", -852_887_053),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key:?}");
        }
    }
}
