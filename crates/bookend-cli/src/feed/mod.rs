//! Feeds texts to a client over HTTP, waits until what it accepted is stored, and says whether that is exact.
//!
//! Used by the commands `feed` and `demo`. Stream: [`Source`] → [`post`] → [`Remote`].

mod split;
mod source;
mod remote;
mod post;

pub(crate) use self::{
    post::{Pace, Posted},
    remote::Remote,
    source::Source,
    split::Unit,
};

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::{
    exit::say,
    ledger::{Closing, Ledger, Traffic},
    signals::Stop,
};

/// How often the ledgers are read while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the ledgers may stand still before the waiting ends: time enough for a broker to restart.
const STILL_MAX: Duration = Duration::from_secs(60);

/// Where texts go, and where they end.
#[derive(Debug)]
pub(crate) struct Feed {
    client: Remote,
    /// The server, when the client does not store by itself.
    server: Option<Remote>,
    before: Ledger,
    started: Instant,
}

impl Feed {
    /// Asks both ends for their ledgers before anything is posted.
    pub(crate) async fn begin(client: Remote, server: Option<Remote>) -> anyhow::Result<Self> {
        let before = read_ledger(&client, server.as_ref()).await?;
        anyhow::ensure!(
            before.sent.is_some(),
            "there is a server at that address, and no client to post to"
        );
        anyhow::ensure!(
            before.stored.is_some(),
            "that client stores nothing itself: name its server's page with --stored-at http://HOST:3001"
        );
        Ok(Self { client, server, before, started: Instant::now() })
    }

    /// Posts all of `source`; less when asked to stop.
    pub(crate) async fn post(
        &self,
        source: Source,
        pace: Pace,
        stop: &Stop,
    ) -> anyhow::Result<Posted> {
        let bar = progress_bar(source.total_bytes);
        let posted = post::post_all(&self.client, source, pace, stop, &bar).await;
        bar.finish_and_clear();
        let posted = posted?;
        if let Some(refusal) = &posted.first_refusal {
            say(&format!("{} texts were refused; the first because {refusal}", posted.refused));
        }
        Ok(posted)
    }

    /// Waits until everything accepted is stored, or until nothing moves any more, and closes the books.
    pub(crate) async fn settle(&self, posted: &Posted) -> anyhow::Result<Closing> {
        let bar = ProgressBar::new(posted.accepted).with_style(
            ProgressStyle::with_template("storing {wide_bar} {pos} of {len}")
                .expect("the template is constant"),
        );
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut last = Ledger::default();
        let mut moved = Instant::now();
        let happened = loop {
            look.tick().await;
            let still = moved.elapsed() > STILL_MAX;
            let happened = match read_ledger(&self.client, self.server.as_ref()).await {
                Ok(now) => now.since(&self.before),
                Err(error) if still => return Err(error),
                Err(_) => continue, // it may be restarting
            };
            bar.set_position(happened.stored_total());
            if is_settled(&happened, posted.accepted) || still {
                break happened;
            }
            if happened != last {
                (last, moved) = (happened, Instant::now());
            }
        };
        bar.finish_and_clear();
        let posted = (posted.accepted, posted.refused);
        Ok(Closing::new(&happened, Some(posted), Traffic::Alone, self.started.elapsed()))
    }
}

/// The sender's numbers from the client, the stored rows from where they are.
async fn read_ledger(client: &Remote, server: Option<&Remote>) -> anyhow::Result<Ledger> {
    let mut ledger = client.ledger().await?;
    if let Some(server) = server {
        ledger.stored = server.ledger().await?.stored;
    }
    Ok(ledger)
}

/// Whether nothing is under way any more.
fn is_settled(happened: &Ledger, accepted: u64) -> bool {
    happened.sent.as_ref().is_none_or(|sent| {
        sent.pending() == 0
            && sent.acked + sent.dropped_total() >= accepted
            && happened.stored_total() + sent.dropped_total() >= accepted
    })
}

/// On stderr, and silent where stderr is no terminal.
fn progress_bar(total_bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match total_bytes {
        Some(total) => (ProgressBar::new(total), "posting {wide_bar} {percent} % {msg} eta {eta}"),
        None => (ProgressBar::new_spinner(), "posting {spinner} {msg} {elapsed}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the templates are constant"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ledger::Sent;

    #[test]
    fn settled_means_that_nothing_is_under_way() {
        let ledger = |handed, acked, dropped, stored| Ledger {
            sent: Some(Sent {
                handed,
                acked,
                dropped: BTreeMap::from([("full".to_owned(), dropped)]),
                ..Sent::default()
            }),
            stored: Some(BTreeMap::from([("A".to_owned(), stored)])),
        };
        for (happened, settled) in [
            (ledger(0, 5, 0, 5), true),
            (ledger(0, 4, 1, 4), true),
            (ledger(1, 5, 0, 5), false),
            (ledger(0, 4, 0, 4), false),
            (ledger(0, 5, 0, 4), false),
        ] {
            assert_eq!(is_settled(&happened, 5), settled, "{happened:?}");
        }
    }
}
