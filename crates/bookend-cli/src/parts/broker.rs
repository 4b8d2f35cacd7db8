//! The built-in broker: Kafka for a first run, for development and for tests.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bookend::{Module, Token, kafka::KafkaOptions};
use bookend_broker::{Broker, Fsync, StartError};

use super::kafka::BROKERS;
use crate::exit::chain;

/// How long a power cut may take back what was acknowledged, where nobody says otherwise.
const FSYNC: Fsync = Fsync::Interval(Duration::from_secs(1));

/// The broker of this process.
pub(crate) const BROKER: Token<EmbeddedBroker> = Token::new("BROKER");

/// The broker of this process, until it is stopped.
#[derive(Debug, Clone)]
pub(crate) struct EmbeddedBroker {
    pub(crate) addr: SocketAddr,
    broker: Arc<Mutex<Option<Broker>>>,
}

impl EmbeddedBroker {
    /// Starts a broker that keeps its data in `broker` in the folder.
    pub(crate) async fn start(
        listen: SocketAddr,
        folder: &Path,
        fsync: Fsync,
    ) -> anyhow::Result<Self> {
        let builder = Broker::builder().listen(listen).data(folder.join("broker")).fsync(fsync);
        let broker = builder.start().await;
        let broker = broker.map_err(|error| match error {
            StartError::Listen { addr, source } => anyhow::anyhow!(
                "the broker cannot listen on {addr} ({source}); stop the program that does, or choose another port with \
                 --broker-port; 0 picks a free one"
            ),
            StartError::Locked(error) => {
                anyhow::anyhow!("{}; choose another folder with --data", chain(&error))
            }
            other => other.into(),
        })?;
        Ok(Self { addr: broker.addr(), broker: Arc::new(Mutex::new(Some(broker))) })
    }

    /// Closes its connections and its files.
    pub(crate) async fn stop(self) {
        let broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(broker) = broker {
            broker.stop().await;
        }
    }
}

/// Provides [`BROKER`], and with it [`BROKERS`].
pub(crate) fn embedded<'m>(module: Module<'m>, port: u16, folder: &'m Path) -> Module<'m> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    module
        .provide(BROKER, (), async move |()| EmbeddedBroker::start(listen, folder, FSYNC).await)
        .on_shutdown(BROKER, EmbeddedBroker::stop)
        .provide(BROKERS, (BROKER,), async |(broker,)| KafkaOptions::new(broker.addr.to_string()))
}
