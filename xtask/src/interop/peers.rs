//! Apache Kafka, by its script: started on a folder of its own, restarted on the same port, stopped at the end.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

/// A running Apache Kafka. Dropped, it is stopped.
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
    pub(crate) fn start(peers: &Path, data: &Path) -> anyhow::Result<Self> {
        let script = peers.join("kafka/kafka");
        let mut kafka = Self { script, data: data.to_owned(), address: String::new() };
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
        let output = Command::new(&self.script)
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

impl Drop for Kafka {
    fn drop(&mut self) {
        // An error says that it is not running.
        self.call(&["stop"]).ok();
    }
}
