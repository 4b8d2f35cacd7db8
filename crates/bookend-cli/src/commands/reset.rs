//! `bookend groups reset`: moves what a group has committed, while nobody is in it.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail, ensure};
use bookend::{
    Offset, Partition, TopicName, TopicPartition,
    kafka::{Admin, GroupInfo, TopicInfo},
};
use serde::Serialize;

use super::cluster::{self, connect, or_dash, print_json};
use crate::{
    cli::{ResetArgs, ResetTopic},
    exit::{Ending, print, say},
    look::{Paint, Seek, Table, plain, resolve},
};

pub(super) async fn reset(args: ResetArgs) -> anyhow::Result<Ending> {
    let (_, admin) = connect(&args.cluster).await?;
    let groups = admin.groups().await?;
    let group = groups.iter().find(|group| group.name == args.group);
    group.map_or(Ok(()), ensure_is_empty)?;
    let partitions = partitions(&admin.topics().await?, &args.topic)?;
    let to = places(&admin, &partitions, args.to).await?;
    let before = admin.committed(&args.group, &partitions).await?;
    if args.execute {
        let after = admin.reset(&args.group, &to).await?;
        let is_there = |(at, offset): &&(_, _)| after.get(at) != Some(offset);
        if let Some((at, offset)) = to.iter().find(is_there) {
            bail!("{at} was moved to {offset}, but is at {} now", or_dash(after.get(at)));
        }
    }
    if args.print.json {
        let partitions = to.iter().map(|(at, offset)| ResetRow {
            topic: &at.topic,
            partition: at.partition,
            before: before.get(at).copied(),
            after: *offset,
        });
        print_json(&ResetDocument {
            group: &args.group,
            new: group.is_none(),
            executed: args.execute,
            partitions: partitions.collect(),
        });
    } else {
        print(&table(&to, &before).render(Paint::of_stdout()));
    }
    say(&closing(&args.group, group.is_none(), args.execute));
    Ok(Ending::Exact)
}

/// What was done, or would be.
fn closing(group: &str, is_new: bool, executed: bool) -> String {
    let (name, kind) = (plain(group), if is_new { "a new group" } else { "group" });
    if executed {
        format!("moved {kind} `{name}`")
    } else {
        format!("only shown, nothing was moved; --execute moves {kind} `{name}`")
    }
}

/// A reset as `--json` has it.
#[derive(Serialize)]
struct ResetDocument<'a> {
    group: &'a str,
    /// Whether the group did not exist before.
    new: bool,
    executed: bool,
    partitions: Vec<ResetRow<'a>>,
}

#[derive(Serialize)]
struct ResetRow<'a> {
    topic: &'a TopicName,
    partition: Partition,
    before: Option<Offset>,
    after: Offset,
}

fn table(to: &[(TopicPartition, Offset)], before: &BTreeMap<TopicPartition, Offset>) -> Table<4> {
    let mut table = Table::new(["TOPIC", ">PARTITION", ">BEFORE", ">AFTER"]);
    for (at, offset) in to {
        table.row([
            at.topic.to_string(),
            at.partition.to_string(),
            or_dash(before.get(at)),
            offset.to_string(),
        ]);
    }
    table
}

/// Kafka refuses as well, but does not say who is in the way.
fn ensure_is_empty(group: &GroupInfo) -> anyhow::Result<()> {
    let who = group.members.iter().map(|member| {
        format!("{} on {} ({})", plain(&member.client_id), plain(&member.host), plain(&member.id))
    });
    ensure!(
        group.members.is_empty(),
        "group `{}` has members, and only they can move its offsets; stop them first: {}",
        plain(&group.name),
        who.collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// The partitions that were named, each once, in order.
fn partitions(there: &[TopicInfo], named: &[ResetTopic]) -> anyhow::Result<Vec<TopicPartition>> {
    let mut partitions = Vec::new();
    for ResetTopic { topic, partition } in named {
        let info = cluster::find(there, topic)?;
        let all = info.partitions.iter();
        let wanted: Vec<_> =
            all.filter(|there| partition.is_none_or(|wanted| wanted == there.partition)).collect();
        if let (Some(partition), true) = (partition, wanted.is_empty()) {
            let count = info.partitions.len();
            bail!("topic `{topic}` has no partition {partition}; it has {count}, from 0");
        }
        if let Some(unled) = wanted.iter().find(|partition| partition.leader.is_none()) {
            bail!("nobody answers for {topic}/{} at the moment; try again", unled.partition);
        }
        let at = wanted.iter().map(|there| TopicPartition::new(topic.clone(), there.partition));
        partitions.extend(at);
    }
    partitions.sort();
    partitions.dedup();
    Ok(partitions)
}

/// The offset that `seek` is in each of these partitions.
pub(super) async fn places(
    admin: &Admin,
    partitions: &[TopicPartition],
    seek: Seek,
) -> anyhow::Result<Vec<(TopicPartition, Offset)>> {
    let found = match seek {
        Seek::Time(time) => admin.at_time(partitions, time).await?,
        _ => BTreeMap::new(),
    };
    let ranges = admin.ranges(partitions).await?;
    let each = partitions.iter().map(|at| {
        let range = ranges.get(at).ok_or_else(|| anyhow!("nobody knows where {at} ends"))?;
        let offset = resolve(seek, at, *range, found.get(at).copied());
        Ok((at.clone(), offset.map_err(anyhow::Error::msg)?))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use bookend::kafka::{BrokerId, GroupState, MemberInfo, PartitionInfo};

    use super::*;

    fn topic(name: &str, leaders: &[Option<i32>]) -> TopicInfo {
        let partition = |(number, leader): (i32, &Option<i32>)| PartitionInfo {
            partition: Partition(number),
            leader: leader.map(BrokerId),
            replicas: vec![BrokerId(1)],
            in_sync: vec![BrokerId(1)],
        };
        let partitions = (0..).zip(leaders).map(partition).collect();
        TopicInfo { name: TopicName::new(name).unwrap(), partitions }
    }

    fn named(topic: &str, partition: Option<i32>) -> ResetTopic {
        ResetTopic { topic: TopicName::new(topic).unwrap(), partition: partition.map(Partition) }
    }

    #[test]
    fn partitions_are_those_that_were_named_once_each() {
        let there = [topic("A", &[Some(1), None]), topic("B", &[Some(1), Some(1)])];
        for (wanted, expected) in [
            (&[named("B", None)][..], Ok("B/0 B/1")),
            (&[named("B", Some(1)), named("A", Some(0)), named("B", Some(1))], Ok("A/0 B/1")),
            (&[named("B", Some(2))], Err("no partition 2; it has 2")),
            (&[named("A", None)], Err("nobody answers for A/1")),
            (&[named("C", None)], Err("there are: A, B")),
        ] {
            match (partitions(&there, wanted), expected) {
                (Ok(found), Ok(expected)) => {
                    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
                    assert_eq!(found.join(" "), expected);
                }
                (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
                (found, expected) => panic!("{found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn members_are_named_when_they_are_in_the_way() {
        let member = MemberInfo {
            id: "m-1".to_owned(),
            client_id: "billing".to_owned(),
            host: "10.0.0.7".to_owned(),
            partitions: Vec::new(),
        };
        let mut group = GroupInfo {
            name: "g".to_owned(),
            state: GroupState::Stable,
            protocol: "range".to_owned(),
            members: vec![member],
        };
        let said = ensure_is_empty(&group).unwrap_err().to_string();
        assert!(said.contains("stop them first: billing on 10.0.0.7 (m-1)"), "{said}");
        group.members.clear();
        assert!(ensure_is_empty(&group).is_ok());
    }
}
