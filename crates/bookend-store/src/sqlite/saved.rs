//! Progress as rows: read when the store opens, written in the transaction that holds the messages.
//!
//! One table holds the ranges of partitions and of senders, so that a small commit touches one page for both.

use std::time::Duration;

use bookend::{Partition, TopicName, TopicPartition, record::LaneId};
use rusqlite::{
    Connection, Row, ToSql, Transaction,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

use crate::progress::{Change, Lane, Progress};

/// Reads every range.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Progress> {
    let mut progress = Progress::default();
    let mut statement =
        connection.prepare_cached("SELECT lane, first, last FROM bookend_applied")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        // SQLite's integers are signed; the bits are the same.
        let number = |column| row.get(column).map(i64::cast_unsigned);
        progress.restore(row.get(0)?, number(1)?, number(2)?);
    }
    Ok(progress)
}

/// Writes what changed, and nothing else.
pub(super) fn save(tx: &Transaction<'_>, changes: &[Change], now_ms: i64) -> rusqlite::Result<()> {
    for Change { lane, first, last } in changes {
        let first = first.cast_signed();
        match last {
            Some(last) => tx
                .prepare_cached(
                    "INSERT INTO bookend_applied (lane, first, last, changed_at_ms) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (lane, first)
                     DO UPDATE SET last = excluded.last, changed_at_ms = excluded.changed_at_ms",
                )?
                .execute((lane, first, last.cast_signed(), now_ms))?,
            None => tx
                .prepare_cached("DELETE FROM bookend_applied WHERE lane = ?1 AND first = ?2")?
                .execute((lane, first))?,
        };
    }
    Ok(())
}

/// Deletes the senders' lanes in which nothing was applied for `age`, and names them.
pub(super) fn expire(
    connection: &Connection,
    now_ms: i64,
    age: Duration,
) -> rusqlite::Result<Vec<Lane>> {
    let before = now_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let mut statement = connection.prepare_cached(
        "DELETE FROM bookend_applied WHERE lane IN
           (SELECT lane FROM bookend_applied WHERE typeof(lane) = 'blob'
            GROUP BY lane HAVING max(changed_at_ms) < ?1)
         RETURNING lane",
    )?;
    let lanes = statement.query_map([before], |row| row.get(0))?;
    lanes.collect()
}

/// The partition that columns 0 and 1 name.
pub(super) fn topic_partition(row: &Row<'_>) -> rusqlite::Result<TopicPartition> {
    let topic = topic_name(row.get_ref(0)?.as_str()?)?;
    Ok(TopicPartition::new(topic, Partition(row.get(1)?)))
}

/// A partition is text, `topic/partition`, which no topic's name can imitate; a sender's lane is its 12 bytes.
impl ToSql for Lane {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Offsets(at) => at.to_string().into(),
            Self::Sequences(LaneId(lane)) => ToSqlOutput::Borrowed(ValueRef::Blob(lane)),
        })
    }
}

impl FromSql for Lane {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        if let ValueRef::Blob(_) = value {
            return FromSql::column_result(value).map(|lane| Self::Sequences(LaneId(lane)));
        }
        let (topic, partition) =
            value.as_str()?.split_once('/').ok_or(FromSqlError::InvalidType)?;
        let partition = partition.parse().map_err(FromSqlError::other)?;
        Ok(Self::Offsets(TopicPartition::new(topic_name(topic)?, Partition(partition))))
    }
}

fn topic_name(name: &str) -> FromSqlResult<TopicName> {
    TopicName::new(name).map_err(FromSqlError::other)
}
