//! Queries beside the writer: a few read-only connections, each used by one query at a time, off the runtime.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
};

use super::ReadError;

/// How many queries run at once; the others wait.
const READERS_MAX: u32 = 4;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    busy: Duration,
    permits: Arc<Semaphore>,
    /// Open connections that no query uses.
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, busy: Duration) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(READERS_MAX as usize));
        Arc::new(Self { path, busy, permits, idle: Mutex::default() })
    }

    pub(super) async fn read<F, R>(self: &Arc<Self>, query: F) -> Result<R, ReadError>
    where
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<R> + Send + 'static,
        R: Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| ReadError::Closed)?;
        let readers = Arc::clone(self);
        match task::spawn_blocking(move || readers.run(query, permit)).await {
            Ok(answer) => Ok(answer?),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_cancelled) => Err(ReadError::Closed),
            },
        }
    }

    /// Waits for the queries that run, refuses those that wait, and closes the connections.
    pub(super) async fn close(&self) {
        let all = self.permits.acquire_many(READERS_MAX).await;
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        drop(all);
    }

    /// Holds `_permit` until the connection is idle again, even when the query's caller went away.
    fn run<F, R>(&self, query: F, _permit: OwnedSemaphorePermit) -> rusqlite::Result<R>
    where
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<R>,
    {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let answer = query(&connection.transaction()?)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.busy)?;
        Ok(connection)
    }
}
