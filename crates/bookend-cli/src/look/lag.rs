//! How far a group is behind, partition by partition.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use bookend::{
    Offset, TopicPartition,
    kafka::{MemberInfo, OffsetRange, TopicInfo},
};

/// One partition of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lag<'a> {
    pub(crate) at: TopicPartition,
    /// The offset it goes on from; `None` when it has committed none.
    pub(crate) committed: Option<Offset>,
    /// What the partition holds; `None` when nobody answers for it.
    pub(crate) range: Option<OffsetRange>,
    /// Who reads it.
    pub(crate) member: Option<&'a MemberInfo>,
}

impl Lag<'_> {
    /// How many offsets come after what is committed. Below zero where the partition is shorter than what the group
    /// committed, as after the topic was deleted and created again. Where nothing is committed, the reader's own setting
    /// says where it begins, so only of an empty partition it is known.
    pub(crate) fn lag(&self) -> Option<i64> {
        let range = self.range?;
        match self.committed {
            Some(committed) => Some(range.end.0 - committed.0),
            None => (range.count() == 0).then_some(0),
        }
    }

    /// Whether there are records of which the group has no commit.
    fn is_uncommitted(&self) -> bool {
        self.committed.is_none() && self.lag().is_none()
    }
}

/// Every partition of the topics that the group has committed or reads, in order.
pub(crate) fn lags<'a>(
    topics: &[TopicInfo],
    committed: &BTreeMap<TopicPartition, Offset>,
    members: &'a [MemberInfo],
    ranges: &BTreeMap<TopicPartition, OffsetRange>,
) -> Vec<Lag<'a>> {
    let of = |member: &'a MemberInfo| member.partitions.iter().map(move |at| (at, member));
    let readers: BTreeMap<_, _> = members.iter().flat_map(of).collect();
    // A member may have a partition of a topic that is gone.
    let partitions: BTreeSet<_> =
        of_topics(topics, committed.keys().chain(readers.keys().copied()))
            .chain(committed.keys().chain(readers.keys().copied()).cloned())
            .collect();
    let lag = |at: TopicPartition| Lag {
        committed: committed.get(&at).copied(),
        range: ranges.get(&at).copied(),
        member: readers.get(&at).copied(),
        at,
    };
    partitions.into_iter().map(lag).collect()
}

/// All partitions of the topics that these partitions are of.
fn of_topics<'a>(
    topics: &'a [TopicInfo],
    named: impl Iterator<Item = &'a TopicPartition>,
) -> impl Iterator<Item = TopicPartition> {
    let names: BTreeSet<_> = named.map(|at| &at.topic).collect();
    topics.iter().filter(move |topic| names.contains(&topic.name)).flat_map(all)
}

/// All partitions of a topic.
pub(crate) fn all(topic: &TopicInfo) -> impl Iterator<Item = TopicPartition> {
    let each = topic.partitions.iter();
    each.map(|there| TopicPartition::new(topic.name.clone(), there.partition))
}

/// The lag of a group as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    /// What is behind adds up, what is beyond an end takes nothing away. `None` when nothing is known of any partition.
    pub(crate) lag: Option<i64>,
    /// How many partitions have records and no commit.
    pub(crate) uncommitted: usize,
    /// Whether there may be more than `lag`.
    is_least: bool,
}

impl fmt::Display for Total {
    /// `5`, `5+?`, or `-`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lag {
            None => f.write_str("-"),
            Some(lag) if self.is_least => write!(f, "{lag}+?"),
            Some(lag) => write!(f, "{lag}"),
        }
    }
}

/// The group's lag as a whole.
pub(crate) fn total(lags: &[Lag<'_>]) -> Total {
    let known = lags.iter().filter_map(Lag::lag);
    Total {
        lag: known.map(|lag| lag.max(0)).reduce(i64::saturating_add),
        uncommitted: lags.iter().filter(|lag| lag.is_uncommitted()).count(),
        is_least: lags.iter().any(|lag| lag.lag().is_none()),
    }
}

#[cfg(test)]
mod tests {
    use bookend::{Partition, TopicName, kafka::PartitionInfo};

    use super::*;

    fn at(partition: i32) -> TopicPartition {
        TopicPartition::new(TopicName::new("T").unwrap(), Partition(partition))
    }

    fn topic(partitions: i32) -> TopicInfo {
        let partition = |number| PartitionInfo {
            partition: Partition(number),
            leader: None,
            replicas: Vec::new(),
            in_sync: Vec::new(),
        };
        TopicInfo { name: at(0).topic, partitions: (0..partitions).map(partition).collect() }
    }

    fn ranges(ranges: &[(i32, i64, i64)]) -> BTreeMap<TopicPartition, OffsetRange> {
        let range = |(number, start, end): &_| {
            (at(*number), OffsetRange { start: Offset(*start), end: Offset(*end) })
        };
        ranges.iter().map(range).collect()
    }

    #[test]
    fn every_partition_is_accounted_for() {
        let committed =
            BTreeMap::from([(at(0), Offset(5)), (at(1), Offset(9)), (at(3), Offset(1))]);
        let ranges = ranges(&[(0, 0, 8), (1, 0, 4), (2, 0, 7), (4, 6, 6)]);
        let member = MemberInfo {
            id: "m".to_owned(),
            client_id: "c".to_owned(),
            host: "h".to_owned(),
            partitions: vec![at(2), at(0)],
        };
        let members = [member];
        let lags = lags(&[topic(5)], &committed, &members, &ranges);
        let seen: Vec<_> =
            lags.iter().map(|lag| (lag.at.partition.0, lag.lag(), lag.member.is_some())).collect();
        let expected = [
            (0, Some(3), true),
            (1, Some(-5), false),
            (2, None, true),
            (3, None, false),
            (4, Some(0), false),
        ];
        assert_eq!(seen, expected);
        let total = total(&lags);
        assert_eq!((total.lag, total.uncommitted, total.to_string()), (Some(3), 1, "3+?".into()));
    }

    // Goal: a group that has committed one partition of two is never said to be at the end of both.
    #[test]
    fn unread_records_are_not_nothing() {
        let committed = BTreeMap::from([(at(0), Offset(5))]);
        for (other_end, shown) in [(5, "0+?"), (0, "0")] {
            let ranges = ranges(&[(0, 0, 5), (1, 0, other_end)]);
            let lags = lags(&[topic(2)], &committed, &[], &ranges);
            assert_eq!((lags.len(), total(&lags).to_string().as_str()), (2, shown));
        }
    }

    #[test]
    fn nothing_known_is_not_nothing() {
        let committed = BTreeMap::from([(at(0), Offset(5))]);
        let lags = lags(&[topic(1)], &committed, &[], &BTreeMap::new());
        let total = [total(&lags), total(&[])].map(|total| (total.lag, total.to_string()));
        assert_eq!(total, [(None, "-".to_owned()), (None, "-".to_owned())]);
    }
}
