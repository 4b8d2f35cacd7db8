//! A running process: built from a module, announced, waited for, closed, and judged by its ledger.

use std::time::{Duration, Instant};

use bookend::{
    Module,
    module::{BuildError, Built, Shutdown},
};

use crate::{
    closing,
    exit::{CannotStart, Ending, chain, print},
    http::{HTTP, Http},
    ledger::{Closing, Ledger, Traffic},
    parts::{BROKER, EmbeddedBroker},
    signals::Stop,
};

/// How long closing may take in all; each part has a limit of its own within.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(40);

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
    pub(crate) async fn start(module: Module<'_>, stop: &Stop) -> anyhow::Result<Self> {
        let started = Instant::now();
        let built = tokio::select! {
            built = module.build((HTTP, BROKER.optional())) => built,
            () = stop.asked() => anyhow::bail!("stopped before it had started"),
        };
        let Built { ends: (http, broker), shutdown } =
            built.map_err(|error| CannotStart::because(sentence(&error)))?;
        let before = http.parts.ledger().await?;
        Ok(Self { http, broker, shutdown, started, before })
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

    /// Closes every part, prints the ledger, and says how it ended.
    pub(crate) async fn close(self, traffic: Traffic, json: bool) -> anyhow::Result<Ending> {
        let closed = self.shutdown.run(CLOSE_WAIT_MAX).await;
        let happened = self.http.parts.ledger().await?.since(&self.before);
        let closing = Closing::new(&happened, None, traffic, self.started.elapsed());
        let ending = closing::close(&closing, json);
        closed?;
        Ok(ending)
    }
}

/// The words of the part that could not be built; where in the code it stands helps nobody at a prompt.
fn sentence(error: &BuildError) -> String {
    match error {
        BuildError::Factory { source, .. } => chain(&**source),
        other => other.to_string(),
    }
}
