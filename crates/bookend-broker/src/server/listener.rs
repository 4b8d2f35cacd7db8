//! Accepts connections, as many as there may be, and ends them all when the broker stops.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinError, JoinSet},
};
use tracing::Instrument as _;

use super::{Shared, connection, stopped};
use crate::seldom::Seldom;

/// How long connections get to answer what they have begun, once the broker stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How long accepting rests after it failed: out of file descriptors, most likely.
const REST: Duration = Duration::from_millis(100);

/// Accepts connections until `stopping` turns true; returns when the last of them has ended.
pub(super) async fn run(
    shared: Arc<Shared>,
    listener: TcpListener,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let connections_max = shared.limits.connections_allowed();
    let (mut failed, mut turned_away) = (Seldom::new(1), Seldom::new(1));
    let for_connections = stopping.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // Whatever is dropped here is closed by that.
                Ok((_, peer)) if shared.node.faults.refuses_connection() => {
                    tracing::info!(%peer, "a connection is refused, as ordered");
                }
                Ok(_) if connections.len() >= connections_max => {
                    if let Some(closed) = turned_away.count(Instant::now()) {
                        tracing::warn!(connections_max, closed, "too many connections; new ones are closed");
                    }
                }
                Ok((stream, peer)) => {
                    let span = tracing::info_span!("connection", %peer);
                    let shared = Arc::clone(&shared);
                    // From here on it stands, so from here on it can be cut.
                    let cut = shared.node.faults.next_cut();
                    let serve = connection::serve(shared, stream, for_connections.clone());
                    let until_cut = async {
                        tokio::select! {
                            () = serve => {}
                            () = cut => tracing::info!("a connection is cut, as ordered"),
                        }
                    };
                    connections.spawn(until_cut.instrument(span));
                }
                Err(error) => {
                    if let Some(times) = failed.count(Instant::now()) {
                        tracing::warn!(%error, times, "connections could not be accepted");
                    }
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

/// A panic ends its own connection only, and is not passed over.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended in a panic");
    }
}
