//! Record batches: their 61-byte header, read by hand, and what stands behind it.
//!
//! A batch is stored and served as it was sent. Its checksum is checked, and its [`records`] are, while they are
//! [unpacked](codec) if they came compressed: what the broker takes, every consumer can read.
//!
//! Format: <https://kafka.apache.org/documentation/#recordbatch> (KIP-98), magic 2:
//!
//! ```text
//!  0 base offset i64 ─┐ rewritten by the broker,  21 attributes i16         43 producer id i64
//! 12 leader epoch i32 ┘ outside the checksum      23 last offset delta i32  51 producer epoch i16
//!  8 length i32, of what follows it               27 base timestamp i64     53 base sequence i32
//! 16 magic i8   17 CRC-32C u32, from 21 on        35 max timestamp i64      57 records i32
//! ```
//!
//! Times: KIP-32. A topic may have the broker's in place of the producer's; that and a greatest time that is wrong are
//! the only changes ever made to what the checksum covers.

mod codec;
mod records;

use std::ops::ControlFlow;

use bytes::Bytes;
use kafka_protocol::ResponseError;

use self::codec::Codec;
pub(crate) use self::{codec::Budget, records::BadRecord};

/// The bytes of a header.
pub(crate) const HEADER_BYTES: usize = 61;

/// Up to where a broker writes into a batch. The checksum begins behind that.
const PLACED_BYTES: usize = 16;
/// What stands before the length itself: base offset and length.
const LENGTH_END: usize = 12;
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

/// What a batch must be to be taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Whether the request's version may carry that codec.
    pub(crate) zstd: bool,
    /// The largest batch of the topic.
    pub(crate) bytes_max: usize,
    /// The time that takes the place of the producer's, if the topic has the broker's.
    pub(crate) append_time: Option<i64>,
}

/// Why a producer's batches are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) error: ResponseError,
    /// The record that is at fault, where it is one.
    pub(crate) record: Option<BadRecord>,
}

impl From<ResponseError> for Invalid {
    fn from(error: ResponseError) -> Self {
        Self { error, record: None }
    }
}

impl From<BadRecord> for Invalid {
    fn from(record: BadRecord) -> Self {
        Self { error: ResponseError::InvalidRecord, record: Some(record) }
    }
}

/// Splits what a producer sent for one partition into its batches and checks each of them.
pub(crate) fn split(mut records: Bytes, rules: &Rules) -> Result<Vec<Batch>, Invalid> {
    let mut batches = Vec::with_capacity(1);
    while !records.is_empty() {
        let length = batch_length(&records, rules.bytes_max)?;
        let batch = parse(records.split_to(length))?;
        let latest = verify(&batch, rules.zstd)?;
        batches.push(stamp_time(batch, latest, rules.append_time));
    }
    if batches.is_empty() { Err(ResponseError::InvalidRecord.into()) } else { Ok(batches) }
}

/// The bytes of the first batch in `records`.
fn batch_length(records: &[u8], bytes_max: usize) -> Result<usize, ResponseError> {
    if records.len() < HEADER_BYTES {
        return Err(ResponseError::CorruptMessage);
    }
    if records[16] != 2 {
        return Err(ResponseError::UnsupportedForMessageFormat);
    }
    let length = usize::try_from(i32_at(records, 8)).map_err(|_| ResponseError::CorruptMessage)?;
    let length = length + LENGTH_END;
    if length > bytes_max {
        return Err(ResponseError::MessageTooLarge);
    }
    if length < HEADER_BYTES || length > records.len() {
        return Err(ResponseError::CorruptMessage);
    }
    Ok(length)
}

/// Reads the header of one whole batch.
fn parse(bytes: Bytes) -> Result<Batch, ResponseError> {
    let (count, stamp) = parse_header(&bytes)?;
    Ok(Batch { count, max_timestamp: i64_at(&bytes, 35), stamp, bytes })
}

/// How many records a batch has and who sent it, by its header alone.
pub(crate) fn parse_header(header: &[u8]) -> Result<(u32, Option<Stamp>), ResponseError> {
    if header.len() < HEADER_BYTES {
        return Err(ResponseError::CorruptMessage);
    }
    let count = u32::try_from(i32_at(header, 57)).map_err(|_| ResponseError::InvalidRecord)?;
    if count == 0 || i64::from(i32_at(header, 23)) != i64::from(count) - 1 {
        return Err(ResponseError::InvalidRecord);
    }
    let producer = i64_at(header, 43);
    if producer == -1 {
        return Ok((count, None));
    }
    let stamp = Stamp { producer, epoch: i16_at(header, 51), first: i32_at(header, 53), count };
    if producer < 0 || stamp.epoch < 0 || stamp.first < 0 {
        return Err(ResponseError::InvalidRecord);
    }
    Ok((count, Some(stamp)))
}

/// How many bytes a batch is long, by its header; 0 where that is no header.
pub(crate) fn length(header: &[u8]) -> u64 {
    if header.len() < HEADER_BYTES {
        return 0;
    }
    u64::try_from(i32_at(header, 8)).map_or(0, |length| length + LENGTH_END as u64)
}

