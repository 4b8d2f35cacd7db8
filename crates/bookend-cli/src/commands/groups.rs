//! `bookend groups …`: who reads, how far behind, and where to go on from.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use bookend::{
    Offset, Partition, TopicName, TopicPartition,
    kafka::{Admin, AdminError, GroupInfo, GroupState, TopicInfo},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{
    change::{confirm, ensure_can_ask, report},
    cluster::{connect, or_dash, print_json, unless_stopped},
    reset::reset,
};
use crate::{
    cli::{DeleteGroupsArgs, GroupArgs, GroupsArgs, GroupsCommand},
    exit::{Ending, print, say},
    look::{Lag, Paint, Table, all, lags, no_such, plain, total},
    signals::Stop,
};

/// How many groups are asked at a time; each takes a client of its own, which mostly waits for its connections. 300 groups
/// took 5.6 s with 8 at a time, and 1.6 s with these.
const GROUPS_AT_ONCE: usize = 32;

const NEWER: &str = "newer: a group of Kafka's newer protocols (group.protocol=consumer), whose state and members are not \
    told to this client; kafka-consumer-groups.sh --describe --members shows them";

pub(crate) async fn groups(command: GroupsCommand, stop: Stop) -> anyhow::Result<Ending> {
    match command {
        GroupsCommand::List(args) => unless_stopped(&stop, list(args)).await,
        GroupsCommand::Describe(args) => unless_stopped(&stop, describe(args)).await,
        GroupsCommand::Reset(args) => unless_stopped(&stop, reset(args)).await,
        GroupsCommand::Delete(args) => unless_stopped(&stop, delete(args)).await,
    }
}

/// What a group committed. One without a name, which Kafka keeps for clients of old, cannot be asked: there is none.
async fn committed(
    admin: &Admin,
    group: &str,
    all: &[TopicPartition],
) -> Result<BTreeMap<TopicPartition, Offset>, AdminError> {
    if group.is_empty() { Ok(BTreeMap::new()) } else { admin.committed(group, all).await }
}

async fn list(args: GroupsArgs) -> anyhow::Result<Ending> {
    let (_, admin) = connect(&args.cluster).await?;
    let groups = admin.groups().await?;
    let topics = admin.topics().await?;
    let all: Vec<_> = topics.iter().flat_map(all).collect();
    let committed: Vec<_> = stream::iter(&groups)
        .map(|group| committed(&admin, &group.name, &all))
        .buffered(GROUPS_AT_ONCE)
        .try_collect()
        .await?;
    let read = groups.iter().flat_map(|group| &group.members).flat_map(|it| &it.partitions);
    let wanted = committed.iter().flat_map(BTreeMap::keys).chain(read);
    let ranges = admin.ranges(&led(&topics, wanted)).await?;
    let rows = groups.iter().zip(&committed).map(|(group, committed)| {
        (group, total(&lags(&topics, committed, &group.members, &ranges)))
    });
    if args.print.json {
        let rows = rows.map(|(group, total)| GroupRow {
            group: &group.name,
            state: group.state,
            members: members(group),
            lag: total.lag,
            uncommitted: total.uncommitted,
        });
        print_json(&rows.collect::<Vec<_>>());
        return Ok(Ending::Exact);
    }
    let mut table = Table::new(["GROUP", "STATE", ">MEMBERS", ">LAG"]);
    for (group, total) in rows {
        let name = if group.name.is_empty() { "\"\"".to_owned() } else { group.name.clone() };
        let state = group.state.to_string();
        table.row([name, state, or_dash(members(group)), total.to_string()]);
    }
    print(&table.render(Paint::of_stdout()));
    if groups.iter().any(|group| group.state == GroupState::Newer) {
        say(NEWER);
    }
    Ok(Ending::Exact)
}

