//! The page's pure scripts, tested by Node's own runner: nothing is installed for it.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};

/// The tests, from the root of the workspace; they name the scripts.
const TESTS: &str = "crates/bookend-cli/src/web/arithmetic.test.js";

/// Runs them; fails where Node is absent.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let tests = root.join(TESTS);
    ensure!(tests.is_file(), "{} is gone", tests.display());
    let status = Command::new("node")
        .arg("--test")
        .arg(tests)
        .status()
        .context("cannot run `node`; it must be installed, 20.19 or later")?;
    ensure!(status.success(), "a test of the page failed");
    Ok(())
}
