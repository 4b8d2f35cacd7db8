//! The command line: every command, every flag, and the environment variable of each that configures.
//!
//! What a call asks for (`--execute`, `--yes`, `--topic`, `--json` …) has none: left in a shell, it would change what
//! another command does, or what it deletes. Read by `main`, taken apart by [`commands`](crate::commands).

mod run;
mod look;
mod values;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use self::values::setting;
pub(crate) use self::{
    look::{
        CreateArgs, DeleteArgs, DeleteGroupsArgs, GroupArgs, GroupsArgs, GroupsCommand, ResetArgs,
        ResetTopic, TailArgs, TopicArgs, TopicsArgs, TopicsCommand,
    },
    run::{
        BrokerArgs, ClientArgs, DemoArgs, FeedArgs, HttpArgs, ServerArgs, StoreCommand, TaskArgs,
        UpArgs,
    },
};

const FIRST_STEPS: &str = "\
First steps:
  bookend demo                  everything in one process, on a temporary folder; look at the page it names
  bookend up                    the same with its data kept in ./.bookend, waiting for you:
  curl -H 'content-type: application/json' -d '{\"text\": \"hello\"}' http://127.0.0.1:3000/FIRST_TOPIC

The parts alone, here or on several machines:
  bookend broker                a Kafka broker for development, for other machines with --listen; or any real Kafka
  bookend server --brokers HOST:PORT
  bookend client --brokers HOST:PORT
  bookend feed TEXT --stored-at http://127.0.0.1:3001

Look inside, of these or of any Kafka:
  bookend topics list           what there is, and how much
  bookend tail FIRST_TOPIC      its records, as they come
  bookend groups list           who reads, and how far behind

Logs go to stderr; RUST_LOG=debug shows more. Exit codes: 0 all is exact, 1 something is missing or failed,
2 it could not start or found no Kafka, 130 left at once by a second Ctrl-C.";

/// Kafka microservices, both sides of the topic: broker, client, server and page in one binary.
#[derive(Debug, Parser)]
#[command(name = "bookend", version, after_help = FIRST_STEPS, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show it all: `up` on a temporary folder, fed with texts of its own
    Demo(DemoArgs),
    /// Broker, client, server and page in one process
    Up(UpArgs),
    /// The client alone: HTTP in, measured tasks, messages out to Kafka
    Client(ClientArgs),
    /// The server alone: messages in from Kafka, stored once, shown on a page
    Server(ServerArgs),
    /// The Kafka broker alone, for development and tests
    ///
    /// It keeps topics and consumer groups in a folder, and any Kafka client can use it. It honors these settings of a
    /// topic: max.message.bytes, message.timestamp.type, retention.bytes, retention.ms and segment.bytes. It has no
    /// transactions, no compaction and no authentication, and is one broker, so each partition has one replica.
    Broker(BrokerArgs),
    /// Post the lines or paragraphs of a text to a client, and wait until all are stored
    ///
    /// The three paths take turns. `/FIRST_TOPIC` and `/SECOND_TOPIC` send to the topics of these names,
    /// `/FIRST_TOPIC_DECORATED` sends to `TXT_ELAPSED`.
    Feed(FeedArgs),
    /// List, create, describe and delete topics, of any Kafka
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// List, describe, reset and delete consumer groups, of any Kafka
    #[command(subcommand)]
    Groups(GroupsCommand),
    /// Show the records of a topic as they come, of any Kafka
    ///
    /// Each record is a line: time (UTC), partition/offset, key (if it has one), headers (in brackets), value. It
    /// joins no group and commits nothing, so nobody else notices.
    Tail(TailArgs),
    /// Look after the store of a server
    #[command(subcommand)]
    Store(StoreCommand),
}

impl Command {
    /// Whether it has something to bring to an end when it is asked to stop; who only looks has not.
    pub(crate) fn has_to_finish(&self) -> bool {
        !matches!(self, Self::Topics(_) | Self::Groups(_) | Self::Tail(_))
    }
}

/// Which Kafka.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterArgs {
    /// Kafka brokers to begin with, separated by commas
    #[arg(long, env = "BOOKEND_BROKERS", default_value = "127.0.0.1:9092")]
    pub(crate) brokers: String,
    /// Any librdkafka setting, may be repeated; in the variable one a line
    ///
    /// For example `--kafka security.protocol=sasl_ssl --kafka sasl.mechanism=SCRAM-SHA-512
    /// --kafka sasl.username=me --kafka sasl.password=...`. Settings that would break a promise are refused with the reason.
    #[arg(long, env = "BOOKEND_KAFKA", hide_env_values = true, value_name = "KEY=VALUE", value_delimiter = '\n', value_parser = setting)]
    pub(crate) kafka: Vec<(String, String)>,
}

/// Where data is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataArgs {
    /// Folder for the data; one process at a time
    #[arg(long, env = "BOOKEND_DATA", default_value = "./.bookend")]
    pub(crate) data: PathBuf,
}

/// What the closing words look like.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct OutputArgs {
    /// Close with the ledger as one line of JSON, the last on stdout
    #[arg(long)]
    pub(crate) json: bool,
}
