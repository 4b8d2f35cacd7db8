//! Finds an entry in a segment without walking all of it: one point every 16 KiB, in memory, and for sealed segments
//! saved beside them.
//!
//! The index file, big-endian: the letters `BKI`, version 1, CRC-32C of all that follows; first index, end index,
//! bytes of the segment (u64 each), greatest time (i64); then the points, each index, position (u64), time (i64).

use std::{fs, io, path::Path};

use super::Segment;
use crate::{disk::Disk, entry::field};

/// The distance of two points. A look-up walks over at most this much and one entry.
const SPACING_BYTES: usize = 16 * 1024;

const MAGIC: [u8; 4] = *b"BKI\x01";
const SUMMARY_BYTES: usize = 40;
const POINT_BYTES: usize = 24;

/// Some of the entries of a segment, in order. The first entry is never among them: everybody knows where it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Index(Vec<Point>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    first: u64,
    at: u64,
    /// The greatest time of all entries before this one.
    time_before_max: i64,
}

impl Index {
    /// Offers an entry; it becomes a point when the last one is far enough behind.
    pub(super) fn push(&mut self, first: u64, at: u64, time_before_max: i64) {
        let last = self.0.last().map_or(0, |point| point.at);
        if at - last >= SPACING_BYTES as u64 {
            self.0.push(Point { first, at, time_before_max });
        }
    }

    /// Position and first index of the last point at or before `index`.
    pub(super) fn before(&self, index: u64) -> Option<(u64, u64)> {
        self.last_where(|point| point.first <= index)
    }

    /// Position and first index of the last point that has only earlier times before it.
    pub(super) fn before_time(&self, time_ms: i64) -> Option<(u64, u64)> {
        self.last_where(|point| point.time_before_max < time_ms)
    }

    fn last_where(&self, holds: impl Fn(&Point) -> bool) -> Option<(u64, u64)> {
        let after = self.0.partition_point(holds);
        let point = self.0.get(after.checked_sub(1)?)?;
        Some((point.at, point.first))
    }
}

impl Segment {
    /// Writes the index file of a segment that is sealed.
    ///
    /// It needs no fsync: a damaged or missing one is only slower.
    pub(crate) fn save_index(&self, dir: &Path, disk: &dyn Disk) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(SUMMARY_BYTES + self.index.0.len() * POINT_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[0; 4]); // the checksum, below
        bytes.extend_from_slice(&self.first.to_be_bytes());
        bytes.extend_from_slice(&self.end.to_be_bytes());
        bytes.extend_from_slice(&self.bytes.to_be_bytes());
        bytes.extend_from_slice(&self.time_max.to_be_bytes());
        for point in &self.index.0 {
            bytes.extend_from_slice(&point.first.to_be_bytes());
            bytes.extend_from_slice(&point.at.to_be_bytes());
            bytes.extend_from_slice(&point.time_before_max.to_be_bytes());
        }
        let crc = crc32c::crc32c(&bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_be_bytes());
        disk.write_over(&self.index_path(dir), &bytes)
    }

    /// What the index file tells of the segment, `None` when it is missing, damaged, or not of this segment.
    pub(crate) fn from_index(dir: &Path, first: u64, segment_bytes: u64) -> Option<Self> {
        let empty = Self::new(first);
        let path = empty.index_path(dir);
        let points_max = segment_bytes / SPACING_BYTES as u64 + 1;
        let bytes_max = SUMMARY_BYTES as u64 + points_max * POINT_BYTES as u64;
        if fs::metadata(&path).ok()?.len() > bytes_max {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        let checked = bytes.len() >= SUMMARY_BYTES
            && bytes[..4] == MAGIC
            && u32::from_be_bytes(field(&bytes, 4)) == crc32c::crc32c(&bytes[8..]);
        if !checked {
            return None;
        }
        let (summary, points) = bytes.split_at(SUMMARY_BYTES);
        let points = points.chunks_exact(POINT_BYTES).map(|point| Point {
            first: u64::from_be_bytes(field(point, 0)),
            at: u64::from_be_bytes(field(point, 8)),
            time_before_max: i64::from_be_bytes(field(point, 16)),
        });
        let segment = Self {
            first: u64::from_be_bytes(field(summary, 8)),
            end: u64::from_be_bytes(field(summary, 16)),
            bytes: u64::from_be_bytes(field(summary, 24)),
            time_max: i64::from_be_bytes(field(summary, 32)),
            index: Index(points.collect()),
        };
        (segment.first == first && segment.bytes == segment_bytes).then_some(segment)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{disk::OsDisk, entry::Header};

    fn segment_of(entries: &[(u32, i64, usize)]) -> Segment {
        let mut segment = Segment::new(1_000);
        for &(count, time_ms, payload_bytes) in entries {
            let payload = vec![7; payload_bytes];
            segment.push(&Header::new(segment.end, count, time_ms, [&payload, b""]).unwrap());
        }
        segment
    }

    proptest! {
        // Goal: a point never stands behind what is looked for, nor further before it than the spacing and one entry.
        #[test]
        fn points_stand_shortly_before(entries in prop::collection::vec((1..5_u32, 0..100_i64, 0..9_000_usize), 1..60), time in 0..100_i64) {
            let segment = segment_of(&entries);
            let (mut first, mut at, mut found) = (1_000, 0, None);
            for &(count, time_ms, payload_bytes) in &entries {
                let (point, _) = segment.index.before(first).unwrap_or((0, 1_000));
                prop_assert!(point <= at && at - point < (SPACING_BYTES + 9_036) as u64);
                prop_assert_eq!(segment.index.before(first + u64::from(count) - 1).unwrap_or((0, 0)).0, point);
                if time_ms >= time && found.is_none() {
                    found = Some(at);
                    let (point, _) = segment.index.before_time(time).unwrap_or((0, 1_000));
                    prop_assert!(point <= at && at - point < (SPACING_BYTES + 9_036) as u64);
                }
                first += u64::from(count);
                at += payload_bytes as u64 + 36;
            }
        }

        // Goal: the file says what the memory said; with any byte changed or cut it says nothing.
        #[test]
        fn the_file_is_whole_or_nothing(entries in prop::collection::vec((1..5_u32, 0..100_i64, 5_000..9_000_usize), 1..20), damage: prop::sample::Index) {
            let folder = tempfile::tempdir().unwrap();
            let segment = segment_of(&entries);
            let load = || Segment::from_index(folder.path(), 1_000, segment.bytes);
            prop_assert_eq!(load(), None);
            segment.save_index(folder.path(), &OsDisk).unwrap();
            prop_assert_eq!(Segment::from_index(folder.path(), 1_000, segment.bytes + 1), None);
            prop_assert!(load().is_some_and(|loaded| loaded == segment));
            let path = segment.index_path(folder.path());
            let mut bytes = fs::read(&path).unwrap();
            let at = damage.index(bytes.len());
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            prop_assert_eq!(load(), None);
            fs::write(&path, &bytes[..at]).unwrap();
            prop_assert_eq!(load(), None);
        }
    }
}
