//! A broker as a child process: where it listens, what it takes of processor and memory, how it ends.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::keeper::Keeper;

/// In what the kernel tells processor time, whatever it counts in itself: `USER_HZ`, see `proc_pid_stat(5)`.
const TICK: Duration = Duration::from_millis(10);

/// `ApiVersions` version 0, without a client's name: size, API key 18, version, correlation id, null.
const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];

/// How long an answer of a broker that has just started may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running broker. It ends when this is dropped, and when this program is gone.
#[derive(Debug)]
pub(super) struct Process {
    /// `HOST:PORT`.
    pub(super) address: String,
    pid: u32,
    /// From before it was spawned until it answered `ApiVersions`.
    pub(super) ready_after: Duration,
    /// None: it belongs to the script that started it.
    child: Option<Child>,
    /// Ends it.
    keeper: Keeper,
}

impl Process {
    /// Starts `bookend broker` on a free port.
    pub(super) fn embedded(binary: &Path, data: &Path, options: &[&str]) -> Result<Self> {
        let began = Instant::now();
        let mut child = Command::new(binary)
            .args(["broker", "--broker-port", "0", "--data"])
            .arg(data)
            .args(options)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut line = String::new();
        let stdout = child.stdout.as_mut().context("its output is piped")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let Some(address) = line.split_whitespace().nth(1) else {
            let output = child.wait_with_output()?;
            bail!("it did not start: {}", String::from_utf8_lossy(&output.stderr).trim());
        };
        ask_versions(address)?;
        let ready_after = began.elapsed();
        // Only now, so that it takes no time from what was measured.
        let pid = child.id();
        let keeper = Keeper::start(
            r#"kill -9 "$1"; rm -rf "$2""#,
            &[pid.to_string().as_ref(), data.as_os_str()],
        )?;
        let address = address.to_owned();
        Ok(Self { address, pid, ready_after, child: Some(child), keeper })
    }

    /// Starts Apache Kafka on a free port.
    pub(super) fn apache(script: &Path, data: &Path) -> Result<Self> {
        // Where it did not start, its script says so and does nothing.
        let keeper = Keeper::start(
            r#""$1" stop --data "$2"; rm -rf "$2""#,
            &[script.as_os_str(), data.as_os_str()],
        )?;
        let began = Instant::now();
        // It would start what nobody is left to stop, were this program gone by then.
        let output = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(script)
            .args(["start", "--port", "0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run `setpriv`, of util-linux")?;
        ensure!(output.status.success(), "Apache Kafka did not start");
        let address = String::from_utf8(output.stdout)?.trim().to_owned();
        ask_versions(&address)?;
        let ready_after = began.elapsed();
        let pid = fs::read_to_string(data.join("pid"))?.trim().parse()?;
        Ok(Self { address, pid, ready_after, child: None, keeper })
    }

    /// Processor time it has taken so far, in steps of 10 ms.
    pub(super) fn processor_time(&self) -> Result<Duration> {
        processor_time(&self.pid.to_string())
    }

    /// The memory that it has in use, in bytes.
    pub(super) fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next());
        let kibibytes: u64 = kibibytes.context("no VmRSS")?.parse()?;
        Ok(kibibytes * 1_024)
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn stop(mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
            kill_process(pid.context("a child has a pid")?, Signal::TERM)?;
            let status = child.wait()?;
            self.keeper.dismiss();
            ensure!(status.success(), "it ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Errors say that it has ended.
            child.kill().ok();
            child.wait().ok();
            self.keeper.dismiss();
        }
    }
}

/// Processor time this process has taken so far.
pub(super) fn own_processor_time() -> Result<Duration> {
    processor_time("self")
}

fn processor_time(pid: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    ticks(&stat).map(|ticks| TICK * ticks).context("no processor time")
}

/// User and system time: fields 14 and 15, counted behind the name, which may hold anything.
fn ticks(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u32>().ok();
    Some(next()? + next()?)
}

fn ask_versions(address: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&API_VERSIONS)?;
    let mut head = [0; 10];
    stream.read_exact(&mut head)?;
    ensure!(head[4..] == [0, 0, 0, 7, 0, 0], "{address} does not answer as a Kafka broker does");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: what it said is not lost with it.
    #[test]
    fn one_that_does_not_start_says_why() {
        let refused = Process::embedded(Path::new("/bin/ls"), Path::new("/nowhere"), &[]);
        let words = refused.unwrap_err().to_string();
        assert!(words.contains("it did not start") && words.contains("--broker-port"), "{words}");
    }

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) name) S 1 7 7 0 -1 4194560 1 2 3 4 150 25 6 7 20 0 9 0 100 0 0";
        assert_eq!(ticks(stat), Some(175));
        assert_eq!(ticks("7 (short) S 1 7"), None);
        assert!(own_processor_time().is_ok());
    }
}
