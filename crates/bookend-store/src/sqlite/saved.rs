//! Progress as rows: read when the store opens, written in the transaction that holds the messages.

use std::time::Duration;

use bookend::{Partition, TopicName, TopicPartition, record::LaneId};
use rusqlite::{Connection, Row, Transaction, types::Type};

use crate::progress::{Change, Lane, Progress};

/// Reads every range.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Progress> {
    let mut progress = Progress::default();
    let mut statement =
        connection.prepare_cached("SELECT topic, partition, first, last FROM bookend_offsets")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let lane = Lane::Offsets(topic_partition(row)?);
        progress.restore(lane, number(row, 2)?, number(row, 3)?);
    }
    let mut statement =
        connection.prepare_cached("SELECT lane, first, last FROM bookend_sequences")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let lane = Lane::Sequences(LaneId(row.get(0)?));
        progress.restore(lane, number(row, 1)?, number(row, 2)?);
    }
    Ok(progress)
}

/// Writes what changed, and nothing else.
pub(super) fn save(tx: &Transaction<'_>, changes: &[Change], now_ms: i64) -> rusqlite::Result<()> {
    for Change { lane, first, last } in changes {
        let (first, last) = (first.cast_signed(), last.map(u64::cast_signed));
        match (lane, last) {
            (Lane::Offsets(at), Some(last)) => tx
                .prepare_cached(
                    "INSERT INTO bookend_offsets (topic, partition, first, last) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (topic, partition, first) DO UPDATE SET last = excluded.last",
                )?
                .execute((at.topic.as_str(), at.partition.0, first, last))?,
            (Lane::Offsets(at), None) => tx
                .prepare_cached(
                    "DELETE FROM bookend_offsets WHERE topic = ?1 AND partition = ?2 AND first = ?3",
                )?
                .execute((at.topic.as_str(), at.partition.0, first))?,
            (Lane::Sequences(lane), Some(last)) => tx
                .prepare_cached(
                    "INSERT INTO bookend_sequences (lane, first, last, changed_at_ms) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (lane, first)
                     DO UPDATE SET last = excluded.last, changed_at_ms = excluded.changed_at_ms",
                )?
                .execute((lane.0, first, last, now_ms))?,
            (Lane::Sequences(lane), None) => tx
                .prepare_cached("DELETE FROM bookend_sequences WHERE lane = ?1 AND first = ?2")?
                .execute((lane.0, first))?,
        };
    }
    Ok(())
}

/// Deletes the lanes in which nothing was applied for `age`, and names them.
pub(super) fn expire(
    connection: &Connection,
    now_ms: i64,
    age: Duration,
) -> rusqlite::Result<Vec<LaneId>> {
    let before = now_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let mut statement = connection.prepare_cached(
        "DELETE FROM bookend_sequences WHERE lane IN
           (SELECT lane FROM bookend_sequences GROUP BY lane HAVING max(changed_at_ms) < ?1)
         RETURNING lane",
    )?;
    let lanes = statement.query_map([before], |row| row.get(0).map(LaneId))?;
    lanes.collect()
}

/// The partition that columns 0 and 1 name.
pub(super) fn topic_partition(row: &Row<'_>) -> rusqlite::Result<TopicPartition> {
    let topic = TopicName::new(row.get_ref(0)?.as_str()?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
    })?;
    Ok(TopicPartition::new(topic, Partition(row.get(1)?)))
}

/// SQLite's integers are signed; the bits are the same.
fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
}
