//! Rows and sums: what one transaction of the store writes for the messages that are new.

use std::collections::BTreeMap;

use bookend::{Position, Timestamp};
use bookend_store::sqlite::{
    Table,
    rusqlite::{Result, Transaction, params},
};

use super::histogram;

/// The histogram of response times is kept per so many seconds.
pub(super) const LATENCY_STEP_S: i64 = 10;

/// What a message said, and when it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measurement {
    at_ms: i64,
    text_length: i64,
    response_time: i64,
}

impl Measurement {
    /// A text's length in UTF-16 units and its task's time in milliseconds, measured at the message's timestamp.
    ///
    /// A timestamp that is missing or in the future, from a clock that is wrong, counts as `now`.
    pub(crate) fn new(
        text_length: u64,
        response_time: u64,
        timestamp: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            at_ms: timestamp.unwrap_or(now).min(now).0.max(0),
            text_length: signed(text_length),
            response_time: signed(response_time),
        }
    }
}

/// The table of measurements.
#[derive(Debug)]
pub(crate) enum Measurements {}

impl Table for Measurements {
    type Row = Measurement;

    const NAME: &'static str = "measurements";

    const MIGRATIONS: &'static [&'static str] = &["
        CREATE TABLE measurement_topic (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            rows INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE measurement (
            number INTEGER PRIMARY KEY,
            topic INTEGER NOT NULL,
            partition INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            message_id BLOB,
            at_ms INTEGER NOT NULL,
            text_length INTEGER NOT NULL,
            response_time INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE measurement_rate (
            second INTEGER NOT NULL,
            topic INTEGER NOT NULL,
            messages INTEGER NOT NULL,
            PRIMARY KEY (second, topic)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE measurement_latency (
            second INTEGER NOT NULL,
            bin INTEGER NOT NULL,
            messages INTEGER NOT NULL,
            PRIMARY KEY (second, bin)
        ) STRICT, WITHOUT ROWID;
        CREATE VIEW message AS
            SELECT name AS topic, partition, offset, lower(hex(message_id)) AS id,
                strftime('%Y-%m-%d %H:%M:%f', at_ms / 1000.0, 'unixepoch') AS at,
                text_length, response_time, at_ms, number
            FROM measurement CROSS JOIN measurement_topic ON measurement_topic.id = measurement.topic;
    "];

    fn insert(tx: &Transaction<'_>, at: &Position, row: &Measurement) -> Result<()> {
        let mut insert = tx.prepare_cached(
            "INSERT INTO measurement
                (topic, partition, offset, message_id, at_ms, text_length, response_time)
             SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM measurement_topic WHERE name = ?1",
        )?;
        let (topic, id) = (at.topic.as_str(), at.id.map(bookend::MessageId::to_bytes));
        let values = params![
            topic,
            at.partition.0,
            at.offset.0,
            id,
            row.at_ms,
            row.text_length,
            row.response_time
        ];
        if insert.execute(values)? == 0 {
            tx.prepare_cached("INSERT INTO measurement_topic (name, rows) VALUES (?1, 0)")?
                .execute([topic])?;
            insert.execute(values)?;
        }
        Ok(())
    }

    fn summarize(tx: &Transaction<'_>, new: &[(&Position, &Measurement)]) -> Result<()> {
        let mut rows = BTreeMap::<&str, i64>::new();
        let mut rates = BTreeMap::<(i64, &str), i64>::new();
        let mut latencies = BTreeMap::<(i64, u32), i64>::new();
        for (at, row) in new {
            let (topic, second) = (at.topic.as_str(), row.at_ms / 1000);
            let bin = histogram::bin(row.response_time.cast_unsigned());
            *rows.entry(topic).or_default() += 1;
            *rates.entry((second, topic)).or_default() += 1;
            *latencies.entry((second - second % LATENCY_STEP_S, bin)).or_default() += 1;
        }
        for (topic, count) in rows {
            tx.prepare_cached("UPDATE measurement_topic SET rows = rows + ?2 WHERE name = ?1")?
                .execute((topic, count))?;
        }
        for ((second, topic), count) in rates {
            tx.prepare_cached(
                "INSERT INTO measurement_rate (second, topic, messages)
                 SELECT ?1, id, ?3 FROM measurement_topic WHERE name = ?2
                 ON CONFLICT (second, topic) DO UPDATE SET messages = messages + excluded.messages",
            )?
            .execute((second, topic, count))?;
        }
        for ((second, bin), count) in latencies {
            tx.prepare_cached(
                "INSERT INTO measurement_latency (second, bin, messages) VALUES (?1, ?2, ?3)
                 ON CONFLICT (second, bin) DO UPDATE SET messages = messages + excluded.messages",
            )?
            .execute((second, bin, count))?;
        }
        keep_last_hour(tx)
    }
}

/// Deletes sums that are more than an hour older than the newest; the rows stay.
fn keep_last_hour(tx: &Transaction<'_>) -> Result<()> {
    for delete in [
        "DELETE FROM measurement_rate
         WHERE second < (SELECT max(second) FROM measurement_rate) - 3600",
        "DELETE FROM measurement_latency
         WHERE second < (SELECT max(second) FROM measurement_latency) - 3600",
    ] {
        tx.prepare_cached(delete)?.execute(())?;
    }
    Ok(())
}
