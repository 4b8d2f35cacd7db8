//! Puts a bookend before and after an async task, without the task noticing.
//!
//! [`Recorder::start`] takes what is known before, [`Recording::finish`] what is known after; the pair goes into a
//! shard of plain values and nothing else happens on the task's side: no allocation, no lock that waits, no I/O,
//! no user code. Down the stream the [`sender`](crate::sender)'s worker makes the message and batches it.

mod shards;
mod source;
#[cfg(feature = "macros")]
pub(crate) mod outcome_of;

pub(crate) use self::{
    shards::{Bell, Refusal, Shards, SourceCounts},
    source::{Gatherer, Now, Source, Taken, Unmade},
};

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    time::{Duration, Instant, SystemTime},
};

/// How a measured task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It finished.
    Ok,
    /// It finished with an error.
    Failed,
    /// It was dropped before its end: a future that was cancelled, a `?` past the guard.
    Cancelled,
    /// It panicked.
    Panicked,
}

/// What is known of one task once it ended; a `make_message` function turns it into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured<B> {
    /// What [`Recorder::start`] was given.
    pub before: B,
    /// From start to finish, by the monotonic clock.
    pub elapsed: Duration,
    /// How the task ended.
    pub outcome: Outcome,
    /// When it finished, by the wall clock.
    pub finished_at: SystemTime,
}

impl<B> Measured<B> {
    /// The elapsed time in whole milliseconds.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What the task's side leaves for the worker.
#[derive(Debug)]
pub(crate) struct Slot<B> {
    pub(crate) before: B,
    pub(crate) elapsed: Duration,
    pub(crate) outcome: Outcome,
}

/// Records tasks of one kind: `B` is known before, `M` is the message that is made of it.
///
/// A recorder is a copyable handle. What it points to lives as long as the process: recorders are few, made once at
/// start-up by [`Sender::recorder`](crate::Sender::recorder). After the sender's shutdown whatever it records counts
/// as `dropped{closed}`.
pub struct Recorder<B: 'static, M> {
    shards: &'static Shards<Slot<B>>,
    message: PhantomData<fn() -> M>,
}

impl<B, M> Clone for Recorder<B, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B, M> Copy for Recorder<B, M> {}

impl<B, M> fmt::Debug for Recorder<B, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl<B: Send + 'static, M> Recorder<B, M> {
    pub(crate) fn new(shards: &'static Shards<Slot<B>>) -> Self {
        Self { shards, message: PhantomData }
    }

    /// Starts the clock. The guard records when it is finished, and also when it is dropped.
    #[must_use = "dropping the guard at once records a cancelled task"]
    pub fn start(&self, before: B) -> Recording<B, M> {
        Recording { recorder: *self, before: Some(before), started: Instant::now() }
    }

    /// Records `future` from its first poll to its end, and hands its output on unchanged.
    ///
    /// # Cancel safety
    /// Dropping the returned future drops `future` and records it as cancelled.
    pub async fn measure<F: Future>(&self, before: B, future: F) -> F::Output {
        let recording = self.start(before);
        let output = future.await;
        recording.finish();
        output
    }

    /// As [`measure`](Self::measure), with `Err` recorded as [`Outcome::Failed`].
    ///
    /// # Errors
    /// Those of `future`, unchanged.
    ///
    /// # Cancel safety
    /// Dropping the returned future drops `future` and records it as cancelled.
    pub async fn try_measure<F, T, E>(&self, before: B, future: F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let recording = self.start(before);
        let output = future.await;
        recording.finish_as(if output.is_ok() { Outcome::Ok } else { Outcome::Failed });
        output
    }
}

/// A task under way. [`finish`](Self::finish) ends it; dropped, it still records: [`Outcome::Panicked`] while the
/// thread unwinds, else [`Outcome::Cancelled`].
#[must_use = "dropping the guard at once records a cancelled task"]
pub struct Recording<B: Send + 'static, M> {
    recorder: Recorder<B, M>,
    /// Taken by whoever records; then the drop has nothing left to do.
    before: Option<B>,
    started: Instant,
}

impl<B: Send + 'static, M> Recording<B, M> {
    /// Ends the task well, and returns how long it took.
    pub fn finish(self) -> Duration {
        self.finish_as(Outcome::Ok)
    }

    /// Ends the task with `outcome`, and returns how long it took.
    pub fn finish_as(mut self, outcome: Outcome) -> Duration {
        self.record(outcome)
    }

    fn record(&mut self, outcome: Outcome) -> Duration {
        let finished = Instant::now();
        let elapsed = finished.saturating_duration_since(self.started);
        if let Some(before) = self.before.take() {
            self.recorder.shards.record(finished, Slot { before, elapsed, outcome });
        }
        elapsed
    }
}

impl<B: Send + 'static, M> Drop for Recording<B, M> {
    fn drop(&mut self) {
        if self.before.is_some() {
            let panicking = std::thread::panicking();
            self.record(if panicking { Outcome::Panicked } else { Outcome::Cancelled });
        }
    }
}

impl<B: Send + 'static, M> fmt::Debug for Recording<B, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("started", &self.started).finish_non_exhaustive()
    }
}
