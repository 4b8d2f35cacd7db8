//! A console tool as a child process: what it is told, what it says, how long it may take.

use std::{fs, io::Write as _, path::Path, process::Stdio};

use anyhow::{Context as _, bail};

use crate::interop::keeper::bound;

/// How long one tool may take, in seconds.
const SECONDS_MAX: &str = "90";

/// A tool lives for a second or two: a compiler that thinks longer takes more than it gives.
const JAVA: &str = "-Xmx512m -XX:TieredStopAtLevel=1";

/// The tools, and the broker they are pointed at.
#[derive(Debug)]
pub(super) struct Console<'a> {
    pub(super) script: &'a Path,
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
        let mut child = bound("timeout")
            .args(["--kill-after=5", SECONDS_MAX])
            .arg(self.script)
            .args(["tool", tool, "--bootstrap-server", self.address])
            .args(arguments)
            .env("KAFKA_HEAP_OPTS", JAVA)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run `timeout`, of coreutils")?;
        let mut stdin = child.stdin.take().context("its input is piped")?;
        // One that ends before it has read everything says why on stderr.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        let output = child.wait_with_output()?;
        let [said, complained] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        if !output.status.success() {
            let arguments = arguments.join(" ");
            bail!("`{tool} {arguments}` ended with {}: {said} {complained}", output.status);
        }
        Ok(said.into_owned())
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

/// `value-0` and on, a line each.
pub(super) fn values(records: usize) -> String {
    (0..records).map(|number| format!("value-{number}\n")).collect::<Vec<_>>().concat()
}
