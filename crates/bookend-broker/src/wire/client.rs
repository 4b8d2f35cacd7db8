//! The other end of a connection, as the APIs see it. Upstream: [`server`](crate::server), which makes it.

use std::{
    mem,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use kafka_protocol::protocol::StrBytes;
use tokio::sync::watch;

use super::apart::Apart;
use crate::memory::Held;

/// The other end of a connection, as the APIs see it.
#[derive(Debug)]
pub(crate) struct Client {
    /// The address at which the client reached this broker; it is told to come back there.
    pub(crate) reached: SocketAddr,
    /// The client's own address, for those who ask who is in a group.
    pub(crate) peer: SocketAddr,
    /// Turns true when the client is gone, or this broker is about to.
    pub(crate) gone: watch::Receiver<bool>,
    /// What the request that is being answered holds of the memory that all share.
    pub(crate) held: Held,
    /// What of its answer goes past the encoder.
    apart: Mutex<Apart>,
}

impl Client {
    pub(crate) fn new(
        reached: SocketAddr,
        peer: SocketAddr,
        gone: watch::Receiver<bool>,
        held: Held,
    ) -> Self {
        Self { reached, peer, gone, held, apart: Mutex::default() }
    }

    /// Waits until there is no one to answer any more.
    pub(super) async fn gone(&self) {
        // An error is a connection that has ended, which is what is waited for.
        drop(self.gone.clone().wait_for(|gone| *gone).await);
    }

    /// Lays something apart from the answer, in place of what was.
    pub(super) fn lay_apart(&self, apart: Apart) {
        *self.apart.lock().unwrap_or_else(PoisonError::into_inner) = apart;
    }

    /// What was laid apart for it.
    pub(super) fn collect_apart(&self) -> Apart {
        mem::take(&mut *self.apart.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn host(&self) -> StrBytes {
        StrBytes::from_string(self.reached.ip().to_string())
    }

    /// The client's host as Apache Kafka writes it.
    pub(super) fn peer_host(&self) -> StrBytes {
        StrBytes::from_string(format!("/{}", self.peer.ip()))
    }

    pub(super) fn port(&self) -> i32 {
        self.reached.port().into()
    }
}
