//! A console tool, or our own command line, as a child process: what it is told, what it says, how long it may take.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::interop::keeper::bound;

/// How long one tool may take, in seconds.
const SECONDS_MAX: &str = "90";

/// A tool lives for a second or two: a compiler that thinks longer takes more than it gives.
const JAVA: &str = "-Xmx512m -XX:TieredStopAtLevel=1";

/// What it means when not even that can be started.
const SPAWN: &str = "cannot run `setpriv`, of util-linux";

/// The tools, and the broker they are pointed at.
#[derive(Debug)]
pub(super) struct Console<'a> {
    pub(super) script: &'a Path,
    /// The app.
    pub(super) bookend: &'a Path,
    /// For files that tools read.
    pub(super) folder: &'a Path,
    pub(super) address: &'a str,
}

impl Console<'_> {
    /// Runs a tool; gives what it said on stdout.
    pub(super) fn run(&self, tool: &str, arguments: &[&str]) -> anyhow::Result<String> {
        self.feed(tool, arguments, "")
    }

    /// The same, with `input` to read.
    pub(super) fn feed(
        &self,
        tool: &str,
        arguments: &[&str],
        input: &str,
    ) -> anyhow::Result<String> {
        let mut child = self.tool(tool, arguments).spawn().context(SPAWN)?;
        let mut stdin = child.stdin.take().context("its input is piped")?;
        // One that ends before it has read everything says why on stderr.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        said(&format!("{tool} {}", arguments.join(" ")), &child.wait_with_output()?)
    }

    /// A tool, not started yet.
    pub(super) fn tool(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = limited(self.script);
        command
            .args(["tool", tool, "--bootstrap-server", self.address])
            .args(arguments)
            .env("KAFKA_HEAP_OPTS", JAVA);
        command
    }

    /// `bookend` with these arguments, on this broker; not started yet.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = limited(self.bookend);
        command.args(arguments).args(["--brokers", self.address]);
        command
    }

    /// Runs `bookend`; gives what it said on stdout.
    pub(super) fn bookend(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(arguments).output().context(SPAWN)?;
        said(&format!("bookend {}", arguments.join(" ")), &output)
    }

    /// Runs `bookend … --json`; gives its document.
    pub(super) fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let said = self.bookend(&[arguments, &["--json"]].concat())?;
        serde_json::from_str(&said).with_context(|| format!("no JSON: {said}"))
    }

    /// Runs a `bookend` that must be refused; gives all it said.
    pub(super) fn bookend_refused(&self, arguments: &[&str]) -> anyhow::Result<String> {
        match self.bookend(arguments) {
            Ok(said) => bail!("`bookend {}` was not refused: {said}", arguments.join(" ")),
            Err(error) => Ok(error.to_string()),
        }
    }

    /// Runs a tool that must be refused; gives all it said.
    pub(super) fn refused(&self, tool: &str, arguments: &[&str]) -> anyhow::Result<String> {
        match self.run(tool, arguments) {
            Ok(said) => bail!("`{tool} {}` was not refused: {said}", arguments.join(" ")),
            Err(error) => Ok(error.to_string()),
        }
    }

    /// Creates a topic.
    pub(super) fn create(&self, topic: &str, partitions: &str) -> anyhow::Result<()> {
        self.run("topics", &["--create", "--topic", topic, "--partitions", partitions])?;
        Ok(())
    }

    /// Creates a topic of one partition with `value-0` and on in it.
    pub(super) fn fill(&self, topic: &str, records: usize) -> anyhow::Result<()> {
        self.create(topic, "1")?;
        self.feed("console-producer", &["--topic", topic], &values(records))?;
        Ok(())
    }

    /// Writes a file for a tool to read; gives its path.
    pub(super) fn file(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.folder.join(name);
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    }
}

/// A program that may take so long and no longer, and says everything to us.
fn limited(program: &Path) -> Command {
    let mut command = bound("timeout");
    command
        .args(["--kill-after=5", SECONDS_MAX])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a program said on stdout; all it said, if it did not end well.
fn said(what: &str, output: &Output) -> anyhow::Result<String> {
    let [said, complained] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    if !output.status.success() {
        bail!("`{what}` ended with {}: {said} {complained}", output.status);
    }
    Ok(said.into_owned())
}

/// A program that goes on beside us. Dropped, it is asked to end, and has ended.
#[derive(Debug)]
pub(super) struct Running(Child);

impl Running {
    pub(super) fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        Ok(Self(command.spawn().context(SPAWN)?))
    }

    /// What it says.
    pub(super) fn stdout(&mut self) -> anyhow::Result<ChildStdout> {
        self.0.stdout.take().context("its output is piped, and taken once")
    }

    /// Waits for its end; gives how it ended, and what it complained about.
    pub(super) fn ended(mut self) -> anyhow::Result<(ExitStatus, String)> {
        let mut complained = String::new();
        self.0.stderr.take().context("it is piped")?.read_to_string(&mut complained)?;
        Ok((self.0.wait()?, complained))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // `timeout` passes a SIGTERM on, and could not pass a SIGKILL on. Of one whose end was waited for there is no pid.
        if let (Ok(None), Some(pid)) = (self.0.try_wait(), Pid::from_raw(self.0.id().cast_signed()))
        {
            kill_process(pid, Signal::TERM).ok();
        }
        self.0.wait().ok();
    }
}

/// `value-0` and on, a line each.
pub(super) fn values(records: usize) -> String {
    (0..records).map(|number| format!("value-{number}\n")).collect::<Vec<_>>().concat()
}