/// The checksum in a header, which tells two batches apart.
pub(crate) fn checksum(header: &[u8]) -> u32 {
    u32::from_be_bytes(chunk(header, 17))
}

/// Checks what a producer may get wrong, and what this broker does not do; returns the time of the latest record, as
/// the records say it.
fn verify(batch: &Batch, zstd: bool) -> Result<i64, Invalid> {
    let bytes = &batch.bytes;
    if crc32c::crc32c(&bytes[21..]) != checksum(bytes) {
        return Err(ResponseError::CorruptMessage.into());
    }
    let attributes = i16_at(bytes, 21);
    let codec = Codec::of(attributes).ok_or(ResponseError::UnsupportedCompressionType)?;
    if codec == Codec::Zstd && !zstd {
        return Err(ResponseError::UnsupportedCompressionType.into());
    }
    if attributes & TRANSACTIONAL != 0 {
        return Err(ResponseError::InvalidTxnState.into());
    }
    if attributes & (CONTROL | LOG_APPEND_TIME) != 0 {
        return Err(ResponseError::InvalidRecord.into());
    }
    let latest = match codec {
        Codec::None => records::check(&bytes[HEADER_BYTES..], batch.count)?,
        packed => check_packed(packed, &bytes[HEADER_BYTES..], batch.count)?,
    };
    Ok(i64_at(bytes, 27).saturating_add(latest))
}

/// Checks records while they are unpacked, up to a limit that no client's batches reach.
fn check_packed(codec: Codec, packed: &[u8], count: u32) -> Result<i64, BadRecord> {
    let unreadable = |_| BadRecord { index: 0, reason: "the records cannot be unpacked" };
    let mut budget = Budget::of_batch(packed.len());
    let records = codec::unpack(codec, packed, &mut budget).map_err(unreadable)?;
    records::check_unpacked(records, count)
}

/// Whether the first batch in `records` is compressed.
pub(crate) fn is_packed(records: &[u8]) -> bool {
    records.len() >= HEADER_BYTES && Codec::of(i16_at(records, 21)) != Some(Codec::None)
}

/// Writes the broker's time into a batch, or the time of its latest record where the header has another.
fn stamp_time(batch: Batch, latest: i64, append_time: Option<i64>) -> Batch {
    let max_timestamp = append_time.unwrap_or(latest);
    if append_time.is_none() && max_timestamp == batch.max_timestamp {
        return batch;
    }
    let mut bytes = batch.bytes.to_vec();
    if append_time.is_some() {
        let attributes = i16_at(&bytes, 21) | LOG_APPEND_TIME;
        bytes[21..23].copy_from_slice(&attributes.to_be_bytes());
    }
    bytes[35..43].copy_from_slice(&max_timestamp.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    Batch { bytes: bytes.into(), max_timestamp, ..batch }
}

/// Writes what is the broker's to say into a stored batch: its offset and the leader's epoch.
pub(crate) fn place(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[12..PLACED_BYTES].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// A batch with that written into it: its beginning, which is a copy, and the rest, which is not.
pub(crate) fn placed(
    batch: &[u8],
    base_offset: i64,
    leader_epoch: i32,
) -> ([u8; PLACED_BYTES], &[u8]) {
    let (sent, rest) = batch.split_first_chunk().expect("a batch that was checked has a header");
    let mut head: [u8; PLACED_BYTES] = *sent;
    place(&mut head, base_offset, leader_epoch);
    (head, rest)
}

/// A record within its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timed {
    /// Its offset, counted from the batch's first.
    pub(crate) delta: u32,
    pub(crate) timestamp: i64,
}

/// The first record of a stored batch that is of `time` or later and not below the offset delta `from`.
///
/// Where the records cannot be read, or not within `budget`, the first one stands for all of them.
pub(crate) fn find_time(batch: &[u8], time: i64, from: u32, budget: &mut Budget) -> Option<Timed> {
    let Ok((count, _)) = parse_header(batch) else { return None };
    let (base, max) = (i64_at(batch, 27), i64_at(batch, 35));
    if max < time {
        return None;
    }
    let first = Timed { delta: from, timestamp: max };
    let attributes = i16_at(batch, 21);
    if attributes & LOG_APPEND_TIME != 0 {
        return Some(first);
    }
    let Some(codec) = Codec::of(attributes) else { return Some(first) };
    let mut found = None;
    let walked = codec::unpack(codec, &batch[HEADER_BYTES..], budget).and_then(|records| {
        records::walk(records, count, |delta, timestamp_delta| {
            let timestamp = base.saturating_add(timestamp_delta);
            if timestamp < time || delta < from {
                return ControlFlow::Continue(());
            }
            found = Some(Timed { delta, timestamp });
            ControlFlow::Break(())
        })
    });
    match walked {
        Ok(()) => found,
        Err(error) => {
            tracing::debug!(%error, ?codec, "the records of a batch cannot be read");
            Some(first)
        }
    }
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
pub(crate) mod tests;
