//! A running process: built from a module, announced, waited for, closed, and judged by its ledger.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context;
use bookend::{
    Module,
    module::{BuildError, Built, Shutdown},
};

use crate::{
    closing,
    exit::{CannotStart, Ending, chain, print},
    http::{HTTP, Http},
    ledger::{Closing, Ledger, Sent, Traffic},
    parts::{BROKER, EmbeddedBroker, StoppedEarly},
    signals::Stop,
};

/// How long closing may take in all: more than the limits of all parts together.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Runs a module until it is asked to stop or a part gives up; the ledger follows.
pub(crate) async fn serve(module: Module<'_>, stop: &Stop, json: bool) -> anyhow::Result<Ending> {
    let Some(app) = App::start(module).await? else { return Ok(close_unstarted(json)) };
    app.announce();
    let ran = app.run(stop).await;
    app.close(ran, Traffic::Shared, json).await
}

/// The last words of a process that was asked to stop before it had started: nothing happened.
pub(crate) fn close_unstarted(json: bool) -> Ending {
    let nothing = Ledger { sent: Some(Sent::default()), stored: Some(BTreeMap::new()) };
    closing::close(&Closing::new(&nothing, None, Traffic::Shared, Duration::ZERO), json)
}

/// What listens, and how to take it down.
#[derive(Debug)]
pub(crate) struct App {
    http: Http,
    broker: Option<EmbeddedBroker>,
    shutdown: Shutdown,
    started: Instant,
    before: Ledger,
}

impl App {
    /// Builds the module. What it cannot do without is looked for now, and never again.
    ///
    /// A stop does not cut the building off, which would leave what is built unclosed; only the wait for a broker
    /// ends with it. `None` then: all that was built is closed again.
    pub(crate) async fn start(module: Module<'_>) -> anyhow::Result<Option<Self>> {
        let started = Instant::now();
        let Built { ends: (http, broker), shutdown } =
            match module.build((HTTP, BROKER.optional())).await {
                Ok(built) => built,
                Err(error) if was_stopped(&error) => return Ok(None),
                Err(error) => return Err(CannotStart::because(sentence(&error))),
            };
        match http.parts.ledger().await {
            Ok(before) => Ok(Some(Self { http, broker, shutdown, started, before })),
            Err(error) => {
                let closed = shutdown.run(CLOSE_WAIT_MAX).await;
                closed.with_context(|| format!("{error:#}"))?;
                Err(error)
            }
        }
    }

    /// Where the process is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.http.addr)
    }

    /// Says where everything is.
    pub(crate) fn announce(&self) {
        let url = self.url();
        if let Some(broker) = &self.broker {
            print(&format!("broker  {}  a Kafka broker for development", broker.addr));
        }
        if self.http.parts.client.is_some() {
            print(&format!(
                "client  {url}  POST {{\"text\": \"…\"}} to /FIRST_TOPIC, /SECOND_TOPIC, /FIRST_TOPIC_DECORATED"
            ));
            print("topics  FIRST_TOPIC, SECOND_TOPIC, and TXT_ELAPSED for /FIRST_TOPIC_DECORATED");
        }
        print(&format!("page    {url}/"));
        print("stop    with Ctrl-C; the ledger follows");
    }

    /// Waits until the process is asked to stop, or a part gives up.
    pub(crate) fn run(&self, stop: &Stop) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let (stop, failed) = (stop.clone(), self.failed());
        async move {
            tokio::select! {
                () = stop.asked() => Ok(()),
                failed = failed => Err(failed),
            }
        }
    }

    /// Completes when a part gives up, with its reason; never if none does.
    pub(crate) fn failed(&self) -> impl Future<Output = anyhow::Error> + use<> {
        let server = self.http.parts.server.clone();
        async move {
            match server {
                Some(server) => server.failed().await,
                None => std::future::pending().await,
            }
        }
    }

    /// Closes every part, prints the ledger, and says how it ended; `ran` is how it went until now.
    pub(crate) async fn close(
        self,
        ran: anyhow::Result<()>,
        traffic: Traffic,
        json: bool,
    ) -> anyhow::Result<Ending> {
        let closed = self.shutdown.run(CLOSE_WAIT_MAX).await;
        let ended = ran.and(closed.map_err(anyhow::Error::from));
        let happened = self.http.parts.ledger().await?.since(&self.before);
        let mut closing = Closing::new(&happened, None, traffic, self.started.elapsed());
        if let Err(error) = &ended {
            closing.add_fault(format!("{error:#}"));
        }
        let ending = closing::close(&closing, json);
        ended.map(|()| ending)
    }
}

/// Whether the build ended because it was asked to, and nothing went wrong in taking down what there was.
fn was_stopped(error: &BuildError) -> bool {
    matches!(error, BuildError::Factory { source, hooks, .. } if source.is::<StoppedEarly>() && hooks.is_empty())
}

/// The words of the part that could not be built; where in the code it stands helps nobody at a prompt.
fn sentence(error: &BuildError) -> String {
    match error {
        BuildError::Factory { source, .. } => chain(&**source),
        other => other.to_string(),
    }
}
