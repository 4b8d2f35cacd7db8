//! Unpacks the records of a compressed batch, to check them and to find one by its time. They are stored as they came.
//!
//! The bytes come from clients, so what they unpack to is bounded by a [`Budget`]: a batch that comes in has one by its
//! size, a request that looks for a time has one for all batches it looks into. They are unpacked a window at a time.
//! Framing: gzip (RFC 1952), snappy in the blocks of snappy-java or bare, LZ4 frames (KIP-57), zstd (RFC 8878, KIP-110).

use std::io::{self, BufRead, BufReader, Read};

/// The most bytes that are unpacked of one batch that comes in, and for one request that looks for a time.
const UNPACKED_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// A batch may unpack to so many bytes, however small it is …
const UNPACKED_BYTES_MIN: u64 = 8 * 1024 * 1024;
/// … and to so many times its size, which is more than gzip gets out of one byte repeated.
const UNPACKED_FACTOR: u64 = 1_100;
/// How much is unpacked at a time.
const BUFFER_BYTES: usize = 16 * 1024;

/// What stands before the blocks of snappy-java: its name, then two versions of four bytes.
const SNAPPY_JAVA: &[u8] = b"\x82SNAPPY\0";
const SNAPPY_JAVA_BYTES: usize = 16;

/// The codec of a batch, as its attributes number it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Codec {
    /// The codec of that number, if there is one.
    pub(super) fn of(attributes: i16) -> Option<Self> {
        match attributes & 0b111 {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            2 => Some(Self::Snappy),
            3 => Some(Self::Lz4),
            4 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// How many bytes may still be unpacked. What lies beyond reads as cut off.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
}

impl Default for Budget {
    /// That of a request.
    fn default() -> Self {
        Self { left: UNPACKED_BYTES_MAX }
    }
}

impl Budget {
    /// That of a batch, which is `packed` bytes long.
    pub(super) fn of_batch(packed: usize) -> Self {
        let left = (packed as u64).saturating_mul(UNPACKED_FACTOR);
        Self { left: left.clamp(UNPACKED_BYTES_MIN, UNPACKED_BYTES_MAX) }
    }
}

/// A reader that keeps within a budget.
struct Metered<'a, R> {
    read: R,
    budget: &'a mut Budget,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.budget.left).unwrap_or(usize::MAX);
        let length = to.len().min(left);
        let read = self.read.read(&mut to[..length])?;
        self.budget.left -= read as u64;
        Ok(read)
    }
}

/// A reader of what `packed` unpacks to, as far as `budget` goes.
pub(super) fn unpack<'a>(
    codec: Codec,
    packed: &'a [u8],
    budget: &'a mut Budget,
) -> io::Result<Box<dyn BufRead + 'a>> {
    fn metered<'a>(read: impl Read + 'a, budget: &'a mut Budget) -> Box<dyn BufRead + 'a> {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, Metered { read, budget }))
    }
    if budget.left == 0 && codec != Codec::None {
        return Err(io::Error::other("too much was unpacked for this request already"));
    }
    Ok(match codec {
        Codec::None => Box::new(packed),
        Codec::Gzip => metered(flate2::bufread::GzDecoder::new(packed), budget),
        Codec::Snappy => metered(Snappy::new(packed, budget.left), budget),
        Codec::Lz4 => metered(lz4_flex::frame::FrameDecoder::new(packed), budget),
        Codec::Zstd => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(packed);
            metered(decoder.map_err(io::Error::other)?, budget)
        }
    })
}

/// Snappy blocks, unpacked one by one.
struct Snappy<'a> {
    packed: &'a [u8],
    /// One block without a length before it, as librdkafka sends.
    bare: bool,
    /// The largest block that is unpacked.
    bytes_max: u64,
    block: io::Cursor<Vec<u8>>,
}

impl<'a> Snappy<'a> {
    fn new(packed: &'a [u8], bytes_max: u64) -> Self {
        let framed = packed.starts_with(SNAPPY_JAVA) && packed.len() >= SNAPPY_JAVA_BYTES;
        let packed = if framed { &packed[SNAPPY_JAVA_BYTES..] } else { packed };
        Self { packed, bare: !framed, bytes_max, block: io::Cursor::default() }
    }

