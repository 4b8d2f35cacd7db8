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
/// How long the ledgers stand still before a feed begins …
const QUIET: Duration = Duration::from_millis(500);
/// … and how long that is waited for.
const QUIET_WAIT_MAX: Duration = Duration::from_secs(10);
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
        let before = quiet_ledger(&client, server.as_ref()).await?;
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

    /// Waits until everything accepted is stored, until nothing moves any more, or until it is asked to stop, and
    /// closes the books.
    ///
    /// A stop that came before, while it posted, is no reason not to wait.
    pub(crate) async fn settle(&self, posted: &Posted, stop: &Stop) -> Closing {
        let bar = ProgressBar::new(posted.accepted).with_style(
            ProgressStyle::with_template("storing {wide_bar} {pos} of {len}")
                .expect("the template is constant"),
        );
        let waits = !stop.is_asked();
        let seen = tokio::select! {
            seen = self.watch(posted.accepted, &bar) => seen,
            () = stop.asked(), if waits => self.look(Seen::default()).await,
        };
        bar.finish_and_clear();
        let counts = (posted.accepted, posted.refused);
        let took = self.started.elapsed();
        let mut closing = Closing::new(&seen.happened, Some(counts), Traffic::Fed, took);
        if let Some(trouble) = seen.trouble {
            closing.add_fault(format!("the ledger cannot be read: {trouble}"));
        }
        closing
    }

    /// Looks until all is settled, or nothing has moved for too long.
    async fn watch(&self, accepted: u64, bar: &ProgressBar) -> Seen {
        let mut seen = Seen::default();
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut moved = Instant::now();
        let mut recorded = None;
        let mut told = false;
        loop {
            look.tick().await;
            let last = seen.happened.clone();
            seen = self.look(seen).await;
            bar.set_position(seen.happened.stored_total());
            if let (Some(trouble), false) = (&seen.trouble, told) {
                let most = STILL_MAX.as_secs();
                say(&format!(
                    "the ledger cannot be read ({trouble}); waiting up to {most} s for it"
                ));
                told = true;
            }
            let happened = &seen.happened;
            if seen.trouble.is_none() {
                let sent = happened.sent.as_ref().map_or(0, |sent| sent.recorded);
                if is_settled(happened, accepted, *recorded.get_or_insert(sent)) {
                    return seen;
                }
            }
            if *happened != last {
                moved = Instant::now();
            }
            if moved.elapsed() > STILL_MAX {
                return seen;
            }
        }
    }

    /// One look at the ledgers; what cannot be read stays as it was seen last.
    async fn look(&self, seen: Seen) -> Seen {
        match read_ledger(&self.client, self.server.as_ref()).await {
            Ok(now) => Seen { happened: now.since(&self.before), trouble: None },
            Err(error) => Seen { trouble: Some(format!("{error:#}")), ..seen },
        }
    }
}

/// What happened since the feed began, as far as it could be read.
#[derive(Debug, Default)]
struct Seen {
    happened: Ledger,
    /// Why the last look failed.
    trouble: Option<String>,
}

/// The sender's numbers from the client, the stored rows from where they are.
async fn read_ledger(client: &Remote, server: Option<&Remote>) -> anyhow::Result<Ledger> {
    let mut ledger = client.ledger().await?;
    if let Some(server) = server {
        ledger.stored = server.ledger().await?.stored;
    }
    Ok(ledger)
}

/// The ledger once it stands still: what was sent before this feed is stored then, and not taken for its own.
async fn quiet_ledger(client: &Remote, server: Option<&Remote>) -> anyhow::Result<Ledger> {
    let deadline = Instant::now() + QUIET_WAIT_MAX;
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut last = read_ledger(client, server).await?;
    let mut moved = Instant::now();
    // Others who feed without a pause are no reason to wait for ever.
    while moved.elapsed() < QUIET && Instant::now() < deadline {
        look.tick().await;
        let now = read_ledger(client, server).await?;
        if now != last || now.sent.as_ref().is_some_and(|sent| sent.pending() > 0) {
            (last, moved) = (now, Instant::now());
        }
    }
    Ok(last)
}

/// Whether nothing of the feed is under way any more; `recorded` counts what was recorded when it had ended, and with
/// others beside it all of that has to be stored.
fn is_settled(happened: &Ledger, accepted: u64, recorded: u64) -> bool {
    happened.sent.as_ref().is_none_or(|sent| {
        let least = if sent.pending() == 0 { accepted } else { recorded.max(accepted) };
        let others = sent.recorded > accepted;
        (sent.pending() == 0 || others)
            && sent.acked + sent.dropped_total() >= least
            && happened.stored_total() + sent.dropped_total() >= least
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
            assert_eq!(is_settled(&happened, 5, 5), settled, "{happened:?}");
        }
    }
}
