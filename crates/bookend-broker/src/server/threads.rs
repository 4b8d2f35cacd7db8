//! The threads of a broker: a tokio runtime of its own.
//!
//! On the runtime of whoever started it, the broker would answer only while that has a thread to spare. Kafka clients
//! block: one that is dropped in a `#[tokio::test]`, which has one thread, waits there for the broker to let it leave its
//! group.

use std::{
    future::Future,
    io,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

use crate::node::Alive;

/// More would not answer faster: what takes long is the disk, and that has threads beside these, but for records that
/// are sent from files, by short pieces.
const WORKERS_MAX: usize = 4;
/// How long the end of a broker waits for work on the disk that has begun.
const END: Duration = Duration::from_secs(1);

/// The threads; when this is dropped, all that runs on them ends.
#[derive(Debug)]
pub(super) struct Threads {
    /// `None` only while this is dropped.
    runtime: Option<Runtime>,
    /// Disconnected once the node is gone, and with it the lock on its folder. In a mutex to be shared, never locked.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Threads {
    /// New threads, and what the node on them must hold.
    pub(super) fn new() -> io::Result<(Self, Alive)> {
        let workers = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("bookend-broker")
            .enable_all()
            .build()?;
        let (alive, ended) = mpsc::sync_channel(0);
        Ok((Self { runtime: Some(runtime), ended: Mutex::new(ended) }, Alive::new(alive)))
    }

    /// Runs this on the threads, and waits for it on whatever thread this is.
    ///
    /// # Panics
    /// When `work` does.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        joined(self.runtime().spawn(work)).await
    }

    /// As [`run`](Self::run), for what blocks on the disk.
    pub(super) async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        joined(self.runtime().spawn_blocking(work)).await
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is taken by the drop alone")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Any other way to drop a runtime may not be gone in a task of another.
            runtime.shutdown_background();
        }
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Tasks end at their next await, so this takes no time unless the disk does.
        if ended.recv_timeout(END) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(
                "a broker ended while the disk was busy; its folder is free when that is done"
            );
        }
    }
}

async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(
            error.try_into_panic().expect("the threads outlive whoever waits here"),
        ),
    }
}
