//! Counts the tasks at work, so that an end can wait for them and for nothing else.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::{sync::watch, time::timeout};

use super::problem::Problem;

/// Lets tasks in until it is closed. Cloning is cheap; all clones are the same gate.
#[derive(Debug, Clone)]
pub(crate) struct Gate(watch::Sender<Inside>);

#[derive(Debug, Default)]
struct Inside {
    at_work: usize,
    closed: bool,
}

/// A task at work, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass(watch::Sender<Inside>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Inside::default()))
    }

    /// Lets a task begin.
    pub(super) fn enter(&self) -> Result<Pass, Problem> {
        let entered = self.0.send_if_modified(|inside| {
            inside.at_work += usize::from(!inside.closed);
            !inside.closed
        });
        if entered {
            return Ok(Pass(self.0.clone()));
        }
        let help = "send it again once it has started again";
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this process is closing", help))
    }

    /// Waits until no task has been at work for so long, and closes.
    pub(super) async fn close_when_quiet(&self, long: Duration) {
        let mut inside = self.0.subscribe();
        loop {
            // The gate itself holds a sender, so there is always one to wait for.
            drop(inside.wait_for(|inside| inside.at_work == 0).await);
            if timeout(long, inside.wait_for(|inside| inside.at_work > 0)).await.is_err()
                && self.0.send_if_modified(Inside::close)
            {
                return;
            }
        }
    }
}

impl Inside {
    fn close(&mut self) -> bool {
        self.closed = self.at_work == 0;
        self.closed
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.send_modify(|inside| inside.at_work -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(2);

    // Goal: it waits for the last task and a while after it, and lets nobody in then.
    #[tokio::test(start_paused = true)]
    async fn closes_after_the_last_task() {
        let gate = Gate::new();
        let (first, second) = (gate.enter().unwrap(), gate.enter().unwrap());
        let mut closing = Box::pin(gate.close_when_quiet(LONG));
        drop(first);
        assert!(timeout(LONG * 10, &mut closing).await.is_err(), "a task is at work");
        drop(second);
        assert!(closing.as_mut().now_or_never().is_none(), "it has just ended");
        drop(gate.enter().unwrap());
        closing.await;
        assert!(gate.enter().is_err());
    }
}
