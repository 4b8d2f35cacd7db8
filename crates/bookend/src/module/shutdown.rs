//! Runs the shutdown hooks, the youngest value first.

use std::{fmt, time::Duration};

use tokio::time::{Instant, timeout};

use super::{
    error::{HookFault, ShutdownError},
    provider::BoundHook,
};

/// The hooks of what was built. Dropped without [`run`](Self::run) it warns: nothing was flushed or closed.
#[must_use = "call `run` at the end, or no shutdown hook runs"]
pub struct Shutdown {
    /// In the order in which their values were built.
    hooks: Vec<BoundHook>,
}

impl Shutdown {
    pub(super) fn new() -> Self {
        Self { hooks: Vec::new() }
    }

    pub(super) fn push(&mut self, hook: BoundHook) {
        self.hooks.push(hook);
    }

    /// Runs every hook, one at a time, in reverse order of building: a value is taken down before what it was built on.
    ///
    /// `within` bounds all of them together. A hook still at work then is dropped; those after it are each polled
    /// once, so one that need not wait still does its work.
    ///
    /// # Errors
    /// [`ShutdownError`] names the hooks that failed, panicked or were late. One of them never stops the others.
    ///
    /// # Cancel safety
    /// Dropping this future drops the hook at work at its await, and those not yet run with it.
    pub async fn run(mut self, within: Duration) -> Result<(), ShutdownError> {
        let faults = self.run_all(within).await;
        if faults.is_empty() { Ok(()) } else { Err(ShutdownError { faults }) }
    }

    pub(super) async fn run_all(&mut self, within: Duration) -> Vec<HookFault> {
        let start = Instant::now();
        let mut faults = Vec::new();
        while let Some(BoundHook { name, run }) = self.hooks.pop() {
            match timeout(within.saturating_sub(start.elapsed()), run).await {
                Ok(Ok(())) => {}
                Ok(Err(source)) => faults.push(HookFault::Failed { name, source }),
                Err(_) => faults.push(HookFault::Late { name }),
            }
        }
        faults
    }

    fn names(&self) -> Vec<&'static str> {
        self.hooks.iter().map(|hook| hook.name).collect()
    }
}

impl Drop for Shutdown {
    fn drop(&mut self) {
        if !self.hooks.is_empty() {
            tracing::warn!(hooks = ?self.names(), "dropped without shutdown: these hooks did not run");
        }
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").field("hooks", &self.names()).finish()
    }
}
