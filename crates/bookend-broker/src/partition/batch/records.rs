//! The records inside a batch: checked when they come in, walked when one is looked for by its time.
//!
//! Those of a compressed batch are checked while they are unpacked, so that none of them is held in memory.
//!
//! Format: <https://kafka.apache.org/documentation/#record> (KIP-98); all numbers but the attributes are varints in
//! zigzag:
//!
//! ```text
//! length │ attributes i8 │ timestamp delta │ offset delta │ key length, key │ value length, value │
//!        │ headers │ key length, key │ value length, value │ …            a length of -1 is null
//! ```

use std::{
    io::{self, BufRead, Read},
    ops::ControlFlow,
};

/// What is wrong with which record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadRecord {
    /// Counted from 0.
    pub(crate) index: u32,
    pub(crate) reason: &'static str,
}

/// Checks that `records` are exactly `count` records, numbered from 0; returns the greatest timestamp delta.
pub(super) fn check(mut records: &[u8], count: u32) -> Result<i64, BadRecord> {
    let mut latest = i64::MIN;
    for index in 0..count {
        let delta = check_one(&mut records, index).map_err(|reason| BadRecord { index, reason })?;
        latest = latest.max(delta);
    }
    if records.is_empty() { Ok(latest) } else { Err(BadRecord { index: count, reason: SURPLUS }) }
}

/// As [`check`], of records that are unpacked as they are read.
pub(super) fn check_unpacked(mut records: impl BufRead, count: u32) -> Result<i64, BadRecord> {
    let mut latest = i64::MIN;
    for index in 0..count {
        let bad = |reason| BadRecord { index, reason };
        let length =
            number(&mut records).ok_or(bad("there is no record, or it cannot be unpacked"))?;
        let length = u64::try_from(length).map_err(|_| bad(NEGATIVE))?;
        let mut record = records.by_ref().take(length);
        latest = latest.max(check_fields(&mut record, index).map_err(bad)?);
    }
    match records.fill_buf() {
        Ok([]) => Ok(latest),
        Ok(_) => Err(BadRecord { index: count, reason: SURPLUS }),
        Err(_) => Err(BadRecord { index: count, reason: "the end cannot be unpacked" }),
    }
}

const SURPLUS: &str = "there are bytes behind the last record";
const NEGATIVE: &str = "a record's length is negative";

/// Checks the first record and goes past it; returns its timestamp delta.
fn check_one(records: &mut &[u8], index: u32) -> Result<i64, &'static str> {
    let length = varlong(records).ok_or("a record has no length")?;
    let length = usize::try_from(length).map_err(|_| NEGATIVE)?;
    let (mut record, rest) =
        records.split_at_checked(length).ok_or("a record ends behind its batch")?;
    *records = rest;
    check_fields(&mut record, index)
}

/// Checks one record behind its length; returns its timestamp delta.
fn check_fields(record: &mut impl Fields, index: u32) -> Result<i64, &'static str> {
    const SHORT: &str = "a record ends before its last field";
    record.skip(1).ok_or(SHORT)?;
    let timestamp_delta = record.number().ok_or(SHORT)?;
    if record.number().ok_or(SHORT)? != i64::from(index) {
        return Err("a record's offset does not follow the one before it");
    }
    record.skip_nullable().ok_or("a record's key is cut off")?;
    record.skip_nullable().ok_or("a record's value is cut off")?;
    let headers = record.number().ok_or(SHORT)?;
    let headers = u32::try_from(headers).map_err(|_| "a record's headers are negative")?;
    for _ in 0..headers {
        let length = record.number().and_then(|length| u64::try_from(length).ok());
        length.and_then(|length| record.skip(length)).ok_or("a header's key is cut off")?;
        record.skip_nullable().ok_or("a header's value is cut off")?;
    }
    if record.is_done() { Ok(timestamp_delta) } else { Err("a record is longer than its fields") }
}

/// The fields of one record, one behind the other.
trait Fields {
    fn number(&mut self) -> Option<i64>;

    fn skip(&mut self, bytes: u64) -> Option<()>;

    fn is_done(&self) -> bool;

