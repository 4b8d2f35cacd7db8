//! The app on Apache Kafka: a text is fed from client to store; calm, and with the broker restarted in the middle.

use std::path::Path;

use anyhow::ensure;
use serde_json::Value;

use super::{
    Removed,
    app::{App, wait_for_ledger},
    peers::Kafka,
};

/// How the broker's end comes in the middle of a feed.
const DISTURBANCES: [Option<&str>; 3] = [None, Some("stop"), Some("kill9")];

/// Every disturbance on a fresh cluster; all must end exact.
pub(crate) fn run(root: &Path, peers: &Path, binary: &Path) -> anyhow::Result<()> {
    let text = root.join("LICENSE-APACHE");
    for disturbance in DISTURBANCES {
        let what = disturbance.unwrap_or("calm");
        println!("── {what}");
        let closing = feed(&text, peers, binary, disturbance)?;
        println!("{what}: {closing}");
        let [recorded, acked, dropped, stored] =
            ["recorded", "acked", "dropped", "stored"].map(|field| closing[field].as_u64());
        ensure!(recorded.is_some() && recorded == acked && acked == stored, "{what}: not exact");
        ensure!(dropped == Some(0), "{what}: something was dropped");
    }
    Ok(())
}

fn feed(
    text: &Path,
    peers: &Path,
    binary: &Path,
    disturbance: Option<&str>,
) -> anyhow::Result<Value> {
    let folder = Removed::create("kafka", peers)?;
    let kafka = Kafka::start(peers, &folder)?;
    let data = folder.path().join("bookend").display().to_string();
    let brokers = ["--port", "0", "--brokers", &kafka.address];
    let mut server = App::start(binary, &[&["server", "--data", &data][..], &brokers].concat())?;
    let stored_at = server.address("page")?;
    let mut client = App::start(binary, &[&["client", "--task-ms", "50"][..], &brokers].concat())?;
    let url = client.address("page")?;
    let text = text.display().to_string();
    let feed = ["feed", &text, "--url", &url, "--stored-at", &stored_at, "--rate", "20", "--json"];
    let feed = App::start(binary, &feed)?;
    if let Some(how) = disturbance {
        wait_for_ledger(&url, "acked", 40)?;
        kafka.restart(how)?;
    }
    feed.closing()
}
