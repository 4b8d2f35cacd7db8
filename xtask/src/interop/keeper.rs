//! Nothing that a run starts outlives it, however it ends: with its work done, by an error, by Ctrl-C, by a `kill -9`.
//!
//! Of the last two a `Drop` does not hear. So what is our child is ended by the kernel, and what is not, as Apache Kafka,
//! by a shell that waits for our end at the other side of a pipe.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

/// Runs a script once it is dropped, or once this process is gone.
#[derive(Debug)]
pub(super) struct Keeper(Child);

impl Keeper {
    /// `script` is the shell's, and `arguments` are its `$1` and on.
    pub(super) fn start(script: &str, arguments: &[&OsStr]) -> anyhow::Result<Self> {
        let child = Command::new("sh")
            .args(["-c", &format!("cat; {script}"), "sh"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C is meant for all in the group of the terminal's foreground.
            .process_group(0)
            .spawn()
            .context("cannot run `sh`")?;
        Ok(Self(child))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // An error says that it has ended.
        self.0.wait().ok();
    }
}

/// A command whose process is asked to end when this one is gone.
pub(super) fn bound(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use std::{
        env, fs,
        io::{BufRead as _, BufReader},
        path::PathBuf,
        process,
        time::Instant,
    };

    use super::*;

    /// Names the file to a process that is the child of a test.
    const CHILD: &str = "BOOKEND_KEEPER_TEST";
    const SCRIPT: &str = "echo kept >\"$1\"";
    const SECONDS_MAX: &str = "20";

    fn file(name: &str) -> PathBuf {
        env::temp_dir().join(format!("bookend-keeper-{name}-{}", process::id()))
    }

    // Goal: when a drop returns, the script has run, and not before that.
    #[test]
    fn a_keeper_that_is_dropped_has_done_its_work() {
        let file = file("dropped");
        let keeper = Keeper::start(SCRIPT, &[file.as_os_str()]).unwrap();
        assert!(!file.exists());
        drop(keeper);
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept\n");
        fs::remove_file(file).unwrap();
    }

    // Goal: a `kill -9` leaves no time for a drop; the script runs all the same, and a child ends. Method: this test is
    // its own child; a pipe with a name is read until the script has written to it, and the child's stdout until all who
    // have it are gone.
    #[test]
    fn a_keeper_outlives_who_is_killed() {
        if let Some(pipe) = env::var_os(CHILD) {
            let _keeper = Keeper::start(SCRIPT, &[&pipe]).unwrap();
            let waiting = format!("echo; echo ready; exec sleep {SECONDS_MAX}");
            bound("sh").args(["-c", &waiting]).status().unwrap();
        }
        let pipe = file("killed");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (_, module) = module_path!().split_once("::").unwrap();
        let begin = Instant::now();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &format!("{module}::a_keeper_outlives_who_is_killed")])
            .env(CHILD, &pipe)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"));
        child.kill().unwrap();
        child.wait().unwrap();
        let read = Command::new("timeout").args([SECONDS_MAX, "cat"]).arg(&pipe).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&read.stdout), "kept\n");
        assert_eq!(lines.count(), 0);
        assert!(begin.elapsed().as_secs() < SECONDS_MAX.parse().unwrap(), "its child went on");
        fs::remove_file(pipe).unwrap();
    }
}
