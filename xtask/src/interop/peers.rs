//! Apache Kafka, by its script: started in the folder of a run, which stops it at its end, and restarted on the same port.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, ensure};

use super::{Removed, keeper::bound};

/// A running Apache Kafka.
#[derive(Debug)]
pub(crate) struct Kafka {
    script: PathBuf,
    data: PathBuf,
    /// `HOST:PORT`.
    pub(crate) address: String,
}

/// The session of a broker that was killed ends sooner than by default, so that a restart takes seconds.
const SHORT_SESSION: [&str; 4] =
    ["--set", "broker.session.timeout.ms=2000", "--set", "broker.heartbeat.interval.ms=500"];

impl Kafka {
    /// Starts one on a free port.
    pub(super) fn start(peers: &Path, folder: &Removed) -> anyhow::Result<Self> {
        let (script, data) = (script(peers), data(folder.path()));
        let mut kafka = Self { script, data, address: String::new() };
        kafka.address = kafka.start_on("0")?;
        Ok(kafka)
    }

    /// Ends it by `how`, `stop` or `kill9`, and starts it again on its folder and port.
    pub(crate) fn restart(&self, how: &str) -> anyhow::Result<()> {
        self.call(&[how])?;
        let port = self.address.rsplit(':').next().context("an address has a port")?;
        self.start_on(port)?;
        Ok(())
    }

    fn start_on(&self, port: &str) -> anyhow::Result<String> {
        let mut arguments = vec!["start", "--port", port];
        arguments.extend(SHORT_SESSION);
        self.call(&arguments)
    }

    fn call(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = bound(&self.script)
            .args(arguments)
            .arg("--data")
            .arg(&self.data)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {}", self.script.display()))?;
        ensure!(output.status.success(), "kafka {} failed", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

/// What starts and stops it.
pub(super) fn script(peers: &Path) -> PathBuf {
    peers.join("kafka/kafka")
}

/// Its part of the folder of a run.
pub(super) fn data(folder: &Path) -> PathBuf {
    folder.join("kafka")
}
