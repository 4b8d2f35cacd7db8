//! The broker as a handle: start it, ask for its address, stop it.
//!
//! [`builder`] starts it on [`threads`] of its own; there [`listener`] accepts, [`connection`] keeps a connection's
//! requests in order, [`frame`] cuts them out, [`sending`] sends the answers; all within [`Limits`]. Downstream: [`wire`](crate::wire), which knows what they mean.

mod builder;
mod limits;
mod threads;
mod frame;
mod connection;
mod sending;
mod listener;

use std::{net::SocketAddr, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};

use self::threads::Threads;
pub use self::{builder::BrokerBuilder, limits::Limits};
use crate::{
    fault::{Fault, Injected},
    memory::Memory,
    node::Node,
};

/// A running broker.
///
/// It runs on threads of its own, so it answers whatever the program's threads do: a Kafka client may block the only
/// thread of a `#[tokio::test]` until the broker has answered. For the same reason a paused clock of tokio is not the
/// broker's, whose sessions and delays go by in real time.
///
/// [`stop`](Self::stop) it; a broker that is only dropped ends as well, within a second at most, but without syncing
/// what its policy has not synced yet.
#[derive(Debug)]
pub struct Broker {
    addr: SocketAddr,
    node: Arc<Node>,
    stopping: watch::Sender<bool>,
    listener: JoinHandle<()>,
    timers: [JoinHandle<()>; 4],
    stopped: bool,
    /// Last, as it ends them and waits until the node is gone.
    threads: Threads,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    node: Arc<Node>,
    limits: Limits,
    memory: Memory,
}

impl Broker {
    /// A broker on a free port of this host alone, with its data in a temporary folder.
    ///
    /// ```
    /// use bookend_broker::Broker;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), bookend_broker::StartError> {
    /// let broker = Broker::builder().start().await?;
    /// assert!(broker.bootstrap().starts_with("127.0.0.1:"));
    /// broker.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder::default()
    }

    /// The address it listens on, with the port it got.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same as a client's `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.addr.to_string()
    }

    /// The id of its cluster: given once per data folder, so a client can tell one from another.
    #[must_use]
    pub fn cluster_id(&self) -> &str {
        self.node.catalog.cluster_id()
    }

    /// Lets something go wrong; for tests of whoever talks to this broker. What is returned tells how often it did.
    ///
    /// A request is struck by one fault at most: the first in the order of injection that is meant for it.
    ///
    /// ```
    /// use bookend_broker::{Api, Broker, ErrorCode, Fault};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), bookend_broker::StartError> {
    /// let broker = Broker::builder().start().await?;
    /// let refusal = Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(Api::Produce).topic("orders");
    /// let refusal = broker.inject(refusal.until_lifted());
    /// // Here the code under test sends an order to `broker.bootstrap()`. It must try again, not give up:
    /// // refusal.has_struck(2).await;
    /// refusal.lift();
    /// // … and the order arrives.
    /// # assert_eq!(refusal.struck(), 0);
    /// # broker.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// `examples/faults.rs` is a whole such test.
    pub fn inject(&self, fault: Fault) -> Injected {
        self.node.faults.add(fault)
    }

    /// Lifts every fault that is still to strike.
    pub fn lift_faults(&self) {
        self.node.faults.lift_all();
    }

    /// Cuts the connections that stand, at once: whoever waits for an answer does not get one, and cannot know the
    /// outcome. New connections are taken, so clients come back; with [`Fault::refuse_connections`] before it they do
    /// not.
    ///
    /// A connection stands once it has got an answer.
    ///
    /// ```
    /// use bookend_broker::{Broker, Fault};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), bookend_broker::StartError> {
    /// let broker = Broker::builder().start().await?;
    /// // The broker is away for every client, until it is not.
    /// let away = broker.inject(Fault::refuse_connections().until_lifted());
    /// broker.cut_connections();
    /// away.lift();
    /// # broker.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cut_connections(&self) {
        self.node.faults.cut_connections();
    }

    /// Stops: takes no more connections, answers what is being worked on, closes the rest, syncs, frees the folder.
    ///
    /// Any runtime will do, not only the one it was started in.
    ///
    /// # Cancel safety
    /// Dropping this future before it completes drops the broker: it ends at once, as if never stopped.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        if let Err(error) = (&mut self.listener).await {
            tracing::error!(%error, "the listener ended in a panic");
        }
        for timer in &mut self.timers {
            timer.abort();
            // It was told to end; what it ends with says nothing more.
            drop(timer.await);
        }
        let node = Arc::clone(&self.node);
        self.threads.run_blocking(move || node.sync()).await;
        self.stopped = true;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.stopped {
            return;
        }
        tracing::warn!(addr = %self.addr, "a broker was dropped without `stop`: what was not synced yet may be lost in a power cut");
        // The threads end next, and with them all that runs there.
    }
}

/// Waits until the broker stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error is a broker that was dropped.
    drop(stopping.wait_for(|stopping| *stopping).await);
}
