//! A store in one SQLite file: a table of the user's, and the progress beside it.
//!
//! One thread writes. It takes what is queued, from however many handlers and partitions, into one transaction, and
//! answers each call after the commit. The file is in write-ahead mode with `synchronous = NORMAL`: a killed process
//! loses nothing that was answered; a power cut may lose the last commits, rows and positions alike.
//!
//! ```
//! use bookend::{Offset, Partition, Position, TopicName};
//! use bookend_store::sqlite::{Options, Store, Table, rusqlite};
//!
//! struct Notes;
//!
//! impl Table for Notes {
//!     type Row = String;
//!     const NAME: &'static str = "notes";
//!     const MIGRATIONS: &'static [&'static str] = &["CREATE TABLE note (text TEXT NOT NULL) STRICT"];
//!
//!     fn insert(tx: &rusqlite::Transaction<'_>, _: &Position, text: &String) -> rusqlite::Result<()> {
//!         tx.prepare_cached("INSERT INTO note (text) VALUES (?1)")?.execute([text])?;
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("notes.db");
//! let store = Store::<Notes>::open(path, Options::default())?;
//! let at = Position {
//!     topic: TopicName::new("notes")?,
//!     partition: Partition(0),
//!     offset: Offset(0),
//!     id: None,
//! };
//! assert_eq!(store.apply(vec![(at.clone(), "hello".to_owned())]).await?.stored, 1);
//! assert_eq!(store.apply(vec![(at, "hello".to_owned())]).await?.seen, 1);
//! store.close().await;
//! # Ok(())
//! # }
//! ```

mod error;
mod lock;
mod readers;
mod saved;
mod schema;
mod writer;
mod store;

pub use rusqlite;

pub use self::{
    error::{ApplyError, BindError, OpenError, ReadError},
    schema::reset,
    store::Store,
};

use std::{iter::Sum, time::Duration};

use bookend::Position;
use rusqlite::Transaction;

/// What a store keeps of each message: a table of the user's own, and how a row gets into it.
///
/// It needs no unique index and no column for the position: the store knows what it applied. The functions run on
/// the store's thread, within its transaction. One that panics closes the store.
#[diagnostic::on_unimplemented(
    message = "a store keeps a `Table`, which `{Self}` is not",
    note = "implement `Table` for a type of your own: its migrations, and how a row is inserted"
)]
pub trait Table: 'static {
    /// What a handler makes of a message.
    type Row: Send + 'static;

    /// Recognizes a database that holds another table.
    const NAME: &'static str;

    /// SQL that makes the tables, and each later change of them. Append only: a database remembers how many ran.
    const MIGRATIONS: &'static [&'static str];

    /// Inserts the row of one message. [`prepare_cached`](rusqlite::Connection::prepare_cached) keeps it quick.
    ///
    /// # Errors
    /// A constraint, a value of a wrong type or too big, and
    /// [`ToSqlConversionFailure`](rusqlite::Error::ToSqlConversionFailure), which you may return yourself, refuse this
    /// message and no other. When the database is busy or full, all messages wait. Anything else means that the
    /// store is broken.
    fn insert(tx: &Transaction<'_>, at: &Position, row: &Self::Row) -> rusqlite::Result<()>;

    /// Runs once before each commit with all the rows that were inserted: the place for sums over them, which would
    /// cost a statement per message in [`insert`](Self::insert), and for deleting what is old.
    ///
    /// # Errors
    /// Any error but busy or full means that the store is broken.
    fn summarize(tx: &Transaction<'_>, new: &[(&Position, &Self::Row)]) -> rusqlite::Result<()> {
        let (_, _) = (tx, new);
        Ok(())
    }
}

/// Settings of a [`Store`]; any value is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long to wait for another program that has the database locked, before a call fails as transient.
    pub busy_timeout: Duration,
    /// A sender's lane in which nothing was applied for this long is forgotten: what that sender sends again later
    /// would be stored again. Keep it longer than the topics' retention.
    pub senders_expire: Duration,
}

impl Default for Options {
    /// 5 seconds, and 14 days: twice Kafka's default retention.
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(5), senders_expire: Duration::from_hours(14 * 24) }
    }
}

/// What became of the messages of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// New messages: their rows are committed.
    pub stored: u64,
    /// Messages that had been applied before; nothing changed for them.
    pub seen: u64,
}

impl Sum for Applied {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            stored: sum.stored + one.stored,
            seen: sum.seen + one.seen,
        })
    }
}
