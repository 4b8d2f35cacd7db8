//! One entry: its header of 36 bytes (the table on the crate's page), its checksums, and what readers get.
//!
//! Pure bytes, no I/O. Downstream: [`segment`](crate::segment), which strings entries together.

use crate::AppendError;

/// The longest payload of one entry: 256 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

pub(crate) const HEADER_BYTES: usize = 36;

const LETTERS: [u8; 3] = *b"BKL";
const VERSION: u8 = 1;

/// One entry, its checksum verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its first index.
    pub first: u64,
    /// How many indexes it spans, from `first` on.
    pub count: u32,
    /// The time it was appended with.
    pub time_ms: i64,
    /// The bytes it was appended with.
    pub payload: Vec<u8>,
}

/// An entry without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryInfo {
    /// Its first index.
    pub first: u64,
    /// How many indexes it spans, from `first` on.
    pub count: u32,
    /// The time it was appended with.
    pub time_ms: i64,
}

/// What stands before a payload, except the letters, the version and the header's own checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) payload_bytes: u32,
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) time_ms: i64,
    payload_crc: u32,
}

/// Why 36 bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// Other letters: this is no entry at all.
    Letters,
    /// An entry of another version of this crate, its checksum right: it must not be cut.
    Version,
    /// The checksum does not match, or matches fields that `append` never writes.
    Fields,
}

impl BadHeader {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Letters => "no entry starts here",
            Self::Version => "the entry has a format version that this program does not know",
            Self::Fields => "the entry's header does not match its checksum",
        }
    }
}

impl Header {
    /// The header of the entry that `append` is asked for.
    pub(crate) fn new(
        first: u64,
        count: u32,
        time_ms: i64,
        payload: [&[u8]; 2],
    ) -> Result<Self, AppendError> {
        if count == 0 {
            return Err(AppendError::Empty);
        }
        if first.checked_add(u64::from(count)).is_none() {
            return Err(AppendError::Full);
        }
        let bytes = payload[0].len().saturating_add(payload[1].len());
        let too_large = AppendError::TooLarge { bytes };
        match u32::try_from(bytes) {
            Ok(payload_bytes) if bytes <= PAYLOAD_BYTES_MAX => Ok(Self {
                payload_bytes,
                first,
                count,
                time_ms,
                payload_crc: crc32c::crc32c_append(crc32c::crc32c(payload[0]), payload[1]),
            }),
            _ => Err(too_large),
        }
    }

    /// The header as it stands on disk, before its payload.
    pub(crate) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..3].copy_from_slice(&LETTERS);
        bytes[3] = VERSION;
        bytes[4..8].copy_from_slice(&self.payload_bytes.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.first.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.count.to_be_bytes());
        bytes[20..28].copy_from_slice(&self.time_ms.to_be_bytes());
        bytes[28..32].copy_from_slice(&self.payload_crc.to_be_bytes());
        let header_crc = crc32c::crc32c(&bytes[..32]);
        bytes[32..].copy_from_slice(&header_crc.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, BadHeader> {
        if bytes[..3] != LETTERS {
            return Err(BadHeader::Letters);
        }
        let header_crc = u32::from_be_bytes(field(bytes, 32));
        if header_crc != crc32c::crc32c(&bytes[..32]) {
            return Err(BadHeader::Fields);
        }
        // Only now: a torn header may have its letters and not its version.
        if bytes[3] != VERSION {
            return Err(BadHeader::Version);
        }
        let header = Self {
            payload_bytes: u32::from_be_bytes(field(bytes, 4)),
            first: u64::from_be_bytes(field(bytes, 8)),
            count: u32::from_be_bytes(field(bytes, 16)),
            time_ms: i64::from_be_bytes(field(bytes, 20)),
            payload_crc: u32::from_be_bytes(field(bytes, 28)),
        };
        let written_by_append = header.count > 0
            && header.payload_bytes as usize <= PAYLOAD_BYTES_MAX
            && header.first.checked_add(u64::from(header.count)).is_some();
        if written_by_append { Ok(header) } else { Err(BadHeader::Fields) }
    }

    /// The index after the last one.
    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.count) // `new` and `from_bytes` checked it
    }

    /// The entry's bytes on disk.
    pub(crate) fn entry_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.payload_bytes)
    }

    pub(crate) fn matches(&self, payload_crc: u32) -> bool {
        self.payload_crc == payload_crc
    }

    pub(crate) fn info(&self) -> EntryInfo {
        EntryInfo { first: self.first, count: self.count, time_ms: self.time_ms }
    }

    pub(crate) fn into_entry(self, payload: Vec<u8>) -> Entry {
        Entry { first: self.first, count: self.count, time_ms: self.time_ms, payload }
    }
}

/// The `N` bytes at `at`, which the caller knows to be there.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Goal: what is written is read back, field by field.
        #[test]
        fn a_header_survives_the_disk(first in 0..u64::MAX / 2, count in 1..u32::MAX, time_ms: i64, payload: Vec<u8>) {
            let (one, other) = payload.split_at(payload.len() / 3);
            let header = Header::new(first, count, time_ms, [one, other]).unwrap();
            prop_assert!(header.matches(crc32c::crc32c(&payload)));
            let bytes = header.to_bytes();
            prop_assert_eq!((bytes.len() + payload.len()) as u64, header.entry_bytes());
            prop_assert_eq!(Header::from_bytes(&bytes), Ok(header));
        }
    }

    // Goal: no single flipped bit of a header passes.
    #[test]
    fn every_flipped_bit_is_seen() {
        let bytes = Header::new(7, 3, 1_700_000_000_000, [b"payload", b""]).unwrap().to_bytes();
        for bit in 0..HEADER_BYTES * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::from_bytes(&damaged).is_err(), "bit {bit}");
        }
    }

    // Goal: the format is what the crate's page says. A change of these bytes needs a new version.
    #[test]
    fn the_layout_is_fixed() {
        let bytes = Header::new(0x0102, 3, -1, [b"a", b"b"]).unwrap().to_bytes();
        let expected = [
            &b"BKL\x01"[..],
            &[0, 0, 0, 2],
            &[0, 0, 0, 0, 0, 0, 1, 2],
            &[0, 0, 0, 3],
            &[0xff; 8],
            &crc32c::crc32c(b"ab").to_be_bytes(),
            &crc32c::crc32c(&bytes[..32]).to_be_bytes(),
        ];
        assert_eq!(bytes[..], expected.concat());
    }

    #[test]
    fn what_cannot_be_an_entry_is_refused() {
        assert!(matches!(Header::new(0, 0, 0, [b"", b""]), Err(AppendError::Empty)));
        assert!(matches!(Header::new(u64::MAX, 1, 0, [b"", b""]), Err(AppendError::Full)));
        let payload = vec![0; PAYLOAD_BYTES_MAX + 1];
        assert!(matches!(Header::new(0, 1, 0, [&payload, b""]), Err(AppendError::TooLarge { .. })));
    }
}
