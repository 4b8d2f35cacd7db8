//! The 61-byte header of a record batch, read by hand; the records behind it stay opaque bytes.
//!
//! Format: <https://kafka.apache.org/documentation/#recordbatch> (KIP-98), magic 2:
//!
//! ```text
//!  0 base offset i64 ─┐ rewritten by the broker,  21 attributes i16         43 producer id i64
//! 12 leader epoch i32 ┘ outside the checksum      23 last offset delta i32  51 producer epoch i16
//!  8 length i32, of what follows it               27 base timestamp i64     53 base sequence i32
//! 16 magic i8   17 CRC-32C u32, from 21 on        35 max timestamp i64      57 records i32
//! ```

use bytes::Bytes;
use kafka_protocol::ResponseError;

/// The bytes of a header.
const HEADER_BYTES: usize = 61;
/// The largest batch taken, as Apache Kafka's `message.max.bytes`.
const BATCH_BYTES_MAX: usize = 1_048_588;

/// What stands before the length itself: base offset and length.
const LENGTH_END: usize = 12;
const COMPRESSION: i16 = 0b111;
const ZSTD: i16 = 4;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// One batch as a producer sent it, checked.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Header and records.
    pub(crate) bytes: Bytes,
    /// How many offsets the batch takes.
    pub(crate) count: u32,
    pub(crate) max_timestamp: i64,
    /// Who sent it and as what in its order; none if the producer is not idempotent.
    pub(crate) stamp: Option<Stamp>,
}

/// An idempotent producer's mark on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    /// The sequence number of the first record.
    pub(crate) first: i32,
    pub(crate) count: u32,
}

/// Splits what a producer sent for one partition into its batches and checks each of them.
///
/// `zstd` says whether the request's version may carry that codec.
pub(crate) fn split(mut records: Bytes, zstd: bool) -> Result<Vec<Batch>, ResponseError> {
    let mut batches = Vec::with_capacity(1);
    while !records.is_empty() {
        let length = batch_length(&records)?;
        let batch = parse(records.split_to(length))?;
        verify(&batch, zstd)?;
        batches.push(batch);
    }
    if batches.is_empty() { Err(ResponseError::InvalidRecord) } else { Ok(batches) }
}

/// The bytes of the first batch in `records`.
fn batch_length(records: &[u8]) -> Result<usize, ResponseError> {
    if records.len() < HEADER_BYTES {
        return Err(ResponseError::CorruptMessage);
    }
    if records[16] != 2 {
        return Err(ResponseError::UnsupportedForMessageFormat);
    }
    let length = usize::try_from(i32_at(records, 8)).map_err(|_| ResponseError::CorruptMessage)?;
    let length = length + LENGTH_END;
    if length > BATCH_BYTES_MAX {
        return Err(ResponseError::MessageTooLarge);
    }
    if length < HEADER_BYTES || length > records.len() {
        return Err(ResponseError::CorruptMessage);
    }
    Ok(length)
}

/// Reads the header of one whole batch.
pub(crate) fn parse(bytes: Bytes) -> Result<Batch, ResponseError> {
    if bytes.len() < HEADER_BYTES {
        return Err(ResponseError::CorruptMessage);
    }
    let count = u32::try_from(i32_at(&bytes, 57)).map_err(|_| ResponseError::InvalidRecord)?;
    if count == 0 || i64::from(i32_at(&bytes, 23)) != i64::from(count) - 1 {
        return Err(ResponseError::InvalidRecord);
    }
    let stamp = stamp(&bytes, count)?;
    Ok(Batch { count, max_timestamp: i64_at(&bytes, 35), stamp, bytes })
}

fn stamp(bytes: &[u8], count: u32) -> Result<Option<Stamp>, ResponseError> {
    let producer = i64_at(bytes, 43);
    if producer == -1 {
        return Ok(None);
    }
    let stamp = Stamp { producer, epoch: i16_at(bytes, 51), first: i32_at(bytes, 53), count };
    if producer < 0 || stamp.epoch < 0 || stamp.first < 0 {
        return Err(ResponseError::InvalidRecord);
    }
    Ok(Some(stamp))
}

/// Checks what a producer may get wrong, and what this broker does not do.
fn verify(batch: &Batch, zstd: bool) -> Result<(), ResponseError> {
    let crc = u32::from_be_bytes(chunk(&batch.bytes, 17));
    if crc32c::crc32c(&batch.bytes[21..]) != crc {
        return Err(ResponseError::CorruptMessage);
    }
    let attributes = i16_at(&batch.bytes, 21);
    let codec = attributes & COMPRESSION;
    if codec > ZSTD || (codec == ZSTD && !zstd) {
        return Err(ResponseError::UnsupportedCompressionType);
    }
    if attributes & TRANSACTIONAL != 0 {
        return Err(ResponseError::InvalidTxnState);
    }
    if attributes & (CONTROL | LOG_APPEND_TIME) != 0 {
        return Err(ResponseError::InvalidRecord);
    }
    Ok(())
}

