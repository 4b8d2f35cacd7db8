//! The command lines of those who run a part: `demo`, `up`, `client`, `server`, `broker`, `feed` and `store`.
//!
//! Read with the rest by [`Cli`](super::Cli), taken apart by [`commands`](crate::commands).

use std::{net::IpAddr, path::PathBuf, time::Duration};

use bookend_broker::Fsync;
use clap::{Args, Subcommand};

use super::{
    ClusterArgs, DataArgs, OutputArgs,
    values::{duration, fsync, rate},
};

/// Where the client and `up` listen unless told otherwise.
const CLIENT_PORT: u16 = 3000;
/// Where a server alone listens unless told otherwise.
const SERVER_PORT: u16 = 3001;

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
