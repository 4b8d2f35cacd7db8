//! When a tail is done: after so many records, or where the partitions ended when it began.

use std::collections::BTreeMap;

use bookend::{Offset, Partition};

/// What a tail still wants.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// How many records; `None` is without end.
    left: Option<u64>,
    /// Where it stops in each partition that is not done; `None` follows them all without end.
    open: Option<BTreeMap<Partition, Offset>>,
}

impl Bounds {
    /// `ends` says for each partition where it is read from and where it stops.
    pub(crate) fn new(count: Option<u64>, ends: Option<Vec<(Partition, Offset, Offset)>>) -> Self {
        let open = ends.map(|ends| {
            let unread = ends.into_iter().filter(|(_, from, end)| from < end);
            unread.map(|(partition, _, end)| (partition, end)).collect()
        });
        Self { left: count, open }
    }

    /// Whether nothing more is wanted.
    pub(crate) fn is_done(&self) -> bool {
        self.left == Some(0) || self.open.as_ref().is_some_and(BTreeMap::is_empty)
    }

    /// Takes note of a record, and says whether it is wanted.
    pub(crate) fn take(&mut self, partition: Partition, offset: Offset) -> bool {
        if self.is_done() {
            return false;
        }
        if let Some(open) = &mut self.open {
            // Records that came after the tail began are not waited for, and not shown.
            let Some(end) = open.get(&partition).copied() else { return false };
            if offset.next() >= end {
                open.remove(&partition);
            }
            if offset >= end {
                return false;
            }
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        true
    }

    /// Takes note that a partition has no more: its last offsets may have been no records, but marks of transactions or
    /// gaps of compaction.
    pub(crate) fn end(&mut self, partition: Partition) {
        if let Some(open) = &mut self.open {
            open.remove(&partition);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(ends: &[(i32, i64, i64)]) -> Vec<(Partition, Offset, Offset)> {
        let typed =
            |(partition, from, end): &_| (Partition(*partition), Offset(*from), Offset(*end));
        ends.iter().map(typed).collect()
    }

    #[test]
    fn so_many_and_no_more() {
        let mut bounds = Bounds::new(Some(2), None);
        let taken = [0, 1, 2].map(|offset| bounds.take(Partition(0), Offset(offset)));
        assert_eq!(taken, [true, true, false]);
        assert!(bounds.is_done());
    }

    #[test]
    fn stops_where_partitions_ended() {
        let mut bounds = Bounds::new(None, Some(ends(&[(0, 0, 2), (1, 5, 5), (2, 0, 9)])));
        assert!(bounds.take(Partition(0), Offset(1)));
        assert!(!bounds.take(Partition(0), Offset(2)), "came later");
        assert!(!bounds.take(Partition(1), Offset(5)), "was at its end");
        assert!(bounds.take(Partition(2), Offset(3)));
        assert!(!bounds.is_done());
        bounds.end(Partition(2));
        assert!(bounds.is_done());
    }

    // Goal: a record beyond the end closes its partition, where compaction took the last ones before it.
    #[test]
    fn a_gap_at_the_end_is_an_end() {
        let mut bounds = Bounds::new(None, Some(ends(&[(0, 0, 5)])));
        assert!(!bounds.take(Partition(0), Offset(7)));
        assert!(bounds.is_done());
    }

    #[test]
    fn nothing_to_read_is_done_at_once() {
        assert!(Bounds::new(None, Some(ends(&[(0, 3, 3)]))).is_done());
        assert!(!Bounds::new(None, None).is_done());
    }
}
