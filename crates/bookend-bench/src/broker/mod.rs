//! The embedded broker, as a process of its own: its answers at light load, its throughput beside Apache Kafka's, what
//! it takes to have it running and to keep consumers waiting.
//!
//! Both brokers are asked by librdkafka itself, with the same settings. Apache Kafka is started by the scripts of
//! `BOOKEND_PEER_SCRIPTS` (default: `../shared/peers` beside the checkout); a run that needs it fails without.

mod keeper;
mod process;
mod clients;
mod wire;
mod round_trip;
mod throughput;
mod parked;
mod footprint;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};

use self::process::Process;
use crate::{
    machine::Machine,
    pairs::Effort,
    report::{self, Row},
};

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One part alone
    #[arg(long)]
    only: Option<Part>,
    /// Without Apache Kafka: the embedded broker's own figures
    #[arg(long)]
    alone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// B1: request and reply at light load
    RoundTrip,
    /// B2: producer and consumer, beside Apache Kafka
    Throughput,
    /// B3: start, memory, size
    Footprint,
    /// Fetches that wait: what they cost, and how soon they are answered
    Parked,
}

/// Where brokers come from, and where they put their data.
#[derive(Debug)]
struct Place {
    binary: PathBuf,
    /// None: Apache Kafka is left out.
    apache: Option<PathBuf>,
    folder: tempfile::TempDir,
}

impl Place {
    fn embedded(&self, name: &str, options: &[&str]) -> Result<Process> {
        Process::embedded(&self.binary, &self.folder.path().join(name), options)
    }

    fn apache(&self, name: &str) -> Result<Option<Process>> {
        let data = self.folder.path().join(name);
        self.apache.as_ref().map(|script| Process::apache(script, &data)).transpose()
    }
}

pub(crate) fn run(effort: Effort, options: &Options, is_smoke: bool) -> Result<()> {
    let machine = Machine::look()?;
    let place = Place {
        binary: app(is_smoke)?,
        apache: if options.alone || is_smoke { None } else { Some(apache()?) },
        folder: tempfile::tempdir()?,
    };
    let mut rows = Vec::new();
    let parts = [Part::RoundTrip, Part::Throughput, Part::Footprint, Part::Parked];
    for part in parts.into_iter().filter(|part| options.only.is_none_or(|only| only == *part)) {
        rows.extend(part.run(&place, effort, is_smoke)?);
    }
    report::print(&machine, &rows);
    Ok(())
}

impl Part {
    fn run(self, place: &Place, effort: Effort, is_smoke: bool) -> Result<Vec<Row>> {
        match self {
            Self::RoundTrip => round_trip::run(place, is_smoke),
            Self::Throughput => throughput::run(place, effort, is_smoke),
            Self::Footprint => footprint::run(place, is_smoke),
            Self::Parked => parked::run(place, is_smoke),
        }
    }
}

/// The app beside this program, built just before, so that no old one is measured. Where nothing is measured, the one
/// that is there will do.
fn app(is_smoke: bool) -> Result<PathBuf> {
    let binary = env::current_exe()?.with_file_name("bookend");
    if is_smoke && binary.is_file() {
        return Ok(binary);
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let status = Command::new(cargo)
        .args(["build", "--package", "bookend-cli", "--bin", "bookend"])
        .args(profile)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "the app does not build");
    ensure!(binary.is_file(), "{} is not there", binary.display());
    Ok(binary)
}

fn apache() -> Result<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/peers");
    let peers = env::var_os("BOOKEND_PEER_SCRIPTS").map_or(beside, PathBuf::from);
    let script = peers.join("kafka/kafka");
    ensure!(
        script.is_file(),
        "{} is not there; BOOKEND_PEER_SCRIPTS names the folder of the peers, --alone leaves Apache Kafka out",
        script.display()
    );
    Ok(script)
}
