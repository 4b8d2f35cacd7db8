//! The SQLite store from outside: one binary, one file per promise.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

/// Nothing is lost and nothing doubles when the process is killed.
mod crash;
/// What is refused at start, in which words.
mod opening;
/// Redelivery, re-sending, holes, and one whole store against an oracle.
mod once;
/// What a caller is told when a message or the whole database fails.
mod refusals;
/// The queries of SCHEMA.md.
mod schema;

use std::path::Path;

use bookend::{MessageId, Offset, Partition, Position, TopicName, record::LaneId};
use bookend_store::sqlite::{
    Options, Store, Table,
    rusqlite::{Result, Transaction},
};

/// Texts with their positions, and their count, which `summarize` keeps.
pub(crate) struct Notes;

/// The table refuses this text.
pub(crate) const REFUSED: &str = "refused";
/// The table panics at this text.
pub(crate) const PANIC: &str = "panic";

impl Table for Notes {
    type Row = String;

    const NAME: &'static str = "notes";

    const MIGRATIONS: &'static [&'static str] = &[
        "CREATE TABLE note (topic TEXT, partition INTEGER, offset INTEGER, text TEXT CHECK (text <> 'refused'))",
        "CREATE TABLE tally (notes INTEGER); INSERT INTO tally VALUES (0)",
    ];

    fn insert(tx: &Transaction<'_>, at: &Position, text: &String) -> Result<()> {
        assert_ne!(text, PANIC);
        tx.prepare_cached("INSERT INTO note VALUES (?1, ?2, ?3, ?4)")?.execute((
            at.topic.as_str(),
            at.partition.0,
            at.offset.0,
            text,
        ))?;
        Ok(())
    }

    fn summarize(tx: &Transaction<'_>, new: &[(&Position, &String)]) -> Result<()> {
        let notes = i64::try_from(new.len()).unwrap();
        tx.prepare_cached("UPDATE tally SET notes = notes + ?1")?.execute([notes])?;
        Ok(())
    }
}

pub(crate) fn open(path: &Path) -> Store<Notes> {
    Store::open(path, Options::default()).unwrap()
}

/// A position of topic `a` whose message was the `sequence`th of sender `lane`.
pub(crate) fn position(partition: i32, offset: i64, id: Option<(u32, u64)>) -> Position {
    let id = id.map(|(lane, sequence)| MessageId { lane: LaneId([7; 12]).lane(lane), sequence });
    let topic = TopicName::new("a").unwrap();
    Position { topic, partition: Partition(partition), offset: Offset(offset), id }
}

/// A note at a position, with an id when there is a lane.
pub(crate) fn note(partition: i32, offset: i64, id: Option<(u32, u64)>) -> (Position, String) {
    (position(partition, offset, id), format!("{partition}/{offset}"))
}

/// (partition, offset, text) of all notes, as they were stored; fails when the count kept beside them is another.
pub(crate) async fn notes(store: &Store<Notes>) -> Vec<(i32, i64, String)> {
    store
        .read(|tx| {
            let mut all = tx.prepare("SELECT partition, offset, text FROM note ORDER BY rowid")?;
            let all = all.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let all = all.collect::<Result<Vec<_>>>()?;
            let tally: i64 = tx.query_row("SELECT notes FROM tally", (), |row| row.get(0))?;
            assert_eq!(usize::try_from(tally).unwrap(), all.len());
            Ok(all)
        })
        .await
        .unwrap()
}
