//! The command line: every command, every flag, and the environment variable of each that configures.
//!
//! What a call asks for (`--execute`, `--yes`, `--topic`, `--json` …) has none: left in a shell, it would change what
//! another command does, or what it deletes. Read by `main`, taken apart by [`commands`](crate::commands).

mod look;
mod values;

use std::{net::IpAddr, path::PathBuf, time::Duration};

use bookend_broker::Fsync;
use clap::{Args, Parser, Subcommand};

pub(crate) use self::look::{
    CreateArgs, DeleteArgs, DeleteGroupsArgs, GroupArgs, GroupsArgs, GroupsCommand, ResetArgs,
    ResetTopic, TailArgs, TopicArgs, TopicsArgs, TopicsCommand,
};
use self::values::{duration, fsync, rate, setting};

/// Where the client and `up` listen unless told otherwise.
const CLIENT_PORT: u16 = 3000;
/// Where a server alone listens unless told otherwise.
const SERVER_PORT: u16 = 3001;

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

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End as soon as every message is stored; exit code 0 only if the ledger is exact
    #[arg(long)]
    pub(crate) exit: bool,
    /// HTTP port; 0 picks a free one [default: 3000, with --exit 0]
    #[arg(long, env = "BOOKEND_PORT")]
    port: Option<u16>,
    /// Address to listen on for HTTP
    #[arg(long, env = "BOOKEND_HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port of the built-in broker; 0 picks a free one
    #[arg(long, env = "BOOKEND_BROKER_PORT", default_value_t = 0)]
    pub(crate) broker_port: u16,
    /// Folder for the data [default: a temporary one, removed at the end]
    #[arg(long, env = "BOOKEND_DATA")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) client: TaskArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl DemoArgs {
    /// Two demos that end by themselves never ask for the same port.
    pub(crate) fn http(&self) -> HttpArgs {
        let port = self.port.unwrap_or(if self.exit { 0 } else { CLIENT_PORT });
        HttpArgs { host: self.host, port }
    }
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// HTTP port of client and page; 0 picks a free one
    #[arg(long, env = "BOOKEND_PORT", default_value_t = CLIENT_PORT)]
    port: u16,
    /// Address to listen on for HTTP
    #[arg(long, env = "BOOKEND_HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port of the built-in broker; 0 picks a free one
    #[arg(long, env = "BOOKEND_BROKER_PORT", default_value_t = 9092)]
    pub(crate) broker_port: u16,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) client: TaskArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl UpArgs {
    pub(crate) fn http(&self) -> HttpArgs {
        HttpArgs { host: self.host, port: self.port }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ClientArgs {
    /// HTTP port; 0 picks a free one
    #[arg(long, env = "BOOKEND_PORT", default_value_t = CLIENT_PORT)]
    port: u16,
    /// Address to listen on for HTTP
    #[arg(long, env = "BOOKEND_HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) client: TaskArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl ClientArgs {
    pub(crate) fn http(&self) -> HttpArgs {
        HttpArgs { host: self.host, port: self.port }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// HTTP port of the page; 0 picks a free one
    #[arg(long, env = "BOOKEND_PORT", default_value_t = SERVER_PORT)]
    port: u16,
    /// Address to listen on for HTTP
    #[arg(long, env = "BOOKEND_HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl ServerArgs {
    pub(crate) fn http(&self) -> HttpArgs {
        HttpArgs { host: self.host, port: self.port }
    }
}

#[derive(Debug, Args)]
pub(crate) struct BrokerArgs {
    /// Address to listen on: 0.0.0.0 lets other machines in, whoever they are, as there is no authentication
    #[arg(long, env = "BOOKEND_LISTEN", value_name = "ADDR", default_value = "127.0.0.1")]
    pub(crate) listen: IpAddr,
    /// Port to listen on; 0 picks a free one
    #[arg(long, visible_alias = "port", env = "BOOKEND_BROKER_PORT", default_value_t = 9092)]
    pub(crate) broker_port: u16,
    /// When records are made to survive a power cut, by fsync: `always`, `never`, or so often (`1s`)
    ///
    /// A crash of the broker alone loses nothing that it has acknowledged. A power cut loses nothing with `always`, as
    /// each record waits for its fsync, the last second with `1s`, and with `never` what the system had not written yet.
    #[arg(long, env = "BOOKEND_FSYNC", value_name = "WHEN", default_value = "1s", value_parser = fsync)]
    pub(crate) fsync: Fsync,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FeedArgs {
    /// The text: a file, or `-` for stdin
    pub(crate) file: PathBuf,
    /// The client to post to
    #[arg(long, env = "BOOKEND_URL", default_value = "http://127.0.0.1:3000")]
    pub(crate) url: String,
    /// Where the messages are stored, when the client does not store them itself: the server's page
    #[arg(long, env = "BOOKEND_STORED_AT", value_name = "URL")]
    pub(crate) stored_at: Option<String>,
    /// Post each paragraph (lines up to an empty one) instead of each line
    #[arg(long, conflicts_with = "lines")]
    pub(crate) paragraphs: bool,
    /// Post each line that is not empty; this is the default
    #[arg(long)]
    pub(crate) lines: bool,
    /// Texts per second; 0 posts as fast as --concurrency allows
    #[arg(long, env = "BOOKEND_RATE", default_value = "50", value_parser = rate)]
    pub(crate) rate: f64,
    /// At most this many requests in flight
    #[arg(long, env = "BOOKEND_CONCURRENCY", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) concurrency: u16,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Empty the store, so that it can be filled from another Kafka cluster
    Reset(DataArgs),
}

/// Where HTTP listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpArgs {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
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

/// How the client measures and batches.
#[derive(Debug, Clone, Args)]
pub(crate) struct TaskArgs {
    /// How long every task takes, in milliseconds [default: 600, 700 and 500 for the three paths]
    #[arg(long, env = "BOOKEND_TASK_MS")]
    pub(crate) task_ms: Option<u32>,
    /// A batch leaves when it holds this many records …
    #[arg(long, env = "BOOKEND_BATCH_RECORDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) batch_records: u32,
    /// … or this many bytes …
    #[arg(long, env = "BOOKEND_BATCH_BYTES", default_value_t = 256 * 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) batch_bytes: u32,
    /// … or when its first record has waited this long (`20ms`, `1s`)
    #[arg(long, env = "BOOKEND_LINGER", default_value = "20ms", value_parser = duration)]
    pub(crate) linger: Duration,
}

/// What the closing words look like.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct OutputArgs {
    /// Close with the ledger as one line of JSON, the last on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.command)
    }

    // Goal: clap's own check of the whole definition: names, conflicts, defaults.
    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    /// What a call asks for, which no variable may say.
    const ASKED: [&str; 19] = [
        "help",
        "version",
        "json",
        "exit",
        "lines",
        "paragraphs",
        "internal",
        "partitions",
        "replication",
        "config",
        "yes",
        "topic",
        "to",
        "dry_run",
        "execute",
        "from",
        "partition",
        "count",
        "full",
    ];

    // Goal: each flag that configures has its variable, and no other has one. Method: walk clap's own tree, so that a
    // new flag cannot be forgotten.
    #[test]
    fn every_flag_that_configures_has_its_variable() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
                let name = argument.get_id().as_str();
                let configures = !ASKED.contains(&name);
                let expected = configures.then(|| format!("BOOKEND_{}", name.to_uppercase()));
                let variable = argument.get_env().and_then(|variable| variable.to_str());
                assert_eq!(variable, expected.as_deref(), "{}: --{name}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn a_demo_that_ends_picks_a_free_port_unless_told() {
        for (line, port) in [
            ("bookend demo", 3000),
            ("bookend demo --exit", 0),
            ("bookend demo --exit --port 3005", 3005),
            ("bookend demo --port 0", 0),
        ] {
            let Ok(Command::Demo(args)) = parse(line) else { panic!("{line}") };
            assert_eq!(args.http().port, port, "{line}");
            assert_eq!(args.broker_port, 0, "{line}");
        }
    }

    #[test]
    fn a_broker_alone_has_one_port() {
        for line in ["bookend broker --port 19092", "bookend broker --broker-port 19092"] {
            let Ok(Command::Broker(args)) = parse(line) else { panic!("{line}") };
            assert_eq!(args.broker_port, 19092, "{line}");
        }
    }

    #[test]
    fn kafka_settings_repeat_and_keep_their_commas() {
        let line =
            "bookend client --brokers a:1,b:2 --kafka debug=topic,msg --kafka sasl.password=a=b";
        let Ok(Command::Client(args)) = parse(line) else { panic!("does not parse") };
        assert_eq!(args.cluster.brokers, "a:1,b:2");
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(args.cluster.kafka, [pair("debug", "topic,msg"), pair("sasl.password", "a=b")]);
    }

    #[test]
    fn batches_default_to_what_the_first_system_did() {
        let Ok(Command::Up(args)) = parse("bookend up") else { panic!("does not parse") };
        let batch = &args.client;
        assert_eq!((batch.batch_records, batch.batch_bytes), (10, 256 * 1024));
        assert_eq!((batch.linger, batch.task_ms), (Duration::from_millis(20), None));
        assert_eq!((args.http().port, args.broker_port), (3000, 9092));
    }

    // Goal: two parts on one machine do not ask for the same port. Three structs repeat the flag for it: clap keeps a
    // default in a static, which all instances of a generic struct would share.
    #[test]
    fn each_part_has_a_port_of_its_own() {
        let Ok(Command::Client(client)) = parse("bookend client") else { panic!("client") };
        let Ok(Command::Server(server)) = parse("bookend server") else { panic!("server") };
        assert_eq!((client.http().port, server.http().port), (3000, 3001));
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in [
            "bookend",
            "bookend feed",
            "bookend up --port 65536",
            "bookend up --linger soon",
            "bookend up --batch-records 0",
            "bookend client --kafka novalue",
            "bookend feed - --rate -1",
            "bookend feed - --concurrency 0",
            "bookend feed - --lines --paragraphs",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
