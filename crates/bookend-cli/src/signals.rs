//! Ctrl-C and SIGTERM: the first asks everything to drain and close, the second leaves at once.

use anyhow::Context;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::exit::{LEFT, say};

/// Tells every part of the process that it should stop. Cloning is cheap; all clones see the same.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Begins to listen to the signals; the first is answered with a word where there is something to finish.
    pub(crate) fn on_signals(has_to_finish: bool) -> anyhow::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("listening to Ctrl-C")?;
        let mut terminate = signal(SignalKind::terminate()).context("listening to SIGTERM")?;
        let (tx, rx) = watch::channel(false);
        tokio::spawn(async move {
            for first in [true, false] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if !first {
                    std::process::exit(LEFT);
                }
                if has_to_finish {
                    say("stopping: finishing what is under way; once more to leave at once");
                }
                tx.send_replace(true);
            }
        });
        Ok(Self(rx))
    }

    /// Whether it was asked for.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is asked for.
    pub(crate) async fn asked(&self) {
        let mut rx = self.0.clone();
        // The sender lives in a task that ends with the process alone.
        drop(rx.wait_for(|asked| *asked).await);
    }
}
