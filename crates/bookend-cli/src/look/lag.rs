//! How far a group is behind, partition by partition.

use std::collections::{BTreeMap, BTreeSet};

use bookend::{
    Offset, TopicPartition,
    kafka::{MemberInfo, OffsetRange},
};

/// One partition of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lag<'a> {
    pub(crate) at: TopicPartition,
    /// The offset it goes on from; `None` when it has committed none.
    pub(crate) committed: Option<Offset>,
    /// Where the partition ends; `None` when nobody answers for it.
    pub(crate) end: Option<Offset>,
    /// Who reads it.
    pub(crate) member: Option<&'a MemberInfo>,
}

impl Lag<'_> {
    /// How many offsets come after what is committed. Below zero where the partition is shorter than what the group
    /// committed, as after the topic was deleted and created again.
    pub(crate) fn lag(&self) -> Option<i64> {
        Some(self.end?.0 - self.committed?.0)
    }
}

/// Every partition that the group has committed or reads, in order.
pub(crate) fn lags<'a>(
    committed: &BTreeMap<TopicPartition, Offset>,
    members: &'a [MemberInfo],
    ranges: &BTreeMap<TopicPartition, OffsetRange>,
) -> Vec<Lag<'a>> {
    let of = |member: &'a MemberInfo| member.partitions.iter().map(move |at| (at, member));
    let readers: BTreeMap<_, _> = members.iter().flat_map(of).collect();
    let partitions: BTreeSet<_> = committed.keys().chain(readers.keys().copied()).collect();
    let lag = |at: &TopicPartition| Lag {
        at: at.clone(),
        committed: committed.get(at).copied(),
        end: ranges.get(at).map(|range| range.end),
        member: readers.get(at).copied(),
    };
    partitions.into_iter().map(lag).collect()
}

/// The group's lag as a whole: what is behind adds up, what is beyond an end takes nothing away. `None` when nothing is
/// known of any partition.
pub(crate) fn total<'a>(lags: impl IntoIterator<Item = &'a Lag<'a>>) -> Option<i64> {
    let known = lags.into_iter().filter_map(Lag::lag);
    known.map(|lag| lag.max(0)).reduce(i64::saturating_add)
}

#[cfg(test)]
mod tests {
    use bookend::{Partition, TopicName};

    use super::*;

    fn at(partition: i32) -> TopicPartition {
        TopicPartition::new(TopicName::new("T").unwrap(), Partition(partition))
    }

    #[test]
    fn every_partition_is_accounted_for() {
        let committed =
            BTreeMap::from([(at(0), Offset(5)), (at(1), Offset(9)), (at(3), Offset(1))]);
        let range = |end| OffsetRange { start: Offset(0), end: Offset(end) };
        let ranges = BTreeMap::from([(at(0), range(8)), (at(1), range(4)), (at(2), range(7))]);
        let member = MemberInfo {
            id: "m".to_owned(),
            client_id: "c".to_owned(),
            host: "h".to_owned(),
            partitions: vec![at(2), at(0)],
        };
        let members = [member];
        let lags = lags(&committed, &members, &ranges);
        let seen: Vec<_> =
            lags.iter().map(|lag| (lag.at.partition.0, lag.lag(), lag.member.is_some())).collect();
        assert_eq!(
            seen,
            [(0, Some(3), true), (1, Some(-5), false), (2, None, true), (3, None, false)]
        );
        assert_eq!(total(&lags), Some(3));
    }

    #[test]
    fn nothing_known_is_not_nothing() {
        let lags = lags(&BTreeMap::from([(at(0), Offset(5))]), &[], &BTreeMap::new());
        assert_eq!(total(&lags), None);
        assert_eq!(total(&[]), None);
    }
}
