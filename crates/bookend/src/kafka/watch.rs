//! Notices what a reader of a topic is not told: that the topic was deleted, also when there is another of its name by
//! now, and that the brokers are away or back.
//!
//! librdkafka keeps silent about both, and its metadata have no topic ids (KIP-516) for this client. But within one topic
//! neither the records that are read nor a partition's end ever go back, so what goes back is another topic.
//!
//! Up the stream: [`tail`](super::tail), which asks and reads. Nothing here asks, and time is an argument.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::topic::{Offset, Partition};

/// How long no record comes before the topic is looked at, and how often then.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How soon after a doubt. One look alone may be at a broker that has not heard of a new topic, or at a leader that does
/// not know yet how far the one before it was.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How many looks in a row make a doubt certain.
const DOUBTS: u32 = 2;

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// No broker answered.
    Nobody,
    /// The brokers know no such topic.
    NoTopic,
    /// Where partitions end, as far as somebody answers for them.
    Ends(Vec<(Partition, Offset)>),
}

/// What is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Deleted,
    Away,
    Back,
}

/// What is known of the topic so far.
#[derive(Debug)]
pub(super) struct Watch {
    /// For each partition the offset after the last record that was read.
    read: BTreeMap<Partition, Offset>,
    /// How far each partition is known to have come.
    reach: BTreeMap<Partition, Offset>,
    doubts: u32,
    is_away: bool,
    /// When to look next.
    due: Instant,
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            read: BTreeMap::new(),
            reach: BTreeMap::new(),
            doubts: 0,
            is_away: false,
            due: now + LOOK_EVERY,
        }
    }

    /// Takes note of a record, and says whether it is of the same topic as those before.
    pub(super) fn record(&mut self, partition: Partition, offset: Offset, now: Instant) -> bool {
        self.due = now + LOOK_EVERY;
        let before = self.read.insert(partition, offset.next());
        before.is_none_or(|before| before <= offset)
    }

    /// Whether it is time to look. A look that is under way is answered by [`seen`](Self::seen) before the next.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let is_due = self.due <= now;
        if is_due {
            // What is read while the look is under way may be newer than its answer.
            for (partition, read) in &self.read {
                let reach = self.reach.entry(*partition).or_insert(*read);
                *reach = (*reach).max(*read);
            }
        }
        is_due
    }

    /// Takes note of what a look found.
    pub(super) fn seen(&mut self, seen: Seen, now: Instant) -> Option<News> {
        self.due = now + LOOK_EVERY;
        let is_doubtful = match seen {
            Seen::Nobody => {
                let was_away = std::mem::replace(&mut self.is_away, true);
                return (!was_away).then_some(News::Away);
            }
            Seen::NoTopic => true,
            Seen::Ends(ends) => self.goes_back(&ends),
        };
        self.doubts = if is_doubtful { self.doubts + 1 } else { 0 };
        if is_doubtful {
            self.due = now + LOOK_AGAIN;
        }
        if self.doubts == DOUBTS {
            return Some(News::Deleted);
        }
        std::mem::take(&mut self.is_away).then_some(News::Back)
    }

    /// Whether a partition ends before where it has been.
    fn goes_back(&mut self, ends: &[(Partition, Offset)]) -> bool {
        let mut goes_back = false;
        for (partition, end) in ends {
            let reach = self.reach.entry(*partition).or_insert(*end);
            goes_back |= end < reach;
            *reach = (*reach).max(*end);
        }
        goes_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(end: i64) -> Seen {
        Seen::Ends(vec![(Partition(0), Offset(end))])
    }

    /// A watch whose looks all come when they are due.
    struct Looks {
        watch: Watch,
        now: Instant,
    }

    impl Looks {
        fn new() -> Self {
            let now = Instant::now();
            Self { watch: Watch::new(now), now }
        }

        fn see(&mut self, seen: Seen) -> Option<News> {
            self.now = self.watch.due;
            assert!(self.watch.begin(self.now));
            self.watch.seen(seen, self.now)
        }
    }

    #[test]
    fn looks_only_while_no_record_comes() {
        let start = Instant::now();
        let mut watch = Watch::new(start);
        assert!(!watch.begin(start));
        assert!(watch.record(Partition(0), Offset(5), start + LOOK_EVERY));
        assert!(!watch.begin(start + LOOK_EVERY));
        assert!(watch.begin(start + LOOK_EVERY * 2));
    }

    #[test]
    fn two_looks_without_the_topic_are_its_end() {
        let mut looks = Looks::new();
        let told = [Seen::NoTopic, ends(0), Seen::NoTopic].map(|seen| looks.see(seen));
        assert_eq!(told, [None; 3], "a broker may not know it yet");
        assert_eq!(looks.see(Seen::NoTopic), Some(News::Deleted));
    }

    // Goal: another topic of the same name is noticed by its shorter partitions, and by the records it gives.
    #[test]
    fn what_goes_back_is_another_topic() {
        let mut looks = Looks::new();
        let told = [ends(5), ends(7), ends(6)].map(|seen| looks.see(seen));
        assert_eq!((told, looks.see(ends(0))), ([None; 3], Some(News::Deleted)));

        let mut looks = Looks::new();
        assert!(looks.watch.record(Partition(0), Offset(5), looks.now));
        assert!(looks.watch.record(Partition(1), Offset(3), looks.now));
        assert_eq!((looks.see(ends(5)), looks.see(ends(6))), (None, None), "6 were read");
        assert!(looks.watch.record(Partition(0), Offset(9), looks.now), "compaction left a gap");
        assert!(!looks.watch.record(Partition(0), Offset(9), looks.now));
    }

    // Goal: an answer that is older than the records which came meanwhile is no doubt.
    #[test]
    fn what_came_during_a_look_does_not_count_against_it() {
        let mut looks = Looks::new();
        for end in 5..9 {
            looks.now = looks.watch.due;
            assert!(looks.watch.begin(looks.now));
            assert!(looks.watch.record(Partition(0), Offset(end), looks.now));
            assert_eq!(looks.watch.seen(ends(end), looks.now), None);
        }
    }

    #[test]
    fn away_and_back_are_told_once_each() {
        let mut looks = Looks::new();
        let seen = [Seen::Nobody, Seen::Nobody, ends(3), ends(3), Seen::Nobody, ends(3)];
        let (away, back) = (Some(News::Away), Some(News::Back));
        assert_eq!(seen.map(|seen| looks.see(seen)), [away, None, back, None, away, back]);
    }
}
