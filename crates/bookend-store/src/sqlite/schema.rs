//! The store's own tables, how a database is recognized as ours, and how it is brought up to date.
//!
//! `SCHEMA.md` describes the tables for people. `application_id` marks the file as a store, `user_version` is the
//! version of these tables; name and version of the user's table stand in `bookend_meta`.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::{OpenError, Table, lock::Lock};

/// "Bknd" in ASCII.
const APPLICATION_ID: i64 = 0x426b_6e64;

/// The store's own tables: a version is how many of these ran.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE bookend_meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
    CREATE TABLE bookend_applied (
        lane ANY NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        changed_at_ms INTEGER NOT NULL,
        PRIMARY KEY (lane, first)
    ) STRICT, WITHOUT ROWID;
    CREATE VIEW bookend_positions AS
        SELECT substr(lane, 1, instr(lane, '/') - 1) AS topic,
            CAST(substr(lane, instr(lane, '/') + 1) AS INTEGER) AS partition,
            max(last) + 1 AS next, sum(last - first + 1) AS applied, count(*) - 1 AS holes
        FROM bookend_applied WHERE typeof(lane) = 'text' GROUP BY lane;
"];

/// The store's own name, drawn when it is made.
pub(super) const META_STORE: &str = "store";
const META_TABLE: &str = "table";
const META_TABLE_VERSION: &str = "table_version";

/// Opens `path` for writing and brings it up to date; makes it when it is not there.
pub(super) fn open<T: Table>(path: &Path, busy: Duration) -> Result<Connection, OpenError> {
    let failed = |error| OpenError::of_sqlite(error, path.to_owned());
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(busy).map_err(failed)?;
    if !is_ours_or_empty(&connection).map_err(failed)? {
        return Err(OpenError::NotOurs { path: path.to_owned() });
    }
    connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "normal").map_err(failed)?;
    let tx =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    migrate::<T>(&tx, path)?;
    tx.commit().map_err(failed)?;
    Ok(connection)
}

/// Empties a store by deleting its files, whatever table and version it holds; a store that is not there is empty.
///
/// # Errors
/// [`OpenError`] when a process uses it, when the file is no store of ours, or when it cannot be deleted.
pub fn reset(path: impl AsRef<Path>) -> Result<(), OpenError> {
    let path = path.as_ref();
    if !path.exists() {
        return Ok(());
    }
    let _lock = Lock::take(path)?;
    let connection =
        Connection::open(path).map_err(|error| OpenError::of_sqlite(error, path.to_owned()))?;
    let ours = is_ours_or_empty(&connection);
    drop(connection);
    match ours {
        Ok(true) => {}
        Ok(false) => return Err(OpenError::NotOurs { path: path.to_owned() }),
        Err(error) => return Err(OpenError::of_sqlite(error, path.to_owned())),
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let file = PathBuf::from(file);
        if file.exists() {
            fs::remove_file(file).map_err(|error| OpenError::of_io(error, path.to_owned()))?;
        }
    }
    Ok(())
}

fn is_ours_or_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == APPLICATION_ID {
        return Ok(true);
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(id == 0 && tables == 0)
}

fn migrate<T: Table>(tx: &Transaction<'_>, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::of_sqlite(error, path.to_owned());
    let version = tx.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let version = run(tx, path, MIGRATIONS, version)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    tx.pragma_update(None, "user_version", version).map_err(failed)?;

    if meta::<String>(tx, META_STORE).map_err(failed)?.is_none() {
        let id: String = tx
            .query_row("SELECT lower(hex(randomblob(8)))", (), |row| row.get(0))
            .map_err(failed)?;
        set_meta(tx, META_STORE, id).map_err(failed)?;
    }
    let name: Option<String> = meta(tx, META_TABLE).map_err(failed)?;
    if let Some(found) = name.filter(|name| name != T::NAME) {
        return Err(OpenError::OtherTable { path: path.to_owned(), found, expected: T::NAME });
    }
    let version: Option<i64> = meta(tx, META_TABLE_VERSION).map_err(failed)?;
    let version = run(tx, path, T::MIGRATIONS, version.unwrap_or(0))?;
    set_meta(tx, META_TABLE, T::NAME).map_err(failed)?;
    set_meta(tx, META_TABLE_VERSION, version).map_err(failed)
}

/// Runs the migrations after the first `version` and returns the new version.
fn run(
    tx: &Transaction<'_>,
    path: &Path,
    migrations: &[&str],
    version: i64,
) -> Result<i64, OpenError> {
    let known = i64::try_from(migrations.len()).expect("a program has few migrations");
    if version > known {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, known });
    }
    for migration in migrations.iter().skip(usize::try_from(version).unwrap_or(0)) {
        tx.execute_batch(migration)
            .map_err(|error| OpenError::of_sqlite(error, path.to_owned()))?;
    }
    Ok(known)
}

/// A value of `bookend_meta`.
pub(super) fn meta<V: rusqlite::types::FromSql>(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<Option<V>> {
    connection
        .prepare_cached("SELECT value FROM bookend_meta WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Sets a value of `bookend_meta`.
pub(super) fn set_meta(
    connection: &Connection,
    name: &str,
    value: impl rusqlite::ToSql,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO bookend_meta (name, value) VALUES (?1, ?2)")?
        .execute((name, value))?;
    Ok(())
}
