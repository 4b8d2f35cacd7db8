//! B3: how soon the embedded broker serves, and what it takes of memory and disk; empty, and with many topics.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    Place,
    clients::{Admin, Sending, values},
};
use crate::report::{self, Row};

const STARTS: usize = 21;
const STARTS_FULL: usize = 5;

const TOPICS: usize = 1_000;
const PARTITIONS: i32 = 10;
/// Topics of one request.
const AT_ONCE: usize = 100;

const LARGE_BYTES: usize = 1 << 30;
const LARGE_VALUE: usize = 10_000;

/// Until what a start leaves behind has settled.
const SETTLING: Duration = Duration::from_secs(1);

const READY_GOAL: &str = "goal at most 300 (aim 100)";
const MEMORY_GOAL: &str = "goal at most 40 (aim 25)";

pub(super) fn run(place: &Place, is_smoke: bool) -> Result<Vec<Row>> {
    let (starts, topics) = if is_smoke { (1, AT_ONCE) } else { (STARTS, TOPICS) };
    let mut rows = Vec::new();
    let mut ready = Vec::new();
    for start in 0..starts {
        report::progress(&format!("B3: start {} of {starts}", start + 1));
        let process = place.embedded(&format!("empty-{start}"), &[])?;
        ready.push(process.ready_after);
        process.stop()?;
    }
    rows.push(ready_row("ready to serve, new folder", &mut ready, READY_GOAL));
    let process = place.embedded("full", &[])?;
    settle(is_smoke);
    rows.push(memory_row("memory, idle", process.resident_bytes()?, MEMORY_GOAL));

    report::progress("B3: many topics");
    let admin = Admin::start(&process.address)?;
    let names: Vec<_> = (0..topics).map(|number| format!("topic-{number:04}")).collect();
    let began = Instant::now();
    for names in names.chunks(AT_ONCE) {
        admin.create(names, PARTITIONS)?;
    }
    let size = format!("{topics} topics of {PARTITIONS} partitions");
    let seconds = began.elapsed().as_secs_f64();
    rows.push(Row::plain("B3", &format!("{size}, created in"), seconds, "s", "no goal"));
    settle(is_smoke);
    let bytes = process.resident_bytes()?;
    rows.push(memory_row(&format!("memory, {size}, just created"), bytes, "no goal"));
    process.stop()?;

    let mut ready = Vec::new();
    let mut bytes = 0;
    for _ in 0..if is_smoke { 1 } else { STARTS_FULL } {
        let process = place.embedded("full", &[])?;
        ready.push(process.ready_after);
        bytes = process.resident_bytes()?;
        process.stop()?;
    }
    rows.push(ready_row(&format!("ready to serve, {size}"), &mut ready, "no goal"));
    rows.push(memory_row(&format!("memory, {size}, after a start"), bytes, "no goal"));
    rows.extend(large(place, is_smoke)?);
    if let Some(apache) = place.apache("footprint-apache")? {
        rows.push(ready_row(
            "ready to serve, Apache Kafka",
            &mut [apache.ready_after],
            "for comparison",
        ));
        settle(is_smoke);
        rows.push(memory_row(
            "memory, idle, Apache Kafka",
            apache.resident_bytes()?,
            "for comparison",
        ));
    }
    let bytes = std::fs::metadata(&place.binary)?.len();
    rows.push(memory_row("size of the binary", bytes, "no goal"));
    Ok(rows)
}

/// How long a start takes where one partition is large: after a kill, and after a stop.
fn large(place: &Place, is_smoke: bool) -> Result<[Row; 2]> {
    report::progress("B3: a large partition");
    let records = if is_smoke { 10 } else { LARGE_BYTES / LARGE_VALUE };
    let process = place.embedded("large", &[])?;
    Admin::start(&process.address)?.create(&["large".to_owned()], 1)?;
    let producer = Sending::start(&process.address, &[])?;
    producer.send_all("large", u32::try_from(records)?, &values(LARGE_VALUE))?;
    drop(process); // by a kill
    let process = place.embedded("large", &[])?;
    let mut after_kill = [process.ready_after];
    process.stop()?;
    let mut ready = Vec::new();
    for _ in 0..if is_smoke { 1 } else { STARTS_FULL } {
        let process = place.embedded("large", &[])?;
        ready.push(process.ready_after);
        process.stop()?;
    }
    let mebibytes = (records * LARGE_VALUE) >> 20;
    let what = |after| format!("ready to serve, one partition of {mebibytes} MiB, after a {after}");
    Ok([
        ready_row(&what("kill"), &mut after_kill, "goal at most 1000"),
        ready_row(&what("stop"), &mut ready, "goal at most 1000"),
    ])
}

fn settle(is_smoke: bool) {
    if !is_smoke {
        thread::park_timeout(SETTLING);
    }
}

fn ready_row(what: &str, times: &mut [Duration], goal: &str) -> Row {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let most = times.last().copied().unwrap_or_default();
    let goal = format!("{goal}; slowest of {}: {most:.0?}", times.len());
    Row::plain("B3", what, median.as_secs_f64() * 1e3, "ms", &goal)
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn memory_row(what: &str, bytes: u64, goal: &str) -> Row {
    Row::plain("B3", what, bytes as f64 / 1e6, "MB", goal)
}
