//! No broker that a run starts outlives it: of a Ctrl-C or a `kill` a `Drop` does not hear, so a shell waits at the other
//! side of a pipe for this program's end, whichever it is.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};

/// Runs a script once it is dropped, or once this process is gone.
#[derive(Debug)]
pub(super) struct Keeper(Child);

impl Keeper {
    /// `script` is the shell's, and `arguments` are its `$1` and on.
    pub(super) fn start(script: &str, arguments: &[&OsStr]) -> Result<Self> {
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

    /// Lets it go without its work, where that is done.
    pub(super) fn dismiss(&mut self) {
        // An error says that it has ended.
        self.0.kill().ok();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}
