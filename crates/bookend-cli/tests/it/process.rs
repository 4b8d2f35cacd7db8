//! Runs the binary as a child process: says what it prints, stops it, kills it.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A running `bookend`. Dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    /// What was said on stdout so far.
    said: Vec<String>,
}

/// How a process ended, and what it said.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

impl End {
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("killed by a signal: {self:?}"))
    }

    /// The closing line of `--json`: the last on stdout.
    pub(crate) fn closing(&self) -> Value {
        let last = self.stdout.last().unwrap_or_else(|| panic!("said nothing: {self:?}"));
        serde_json::from_str(last).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// All of stderr.
    pub(crate) fn complaint(&self) -> String {
        self.stderr.join("\n")
    }
}

/// `bookend` with these arguments and no variables of the outside.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bookend"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BOOKEND_")) {
        command.env_remove(name);
    }
    command.env("RUST_LOG", "warn,bookend=info,bookend_broker=debug");
    command
}

/// Starts `bookend` with these arguments.
pub(crate) fn bookend(args: &[&str]) -> Process {
    start(command(args))
}

/// Starts a command that was prepared.
pub(crate) fn start(mut command: Command) -> Process {
    let mut child = command.spawn().expect("the binary is built");
    let stdout = Lines::of(child.stdout.take().expect("it is piped"));
    let stderr = Lines::of(child.stderr.take().expect("it is piped"));
    Process { child, stdout, stderr, said: Vec::new() }
}

/// `up` on free ports with a short task, on this folder.
pub(crate) fn up(folder: &Path, more: &[&str]) -> Process {
    let folder = folder.to_str().expect("a temporary path is text");
    let mut args = vec!["up", "--port", "0", "--broker-port", "0", "--data", folder, "--json"];
    args.extend(more);
    bookend(&args)
}

impl Process {
    /// Waits for a line of stdout that begins with `name`, and gives its second word.
    pub(crate) fn address(&mut self, name: &str) -> String {
        let is_it = |line: &String| line.split_whitespace().next() == Some(name);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.said.iter().find(|line| is_it(line)) {
                return line.split_whitespace().nth(1).expect("an address follows").to_owned();
            }
            match self.stdout.next(deadline) {
                Some(line) => self.said.push(line),
                None => panic!(
                    "no `{name}` in {:?}; stderr: {:?}",
                    self.said,
                    self.stderr.rest(deadline)
                ),
            }
        }
    }

    /// `HOST:PORT` of its HTTP side.
    pub(crate) fn http(&mut self) -> String {
        let url = self.address("page");
        url.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    /// Waits for a line of stdout that holds `words`, and gives it.
    pub(crate) fn says(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while let Some(line) = self.stdout.next(deadline) {
            self.said.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
        panic!("never said `{words}`, but {:?}", self.said);
    }

    /// Waits for a line of stderr that holds `words`, and gives it.
    pub(crate) fn complains(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while let Some(line) = self.stderr.next(deadline) {
            if line.contains(words) {
                return line;
            }
        }
        panic!("never said `{words}`");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it still runs");
    }

    /// SIGKILL: no word of farewell.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it still runs");
        self.child.wait().expect("it is a child of ours");
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) fn stop(self) -> End {
        self.signal(Signal::TERM);
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> End {
        let deadline = Instant::now() + PATIENCE;
        let mut stdout = std::mem::take(&mut self.said);
        stdout.extend(self.stdout.rest(deadline));
        let stderr = self.stderr.rest(deadline);
        let status = self.child.wait().expect("it is a child of ours");
        End { status, stdout, stderr }
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "what it said helps to find out why a test failed")]
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            let said = self.stderr.rest(Instant::now() + PATIENCE).join("\n");
            eprintln!("stderr of the process {}:\n{said}", self.child.id());
        }
    }
}

/// Lines of a pipe, read by a thread, so that a wait for one can have a deadline.
struct Lines {
    from: Receiver<String>,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (to, from) = sync_channel(100_000);
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Self { from }
    }

    /// The next line; `None` at the end.
    fn next(&self, deadline: Instant) -> Option<String> {
        match self.from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing happened for {PATIENCE:?}"),
        }
    }

    fn rest(&self, deadline: Instant) -> Vec<String> {
        std::iter::from_fn(|| self.next(deadline)).collect()
    }
}
