//! Which numbers of one lane were applied: disjoint ranges, which grow together as holes are filled.

use std::collections::BTreeMap;

use super::Verdict;

/// A set of numbers as inclusive ranges that never touch.
///
/// Numbers that come in order are one range from 0, whose end is the mark; each hole below the highest number adds
/// one range. It also remembers which ranges changed since [`take_changes`](Self::take_changes) was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    /// First number to last number.
    applied: BTreeMap<u64, u64>,
    /// First numbers of ranges that were changed, made or merged away; may repeat.
    changed: Vec<u64>,
}

impl Ranges {
    /// Adds `number` and says whether it is new.
    pub fn apply(&mut self, number: u64) -> Verdict {
        let mut first = number;
        if let Some((&below, last)) = self.applied.range_mut(..=number).next_back() {
            if number <= *last {
                return Verdict::Seen;
            }
            if number - *last == 1 {
                *last = number;
                first = below;
            }
        }
        let above = number.checked_add(1);
        let merged = above.and_then(|above| self.applied.remove(&above));
        if merged.is_some() || first == number {
            self.applied.insert(first, merged.unwrap_or(number));
        }
        if merged.is_some() {
            self.changed.extend(above);
        }
        if self.changed.last() != Some(&first) {
            self.changed.push(first);
        }
        Verdict::New
    }

    /// Whether `number` was applied.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        self.applied.range(..=number).next_back().is_some_and(|(_, &last)| number <= last)
    }

    /// Adds a range that was read back from where [`take_changes`](Self::take_changes) had it written.
    pub fn restore(&mut self, first: u64, last: u64) {
        self.applied.insert(first, last);
    }

    /// The ranges in order, as (first, last).
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.applied.iter().map(|(&first, &last)| (first, last))
    }

    /// How many ranges there are: one more than the holes between them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.applied.len()
    }

    /// Whether nothing was applied yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.applied.is_empty()
    }

    /// Whether something changed since the changes were last taken.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What to write down since this was last asked: per first number the range's last, or `None` when the range
    /// was merged into the one below it.
    pub fn take_changes(&mut self) -> Vec<(u64, Option<u64>)> {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        changed.dedup();
        changed.into_iter().map(|first| (first, self.applied.get(&first).copied())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Small numbers, so that holes open, close and repeat; and the edges of the type.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let number = prop_oneof![20 => 0_u64..40, 1 => u64::MAX - 2..=u64::MAX];
        prop::collection::vec(number, 0..200)
    }

    proptest! {
        // Goal: the same verdicts as a set of all numbers, in as few ranges as the set has, and the changes alone
        // rebuild the state at any time. Method: a HashSet as the oracle, and a second copy fed with changes only.
        #[test]
        fn knows_what_a_set_knows(numbers in numbers(), every in 1_usize..8) {
            let (mut ranges, mut oracle, mut written) = (Ranges::default(), HashSet::new(), BTreeMap::new());
            for (index, &number) in numbers.iter().enumerate() {
                let expected = if oracle.insert(number) { Verdict::New } else { Verdict::Seen };
                prop_assert!(ranges.contains(number) == (expected == Verdict::Seen));
                prop_assert_eq!(ranges.apply(number), expected);
                if index % every == 0 {
                    write(&mut written, ranges.take_changes());
                    prop_assert!(ranges.iter().eq(written.iter().map(|(&first, &last)| (first, last))));
                }
            }
            let starts = oracle.iter().filter(|n| n.checked_sub(1).is_none_or(|n| !oracle.contains(&n)));
            prop_assert_eq!(ranges.len(), starts.count());

            write(&mut written, ranges.take_changes());
            let mut restored = Ranges::default();
            for (first, last) in written {
                restored.restore(first, last);
            }
            prop_assert_eq!(restored, ranges);
        }

        // Goal: whatever the order, a lane that is complete is one range.
        #[test]
        fn a_complete_lane_is_one_range(order in Just((0_u64..100).collect::<Vec<_>>()).prop_shuffle()) {
            let mut ranges = Ranges::default();
            for number in order {
                ranges.apply(number);
            }
            prop_assert_eq!(ranges.iter().collect::<Vec<_>>(), [(0, 99)]);
        }
    }

    fn write(written: &mut BTreeMap<u64, u64>, changes: Vec<(u64, Option<u64>)>) {
        for (first, last) in changes {
            match last {
                Some(last) => written.insert(first, last),
                None => written.remove(&first),
            };
        }
    }
}
