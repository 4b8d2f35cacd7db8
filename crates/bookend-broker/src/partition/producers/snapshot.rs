//! The producers of a partition as a file, so that opening need not read the whole log.
//!
//! It saves time and nothing else, so it is not synced: a file that is missing, damaged, or of another log's past is
//! passed over, and the log is read instead; so is one of another version. All integers are big-endian:
//!
//! ```text
//! letters "BKP", version 2
//! end u64, the offset up to which it speaks      checksum u32, of the batch before `end` (0 if there is none)
//! producers u32, each:  id i64   epoch i16   seen i64, in milliseconds
//!                       batches u8, each:  first i32   last i32   base offset i64
//! CRC-32C u32, of all before it
//! ```

use std::{fs, io, path::Path};

use super::{BATCHES_KEPT, ById, Kept, Producer, Producers};

const NAME: &str = "producers";
const LETTERS: [u8; 4] = *b"BKP\x02";

/// Of which log's past a snapshot speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The offset up to which it speaks.
    pub(crate) end: u64,
    /// The checksum of the batch that ends there: in another log's past it would be another.
    pub(crate) checksum: u32,
}

/// Reads the snapshot in `dir`; none if there is none that can be used.
pub(crate) fn load(dir: &Path) -> Option<(Mark, ById)> {
    match fs::read(dir.join(NAME)) {
        Ok(bytes) => {
            let snapshot = decode(&bytes);
            if snapshot.is_none() {
                tracing::debug!(dir = %dir.display(), "a snapshot of producers is damaged, or of another version");
            }
            snapshot
        }
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(dir = %dir.display(), %error, "a snapshot of producers cannot be read");
            }
            None
        }
    }
}

/// Replaces the snapshot in `dir`.
pub(crate) fn store(dir: &Path, mark: Mark, producers: &Producers) -> io::Result<()> {
    let fresh = dir.join("producers.new");
    fs::write(&fresh, encode(mark, &producers.by_id))?;
    fs::rename(&fresh, dir.join(NAME))
}

fn encode(mark: Mark, producers: &ById) -> Vec<u8> {
    let mut bytes = LETTERS.to_vec();
    bytes.extend(mark.end.to_be_bytes());
    bytes.extend(mark.checksum.to_be_bytes());
    let count = u32::try_from(producers.len()).expect("their number is limited");
    bytes.extend(count.to_be_bytes());
    for (id, producer) in producers {
        bytes.extend(id.to_be_bytes());
        bytes.extend(producer.epoch.to_be_bytes());
        bytes.extend(producer.seen_ms.to_be_bytes());
        let batches = producer.batches.iter().flatten();
        bytes.push(u8::try_from(batches.clone().count()).expect("five at most"));
        for kept in batches {
            bytes.extend(kept.first.to_be_bytes());
            bytes.extend(kept.last.to_be_bytes());
            bytes.extend(kept.base_offset.to_be_bytes());
        }
    }
    let crc = crc32c::crc32c(&bytes);
    bytes.extend(crc.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<(Mark, ById)> {
    let (body, crc) = bytes.split_last_chunk()?;
    if crc32c::crc32c(body) != u32::from_be_bytes(*crc) {
        return None;
    }
    let mut rest = body.strip_prefix(&LETTERS)?;
    let end = u64::from_be_bytes(take(&mut rest)?);
    let checksum = u32::from_be_bytes(take(&mut rest)?);
    let mut producers = ById::new();
    for _ in 0..u32::from_be_bytes(take(&mut rest)?) {
        let id = i64::from_be_bytes(take(&mut rest)?);
        let epoch = i16::from_be_bytes(take(&mut rest)?);
        let seen_ms = i64::from_be_bytes(take(&mut rest)?);
        let [count] = take(&mut rest)?;
        let mut batches = [None; BATCHES_KEPT];
        let from = BATCHES_KEPT.checked_sub(count.into())?;
        for place in &mut batches[from..] {
            *place = Some(Kept {
                first: i32::from_be_bytes(take(&mut rest)?),
                last: i32::from_be_bytes(take(&mut rest)?),
                base_offset: i64::from_be_bytes(take(&mut rest)?),
            });
        }
        producers.insert(id, Producer { epoch, seen_ms, batches });
    }
    rest.is_empty().then_some((Mark { end, checksum }, producers))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::{super::census::Census, *};
    use crate::partition::batch::Stamp;

    const MARK: Mark = Mark { end: 70, checksum: 0xdead_beef };

    fn sample() -> Producers {
        let mut producers = Producers::new(&Census::default());
        for (producer, batches) in [(7, 6), (9, 1)] {
            for n in 0..batches {
                let stamp = Stamp { producer, epoch: 3, first: n * 10, count: 10 };
                producers.record(&stamp, i64::from(n) * 10, i64::from(n));
            }
        }
        producers
    }

    #[test]
    fn what_is_stored_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load(dir.path()).is_none());
        store(dir.path(), MARK, &sample()).unwrap();
        assert_eq!(load(dir.path()), Some((MARK, sample().by_id)));
    }

    // Goal: no damage goes unseen. Method: every cut and every flipped bit.
    #[test]
    fn a_damaged_snapshot_is_passed_over() {
        let good = encode(MARK, &sample().by_id);
        assert!(decode(&good).is_some());
        for length in 0..good.len() {
            assert!(decode(&good[..length]).is_none(), "cut at {length}");
        }
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes).is_none(), "bit {bit}");
        }
    }

    // Goal: what an earlier version of this crate left is not misread. Method: its number under a right checksum.
    #[test]
    fn a_snapshot_of_another_version_is_passed_over() {
        let mut bytes = encode(MARK, &sample().by_id);
        let body = bytes.len() - 4;
        bytes[3] = 1;
        let crc = crc32c::crc32c(&bytes[..body]);
        bytes[body..].copy_from_slice(&crc.to_be_bytes());
        assert!(decode(&bytes).is_none());
    }
}
