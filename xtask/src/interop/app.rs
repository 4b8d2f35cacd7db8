//! The app as a child process: where it listens, what its ledger says, how it ends.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::keeper::bound;

/// How long anything may take before a run counts as failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running part of the app. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct App {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl App {
    /// Starts `bookend` with these arguments. Its log goes where ours goes.
    pub(crate) fn start(binary: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        Self::spawn(bound(binary).args(arguments))
    }

    /// Starts what `command` says, which is [`bound`].
    pub(crate) fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run `setpriv`, of util-linux")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        Ok(Self { child, stdout: BufReader::new(stdout) })
    }

    /// Waits for a line that begins with `name`, and gives its second word.
    pub(crate) fn address(&mut self, name: &str) -> anyhow::Result<String> {
        loop {
            let mut line = String::new();
            let length = self.stdout.read_line(&mut line)?;
            ensure!(length > 0, "it ended before it said where its {name} is");
            let mut words = line.split_whitespace();
            if words.next() == Some(name) {
                return Ok(words.next().context("an address follows")?.to_owned());
            }
        }
    }

    /// Waits for its end, and gives the closing line of `--json`.
    pub(crate) fn closing(mut self) -> anyhow::Result<Value> {
        let mut said = String::new();
        self.stdout.read_to_string(&mut said)?;
        let status = self.child.wait()?;
        let last = said.lines().last().context("it said nothing at its end")?;
        let closing: Value = serde_json::from_str(last).context("its last line is no JSON")?;
        ensure!(status.success(), "it ended with {status}: {closing}");
        Ok(closing)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // An error says that it has ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Polls `/api/ledger` until `field` is at least `least`.
pub(crate) fn wait_for_ledger(url: &str, field: &str, least: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ledger = ledger(url)?;
        if ledger[field].as_u64().is_some_and(|value| value >= least) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{field} did not reach {least}: {ledger}");
    }
}

fn ledger(url: &str) -> anyhow::Result<Value> {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /api/ledger HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").context("the answer has no body")?.1;
    serde_json::from_str(body).context("the ledger is no JSON")
}
