//! What a broker is started with, and the start.
//!
//! Downstream: [`listener`] and the tasks of the [`node`](crate::node), which the start leaves running.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bookend_log::{Fsync, Options};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::{Broker, Shared, limits::Limits, listener, threads::Threads};
use crate::{
    error::StartError,
    folder::Folder,
    memory::Memory,
    node::{Alive, Node, blocking},
};

/// Of a topic that is created without a number.
const PARTITIONS: u32 = 3;
/// Apache Kafka's `offsets.retention.minutes`.
const OFFSETS_RETENTION: Duration = Duration::from_hours(7 * 24);
/// Apache Kafka's `log.retention.check.interval.ms`.
const RETENTION_CHECK: Duration = Duration::from_mins(5);

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

/// What the start leaves running.
struct Running {
    addr: SocketAddr,
    node: Arc<Node>,
    stopping: watch::Sender<bool>,
    listener: JoinHandle<()>,
    timers: [JoinHandle<()>; 4],
}

impl Default for BrokerBuilder {
    fn default() -> Self {
        Self {
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

    /// Sets how many partitions a topic gets that is created without a number; 3 without this.
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

    /// Starts the broker, on threads of its own: a few, named `bookend-broker`. The caller's runtime only waits for it.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way.
    ///
    /// # Cancel safety
    /// Dropping this future before it completes starts nothing; a data folder may have been created.
    ///
    /// # Panics
    /// When the system has no random bytes.
    pub async fn start(self) -> Result<Broker, StartError> {
        let (threads, alive) = Threads::new().map_err(StartError::Threads)?;
        let Running { addr, node, stopping, listener, timers } =
            threads.run(self.run(alive)).await?;
        Ok(Broker { addr, node, stopping, listener, timers, stopped: false, threads })
    }

    /// Starts all tasks of the broker, on the current runtime.
    async fn run(self, alive: Alive) -> Result<Running, StartError> {
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
        // What holds the folder is alive from the first, also if nobody waits for the start any more.
        let open = move || {
            let mut alive = Some(alive);
            let mut node = Node::open(Folder::take(data)?, fsync, partitions)?;
            node.alive = alive.take();
            Ok::<_, StartError>(node)
        };
        let mut node = blocking(open).await?;
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
        Ok(Running { addr, node, stopping, listener, timers })
    }
}
