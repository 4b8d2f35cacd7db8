//! The command lines of those who look inside a Kafka: `topics`, `groups` and `tail`.
//!
//! Read with the rest by [`Cli`](super::Cli), taken apart by [`commands`](crate::commands).

#[cfg(test)]
mod tests;

use bookend::{Partition, TopicName};
use clap::{Args, Subcommand};

use super::{
    ClusterArgs,
    values::{group, partition, reset_topic, topic, topic_setting},
};
use crate::look::{Seek, seek};

#[derive(Debug, Subcommand)]
pub(crate) enum TopicsCommand {
    /// Every topic: partitions, replicas, records
    List(TopicsArgs),
    /// Create topics
    Create(CreateArgs),
    /// One topic: who leads its partitions, where they begin and end, and its own settings
    Describe(TopicArgs),
    /// Delete topics with all their records
    Delete(DeleteArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupsCommand {
    /// Every consumer group: state, members, lag
    List(GroupsArgs),
    /// One group: for each partition what it has committed, how far behind it is, and who reads it
    Describe(GroupArgs),
    /// Move what a group has committed, while it has no members
    ///
    /// Without --execute it only shows what would be moved.
    Reset(ResetArgs),
    /// Delete groups with all that they have committed, while they have no members
    Delete(DeleteGroupsArgs),
}

/// How it is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PrintArgs {
    /// Print one document of JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For example:
  bookend topics list --brokers kafka-1:9092
  bookend topics list --json | jq -r '.[] | select(.records == 0) | .topic'

RECORDS counts offsets from start to end; where a topic is compacted, there are fewer records than that.")]
pub(crate) struct TopicsArgs {
    /// Show internal topics too, those that begin with `__`
    #[arg(long)]
    pub(crate) internal: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For example:
  bookend topics create ORDERS --partitions 6 --config retention.ms=86400000
  bookend topics create ORDERS PAYMENTS --replication 3 --brokers kafka-1:9092")]
pub(crate) struct CreateArgs {
    /// The new topics
    #[arg(required = true, value_name = "NAME", value_parser = topic)]
    pub(crate) names: Vec<TopicName>,
    /// How many partitions each has [default: as the broker likes]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) partitions: Option<u32>,
    /// How many replicas each partition has [default: as the broker likes]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) replication: Option<u32>,
    /// A setting of the topic, may be repeated, as in `retention.ms=86400000`
    #[arg(long, value_name = "KEY=VALUE", value_parser = topic_setting)]
    pub(crate) config: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For example:
  bookend topics describe ORDERS
  bookend topics describe ORDERS --json | jq '.partitions[] | .end - .start'")]
pub(crate) struct TopicArgs {
    /// The topic
    #[arg(value_parser = topic)]
    pub(crate) name: TopicName,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For example:
  bookend topics delete ORDERS PAYMENTS
  bookend topics delete ORDERS --yes        in scripts and pipes")]
pub(crate) struct DeleteArgs {
    /// The topics
    #[arg(required = true, value_name = "NAME", value_parser = topic)]
    pub(crate) names: Vec<TopicName>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For example:
  bookend groups list
  bookend groups list --json | jq -r '.[] | select(.lag > 1000) | .group'

LAG adds up how many records come after what the group has committed. `5+?` is at least 5: a partition that it has not
committed has records too, or has nobody to say where it ends. `-` is not known: the group has committed nothing that
is still there, or its coordinator does not say. The STATE `newer` is that of groups of Kafka's newer protocols
(group.protocol=consumer): they have lag, but how they are and who is in them is not told to this client.

With --json, `lag` is the number alone, and `uncommitted` says how many partitions with records have no commit.")]
pub(crate) struct GroupsArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For example:
  bookend groups describe billing
  bookend groups describe billing --json | jq '.partitions[] | select(.lag > 0)'

All partitions are listed of each topic that the group has committed or reads. COMMITTED `-`: none yet; a new reader
begins where its own setting says (auto.offset.reset), so LAG is `-` too unless the partition is empty. END `-`: nobody
answers for the partition. CLIENT, HOST and MEMBER `-`: nobody reads it. The lag of all, `5+?`, is at least 5.")]
pub(crate) struct GroupArgs {
    /// The group
    #[arg(value_parser = group)]
    pub(crate) group: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For example:
  bookend groups delete billing shipping
  bookend groups delete billing --yes       in scripts and pipes")]
pub(crate) struct DeleteGroupsArgs {
    /// The groups
    #[arg(required = true, value_name = "GROUP", value_parser = group)]
    pub(crate) groups: Vec<String>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For example:
  bookend groups reset billing --topic ORDERS --to earliest            shows what would be moved
  bookend groups reset billing --topic ORDERS --to earliest --execute  moves it
  bookend groups reset billing --topic ORDERS:3 --to 1200 --execute
  bookend groups reset billing --topic ORDERS --to 2026-11-23T08:00:00+01:00

A group that does not exist yet comes to be, with --execute.")]
pub(crate) struct ResetArgs {
    /// The group
    #[arg(value_parser = group)]
    pub(crate) group: String,
    /// A topic, or one of its partitions; may be repeated
    #[arg(long, required = true, value_name = "TOPIC[:PARTITION]", value_delimiter = ',', value_parser = reset_topic)]
    pub(crate) topic: Vec<ResetTopic>,
    /// Where to: `earliest`, `latest`, an offset, -N for N before the end, or the first record of a time or later
    /// (2026-11-23T08:00:00Z, 2026-11-23 for its midnight in UTC, or @ and milliseconds since 1970)
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true, value_parser = seek)]
    pub(crate) to: Seek,
    /// Only show what would be moved; this is the default
    #[arg(long, conflicts_with = "execute")]
    pub(crate) dry_run: bool,
    /// Move it
    #[arg(long)]
    pub(crate) execute: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

/// A topic, or one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResetTopic {
    pub(crate) topic: TopicName,
    pub(crate) partition: Option<Partition>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For example:
  bookend tail ORDERS                              what comes from now on, until Ctrl-C
  bookend tail ORDERS --from -5                    and the last five of each partition before that
  bookend tail ORDERS --from earliest --exit       all there is, then end
  bookend tail ORDERS --from 2026-11-23T08:00:00Z -n 1
  bookend tail ORDERS --from earliest --exit --json | jq -r '.value | fromjson | .total'

A value is shown as JSON if it is JSON, as text if it is text, as hexadecimal if it is neither; <null> and <empty> are
two things. On a terminal each line is cut to its width, and Bookend's own ids are shortened; --full shows all.

With --json each record is a line of
  {\"topic\", \"partition\", \"offset\", \"timestamp\", \"key\", \"headers\": [[name, value], …], \"value\"}
where timestamp is milliseconds since 1970, or null. A key or value is the text itself if it is UTF-8, also where that
text is JSON; otherwise it is {\"base64\": \"…\"}. Kafka's null is null, and headers keep their order.")]
pub(crate) struct TailArgs {
    /// The topic
    #[arg(value_parser = topic)]
    pub(crate) topic: TopicName,
    /// Where to begin, in each partition: `earliest`, `latest`, an offset, -N for N before the end, or the first record
    /// of a time or later (2026-11-23T08:00:00Z, 2026-11-23 for its midnight in UTC, or @ and milliseconds since 1970)
    #[arg(long, value_name = "PLACE", default_value = "latest", allow_hyphen_values = true, value_parser = seek)]
    pub(crate) from: Seek,
    /// Only these partitions, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = partition)]
    pub(crate) partition: Vec<Partition>,
    /// End after so many records
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// End where the partitions end now
    #[arg(long)]
    pub(crate) exit: bool,
    /// Show all of a long line, on a terminal too
    #[arg(long)]
    pub(crate) full: bool,
    /// Print a line of JSON for each record
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