    /// Goes past a length and as many bytes; -1 is a null.
    #[inline]
    fn skip_nullable(&mut self) -> Option<()> {
        match self.number()? {
            -1 => Some(()),
            length => self.skip(u64::try_from(length).ok()?),
        }
    }
}

impl Fields for &[u8] {
    #[inline]
    fn number(&mut self) -> Option<i64> {
        varlong(self)
    }

    #[inline]
    fn skip(&mut self, bytes: u64) -> Option<()> {
        *self = self.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    fn is_done(&self) -> bool {
        self.is_empty()
    }
}

impl<R: BufRead> Fields for io::Take<R> {
    fn number(&mut self) -> Option<i64> {
        number(self)
    }

    fn skip(&mut self, mut bytes: u64) -> Option<()> {
        while bytes > 0 {
            let there = self.fill_buf().ok().filter(|there| !there.is_empty())?.len();
            let step = usize::try_from(bytes).map_or(there, |bytes| bytes.min(there));
            self.consume(step);
            bytes -= step as u64;
        }
        Some(())
    }

    fn is_done(&self) -> bool {
        self.limit() == 0
    }
}

/// A number that is unpacked; nearly always it stands in the buffer whole.
fn number(read: &mut impl BufRead) -> Option<i64> {
    let there = read.fill_buf().ok()?;
    let mut rest = there;
    let Some(value) = varlong(&mut rest) else { return read_varlong(read).ok() };
    let length = there.len() - rest.len();
    read.consume(length);
    Some(value)
}

/// Shows `each` the offset delta and the timestamp delta of every record, until it breaks.
///
/// # Errors
/// When the records end early or are no records; what was shown until then may be right.
pub(super) fn walk(
    mut records: impl BufRead,
    count: u32,
    mut each: impl FnMut(u32, i64) -> ControlFlow<()>,
) -> io::Result<()> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    for _ in 0..count {
        let length = read_varlong(&mut records)?;
        let mut record = records.by_ref().take(u64::try_from(length).map_err(|_| bad())?);
        record.read_exact(&mut [0])?;
        let timestamp_delta = read_varlong(&mut record)?;
        let offset_delta = read_varlong(&mut record)?;
        let offset_delta = u32::try_from(offset_delta).map_err(|_| bad())?;
        if offset_delta >= count {
            return Err(bad());
        }
        if each(offset_delta, timestamp_delta).is_break() {
            return Ok(());
        }
        while record.limit() > 0 {
            let there = record.fill_buf()?.len();
            if there == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            record.consume(there);
        }
    }
    Ok(())
}

/// Seven of them are in every record, and nearly all take one byte or two: so these are apart from the loop.
#[inline]
fn varlong(bytes: &mut &[u8]) -> Option<i64> {
    match *bytes {
        [one, rest @ ..] if *one < 0x80 => {
            *bytes = rest;
            Some(unzigzag(u64::from(*one)))
        }
        [one, two, rest @ ..] if *two < 0x80 => {
            *bytes = rest;
            Some(unzigzag(u64::from(one & 0x7f) | u64::from(*two) << 7))
        }
        _ => long_varlong(bytes),
    }
}

fn long_varlong(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for (n, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * n);
        if *byte < 0x80 {
            *bytes = &bytes[n + 1..];
            return Some(unzigzag(value));
        }
    }
    None
}

