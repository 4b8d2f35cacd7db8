//! Fetches that wait for a record: how soon the one that it is for is answered, and what a thousand cost meanwhile.
//!
//! Nothing but the broker is between a produce and the answer to a fetch: both are sent as they are, by [`Wire`].

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    Place,
    clients::{Admin, PATIENCE},
    process::Process,
    round_trip::at,
    wire::{VALUE_BYTES, Wire},
};
use crate::report::{self, Row};

const TOPIC: &str = "parked";
const CONSUMERS: usize = 1_000;
const RECORDS: usize = 500;
/// For how long those who wait are watched.
const WATCHED: Duration = Duration::from_secs(10);
/// Until a fetch that was sent waits.
const PARKING: Duration = Duration::from_millis(5);

const SOON_GOAL: &str = "goal at most 1";

pub(super) fn run(place: &Place, is_smoke: bool) -> Result<Vec<Row>> {
    let ours = place.embedded("parked", &[])?;
    let mut rows = wakeups("bookend broker", &ours, SOON_GOAL, is_smoke)?;
    rows.extend(crowd(&ours, is_smoke)?);
    if let Some(apache) = place.apache("parked-apache")? {
        rows.extend(wakeups("Apache Kafka", &apache, "for comparison", is_smoke)?);
    }
    Ok(rows)
}

/// One consumer waits, one record comes, again and again.
fn wakeups(name: &str, process: &Process, goal: &str, is_smoke: bool) -> Result<Vec<Row>> {
    Admin::start(&process.address)?.create(&[TOPIC.to_owned()], 1)?;
    let records = if is_smoke { 5 } else { RECORDS };
    let [mut producer, mut consumer] = [Wire::connect(process)?, Wire::connect(process)?];
    let mut times = Vec::new();
    report::progress(&format!("parked: {name} is woken"));
    for offset in (0..).take(records) {
        consumer.fetch(TOPIC, &[offset], PATIENCE)?;
        thread::park_timeout(PARKING);
        consumer.ensure_parked()?;
        let began = Instant::now();
        producer.produce(TOPIC)?;
        record(&mut consumer)?;
        times.push(began.elapsed());
        producer.answer()?;
    }
    // The first ones find a cold broker.
    let times = times.split_off(times.len() / 5);
    let quantiles = [(0.5, "p50", goal), (0.99, "p99", "no goal")].into_iter();
    Ok(quantiles
        .filter_map(|(share, words, goal)| {
            let time = at(&times, share)?.as_secs_f64() * 1e3;
            let what = format!("produce to answer of a parked fetch, {name}, {words}");
            Some(Row::plain("B1", &what, time, "ms", goal))
        })
        .collect())
}

/// Many consumers wait for nothing, then for one record.
fn crowd(process: &Process, is_smoke: bool) -> Result<Vec<Row>> {
    let (consumers, watched) =
        if is_smoke { (10, Duration::from_millis(100)) } else { (CONSUMERS, WATCHED) };
    let mut producer = Wire::connect(process)?;
    // Behind all that was sent before.
    let end = i64::try_from(if is_smoke { 5 } else { RECORDS })?;
    let mut crowd = (0..consumers)
        .map(|_| {
            let mut consumer = Wire::connect(process)?;
            consumer.fetch(TOPIC, &[end], PATIENCE)?;
            Ok(consumer)
        })
        .collect::<Result<Vec<_>>>()?;
    report::progress(&format!("parked: {consumers} consumers wait"));
    thread::park_timeout(watched / 10);
    let before = process.processor_time()?;
    thread::park_timeout(watched);
    let spent = process.processor_time()?.saturating_sub(before);
    for consumer in &crowd {
        consumer.ensure_parked()?;
    }
    let began = Instant::now();
    producer.produce(TOPIC)?;
    for consumer in &mut crowd {
        record(consumer)?;
    }
    let all = began.elapsed();
    producer.answer()?;
    let idle = format!("{consumers} parked fetches, processor time in {watched:.0?}");
    let woken = format!("{consumers} parked fetches, answered after one record");
    Ok(vec![
        Row::plain("B1", &idle, spent.as_secs_f64() * 1e3, "ms", "goal 0; steps of 10 ms"),
        Row::plain("B1", &woken, all.as_secs_f64() * 1e3, "ms", "no goal"),
    ])
}

/// Waits for the answer to a fetch.
fn record(consumer: &mut Wire) -> Result<()> {
    ensure!(consumer.answer()?.len() > VALUE_BYTES, "a fetch was answered without its record");
    Ok(())
}
