//! What clients may take of this process: connections, memory, time.

use std::time::Duration;

use crate::folder::open_files_max;

/// What clients may take; see [`BrokerBuilder::limits`](crate::BrokerBuilder::limits). Any values are valid.
///
/// ```
/// use std::time::Duration;
/// use bookend_broker::Limits;
///
/// let limits = Limits { connections: 10, stalled: Duration::from_secs(1), ..Limits::default() };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most connections at one time; one more is closed at once. Where the system allows the process fewer open
    /// files, it is half of those, as logs need some too.
    pub connections: usize,
    /// The largest request; Apache Kafka's `socket.request.max.bytes`. A client that announces a larger one loses its
    /// connection.
    pub request_bytes: usize,
    /// What requests and answers of all connections may have in memory together, beyond the 192 KiB that each
    /// connection has for itself: one half for requests as they arrive, so a request that is larger than that is never
    /// taken; the other one for what they are decoded into and answered with. A larger request waits for room; a fetch
    /// that finds little gets fewer records.
    pub memory_bytes: usize,
    /// A connection on which nothing is under way is closed after this long; Apache Kafka's
    /// `connections.max.idle.ms`.
    pub idle: Duration,
    /// How long a client may take to send 4 MiB of a request, or the whole of a smaller one, and to read as much
    /// of an answer; also, how long a request waits for room in memory. A client that takes longer loses its connection.
    pub stalled: Duration,
}

impl Default for Limits {
    /// 4,096 connections, requests of 100 MiB, 256 MiB for all, 10 minutes idle, 30 seconds stalled.
    fn default() -> Self {
        Self {
            connections: 4_096,
            request_bytes: 100 * 1024 * 1024,
            memory_bytes: 256 * 1024 * 1024,
            idle: Duration::from_mins(10),
            stalled: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// How many connections there may be under the system's limit of open files.
    pub(super) fn connections_allowed(&self) -> usize {
        self.connections.min(open_files_max() / 2)
    }
}