    /// The next block as it is packed.
    fn next(&mut self) -> io::Result<&'a [u8]> {
        if self.bare {
            return Ok(std::mem::take(&mut self.packed));
        }
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (length, rest) = self.packed.split_first_chunk().ok_or_else(cut)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (block, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        self.packed = rest;
        Ok(block)
    }
}

impl Read for Snappy<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.block.read(to)?;
            if read > 0 || to.is_empty() || self.packed.is_empty() {
                return Ok(read);
            }
            let block = self.next()?;
            // Its length stands in front of a block, and is allocated; three packed bytes make 64 at most.
            let unpacked = snap::raw::decompress_len(block)?;
            if unpacked > block.len().saturating_mul(22) || unpacked as u64 > self.bytes_max {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.block = io::Cursor::new(snap::raw::Decoder::new().decompress_vec(block)?);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    pub(crate) const PACKED: [i16; 4] = [1, 2, 3, 4];

    /// Packs as a client does, for the codec of that number.
    pub(crate) fn pack(codec: i16, bytes: &[u8]) -> Vec<u8> {
        match codec {
            1 => {
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(bytes).unwrap();
                gzip.finish().unwrap()
            }
            2 => snap::raw::Encoder::new().compress_vec(bytes).unwrap(),
            3 => {
                let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
                lz4.write_all(bytes).unwrap();
                lz4.finish().unwrap()
            }
            4 => ruzstd::encoding::compress_to_vec(
                bytes,
                ruzstd::encoding::CompressionLevel::Fastest,
            ),
            _ => bytes.to_vec(),
        }
    }

    fn unpacked(codec: i16, packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut budget = Budget::default();
        unpack(Codec::of(codec).unwrap(), packed, &mut budget)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn every_codec_is_unpacked() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 7).to_be_bytes()).collect();
        for codec in PACKED {
            assert!(unpacked(codec, &pack(codec, &bytes)).unwrap() == bytes, "{codec}");
        }
        // The blocks of snappy-java.
        let mut framed = [SNAPPY_JAVA, &[0, 0, 0, 1, 0, 0, 0, 1]].concat();
        for part in bytes.chunks(32 * 1024) {
            let block = pack(2, part);
            framed.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
            framed.extend(block);
        }
        assert!(unpacked(2, &framed).unwrap() == bytes);
    }

    // Goal: a length that lies is not believed. Method: a snappy block that claims 4 GiB.
    #[test]
    fn a_length_that_lies_allocates_nothing() {
        let lie = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        assert!(unpacked(2, &lie).is_err());
        let framed = [SNAPPY_JAVA, &[0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]].concat();
        assert!(unpacked(2, &framed).is_err());
    }

    // Goal: a request that has more unpacked than any client sends is cut off, however many batches it does that with.
    // Method: 70 MiB of zeros, again and again; and a block that is larger than what is left.
    #[test]
    fn what_is_unpacked_is_bounded() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let zeros = vec![0; 1024 * 1024];
        for _ in 0..70 {
            gzip.write_all(&zeros).unwrap();
        }
        let bomb = gzip.finish().unwrap();
        let mut budget = Budget::default();
        for expected in [70, 58] {
            let mut unpacked = unpack(Codec::Gzip, &bomb, &mut budget).unwrap();
            let end = io::copy(&mut unpacked, &mut io::sink());
            assert_eq!(end.unwrap(), expected * 1024 * 1024);
        }
        for codec in PACKED {
            assert!(unpack(Codec::of(codec).unwrap(), &pack(codec, b"a"), &mut budget).is_err());
        }
        let mut small = Budget { left: 100 };
        let block = pack(2, &[7; 200]);
        let mut unpacked = unpack(Codec::Snappy, &block, &mut small).unwrap();
        assert!(unpacked.read_to_end(&mut Vec::new()).is_err());
    }

    proptest! {
        // Goal: no bytes make a decoder panic or loop.
        #[test]
        fn damage_ends_in_an_error_or_an_end(
            codec in 1..5_i16,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut packed = pack(codec, &[7; 3_000]);
            for (at, byte) in damage {
                let at = at.index(packed.len());
                packed[at] = byte;
            }
            let _read = unpacked(codec, &packed).is_ok();
            packed.truncate(cut.index(packed.len()));
            let _read = unpacked(codec, &packed).is_ok();
        }
    }
}
