//! The handle: what handlers, the start of a service and its page ask of a store.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use bookend::{Offset, Position, TopicPartition};
use rusqlite::Transaction;
use tokio::sync::{mpsc, oneshot};

use super::{
    Applied, ApplyError, BindError, OpenError, Options, ReadError, Table,
    lock::Lock,
    readers::Readers,
    saved, schema,
    writer::{Command, Request, Writer},
};

/// How many calls wait for the writer before further ones wait to get in line.
const QUEUE_CALLS_MAX: usize = 256;

/// A table in a SQLite file to which each message is applied once. Clones are handles of the same store.
pub struct Store<T: Table> {
    shared: Arc<Shared<T::Row>>,
}

struct Shared<R> {
    path: PathBuf,
    commands: mpsc::Sender<Command<R>>,
    readers: Arc<Readers>,
    closed: AtomicBool,
}

impl<T: Table> Store<T> {
    /// Opens the store at `path`, or makes it, with its folder. Reads and writes files: call it at start.
    ///
    /// # Errors
    /// [`OpenError`], whose message says what to do.
    ///
    /// # Panics
    /// When the system gives no thread.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let path = path.as_ref().to_owned();
        let lock = Lock::take(&path)?;
        let connection = schema::open::<T>(&path, options.busy_timeout)?;
        let progress =
            saved::load(&connection).map_err(|error| OpenError::of_sqlite(error, path.clone()))?;
        let (sender, commands) = mpsc::channel(QUEUE_CALLS_MAX);
        let writer = Writer::<T> {
            connection,
            lock,
            commands,
            progress: Some(progress),
            senders_expire: options.senders_expire,
            expired_at: None,
        };
        thread::Builder::new()
            .name("bookend-store".to_owned())
            .spawn(|| writer.run())
            .expect("the system gives a thread to a process that starts");
        let readers = Readers::new(path.clone(), options.busy_timeout);
        let closed = AtomicBool::new(false);
        Ok(Self { shared: Arc::new(Shared { path, commands: sender, readers, closed }) })
    }

    /// Stores the rows of the messages that are new, with their positions, and leaves out those that were seen.
    /// The answer comes after the commit, so the messages may then be settled.
    ///
    /// # Errors
    /// [`ApplyError`]: nothing of this call was stored; its variants say whether to apply again, to leave one
    /// message out, or to stop.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer; the messages may or may not be stored. Applying them again is safe.
    pub async fn apply(&self, messages: Vec<(Position, T::Row)>) -> Result<Applied, ApplyError> {
        let (answer, answered) = oneshot::channel();
        self.tell(Command::Apply(Request { messages, answer })).await?;
        answered.await.map_err(|_| ApplyError::Closed)?
    }

    /// Binds the store to the cluster it is filled from: the first time this notes `cluster_id`, later it compares.
    /// Call it before consuming.
    ///
    /// # Errors
    /// [`BindError::OtherIncarnation`] when the store was filled from another cluster.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer; the store may or may not be bound. Binding again is safe.
    pub async fn bind(&self, cluster_id: &str) -> Result<(), BindError> {
        let (answer, answered) = oneshot::channel();
        let command = Command::Bind { cluster: cluster_id.to_owned(), answer };
        self.tell(command).await.map_err(BindError::Write)?;
        let stored = answered.await.map_err(|_| BindError::Write(ApplyError::Closed))?;
        let stored = stored.map_err(BindError::Write)?;
        if stored == cluster_id {
            Ok(())
        } else {
            Err(BindError::OtherIncarnation { stored, found: cluster_id.to_owned() })
        }
    }

    /// The store's own name, 16 hexadecimal digits drawn when it was made. As a part of the consumer group's name it
    /// ties committed offsets to what they stand for: a store that was reset, or is another, is filled from the
    /// beginning.
    ///
    /// # Errors
    /// [`ReadError`] when the database cannot be read.
    ///
    /// # Cancel safety
    /// Nothing is lost but the answer.
    pub async fn id(&self) -> Result<String, ReadError> {
        self.read(|tx| Ok(schema::meta(tx, schema::META_STORE)?.unwrap_or_default())).await
    }

    /// Per partition, the offset after the highest that was applied; below it there may be holes.
    ///
    /// # Errors
    /// [`ReadError`] when the database cannot be read.
    ///
    /// # Cancel safety
    /// Nothing is lost but the answer.
    pub async fn positions(&self) -> Result<Vec<(TopicPartition, Offset)>, ReadError> {
        self.read(|tx| {
            let mut statement =
                tx.prepare_cached("SELECT topic, partition, next FROM bookend_positions")?;
            let rows = statement
                .query_map((), |row| Ok((saved::topic_partition(row)?, Offset(row.get(2)?))))?;
            rows.collect()
        })
        .await
    }

    /// Compares what was applied with where the brokers' partitions end. Call it before consuming.
    ///
    /// # Errors
    /// [`BindError::BeyondEnd`] when a message was applied that the brokers do not have any more: the topic was made
    /// anew, and its messages would pass for seen.
    ///
    /// # Cancel safety
    /// Nothing is lost but the answer.
    pub async fn check_ends(&self, ends: &[(TopicPartition, Offset)]) -> Result<(), BindError> {
        for (partition, stored) in self.positions().await.map_err(BindError::Read)? {
            let end = ends.iter().find(|(at, _)| *at == partition).map(|&(_, end)| end);
            if let Some(end) = end.filter(|end| stored > *end) {
                return Err(BindError::BeyondEnd { partition, stored, end });
            }
        }
        Ok(())
    }

    /// Runs a query on a read-only connection, off the runtime, on one snapshot. It does not wait for writes, nor
    /// they for it; but keep it short, as the write-ahead log cannot be folded past a snapshot in use.
    ///
    /// # Errors
    /// [`ReadError::Failed`] with what the query returned; [`ReadError::Closed`] after [`close`](Self::close).
    ///
    /// # Panics
    /// When the query panics.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer; a query that has started runs to its end.
    pub async fn read<F, R>(&self, query: F) -> Result<R, ReadError>
    where
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<R> + Send + 'static,
        R: Send + 'static,
    {
        self.shared.readers.read(query).await
    }

    /// Stores what is queued, closes the database and lets other processes open it. Later calls on any handle fail.
    ///
    /// # Cancel safety
    /// Dropping the future before it completes may leave the store open; call it again.
    pub async fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        self.shared.readers.close().await;
        let (closing, closed) = oneshot::channel();
        if self.tell(Command::Close { closing }).await.is_ok() {
            // The writer sends nothing: that its end is dropped says that it is done.
            drop(closed.await);
        }
    }

    async fn tell(&self, command: Command<T::Row>) -> Result<(), ApplyError> {
        self.shared.commands.send(command).await.map_err(|_| ApplyError::Closed)
    }
}

impl<T: Table> Clone for Store<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Table> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("table", &T::NAME).field("path", &self.shared.path).finish()
    }
}

impl<R> Drop for Shared<R> {
    fn drop(&mut self) {
        if !*self.closed.get_mut() {
            let path = self.path.display();
            tracing::warn!(%path, "a store was dropped without `close`: what was queued may still be stored");
        }
    }
}
