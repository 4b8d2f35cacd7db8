//! Headers that are wrong in one field, times, and damage.

use proptest::prelude::*;

use super::{
    codec::tests::{PACKED, pack},
    records::tests::encode,
    *,
};

/// The rules of a topic that nothing was set for.
pub(crate) const RULES: Rules = Rules { zstd: true, bytes_max: 1_048_588, append_time: None };

/// A batch of `count` small records, all of that time.
pub(crate) fn sample(stamp: Option<Stamp>, count: u32, timestamp: i64) -> Vec<u8> {
    batch_of(stamp, timestamp, &vec![0; count as usize], 0)
}

/// A batch of records with these timestamp deltas, packed by the codec of that number.
pub(crate) fn batch_of(
    stamp: Option<Stamp>,
    base_timestamp: i64,
    timestamp_deltas: &[i64],
    codec: i16,
) -> Vec<u8> {
    let count = i32::try_from(timestamp_deltas.len()).unwrap();
    let max_timestamp = base_timestamp + timestamp_deltas.iter().max().unwrap();
    let mut bytes = vec![0; HEADER_BYTES];
    bytes.extend(pack(codec, &encode(timestamp_deltas)));
    let length = i32::try_from(bytes.len() - LENGTH_END).unwrap();
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[16] = 2;
    bytes[21..23].copy_from_slice(&codec.to_be_bytes());
    bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    bytes[27..35].copy_from_slice(&base_timestamp.to_be_bytes());
    bytes[35..43].copy_from_slice(&max_timestamp.to_be_bytes());
    let (producer, epoch, first) = stamp.map_or((-1, -1, -1), |s| (s.producer, s.epoch, s.first));
    bytes[43..51].copy_from_slice(&producer.to_be_bytes());
    bytes[51..53].copy_from_slice(&epoch.to_be_bytes());
    bytes[53..57].copy_from_slice(&first.to_be_bytes());
    bytes[57..61].copy_from_slice(&count.to_be_bytes());
    seal(&mut bytes);
    bytes
}

/// The one batch in `bytes`, checked.
pub(crate) fn one(bytes: Vec<u8>) -> Batch {
    split(bytes.into(), &RULES).unwrap().remove(0)
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
        let refused = split(bytes.into(), &Rules { zstd: false, ..RULES }).unwrap_err();
        assert_eq!(refused.error, expected, "byte {at}");
    };
    check(16, &[1], ResponseError::UnsupportedForMessageFormat);
    check(8, &(-1_i32).to_be_bytes(), ResponseError::CorruptMessage);
    check(8, &48_i32.to_be_bytes(), ResponseError::CorruptMessage);
    check(8, &53_i32.to_be_bytes(), ResponseError::CorruptMessage);
    check(8, &i32::MAX.to_be_bytes(), ResponseError::MessageTooLarge);
    check(22, &[4], ResponseError::UnsupportedCompressionType);
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
        assert!(split(bytes.into(), &RULES).is_err(), "bit {bit}");
    }
}

#[test]
fn several_batches_are_split_and_an_empty_set_is_refused() {
    let mut bytes = sample(None, 3, 10);
    bytes.extend(sample(None, 1, 20));
    let counts: Vec<_> = split(bytes.into(), &RULES).unwrap().iter().map(|b| b.count).collect();
    assert_eq!(counts, [3, 1]);
    let refused = split(Bytes::new(), &RULES).unwrap_err();
    assert_eq!(refused, ResponseError::InvalidRecord.into());
}

#[test]
fn placing_a_batch_keeps_its_checksum() {
    let mut bytes = sample(None, 2, 10);
    place(&mut bytes, 1 << 40, 3);
    assert_eq!(i64_at(&bytes, 0), 1 << 40);
    assert_eq!(i32_at(&bytes, 12), 3);
    assert!(split(bytes.into(), &RULES).is_ok());
}

// Goal: a batch is taken only with whole records, as many as it says, however they are packed. Method: one record too
// few and too many; the record is named.
#[test]
fn the_records_of_a_batch_are_checked() {
    let check = |codec, count: i32, index| {
        let mut bytes = batch_of(None, 10, &[0, 1, 2], codec);
        bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        seal(&mut bytes);
        let refused = split(bytes.into(), &RULES).unwrap_err();
        assert_eq!(refused.error, ResponseError::InvalidRecord);
        assert_eq!(refused.record.unwrap().index, index);
    };
    for codec in PACKED.into_iter().chain([0]) {
        check(codec, 4, 3);
        check(codec, 2, 2);
        check(codec, i32::MAX, 3);
    }
}

