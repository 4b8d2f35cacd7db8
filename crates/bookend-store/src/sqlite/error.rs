//! What can go wrong with a SQLite store, by what the reader should do about it.

use std::{error::Error, io, path::PathBuf, sync::Arc};

use bookend::{Offset, Position, TopicPartition};
use rusqlite::ErrorCode;

/// Why a store did not open. Each message says what to do, and none of these passes without someone doing it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Stop the other process, or give this one another folder.
    #[error("the store {} is used by another process: stop that one, or choose another folder", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// Another program, often a `sqlite3` shell, holds a transaction open: end it.
    #[error("the store {} is locked by another program, perhaps a sqlite3 shell: close it", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// Make folder and file writable for this user, or choose another folder.
    #[error("the store {} cannot be written: make its folder writable, or choose another", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file is something else: choose another path.
    #[error("{} is not a store of bookend: choose another path", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The store keeps rows of another kind: choose another path.
    #[error("the store {} holds `{found}`, not `{expected}`: choose another path", path.display())]
    OtherTable {
        /// The database.
        path: PathBuf,
        /// The [`NAME`](super::Table::NAME) that was stored.
        found: String,
        /// The one that was asked for.
        expected: &'static str,
    },
    /// Use the newer program, or another path: there is no way back.
    #[error(
        "the store {} was written by a newer version (schema {found}, this one knows {known}): \
         upgrade, or choose another path",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of the schema that was stored.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// The database is damaged, or a migration failed: see the source.
    #[error("the store {} cannot be opened", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Why messages were not applied. Nothing of the call was stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Transient: the database is busy, the disk is full or cannot be read just now. Apply the same messages again.
    #[error("the store cannot be written just now")]
    Unavailable(#[source] Arc<rusqlite::Error>),
    /// Permanent: the table refused this one message and would again. Leave it out and apply the others.
    #[error("the store refused the message at {}/{} offset {}", position.topic, position.partition, position.offset)]
    Refused {
        /// The message that was refused.
        position: Position,
        /// Why.
        source: Arc<rusqlite::Error>,
    },
    /// Fatal: the database is damaged or became read-only, or the table's SQL is wrong. Stop; neither these messages
    /// nor others can be stored.
    #[error("the store is broken")]
    Broken(#[source] Arc<rusqlite::Error>),
    /// Fatal: the store was closed, or its table panicked.
    #[error("the store is closed")]
    Closed,
}

impl ApplyError {
    /// Whether applying the same messages again may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the fault is one message's alone, so that the others can be stored without it.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// What a failure means that is no single message's fault.
    pub(super) fn of_store(error: rusqlite::Error) -> Self {
        match Fault::of(&error) {
            Fault::Passing => Self::Unavailable(Arc::new(error)),
            Fault::Row | Fault::Broken => Self::Broken(Arc::new(error)),
        }
    }

    /// What a failure means that came while the row at `position` was inserted.
    pub(super) fn of_row(error: rusqlite::Error, position: &Position) -> Self {
        match Fault::of(&error) {
            Fault::Row => Self::Refused { position: position.clone(), source: Arc::new(error) },
            Fault::Passing | Fault::Broken => Self::of_store(error),
        }
    }
}

/// Why the store's positions do not fit the brokers. Do not consume; say so and stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The brokers are another cluster than the one the store was filled from: offsets mean nothing there.
    #[error(
        "the store was filled from Kafka cluster `{stored}`, but the brokers are cluster `{found}`: \
         run `bookend store reset` to empty the store, or give the old brokers"
    )]
    OtherIncarnation {
        /// The id of the cluster the store was filled from.
        stored: String,
        /// The id of the cluster that was found.
        found: String,
    },
    /// The topic was deleted and made again, or its log was lost: what comes next would pass for seen.
    #[error(
        "the store has {partition} up to offset {stored}, but the brokers' log ends at {end}: \
         the topic was made anew; run `bookend store reset` to empty the store, or give the old brokers"
    )]
    BeyondEnd {
        /// The partition.
        partition: TopicPartition,
        /// The offset after the highest that was applied.
        stored: Offset,
        /// The offset after the last that the brokers have.
        end: Offset,
    },
    /// The store could not answer.
    #[error("the store could not say where it stands")]
    Write(#[source] ApplyError),
    /// The store could not be read.
    #[error("the store could not say where it stands")]
    Read(#[source] ReadError),
}

/// Why a query was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The query is wrong, or the database cannot be read.
    #[error("the store's query failed")]
    Failed(#[from] rusqlite::Error),
    /// The store or the runtime is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// Whose fault a failure of SQLite is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nobody's for long: the same again may work.
    Passing,
    /// The row's: the same again fails again.
    Row,
    /// The database's or the program's: nothing works.
    Broken,
}

impl Fault {
    /// What is not surely a row's own fault never costs a message its place, so the rest is `Broken`.
    fn of(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OperationInterrupted,
            ) => Self::Passing,
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
                Self::Row
            }
            None if matches!(error, rusqlite::Error::ToSqlConversionFailure(_)) => Self::Row,
            _ => Self::Broken,
        }
    }
}

impl OpenError {
    pub(super) fn of_io(error: io::Error, path: PathBuf) -> Self {
        Self::ReadOnly { path, source: error.into() }
    }

    pub(super) fn of_sqlite(source: rusqlite::Error, path: PathBuf) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly { path, source: source.into() }
            }
            Some(ErrorCode::NotADatabase) => Self::NotOurs { path },
            _ => Self::Sqlite { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use bookend::{Partition, TopicName};
    use rusqlite::ffi;

    use super::*;

    // Goal: only a fault that is surely the row's may cost a message its place; all else waits or stops.
    #[test]
    fn only_the_rows_own_faults_are_permanent() {
        let position = Position {
            topic: TopicName::new("a").unwrap(),
            partition: Partition(0),
            offset: Offset(0),
            id: None,
        };
        let own = rusqlite::Error::ToSqlConversionFailure("too long".into());
        assert!(ApplyError::of_row(own, &position).is_permanent());
        let check = |code, transient, permanent| {
            let error = || rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let of_row = ApplyError::of_row(error(), &position);
            assert_eq!(
                (of_row.is_transient(), of_row.is_permanent()),
                (transient, permanent),
                "{of_row:?}"
            );
            let of_store = ApplyError::of_store(error());
            assert_eq!(
                (of_store.is_transient(), of_store.is_permanent()),
                (transient, false),
                "{of_store:?}"
            );
        };
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED, ffi::SQLITE_FULL, ffi::SQLITE_IOERR_READ]
        {
            check(code, true, false);
        }
        for code in [ffi::SQLITE_CONSTRAINT_CHECK, ffi::SQLITE_TOOBIG, ffi::SQLITE_MISMATCH] {
            check(code, false, true);
        }
        for code in
            [ffi::SQLITE_CORRUPT, ffi::SQLITE_READONLY, ffi::SQLITE_NOTADB, ffi::SQLITE_ERROR]
        {
            check(code, false, false);
        }
    }
}
