//! Accepts connections, and ends them all when the broker stops.

use std::{sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinError, JoinSet},
};
use tracing::Instrument as _;

use super::{connection, stopped};
use crate::node::Node;

/// The most connections at one time; one more is closed at once.
const CONNECTIONS_MAX: usize = 4_096;
/// How long connections get to answer what they have begun, once the broker stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How long accepting rests after it failed: out of file descriptors, most likely.
const REST: Duration = Duration::from_millis(100);

/// Accepts connections until `stopping` turns true; returns when the last of them has ended.
pub(super) async fn run(
    node: Arc<Node>,
    listener: TcpListener,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let for_connections = stopping.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let span = tracing::info_span!("connection", %peer);
                    let serve = connection::serve(Arc::clone(&node), stream, for_connections.clone());
                    admit(&mut connections, serve.instrument(span));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REST).await;
                }
            },
            Some(ended) = connections.join_next() => report(ended),
            () = stopped(&mut stopping) => break,
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(DRAIN, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut while answering");
        connections.shutdown().await;
    }
}

/// Serves one more connection, or drops it, which closes it.
fn admit(connections: &mut JoinSet<()>, serve: impl Future<Output = ()> + Send + 'static) {
    if connections.len() >= CONNECTIONS_MAX {
        tracing::warn!(max = CONNECTIONS_MAX, "too many connections; a new one is closed");
        return;
    }
    connections.spawn(serve);
}

/// A panic ends its own connection only, and is not passed over.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended in a panic");
    }
}