async fn describe(args: GroupArgs) -> anyhow::Result<Ending> {
    let (_, admin) = connect(&args.cluster).await?;
    let groups = admin.groups().await?;
    let group = find(&groups, &args.group)?;
    let topics = admin.topics().await?;
    let all: Vec<_> = topics.iter().flat_map(all).collect();
    let committed = admin.committed(&group.name, &all).await?;
    let read = group.members.iter().flat_map(|member| &member.partitions);
    let ranges = admin.ranges(&led(&topics, committed.keys().chain(read))).await?;
    let lags = lags(&topics, &committed, &group.members, &ranges);
    if lags.is_empty() {
        bail!(
            "group `{}` has never committed an offset, and none of its members reads a partition",
            plain(&group.name)
        );
    }
    if args.print.json {
        print_json(&document(group, &lags));
        return Ok(Ending::Exact);
    }
    let mut table = Table::new([
        "TOPIC",
        ">PARTITION",
        ">COMMITTED",
        ">END",
        ">LAG",
        "CLIENT",
        "HOST",
        "MEMBER",
    ]);
    for lag in &lags {
        table.row([
            lag.at.topic.to_string(),
            lag.at.partition.to_string(),
            or_dash(lag.committed),
            or_dash(lag.range.map(|range| range.end)),
            or_dash(lag.lag()),
            or_dash(lag.member.map(|member| &member.client_id)),
            or_dash(lag.member.map(|member| &member.host)),
            or_dash(lag.member.map(|member| &member.id)),
        ]);
    }
    let how = if group.protocol.is_empty() {
        String::new()
    } else {
        format!(", shared by {}", plain(&group.protocol))
    };
    let members = match members(group) {
        None => "members unknown".to_owned(),
        Some(1) => "1 member".to_owned(),
        Some(count) => format!("{count} members"),
    };
    let (name, lag) = (plain(&group.name), total(&lags));
    print(&format!("{name}: {}, {members}{how}, lag {lag}", group.state));
    print(&table.render(Paint::of_stdout()));
    if group.state == GroupState::Newer {
        say(NEWER);
    }
    Ok(Ending::Exact)
}

async fn delete(args: DeleteGroupsArgs) -> anyhow::Result<Ending> {
    ensure_can_ask(args.yes)?;
    let (_, admin) = connect(&args.cluster).await?;
    let there = admin.groups().await?;
    // One wrong name, and none is deleted.
    let found: Result<Vec<_>, _> = args.groups.iter().map(|name| find(&there, name)).collect();
    let groups = found?;
    let names = groups.iter().map(|group| format!("group `{}`", plain(&group.name)));
    let what = format!("{} with all committed offsets", names.collect::<Vec<_>>().join(", "));
    if !args.yes && !confirm(&what).await? {
        return Ok(Ending::NotExact);
    }
    let mut done = Vec::new();
    for group in groups {
        done.push((plain(&group.name).into_owned(), admin.delete_group(&group.name).await));
    }
    Ok(report("group", "deleted", &done, args.print.json))
}

/// A group as `groups list --json` has it.
#[derive(Serialize)]
struct GroupRow<'a> {
    group: &'a str,
    state: GroupState,
    members: Option<usize>,
    lag: Option<i64>,
    uncommitted: usize,
}

/// A group as `groups describe --json` has it.
#[derive(Serialize)]
struct GroupDocument<'a> {
    group: &'a str,
    state: GroupState,
    protocol: &'a str,
    lag: Option<i64>,
    uncommitted: usize,
    members: Vec<MemberRow<'a>>,
    partitions: Vec<LagRow<'a>>,
}

#[derive(Serialize)]
struct MemberRow<'a> {
    member: &'a str,
    client: &'a str,
    host: &'a str,
}

#[derive(Serialize)]
struct LagRow<'a> {
    topic: &'a TopicName,
    partition: Partition,
    committed: Option<Offset>,
    end: Option<Offset>,
    lag: Option<i64>,
    member: Option<&'a str>,
}

fn document<'a>(group: &'a GroupInfo, lags: &'a [Lag<'_>]) -> GroupDocument<'a> {
    let members = group.members.iter().map(|member| MemberRow {
        member: &member.id,
        client: &member.client_id,
        host: &member.host,
    });
    let partitions = lags.iter().map(|lag| LagRow {
        topic: &lag.at.topic,
        partition: lag.at.partition,
        committed: lag.committed,
        end: lag.range.map(|range| range.end),
        lag: lag.lag(),
        member: lag.member.map(|member| member.id.as_str()),
    });
    let total = total(lags);
    GroupDocument {
        group: &group.name,
        state: group.state,
        protocol: &group.protocol,
        lag: total.lag,
        uncommitted: total.uncommitted,
        members: members.collect(),
        partitions: partitions.collect(),
    }
}

/// How many members; `None` where the coordinator does not say.
fn members(group: &GroupInfo) -> Option<usize> {
    group.state.tells_members().then_some(group.members.len())
}

/// The group of this name, or an error that says what there is.
pub(super) fn find<'a>(groups: &'a [GroupInfo], name: &str) -> anyhow::Result<&'a GroupInfo> {
    let there = || groups.iter().map(|group| group.name.as_str());
    groups.iter().find(|group| group.name == name).ok_or_else(|| no_such("group", name, there()))
}

/// The partitions that somebody answers for, of the topics that these are of.
fn led<'a>(
    topics: &[TopicInfo],
    wanted: impl Iterator<Item = &'a TopicPartition>,
) -> Vec<TopicPartition> {
    let wanted: BTreeSet<_> = wanted.map(|at| &at.topic).collect();
    let wanted = topics.iter().filter(|topic| wanted.contains(&topic.name));
    wanted.flat_map(TopicInfo::led).collect()
}
