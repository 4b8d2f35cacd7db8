//! Runs the app and the embedded broker against real peers: `cargo xtask interop kafka`, `cargo xtask interop zoo`; and
//! the page's scripts in a real engine: `cargo xtask interop page`.
//!
//! Kafka and its clients are started by scripts of a folder beside this checkout, or wherever `BOOKEND_PEER_SCRIPTS`
//! says; a run fails where its peers are absent. `interop/README.md` says what each run shows.

mod app;
mod kafka;
mod page;
mod peers;
mod zoo;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};

const USAGE: &str = "usage: cargo xtask interop kafka | cargo xtask interop zoo [OPTION OF zoo run]… | cargo xtask interop page";

/// Runs what `arguments` name.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    match arguments {
        ["kafka"] => kafka::run(root, &peers(root)?, &build(root)?),
        ["zoo", options @ ..] => zoo::run(&peers(root)?, &build(root)?, options),
        ["page"] => page::run(root),
        _ => bail!(USAGE),
    }
}

/// The folder of the peers' scripts.
fn peers(root: &Path) -> anyhow::Result<PathBuf> {
    let peers = match env::var_os("BOOKEND_PEER_SCRIPTS") {
        Some(folder) => PathBuf::from(folder),
        None => root.join("../shared/peers"),
    };
    ensure!(
        peers.is_dir(),
        "the peers' scripts are not in {}; BOOKEND_PEER_SCRIPTS names their folder",
        peers.display()
    );
    Ok(peers)
}

/// The app, built for speed: what people run.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "-p", "bookend-cli"])
        .current_dir(root)
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "the app does not build");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release/bookend"))
}
