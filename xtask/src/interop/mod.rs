//! Runs the app and the embedded broker against real peers: `cargo xtask interop kafka`, `cargo xtask interop broker`;
//! and the page's scripts in a real engine: `cargo xtask interop page`.
//!
//! Kafka and its clients are started by scripts of a folder beside this checkout, or wherever `BOOKEND_PEER_SCRIPTS`
//! says; a run fails where its peers are absent. `interop/README.md` says what each run shows.

mod app;
mod kafka;
mod page;
mod peers;
mod broker;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};

const USAGE: &str = "\
usage: cargo xtask interop kafka | cargo xtask interop page
     | cargo xtask interop broker [--only zoo|tools] [--clients A,B] [--cases A,B] [--codec C] [--n RECORDS]";

/// Runs what `arguments` name.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    match arguments {
        ["kafka"] => kafka::run(root, &peers(root)?, &build(root)?),
        ["broker", options @ ..] => broker::run(root, &peers(root)?, &build(root)?, options),
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

/// A folder that goes with its run.
struct Removed(PathBuf);

impl Removed {
    /// A new one, under the temporary folder.
    fn create(run: &str) -> anyhow::Result<Self> {
        let folder = env::temp_dir().join(format!("bookend-interop-{run}-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Removed {
    fn drop(&mut self) {
        // What is left of a temporary folder harms nobody.
        fs::remove_dir_all(&self.0).ok();
    }
}
