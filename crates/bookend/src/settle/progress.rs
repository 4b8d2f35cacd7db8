//! How far one partition is settled: the low-water mark that may be committed.

use std::collections::VecDeque;

use crate::topic::Offset;

/// The messages of one partition that were taken and are not yet below the mark.
///
/// Messages are taken in the order of their offsets and may be settled in any order. The mark moves only over a
/// contiguous run of settled ones, so committing it never passes an unfinished message. Offsets may have gaps
/// (compaction, transaction markers).
#[derive(Debug, Default)]
pub(crate) struct Progress {
    taken: VecDeque<Taken>,
    bytes: usize,
    newest: Option<Offset>,
    mark: Option<Offset>,
}

#[derive(Debug)]
struct Taken {
    offset: Offset,
    bytes: usize,
    settled: bool,
}

impl Progress {
    /// Takes the message at `offset`. `false` when it is not above all taken before: it was taken already.
    pub(crate) fn take(&mut self, offset: Offset, bytes: usize) -> bool {
        if self.newest.is_some_and(|newest| offset <= newest) {
            return false;
        }
        self.newest = Some(offset);
        self.bytes += bytes;
        self.taken.push_back(Taken { offset, bytes, settled: false });
        true
    }

    /// Settles the message at `offset`. `false` when it is not taken or was settled before.
    pub(crate) fn settle(&mut self, offset: Offset) -> bool {
        let Ok(index) = self.taken.binary_search_by_key(&offset, |taken| taken.offset) else {
            return false;
        };
        let taken = &mut self.taken[index];
        if std::mem::replace(&mut taken.settled, true) {
            return false;
        }
        self.bytes -= taken.bytes;
        while let Some(first) = self.taken.front().filter(|first| first.settled) {
            self.mark = Some(first.offset.next());
            self.taken.pop_front();
        }
        true
    }

    /// What may be committed: every message taken below it is settled. `None` while none is.
    pub(crate) fn mark(&self) -> Option<Offset> {
        self.mark
    }

    /// How many messages are held: unsettled ones, and settled ones behind an unsettled.
    pub(crate) fn held(&self) -> usize {
        self.taken.len()
    }

    /// How many of them are not settled.
    pub(crate) fn unsettled(&self) -> usize {
        self.taken.iter().filter(|taken| !taken.settled).count()
    }

    /// The bytes of the unsettled ones.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Goal: whatever the gaps and the order of settling, the mark never passes an unsettled message, and is as
        // high as that allows. Method: a set of offsets as the model, checked after each step.
        #[test]
        fn never_passes_an_unsettled_message(
            gaps in prop::collection::vec(1i64..5, 1..40),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let mut progress = Progress::default();
            let mut offset = 100;
            let mut all = Vec::new();
            for gap in gaps {
                offset += gap;
                prop_assert!(progress.take(Offset(offset), 10));
                all.push(offset);
            }
            let mut open: BTreeSet<i64> = all.iter().copied().collect();
            for index in order {
                let offset = *index.get(&all);
                prop_assert_eq!(progress.settle(Offset(offset)), open.remove(&offset));
                let expected = match open.first() {
                    Some(first) => all.iter().rfind(|offset| *offset < first).map(|last| last + 1),
                    None => all.last().map(|last| last + 1),
                };
                prop_assert_eq!(progress.mark(), expected.map(Offset));
                prop_assert_eq!(progress.unsettled(), open.len());
                prop_assert_eq!(progress.bytes(), open.len() * 10);
                prop_assert!(progress.held() >= open.len());
            }
        }
    }

    // Goal: a message is taken once and settled once.
    #[test]
    fn takes_and_settles_once() {
        let mut progress = Progress::default();
        assert!(progress.take(Offset(7), 1));
        assert!(!progress.take(Offset(7), 1));
        assert!(!progress.take(Offset(6), 1));
        assert!(!progress.settle(Offset(6)));
        assert!(progress.settle(Offset(7)));
        assert!(!progress.settle(Offset(7)));
        assert_eq!(progress.mark(), Some(Offset(8)));
        assert_eq!(progress.held(), 0);
    }
}
