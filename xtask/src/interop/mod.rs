//! Runs the app and the embedded broker against real peers: `cargo xtask interop kafka`, `cargo xtask interop broker`;
//! and the page's scripts in a real engine: `cargo xtask interop page`.
//!
//! Kafka and its clients are started by scripts of a folder beside this checkout, or wherever `BOOKEND_PEER_SCRIPTS`
//! says; a run fails where its peers are absent. `interop/README.md` says what each run shows.

mod app;
mod kafka;
mod page;
mod keeper;
mod peers;
mod broker;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};

use self::keeper::Keeper;

const USAGE: &str = "\
usage: cargo xtask interop kafka | cargo xtask interop page
     | cargo xtask interop broker [--only zoo|tools|cli] [--clients A,B] [--cases A,B] [--codec C] [--n RECORDS]";

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

/// A folder that goes with its run, and with it Apache Kafka, if it was started on its part of it.
struct Removed {
    path: PathBuf,
    _keeper: Keeper,
}

impl Removed {
    /// A new one, under the temporary folder.
    fn create(run: &str, peers: &Path) -> anyhow::Result<Self> {
        let path = env::temp_dir().join(format!("bookend-interop-{run}-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        // Where it is not running, its script says so and does nothing.
        let script = r#""$1" stop --data "$2"; rm -rf "$3""#;
        let arguments = [&peers::script(peers), &peers::data(&path), &path];
        let keeper = Keeper::start(script, &arguments.map(|path| path.as_os_str()))?;
        Ok(Self { path, _keeper: keeper })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
