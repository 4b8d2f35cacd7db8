//! The broker as a handle: start it, ask for its address, stop it.
//!
//! [`listener`] accepts, [`connection`] keeps a connection's requests in order, [`frame`] cuts them out; all within
//! [`Limits`]. Downstream: [`wire`](crate::wire), which knows what they mean.

mod limits;
mod frame;
mod connection;
mod listener;
mod seldom;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bookend_log::{Fsync, Options};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub use self::limits::Limits;
use crate::{
    error::StartError,
    fault::{Fault, Injected},
    folder::Folder,
    memory::Memory,
    node::{Node, blocking},
};

/// Of a topic that is created without a number.
const PARTITIONS: u32 = 3;
/// Apache Kafka's `offsets.retention.minutes`.
const OFFSETS_RETENTION: Duration = Duration::from_hours(7 * 24);
/// Apache Kafka's `log.retention.check.interval.ms`.
const RETENTION_CHECK: Duration = Duration::from_mins(5);

/// A running broker.
///
/// [`stop`](Self::stop) it; a broker that is only dropped ends as well, but without syncing what its policy has not
/// synced yet.
#[derive(Debug)]
pub struct Broker {
    addr: SocketAddr,
    node: Arc<Node>,
    stopping: watch::Sender<bool>,
    listener: JoinHandle<()>,
    timers: [JoinHandle<()>; 4],
    stopped: bool,
}

/// What a broker is started with; see [`Broker::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct BrokerBuilder {
    listen: SocketAddr,
    data: Option<PathBuf>,
    fsync: Fsync,
    partitions: u32,
    auto_create: bool,
    limits: Limits,
    offsets_retention: Duration,
    retention_check: Duration,
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
        BrokerBuilder {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            data: None,
            fsync: Options::default().fsync,
            partitions: PARTITIONS,
            auto_create: true,
            limits: Limits::default(),
            offsets_retention: OFFSETS_RETENTION,
            retention_check: RETENTION_CHECK,
        }
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
    #[expect(clippy::must_use_candidate, reason = "most faults strike once and need no handle")]
    pub fn inject(&self, fault: Fault) -> Injected {
        self.node.faults.add(fault)
    }

    /// Lifts every fault that is still to strike.
    pub fn lift_faults(&self) {
        self.node.faults.lift_all();
    }

    /// Stops: takes no more connections, answers what is being worked on, closes the rest, syncs, frees the folder.
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
        blocking(move || node.sync()).await;
        self.stopped = true;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.stopped {
            return;
        }
        tracing::warn!(addr = %self.addr, "a broker was dropped without `stop`: what was not synced yet may be lost in a power cut");
        self.stopping.send_replace(true);
        self.listener.abort();
        for timer in &self.timers {
            timer.abort();
        }
    }
}

impl BrokerBuilder {
    /// Sets the address to listen on; port 0 takes any free one.
    pub fn listen(mut self, addr: SocketAddr) -> Self {
        self.listen = addr;
        self
    }

    /// Sets the folder for the data, which is created if it is missing. Without it the data goes to a temporary
    /// folder that is removed at the end.
    pub fn data(mut self, path: impl AsRef<Path>) -> Self {
        self.data = Some(path.as_ref().to_owned());
        self
    }

    /// Sets when written data is synced, that is, what a power cut may take.
    pub fn fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// Sets how many partitions a topic gets that is created without a number.
    pub fn partitions(mut self, count: u32) -> Self {
        self.partitions = count;
        self
    }

    /// Sets whether a topic is created when a client first asks for it, if the client wants that; it is unless this
    /// says no. An admin client creates topics in any case.
    pub fn auto_create(mut self, allowed: bool) -> Self {
        self.auto_create = allowed;
        self
    }

    /// Sets what clients may take of this process.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets for how long committed offsets are kept once their group has no members any more, or, of a consumer that is
    /// in no group, since they were committed. Without it they are kept for seven days, as by Apache Kafka.
    pub fn offsets_retention(mut self, retention: Duration) -> Self {
        self.offsets_retention = retention;
        self
    }

    /// Sets how often it is looked whether a topic's `retention.ms` and `retention.bytes` let records go; every five
    /// minutes without it.
    pub fn retention_check(mut self, interval: Duration) -> Self {
        self.retention_check = interval;
        self
    }

    /// Starts the broker; it runs on the current tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way.
    ///
    /// # Cancel safety
    /// Dropping this future before it completes starts nothing; a data folder may have been created.
    ///
    /// # Panics
    /// When the system has no random bytes, or the runtime is shutting down.
    pub async fn start(self) -> Result<Broker, StartError> {
        let Self {
            listen,
            data,
            fsync,
            partitions,
            auto_create,
            limits,
            offsets_retention,
            retention_check,
        } = self;
        // The port first: it is the more likely to be in the way, and free again by itself.
        let failed = |source| StartError::Listen { addr: listen, source };
        let socket = TcpListener::bind(listen).await.map_err(failed)?;
        let addr = socket.local_addr().map_err(failed)?;
        if !addr.ip().is_loopback() {
            tracing::warn!(%addr, "this broker has no authentication, and listens beyond this host");
        }
        let mut node = blocking(move || Node::open(Folder::take(data)?, fsync, partitions)).await?;
        node.auto_create = auto_create;
        let node = Arc::new(node);
        let (stopping, stop) = watch::channel(false);
        let memory = Memory::new(limits.memory_bytes, limits.stalled);
        let shared = Arc::new(Shared { node: Arc::clone(&node), limits, memory });
        let listener = tokio::spawn(listener::run(shared, socket, stop));
        let groups = {
            let node = Arc::clone(&node);
            tokio::spawn(async move { node.groups.run_timer().await })
        };
        let timers = [
            groups,
            tokio::spawn(Arc::clone(&node).run_sync(fsync)),
            tokio::spawn(Arc::clone(&node).run_offsets_retention(offsets_retention)),
            tokio::spawn(Arc::clone(&node).run_retention(retention_check)),
        ];
        tracing::info!(%addr, data = %node.folder.path().display(), "broker started");
        Ok(Broker { addr, node, stopping, listener, timers, stopped: false })
    }
}

/// Waits until the broker stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error is a broker that was dropped.
    drop(stopping.wait_for(|stopping| *stopping).await);
}