/// Writes what is the broker's to say into a stored batch: its offset and the leader's epoch.
pub(crate) fn place(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// The `N` bytes at `at`.
///
/// # Panics
/// When `bytes` ends before; callers have checked for a whole header.
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("the header was checked to be whole")
}

fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes(chunk(bytes, at))
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(chunk(bytes, at))
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(chunk(bytes, at))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A batch of `count` records that no one can read, which is all the broker ever sees.
    pub(crate) fn sample(stamp: Option<Stamp>, count: u32, timestamp: i64) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes.extend(vec![7; count as usize]);
        let length = i32::try_from(bytes.len() - LENGTH_END).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[16] = 2;
        bytes[23..27].copy_from_slice(&(count.cast_signed() - 1).to_be_bytes());
        bytes[27..35].copy_from_slice(&timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&timestamp.to_be_bytes());
        let (producer, epoch, first) =
            stamp.map_or((-1, -1, -1), |s| (s.producer, s.epoch, s.first));
        bytes[43..51].copy_from_slice(&producer.to_be_bytes());
        bytes[51..53].copy_from_slice(&epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&first.to_be_bytes());
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        seal(&mut bytes);
        bytes
    }

    fn seal(bytes: &mut [u8]) {
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }

    // Goal: each field a producer may get wrong has its own answer. Method: one good batch, one field changed.
    #[test]
    fn a_wrong_field_is_refused_by_its_own_error() {
        let check = |at: usize, value: &[u8], expected| {
            let mut bytes = sample(None, 3, 10);
            bytes[at..at + value.len()].copy_from_slice(value);
            seal(&mut bytes);
            assert_eq!(split(bytes.into(), false).err(), Some(expected), "byte {at}");
        };
        check(16, &[1], ResponseError::UnsupportedForMessageFormat);
        check(8, &(-1_i32).to_be_bytes(), ResponseError::CorruptMessage);
        check(8, &48_i32.to_be_bytes(), ResponseError::CorruptMessage);
        check(8, &53_i32.to_be_bytes(), ResponseError::CorruptMessage);
        check(8, &i32::MAX.to_be_bytes(), ResponseError::MessageTooLarge);
        check(22, &[ZSTD.to_be_bytes()[1]], ResponseError::UnsupportedCompressionType);
        check(22, &[5], ResponseError::UnsupportedCompressionType);
        check(22, &[1 << 4], ResponseError::InvalidTxnState);
        check(22, &[1 << 5], ResponseError::InvalidRecord);
        check(22, &[1 << 3], ResponseError::InvalidRecord);
        check(23, &3_i32.to_be_bytes(), ResponseError::InvalidRecord);
        check(57, &0_i32.to_be_bytes(), ResponseError::InvalidRecord);
        check(57, &(-1_i32).to_be_bytes(), ResponseError::InvalidRecord);
        check(43, &7_i64.to_be_bytes(), ResponseError::InvalidRecord); // a producer without epoch
    }

    #[test]
    fn a_flipped_bit_is_seen() {
        let good = sample(None, 3, 10);
        for bit in 21 * 8..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(split(bytes.into(), true).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn several_batches_are_split_and_an_empty_set_is_refused() {
        let mut bytes = sample(None, 3, 10);
        bytes.extend(sample(None, 1, 20));
        let counts: Vec<_> = split(bytes.into(), false).unwrap().iter().map(|b| b.count).collect();
        assert_eq!(counts, [3, 1]);
        assert_eq!(split(Bytes::new(), false).err(), Some(ResponseError::InvalidRecord));
    }

    #[test]
    fn placing_a_batch_keeps_its_checksum() {
        let mut bytes = sample(None, 2, 10);
        place(&mut bytes, 1 << 40, 3);
        assert_eq!(i64_at(&bytes, 0), 1 << 40);
        assert_eq!(i32_at(&bytes, 12), 3);
        assert!(split(bytes.into(), false).is_ok());
    }

    proptest! {
        // Goal: no bytes make the parser panic.
        #[test]
        fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes;
            if bytes.len() > 16 {
                bytes[16] = 2;
            }
            let _taken = split(bytes.into(), true).is_ok();
        }
    }
}
