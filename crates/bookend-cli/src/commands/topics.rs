//! `bookend topics …`: what topics there are, and how they come and go.

use std::collections::BTreeMap;

use bookend::{
    Offset, Partition, TopicName, TopicPartition,
    kafka::{Admin, AdminError, BrokerId, OffsetRange, PartitionInfo, TopicInfo, TopicSpec},
};
use serde::Serialize;

use super::{
    change::{confirm, ensure_can_ask, report},
    cluster::{connect, find, or_dash, print_json, unless_stopped},
};
use crate::{
    cli::{CreateArgs, DeleteArgs, TopicArgs, TopicsArgs, TopicsCommand},
    exit::{Ending, print, say},
    look::{Paint, Table, plain},
    signals::Stop,
};

pub(crate) async fn topics(command: TopicsCommand, stop: Stop) -> anyhow::Result<Ending> {
    match command {
        TopicsCommand::List(args) => unless_stopped(&stop, list(args)).await,
        TopicsCommand::Create(args) => unless_stopped(&stop, create(args)).await,
        TopicsCommand::Describe(args) => unless_stopped(&stop, describe(args)).await,
        TopicsCommand::Delete(args) => unless_stopped(&stop, delete(args)).await,
    }
}

type Ranges = BTreeMap<TopicPartition, OffsetRange>;

async fn list(args: TopicsArgs) -> anyhow::Result<Ending> {
    let (_, admin) = connect(&args.cluster).await?;
    let mut topics = admin.topics().await?;
    topics.retain(|topic| args.internal || !topic.is_internal());
    let ranges = ranges(&admin, &topics).await?;
    if args.print.json {
        let rows = topics.iter().map(|topic| TopicRow {
            topic: &topic.name,
            partitions: topic.partitions.len(),
            replicas: topic.replication(),
            records: records(topic, &ranges),
            internal: topic.is_internal(),
        });
        print_json(&rows.collect::<Vec<_>>());
        return Ok(Ending::Exact);
    }
    let mut table = Table::new(["TOPIC", ">PARTITIONS", ">REPLICAS", ">RECORDS"]);
    for topic in &topics {
        table.row([
            topic.name.to_string(),
            topic.partitions.len().to_string(),
            topic.replication().to_string(),
            or_dash(records(topic, &ranges)),
        ]);
    }
    print(&table.render(Paint::of_stdout()));
    Ok(Ending::Exact)
}

async fn create(args: CreateArgs) -> anyhow::Result<Ending> {
    let (_, admin) = connect(&args.cluster).await?;
    let mut done = Vec::new();
    for name in args.names {
        let spec = TopicSpec {
            partitions: args.partitions,
            replication: args.replication,
            settings: args.config.clone(),
            ..TopicSpec::from(name)
        };
        done.push((spec.name.to_string(), admin.create_topic(&spec).await));
    }
    Ok(report("topic", "created", &done, args.print.json))
}

async fn describe(args: TopicArgs) -> anyhow::Result<Ending> {
    let (_, admin) = connect(&args.cluster).await?;
    let topics = admin.topics().await?;
    let topic = find(&topics, &args.name)?;
    let ranges = ranges(&admin, std::slice::from_ref(topic)).await?;
    // Whoever may see a topic may not always see its settings, and old brokers tell none.
    let settings = match admin.settings(&topic.name).await {
        Ok(settings) => Some(settings),
        Err(error) => {
            say(&format!("the topic's settings are not known: {error}"));
            None
        }
    };
    if args.print.json {
        print_json(&document(topic, &ranges, settings));
        return Ok(Ending::Exact);
    }
    let mut table =
        Table::new([">PARTITION", ">LEADER", "REPLICAS", "IN SYNC", ">START", ">END", ">RECORDS"]);
    let brokers = |ids: &[_]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    for (partition, range) in rows(topic, &ranges) {
        table.row([
            partition.partition.to_string(),
            or_dash(partition.leader),
            brokers(&partition.replicas),
            brokers(&partition.in_sync),
            or_dash(range.map(|range| range.start)),
            or_dash(range.map(|range| range.end)),
            or_dash(range.map(OffsetRange::count)),
        ]);
    }
    print(&table.render(Paint::of_stdout()));
    for (key, value) in settings.iter().flatten() {
        let value = value.as_deref().unwrap_or("(secret)");
        print(&format!("set  {}={}", plain(key), plain(value)));
    }
    Ok(Ending::Exact)
}

/// A topic as `topics list --json` has it.
#[derive(Serialize)]
struct TopicRow<'a> {
    topic: &'a TopicName,
    partitions: usize,
    replicas: usize,
    records: Option<u64>,
    internal: bool,
}

/// A topic as `topics describe --json` has it.
#[derive(Serialize)]
struct TopicDocument<'a> {
    topic: &'a TopicName,
    partitions: Vec<PartitionRow<'a>>,
    settings: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Serialize)]
struct PartitionRow<'a> {
    partition: Partition,
    leader: Option<BrokerId>,
    replicas: &'a [BrokerId],
    in_sync: &'a [BrokerId],
    start: Option<Offset>,
    end: Option<Offset>,
}

fn document<'a>(
    topic: &'a TopicInfo,
    ranges: &'a Ranges,
    settings: Option<Vec<(String, Option<String>)>>,
) -> TopicDocument<'a> {
    let partitions = rows(topic, ranges).map(|(partition, range)| PartitionRow {
        partition: partition.partition,
        leader: partition.leader,
        replicas: &partition.replicas,
        in_sync: &partition.in_sync,
        start: range.map(|range| range.start),
        end: range.map(|range| range.end),
    });
    TopicDocument {
        topic: &topic.name,
        partitions: partitions.collect(),
        settings: settings.map(BTreeMap::from_iter),
    }
}

async fn delete(args: DeleteArgs) -> anyhow::Result<Ending> {
    ensure_can_ask(args.yes)?;
    let (_, admin) = connect(&args.cluster).await?;
    let there = admin.topics().await?;
    // One wrong name, and none is deleted.
    let found: Result<Vec<_>, _> = args.names.iter().map(|name| find(&there, name)).collect();
    let topics: Vec<TopicInfo> = found?.into_iter().cloned().collect();
    if !args.yes {
        let ranges = ranges(&admin, &topics).await?;
        let each = topics.iter().map(|topic| {
            format!("{} with {} records", topic.name, or_dash(records(topic, &ranges)))
        });
        if !confirm(&each.collect::<Vec<_>>().join(", ")).await? {
            return Ok(Ending::NotExact);
        }
    }
    let mut done = Vec::new();
    for topic in topics {
        done.push((topic.name.to_string(), admin.delete_topic(&topic.name).await));
    }
    Ok(report("topic", "deleted", &done, args.print.json))
}

async fn ranges(admin: &Admin, topics: &[TopicInfo]) -> Result<Ranges, AdminError> {
    let partitions: Vec<_> = topics.iter().flat_map(TopicInfo::led).collect();
    admin.ranges(&partitions).await
}

/// How many records a topic has; `None` while a partition of it has no leader to tell.
fn records(topic: &TopicInfo, ranges: &Ranges) -> Option<u64> {
    rows(topic, ranges).map(|(_, range)| Some(range?.count())).sum()
}

fn rows<'a>(
    topic: &'a TopicInfo,
    ranges: &'a Ranges,
) -> impl Iterator<Item = (&'a PartitionInfo, Option<OffsetRange>)> {
    topic.partitions.iter().map(|partition| {
        let at = TopicPartition::new(topic.name.clone(), partition.partition);
        (partition, ranges.get(&at).copied())
    })
}
