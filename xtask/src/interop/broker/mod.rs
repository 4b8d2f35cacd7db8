//! The embedded broker held against Apache Kafka: the same clients, the same console tools, our own command line, on
//! both.
//!
//! What comes out stands in `interop/README.md`, between marks. Nothing in it changes from run to run unless a cell or
//! a version does.

mod options;
mod marks;
mod cells;
mod clients;
mod tools;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};

use self::options::Options;
use super::{Removed, app::App, keeper::bound, peers::Kafka};

/// Where the tables stand.
const PAGE: &str = "interop/README.md";

/// What both are asked through.
struct Brokers<'a> {
    peers: &'a Path,
    folder: &'a Path,
    /// The app.
    bookend: &'a Path,
    /// The version of Apache Kafka.
    version: String,
    reference: String,
    ours: String,
}

/// Runs what `arguments` leave, writes the tables if that is all, and fails if a cell differs that should not.
pub(crate) fn run(
    root: &Path,
    peers: &Path,
    binary: &Path,
    arguments: &[&str],
) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    let folder = Removed::create("broker", peers)?;
    let version = kafka_version(peers)?;
    println!("── starting Apache Kafka {version} and `bookend broker`");
    let kafka = Kafka::start(peers, &folder)?;
    let data = folder.path().join("bookend").display().to_string();
    let mut app = App::spawn(
        bound(binary)
            .args(["broker", "--broker-port", "0", "--data", &data])
            .env("RUST_LOG", "warn"),
    )?;
    let brokers = Brokers {
        peers,
        folder: folder.path(),
        bookend: binary,
        version,
        reference: kafka.address.clone(),
        ours: app.address("broker")?,
    };
    let page = root.join(PAGE);
    let mut differences = Vec::new();
    let mut tables = Vec::new();
    if options.runs("zoo") {
        let compared = clients::run(&brokers, &options.to_zoo)?;
        tables.push(("zoo", compared.table(&brokers.version)));
        differences.extend(compared.differences());
    }
    if options.runs("tools") {
        let results = tools::console(&brokers)?;
        tables.push(("tools", tools::table("tool", &results, &brokers.version)));
        differences.extend(tools::differences(&results));
    }
    if options.runs("cli") {
        let results = tools::command_line(&brokers)?;
        tables.push(("cli", tools::table("command", &results, &brokers.version)));
        differences.extend(tools::differences(&results));
    }
    if options.is_whole() {
        tables.iter().try_for_each(|(name, table)| write(&page, name, table))?;
    }
    for difference in &differences {
        println!("{difference}");
    }
    ensure!(differences.is_empty(), "{} cells are not as they should be", differences.len());
    println!("nothing differs from Apache Kafka that should not");
    Ok(())
}

fn write(page: &PathBuf, name: &str, table: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
    fs::write(page, marks::replace(&text, name, table)?)?;
    println!("the table `{name}` of {PAGE} is written");
    Ok(())
}

/// The version that the script fetches, from the file by which it does.
fn kafka_version(peers: &Path) -> anyhow::Result<String> {
    let path = peers.join("kafka/pom.xml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let version = text.split_once("<kafka.version>").and_then(|(_, rest)| rest.split_once('<'));
    Ok(version.context("kafka/pom.xml names no kafka.version")?.0.to_owned())
}
