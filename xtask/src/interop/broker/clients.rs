//! Ordinary Kafka clients on both brokers, as the zoo's own script runs them; it shows each row as soon as it is there.

use std::fs;

use anyhow::Context as _;

use super::{
    Brokers,
    cells::{self, Cell, Compared},
};
use crate::interop::keeper::bound;

/// Lets every client ask both; `options` go to `zoo run`.
pub(super) fn run(brokers: &Brokers<'_>, options: &[&str]) -> anyhow::Result<Compared> {
    let reference = ask(brokers, "Apache Kafka", &brokers.reference, options)?;
    let ours = ask(brokers, "bookend broker", &brokers.ours, options)?;
    Ok(Compared { reference, ours })
}

fn ask(
    brokers: &Brokers<'_>,
    name: &str,
    address: &str,
    options: &[&str],
) -> anyhow::Result<Vec<Cell>> {
    println!("── clients on {name}");
    let results = brokers.folder.join("results.jsonl");
    let status = bound(brokers.peers.join("clients/zoo"))
        .args(["run", "--brokers", address])
        .args(options)
        .arg("--json")
        .arg(&results)
        .status()
        .context("cannot run the zoo")?;
    // A client that failed makes it fail too; the results are written all the same.
    let lines = fs::read_to_string(&results).with_context(|| format!("the zoo ended: {status}"))?;
    fs::remove_file(&results)?;
    cells::read(&lines)
}
