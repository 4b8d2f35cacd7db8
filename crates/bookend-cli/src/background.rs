//! A part that works in the background: it can be asked to end, and waited for.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::watch;

/// Handle of a task. Cloning is cheap; all clones mean the same task.
#[derive(Debug, Clone)]
pub(crate) struct Background {
    stop: watch::Sender<bool>,
    /// `None` while it works; then how it ended, in words if badly.
    ended: watch::Receiver<Option<Result<(), Arc<str>>>>,
}

impl Background {
    /// Starts `work`, which gets a future that completes once it should end.
    pub(crate) fn spawn<F, E>(work: impl FnOnce(Asked) -> F) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error>,
    {
        let (stop, asked) = watch::channel(false);
        let (tx, ended) = watch::channel(None);
        let work = work(Asked(asked));
        tokio::spawn(async move {
            let end = work.await.map_err(|error| format!("{:#}", error.into()).into());
            tx.send_replace(Some(end));
        });
        Self { stop, ended }
    }

    /// Waits until it ended by itself or was asked to; an error says why, in words.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(crate) async fn ended(&self) -> Result<(), Arc<str>> {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await;
        end.map_or_else(
            |_| Err("it panicked; the log says where".into()),
            |end| end.clone().expect("that is what was waited for"),
        )
    }

    /// Asks it to end, and waits for that; gives up after `deadline`.
    pub(crate) async fn end(&self, deadline: Duration) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        match tokio::time::timeout(deadline, self.ended()).await {
            Ok(end) => end.map_err(anyhow::Error::msg),
            Err(_) => anyhow::bail!("it was still at work after {} s", deadline.as_secs()),
        }
    }
}

/// The other end of [`Background::end`].
#[derive(Debug)]
pub(crate) struct Asked(watch::Receiver<bool>);

impl Asked {
    /// Completes once the task should end.
    pub(crate) async fn wait(mut self) {
        // Without a handle nobody can ask any more, and nobody waits for the end: the same as being asked.
        drop(self.0.wait_for(|asked| *asked).await);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn ends_when_asked() {
        let task = Background::spawn(async |asked: Asked| {
            asked.wait().await;
            anyhow::Ok(())
        });
        task.end(SOON).await.unwrap();
        assert!(task.ended().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn says_how_it_went_wrong() {
        let fails = Background::spawn(async |_: Asked| Err(anyhow::anyhow!("no luck")));
        assert_eq!(fails.ended().await, Err("no luck".into()));
        let panics = Background::spawn(async |asked: Asked| -> anyhow::Result<()> {
            drop(asked);
            panic!("on purpose")
        });
        assert!(panics.ended().await.unwrap_err().contains("panicked"));
        let stuck = Background::spawn(async |_: Asked| pending::<anyhow::Result<()>>().await);
        assert!(stuck.end(SOON).await.unwrap_err().to_string().contains("still at work"));
    }
}
