//! Ordinary Kafka clients against the embedded broker, as the zoo's own script runs them.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};

use super::app::App;

/// What the clients that people meet first are asked unless told otherwise.
const DEFAULT: [&str; 4] =
    ["--clients", "kafkajs,confluent", "--cases", "produce,consume,resume,rebalance,headers,rtt"];

/// Starts `bookend broker`, and lets the zoo have it; `options` go to `zoo run`.
pub(crate) fn run(peers: &Path, binary: &Path, options: &[&str]) -> anyhow::Result<()> {
    let data = std::env::temp_dir().join(format!("bookend-zoo-{}", std::process::id()));
    let folder = data.display().to_string();
    let mut broker = App::start(binary, &["broker", "--broker-port", "0", "--data", &folder])?;
    let address = broker.address("broker")?;
    let defaults: &[&str] = if options.contains(&"--clients") { &[] } else { &DEFAULT };
    let status = Command::new(peers.join("clients/zoo"))
        .args(["run", "--brokers", &address])
        .args(defaults)
        .args(options)
        .status()
        .context("cannot run the zoo")?;
    drop(broker);
    fs::remove_dir_all(&data).ok();
    ensure!(status.success(), "a client failed");
    Ok(())
}