// Goal: what no consumer could read is refused, and what unpacks without end is not unpacked to its end. Method: bytes
// that are no packed records, and 64 MiB of zeros in a record.
#[test]
fn what_does_not_unpack_is_refused() {
    let split_with = |codec: i16, records: &[u8]| {
        let mut bytes = batch_of(None, 10, &[0], codec)[..HEADER_BYTES].to_vec();
        bytes.extend(records);
        let length = i32::try_from(bytes.len() - 12).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        seal(&mut bytes);
        split(bytes.into(), &RULES)
    };
    for codec in PACKED {
        let refused = split_with(codec, b"not what it says it is").unwrap_err();
        assert_eq!(refused.error, ResponseError::InvalidRecord, "{codec}");
    }
    // A record of 64 MiB: length, attributes, time, offset, null key, a value of nearly all of it, no headers.
    let mut record = vec![0x80, 0x80, 0x80, 0x40, 0, 0, 0, 1, 0xe8, 0xff, 0xff, 0x3f];
    record.resize(64 * 1024 * 1024 + 4, 0);
    let bomb = pack(4, &record);
    assert!(bomb.len() < 16 * 1024, "{}", bomb.len());
    let refused = split_with(4, &bomb).unwrap_err();
    assert_eq!(refused.record.map(|record| record.index), Some(0));
}

#[test]
fn a_batch_is_as_large_as_its_topic_allows() {
    let bytes = Bytes::from(sample(None, 3, 10));
    let at_most = |bytes_max| split(bytes.clone(), &Rules { bytes_max, ..RULES });
    assert!(at_most(bytes.len()).is_ok());
    let refused = at_most(bytes.len() - 1).unwrap_err();
    assert_eq!(refused.error, ResponseError::MessageTooLarge);
}

// KIP-32: the broker's time takes the place of the producer's, under a new checksum, and a wrong greatest time is put
// right.
#[test]
fn times_are_the_brokers_where_the_topic_says_so() {
    let sent = batch_of(None, 10, &[0, 5, 3], 0);
    let [kept] = &split(sent.clone().into(), &RULES).unwrap()[..] else { panic!() };
    assert_eq!((&kept.bytes[..], kept.max_timestamp), (&sent[..], 15));

    let rules = Rules { append_time: Some(99), ..RULES };
    let [stamped] = &split(sent.clone().into(), &rules).unwrap()[..] else { panic!() };
    assert_eq!(stamped.max_timestamp, 99);
    assert_eq!(i16_at(&stamped.bytes, 21), LOG_APPEND_TIME);
    assert_eq!(crc32c::crc32c(&stamped.bytes[21..]), checksum(&stamped.bytes));
    assert_eq!(stamped.bytes[HEADER_BYTES..], sent[HEADER_BYTES..]);
    assert_eq!(
        find_time(&stamped.bytes, 16, 0, &mut Budget::default()),
        Some(Timed { delta: 0, timestamp: 99 })
    );

    let mut wrong = sent.clone();
    wrong[35..43].copy_from_slice(&1_000_i64.to_be_bytes());
    seal(&mut wrong);
    let [put_right] = &split(wrong.into(), &RULES).unwrap()[..] else { panic!() };
    assert_eq!(put_right.bytes, sent);
}

// Goal: a wrong greatest time is put right in a compressed batch too: retention and look-ups go by it.
#[test]
fn a_boastful_time_is_put_right_in_every_codec() {
    for codec in PACKED {
        let sent = batch_of(None, 10, &[0, 5, 3], codec);
        let mut wrong = sent.clone();
        wrong[35..43].copy_from_slice(&i64::MAX.to_be_bytes());
        seal(&mut wrong);
        let [put_right] = &split(wrong.into(), &RULES).unwrap()[..] else { panic!() };
        assert_eq!((&put_right.bytes[..], put_right.max_timestamp), (&sent[..], 15), "{codec}");
    }
}

// Goal: a time is found exactly, in every codec. Method: times that do not ascend, and starts within the batch.
#[test]
fn a_record_is_found_by_its_time() {
    for codec in PACKED.into_iter().chain([0]) {
        let batch = batch_of(None, 10, &[0, 5, 3, 9], codec);
        let check = |time, from, expected: Option<(u32, i64)>| {
            let found = find_time(&batch, time, from, &mut Budget::default());
            assert_eq!(found.map(|f| (f.delta, f.timestamp)), expected, "{codec}: {time} {from}");
        };
        check(0, 0, Some((0, 10)));
        check(11, 0, Some((1, 15)));
        check(13, 2, Some((2, 13)));
        check(14, 2, Some((3, 19)));
        check(19, 0, Some((3, 19)));
        check(20, 0, None);
    }
}

// Goal: records that cannot be read are answered for by the first of them. Method: a batch that is no gzip inside, and
// one whose header promises a time that none of its records has.
#[test]
fn a_batch_that_cannot_be_read_stands_for_its_records() {
    let mut garbled = batch_of(None, 10, &[0, 5], 1);
    garbled[HEADER_BYTES] ^= 1;
    assert_eq!(
        find_time(&garbled, 12, 1, &mut Budget::default()),
        Some(Timed { delta: 1, timestamp: 15 })
    );
    let mut boastful = batch_of(None, 10, &[0, 5], 1);
    boastful[35..43].copy_from_slice(&1_000_i64.to_be_bytes());
    assert_eq!(find_time(&boastful, 500, 0, &mut Budget::default()), None);
}

proptest! {
    // Goal: no bytes make the parser panic.
    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = bytes;
        if bytes.len() > 16 {
            bytes[16] = 2;
        }
        let _taken = split(bytes.into(), &RULES).is_ok();
    }
}
