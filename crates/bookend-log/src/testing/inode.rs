//! The content of one file: what is durable, and what was done since.
//!
//! Pure, no I/O. Downstream: [`state`](super::state), which gives files their names.

use std::{collections::BTreeSet, iter, ops::Range};

/// What stands where a page was lost: zeros, or this.
const NOISE: u8 = 0xb7;

#[derive(Debug, Default)]
pub(super) struct Inode {
    durable: Vec<u8>,
    /// Since the last sync, in order.
    changes: Vec<Change>,
    length: usize,
}

#[derive(Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    CutTo(usize),
}

impl Inode {
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len(), durable: bytes, changes: Vec::new() }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.changes.push(Change::Write { at: self.length, bytes: bytes.to_vec() });
        self.length += bytes.len();
    }

    pub(super) fn write_over(&mut self, bytes: &[u8]) {
        self.changes.push(Change::Write { at: 0, bytes: bytes.to_vec() });
        if self.length > bytes.len() {
            self.changes.push(Change::CutTo(bytes.len()));
        }
        self.length = bytes.len();
    }

    pub(super) fn cut_to(&mut self, length: usize) {
        self.changes.push(Change::CutTo(length));
        self.length = length;
    }

    pub(super) fn sync(&mut self) {
        self.durable = self.written(usize::MAX).full;
        self.changes.clear();
    }

    /// The content if all was written until that truncation, which is the first that did not happen.
    fn written(&self, cuts_happened: usize) -> Written {
        let mut full = self.durable.clone();
        let (mut kept, mut cuts, mut unsynced) = (full.len(), 0, Vec::new());
        for change in &self.changes {
            match change {
                Change::Write { at, bytes } => {
                    let range = *at..at + bytes.len();
                    full.resize(full.len().max(range.end), 0);
                    full[range.clone()].copy_from_slice(bytes);
                    unsynced.push(range);
                }
                Change::CutTo(_) if cuts == cuts_happened => break,
                Change::CutTo(length) => {
                    cuts += 1;
                    full.truncate(*length);
                    kept = kept.min(*length);
                }
            }
        }
        Written { full, kept, unsynced }
    }

    /// What a power cut leaves.
    pub(super) fn left(
        &self,
        page_bytes: usize,
        choose: &mut dyn FnMut(usize) -> usize,
    ) -> Vec<u8> {
        let cuts = self.changes.iter().filter(|change| matches!(change, Change::CutTo(_))).count();
        let mut fork = |ways| if ways > 1 { choose(ways).min(ways - 1) } else { 0 };
        let written = self.written(cuts - fork(cuts + 1));
        let mut left = written.full.clone();
        let pages = written.pages(page_bytes);
        let mut lost = Vec::new();
        let mut kept_end = written.kept;
        for &page in &pages {
            if fork(2) == 0 {
                kept_end = kept_end.max(left.len().min((page + 1) * page_bytes));
            } else {
                lost.push(page);
            }
        }
        let filler = if lost.is_empty() || fork(2) == 0 { 0 } else { NOISE };
        for page in lost {
            for range in &written.unsynced {
                let page = page * page_bytes..((page + 1) * page_bytes).min(left.len());
                let both = range.start.max(page.start)..range.end.min(page.end);
                let durable = self.durable[..written.kept].iter().copied();
                let before = durable.chain(iter::repeat(filler)).skip(both.start);
                if !both.is_empty() {
                    left[both].iter_mut().zip(before).for_each(|(byte, before)| *byte = before);
                }
            }
        }
        let torn = written.kept.max(kept_end.saturating_sub(page_bytes / 2 + 1));
        let mut lengths = vec![left.len(), kept_end, torn];
        lengths.dedup();
        left.truncate(lengths[fork(lengths.len())]);
        left
    }
}

struct Written {
    full: Vec<u8>,
    /// How much of the durable content no truncation took.
    kept: usize,
    unsynced: Vec<Range<usize>>,
}

impl Written {
    fn pages(&self, page_bytes: usize) -> BTreeSet<usize> {
        let within = |range: &Range<usize>| range.start..range.end.min(self.full.len());
        let ranges = self.unsynced.iter().map(within).filter(|range| !range.is_empty());
        ranges.flat_map(|range| range.start / page_bytes..=(range.end - 1) / page_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that may be left, by all answers there are.
    fn every(inode: &Inode, page_bytes: usize) -> BTreeSet<Vec<u8>> {
        let (mut left, mut answers) = (BTreeSet::new(), Vec::<(usize, usize)>::new());
        loop {
            let mut asked = 0;
            left.insert(inode.left(page_bytes, &mut |ways| {
                if asked == answers.len() {
                    answers.push((0, ways));
                }
                asked += 1;
                answers[asked - 1].0
            }));
            while answers.last().is_some_and(|(answer, ways)| answer + 1 == *ways) {
                answers.pop();
            }
            let Some((answer, _)) = answers.last_mut() else { return left };
            *answer += 1;
        }
    }

    // Goal: a synced file has one end; unsynced pages stay or not, each for itself, and what was synced is in all.
    #[test]
    fn synced_bytes_stay_and_pages_go_alone() {
        let mut inode = Inode::durable(b"synced".to_vec());
        assert_eq!(every(&inode, 4), BTreeSet::from([b"synced".to_vec()]));
        inode.append(b"ABCDEF");
        let left = every(&inode, 4);
        for expected in
            [&b"syncedABCDEF"[..], b"synced", b"syncedAB", b"synced\0\0CDEF", b"synced\xb7\xb7CDEF"]
        {
            assert!(left.contains(expected), "{expected:?} of {left:?}");
        }
        assert!(left.iter().all(|bytes| bytes.starts_with(b"synced")));
        inode.sync();
        assert_eq!(every(&inode, 4), BTreeSet::from([b"syncedABCDEF".to_vec()]));
    }

    // Goal: a truncation happens before what follows it, or not at all; bytes written over are the old or the new.
    #[test]
    fn changes_have_an_order_where_file_systems_keep_one() {
        let mut inode = Inode::durable(b"old tail".to_vec());
        inode.cut_to(3);
        inode.append(b"NEW");
        let left = every(&inode, 100);
        assert!(
            left.contains(&b"old tail"[..])
                && left.contains(&b"oldNEW"[..])
                && left.contains(&b"old"[..])
        );
        assert!(left.iter().all(|bytes| *bytes == b"old tail" || bytes.len() <= 6), "{left:?}");
        let mut inode = Inode::durable(b"old".to_vec());
        inode.write_over(b"new");
        assert_eq!(every(&inode, 100), BTreeSet::from([b"old".to_vec(), b"new".to_vec()]));
    }
}
