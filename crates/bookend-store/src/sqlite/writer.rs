//! The one thread that writes: it takes what is queued, up to a limit, into one transaction, and answers after the
//! commit.

use std::time::{Duration, Instant, SystemTime};

use bookend::Position;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{Applied, ApplyError, Table, lock::Lock, saved, schema};
use crate::progress::{Progress, Verdict};

/// A transaction takes no further request once it holds this many messages.
const GROUP_MESSAGES: usize = 4096;
/// A transaction takes at most this many requests.
const GROUP_REQUESTS_MAX: usize = 256;
/// How often senders that expired are looked for.
const EXPIRE_EVERY: Duration = Duration::from_hours(1);
/// The name in `bookend_meta` of the cluster the store is filled from.
const META_CLUSTER: &str = "cluster";

/// What the writer is asked to do, in order.
pub(super) enum Command<R> {
    Apply(Request<R>),
    /// Answers the cluster that the store is bound to: this one, unless it was another before.
    Bind {
        cluster: String,
        answer: oneshot::Sender<Result<String, ApplyError>>,
    },
    /// Drops `closing` when the database is closed and its lock given back.
    Close {
        closing: oneshot::Sender<()>,
    },
}

/// The messages of one call.
pub(super) struct Request<R> {
    pub(super) messages: Vec<(Position, R)>,
    pub(super) answer: oneshot::Sender<Result<Applied, ApplyError>>,
}

pub(super) struct Writer<T: Table> {
    pub(super) connection: Connection,
    pub(super) lock: Lock,
    pub(super) commands: mpsc::Receiver<Command<T::Row>>,
    /// `None` after a failed transaction: then the database alone knows.
    pub(super) progress: Option<Progress>,
    pub(super) senders_expire: Duration,
    pub(super) expired_at: Option<Instant>,
}

impl<T: Table> Writer<T> {
    /// Runs until it is told to close, or until nobody is left to tell it.
    pub(super) fn run(mut self) {
        let mut next = self.commands.blocking_recv();
        while let Some(command) = next.take() {
            match command {
                Command::Apply(request) => {
                    let mut group = vec![request];
                    next = self.fill(&mut group);
                    self.apply(group);
                }
                Command::Bind { cluster, answer } => {
                    // The caller may have stopped waiting, here and below; then nobody misses the answer.
                    drop(answer.send(self.bind(&cluster)));
                }
                Command::Close { closing } => {
                    self.close();
                    drop(closing);
                    return;
                }
            }
            if next.is_none() {
                next = self.commands.blocking_recv();
            }
        }
        self.close();
    }

    /// Adds queued requests to the group until it is full or the queue is empty; returns a command that is no request.
    fn fill(&mut self, group: &mut Vec<Request<T::Row>>) -> Option<Command<T::Row>> {
        let mut messages = group.iter().map(|request| request.messages.len()).sum::<usize>();
        while messages < GROUP_MESSAGES && group.len() < GROUP_REQUESTS_MAX {
            match self.commands.try_recv().ok()? {
                Command::Apply(request) => {
                    messages += request.messages.len();
                    group.push(request);
                }
                other => return Some(other),
            }
        }
        None
    }

    /// Applies and answers all requests of the group; one that holds a refused message fails alone.
    fn apply(&mut self, group: Vec<Request<T::Row>>) {
        let answers = match self.transact(&group) {
            Err(ApplyError::Refused { .. }) if group.len() > 1 => group
                .iter()
                .map(|request| {
                    self.transact(std::slice::from_ref(request))
                        .map(|applied| applied.into_iter().sum())
                })
                .collect(),
            Err(error) => vec![Err(error); group.len()],
            Ok(applied) => applied.into_iter().map(Ok).collect::<Vec<_>>(),
        };
        for (request, answer) in group.into_iter().zip(answers) {
            drop(request.answer.send(answer));
        }
        self.expire();
    }

    /// Applies the requests in one transaction. When it fails, nothing of them is stored and the progress is read
    /// again before the next.
    fn transact(&mut self, requests: &[Request<T::Row>]) -> Result<Vec<Applied>, ApplyError> {
        let mut progress = match self.progress.take() {
            Some(progress) => progress,
            None => saved::load(&self.connection).map_err(ApplyError::of_store)?,
        };
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(ApplyError::of_store)?;
        let mut answers = Vec::with_capacity(requests.len());
        let mut new = Vec::new();
        for request in requests {
            let mut applied = Applied::default();
            for (at, row) in &request.messages {
                if progress.apply(at) == Verdict::Seen {
                    applied.seen += 1;
                    continue;
                }
                T::insert(&tx, at, row).map_err(|error| ApplyError::of_row(error, at))?;
                applied.stored += 1;
                new.push((at, row));
            }
            answers.push(applied);
        }
        if !new.is_empty() {
            T::summarize(&tx, &new).map_err(ApplyError::of_store)?;
        }
        let changes = progress.take_changes();
        saved::save(&tx, &changes, now_ms()).map_err(ApplyError::of_store)?;
        tx.commit().map_err(ApplyError::of_store)?;
        self.progress = Some(progress);
        Ok(answers)
    }

    fn bind(&mut self, cluster: &str) -> Result<String, ApplyError> {
        let stored = schema::meta(&self.connection, META_CLUSTER).map_err(ApplyError::of_store)?;
        if let Some(stored) = stored {
            return Ok(stored);
        }
        schema::set_meta(&self.connection, META_CLUSTER, cluster).map_err(ApplyError::of_store)?;
        Ok(cluster.to_owned())
    }

    /// Forgets senders that expired, once in a while. A failure costs memory only, until the next time.
    fn expire(&mut self) {
        if self.expired_at.is_some_and(|at| at.elapsed() < EXPIRE_EVERY) {
            return;
        }
        self.expired_at = Some(Instant::now());
        match saved::expire(&self.connection, now_ms(), self.senders_expire) {
            Ok(lanes) => {
                if let Some(progress) = &mut self.progress {
                    for lane in lanes {
                        progress.forget(&lane);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "expired senders could not be deleted from the store");
            }
        }
    }

    /// Closes the database, which folds its write-ahead log, then gives the lock back.
    fn close(self) {
        if let Err((_connection, error)) = self.connection.close() {
            // All that was answered is committed; the next open folds the log.
            tracing::warn!(%error, "the store's write-ahead log was left beside it");
        }
        drop(self.lock);
    }
}

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