fn read_varlong(read: &mut impl Read) -> io::Result<i64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let mut byte = [0];
        read.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(unzigzag(value));
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zigzag(value: i64, to: &mut Vec<u8>) {
        let mut value = (value << 1 ^ value >> 63).cast_unsigned();
        while value >= 0x80 {
            to.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
            value >>= 7;
        }
        to.push(u8::try_from(value).unwrap());
    }

    /// Records with these timestamp deltas, each with a null key, a small value and one header.
    pub(crate) fn encode(timestamp_deltas: &[i64]) -> Vec<u8> {
        let mut all = Vec::new();
        for (offset_delta, timestamp_delta) in (0..).zip(timestamp_deltas) {
            let mut record = vec![0];
            zigzag(*timestamp_delta, &mut record);
            zigzag(offset_delta, &mut record);
            zigzag(-1, &mut record);
            zigzag(1, &mut record);
            record.push(b'v');
            record.extend([2, 2, b'h', 1]); // one header, a key of one byte, a null value
            zigzag(i64::try_from(record.len()).unwrap(), &mut all);
            all.extend(record);
        }
        all
    }

    fn walked(records: &[u8], count: u32) -> Vec<(u32, i64)> {
        let mut seen = Vec::new();
        walk(records, count, |offset, time| {
            seen.push((offset, time));
            ControlFlow::Continue(())
        })
        .unwrap();
        seen
    }

    #[test]
    fn good_records_pass_and_are_walked() {
        let deltas = [0, 5, -3, i64::MAX, i64::MIN];
        let records = encode(&deltas);
        assert_eq!(check(&records, 5), Ok(i64::MAX));
        assert_eq!(walked(&records, 5), [(0, 0), (1, 5), (2, -3), (3, i64::MAX), (4, i64::MIN)]);
    }

    // Goal: each thing that may be wrong is named, with its record. Method: two good records, one change.
    #[test]
    fn what_is_wrong_is_named() {
        let good = encode(&[0, 1]);
        let second = good.len() / 2;
        let check = |change: &dyn Fn(&mut Vec<u8>), count, index, words: &str| {
            let mut records = good.clone();
            change(&mut records);
            let bad = check(&records, count).unwrap_err();
            assert_eq!(bad.index, index, "{bad:?}");
            assert!(bad.reason.contains(words), "{bad:?}");
        };
        check(&|_| (), 1, 1, "behind the last record");
        check(&|_| (), 3, 2, "no length");
        check(&|r| r[second] = 1, 2, 1, "length is negative");
        check(&|r| r[second] += 2, 2, 1, "ends behind its batch");
        check(&|r| r[second] = 2, 2, 1, "before its last field");
        check(&|r| r[second + 3] = 0, 2, 1, "does not follow");
        check(&|r| r[second + 4] = 99, 2, 1, "key is cut off");
        check(&|r| r[second + 4] = 3, 2, 1, "key is cut off");
        check(&|r| r[second + 5] = 99, 2, 1, "value is cut off");
        check(&|r| r[second + 7] = 1, 2, 1, "headers are negative");
        check(&|r| r[second + 7] = 0, 2, 1, "longer than its fields");
        check(&|r| r[second + 8] = 1, 2, 1, "header's key");
        check(&|r| r[second + 10] = 2, 2, 1, "header's value");
    }

    proptest! {
        // Goal: the quick way and the slow ones read the same numbers, of every length; half a number is none.
        #[test]
        fn numbers_of_every_length_are_read(value: i64, bits in 0..64_u32) {
            let value = value >> bits;
            let mut bytes = Vec::new();
            zigzag(value, &mut bytes);
            prop_assert_eq!(read_varlong(&mut &bytes[..]).unwrap(), value);
            prop_assert_eq!(varlong(&mut &bytes[..bytes.len() - 1]), None);
            bytes.push(0xff);
            let mut rest = &bytes[..];
            prop_assert_eq!((varlong(&mut rest), rest), (Some(value), &[0xff][..]));
        }

        // Goal: no bytes make either walk panic, and what passes the check is walked to its end.
        #[test]
        fn any_bytes_are_taken_or_refused(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            count in 0..6_u32,
        ) {
            let mut records = encode(&[3, 2, 1]);
            for (at, byte) in damage {
                let at = at.index(records.len());
                records[at] = byte;
            }
            let mut seen = 0;
            let end = walk(&records[..], count, |_, _| { seen += 1; ControlFlow::Continue(()) });
            if check(&records, count).is_ok() {
                prop_assert!(end.is_ok());
                prop_assert_eq!(seen, count);
            }
            // In pieces as small as they come, the verdict is the same; only the words of a cut differ.
            let unpacked = io::BufReader::with_capacity(1 + usize::try_from(count).unwrap(), &records[..]);
            let unpacked = check_unpacked(unpacked, count).map_err(|bad| bad.index);
            prop_assert_eq!(unpacked, check(&records, count).map_err(|bad| bad.index));
        }
    }
}
