//! What the page shows, read from the sums and the newest rows: its cost does not grow with the table.

use std::collections::HashMap;

use bookend_store::sqlite::rusqlite::{Result, Transaction};
use serde::Serialize;

use super::{histogram, table::LATENCY_STEP_S};

const TOPICS: &str = "SELECT id, name, rows FROM measurement_topic ORDER BY name";
const RATES: &str = "SELECT second, topic, messages FROM measurement_rate
     WHERE second >= ?1 AND second < ?2";
const LATENCIES: &str = "SELECT second, bin, messages FROM measurement_latency
     WHERE second >= ?1 AND second < ?2 ORDER BY second, bin";
/// Numbers are contiguous, so the newest rows are found by number, without an index.
const NEWEST: &str =
    "SELECT topic, partition, offset, at_ms, text_length, response_time FROM measurement
     WHERE number > (SELECT max(number) FROM measurement) - ?1 ORDER BY number DESC";

const RATE_VALUES: i64 = 120;
const LATENCY_VALUES: i64 = 60;
const SCATTER_MAX: usize = 500;
const LAST_MAX: usize = 20;

/// `GET /api/view`: the last minutes at a glance. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct View {
    /// The server's clock.
    now: i64,
    topics: Vec<TopicRows>,
    rates: Rates,
    latency: Latency,
    /// The newest rows, newest first.
    scatter: Vec<Dot>,
    /// The newest rows, newest first.
    last: Vec<Last>,
}

/// How many rows a topic has in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TopicRows {
    pub(crate) topic: String,
    pub(crate) rows: i64,
}

/// Messages per second by the time they were measured; the last value is the last second that is complete.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Rates {
    step_ms: i64,
    from: i64,
    series: Vec<Rate>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Rate {
    topic: String,
    counts: Vec<i64>,
}

/// Percentiles of the response time, `None` where nothing was measured; the last value is of the step under way.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Latency {
    step_ms: i64,
    from: i64,
    p50: Vec<Option<u64>>,
    p95: Vec<Option<u64>>,
    p99: Vec<Option<u64>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dot {
    topic: String,
    text_length: i64,
    response_time: i64,
    at: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Last {
    topic: String,
    partition: i32,
    offset: i64,
    at: i64,
    text_length: i64,
    response_time: i64,
}

impl TopicRows {
    /// The rows of every topic, by name.
    pub(crate) fn read(tx: &Transaction<'_>) -> Result<Vec<Self>> {
        Ok(topics(tx)?.into_iter().map(|(_, topic)| topic).collect())
    }
}

impl View {
    /// Reads what the page shows at `now_ms`.
    pub(crate) fn read(tx: &Transaction<'_>, now_ms: i64) -> Result<Self> {
        let topics = topics(tx)?;
        let names = topics.iter().map(|(id, topic)| (*id, topic.topic.clone())).collect();
        let last = newest(tx, &names)?;
        Ok(Self {
            now: now_ms,
            rates: rates(tx, &topics, now_ms)?,
            latency: latency(tx, now_ms)?,
            scatter: last.iter().map(Last::dot).collect(),
            last: last.into_iter().take(LAST_MAX).collect(),
            topics: topics.into_iter().map(|(_, topic)| topic).collect(),
        })
    }
}

impl Last {
    fn dot(&self) -> Dot {
        Dot {
            topic: self.topic.clone(),
            text_length: self.text_length,
            response_time: self.response_time,
            at: self.at,
        }
    }
}

/// Topics in order of their names, with their numbers.
fn topics(tx: &Transaction<'_>) -> Result<Vec<(i64, TopicRows)>> {
    let mut statement = tx.prepare_cached(TOPICS)?;
    let rows = statement.query_map((), |row| {
        Ok((row.get(0)?, TopicRows { topic: row.get(1)?, rows: row.get(2)? }))
    })?;
    rows.collect()
}

fn rates(tx: &Transaction<'_>, topics: &[(i64, TopicRows)], now_ms: i64) -> Result<Rates> {
    let end = now_ms.div_euclid(1000);
    let from = end - RATE_VALUES;
    let mut counts = HashMap::<(i64, i64), i64>::new();
    let mut statement = tx.prepare_cached(RATES)?;
    let mut rows = statement.query((from, end))?;
    while let Some(row) = rows.next()? {
        counts.insert((row.get(1)?, row.get(0)?), row.get(2)?);
    }
    let count = |id, second| counts.get(&(id, second)).copied().unwrap_or(0);
    let series = topics.iter().map(|(id, topic)| Rate {
        topic: topic.topic.clone(),
        counts: (from..end).map(|second| count(*id, second)).collect(),
    });
    Ok(Rates { step_ms: 1000, from: from * 1000, series: series.collect() })
}

fn latency(tx: &Transaction<'_>, now_ms: i64) -> Result<Latency> {
    let step_ms = LATENCY_STEP_S * 1000;
    let end = -(-now_ms).div_euclid(step_ms) * LATENCY_STEP_S;
    let from = end - LATENCY_VALUES * LATENCY_STEP_S;
    let mut steps = HashMap::<i64, Vec<(u32, u64)>>::new();
    let mut statement = tx.prepare_cached(LATENCIES)?;
    let mut rows = statement.query((from, end))?;
    while let Some(row) = rows.next()? {
        let messages = row.get::<_, i64>(2)?.cast_unsigned();
        steps.entry(row.get(0)?).or_default().push((row.get(1)?, messages));
    }
    let percentiles = |percent| {
        let steps = (0..LATENCY_VALUES).map(|step| steps.get(&(from + step * LATENCY_STEP_S)));
        steps.map(|bins| histogram::percentile(bins?, percent)).collect()
    };
    Ok(Latency {
        step_ms,
        from: from * 1000,
        p50: percentiles(50),
        p95: percentiles(95),
        p99: percentiles(99),
    })
}

fn newest(tx: &Transaction<'_>, names: &HashMap<i64, String>) -> Result<Vec<Last>> {
    let mut statement = tx.prepare_cached(NEWEST)?;
    let rows = statement.query_map([SCATTER_MAX.cast_signed()], |row| {
        Ok(Last {
            topic: names.get(&row.get(0)?).cloned().unwrap_or_default(),
            partition: row.get(1)?,
            offset: row.get(2)?,
            at: row.get(3)?,
            text_length: row.get(4)?,
            response_time: row.get(5)?,
        })
    })?;
    rows.collect()
}

#[cfg(test)]
pub(super) const QUERIES: [&str; 4] = [TOPICS, RATES, LATENCIES, NEWEST];
