//! One connection: requests are read ahead a little, and answered one by one, in order.
//!
//! Reading ahead is how a client that goes away is noticed while its request is parked: the end of
//! the stream turns `gone` true, and what waits for a generation or for records ends. What was read
//! before that is still answered, so records sent just before the client left are not lost.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, watch},
};

use super::{
    frame::{self, Frame},
    stopped,
};
use crate::{
    node::Node,
    wire::{self, Client, Refusal},
};

/// How many requests are read before they can be answered.
const PIPELINED_MAX: usize = 8;

/// Serves `stream` until the client leaves, is cut off, or `stopping` turns true.
pub(super) async fn serve(node: Arc<Node>, stream: TcpStream, stopping: watch::Receiver<bool>) {
    let (reached, peer) = match stream.local_addr().and_then(|addr| {
        stream.set_nodelay(true)?;
        Ok((addr, stream.peer_addr()?))
    }) {
        Ok(addrs) => addrs,
        Err(error) => {
            tracing::debug!(%error, "a connection ended before its first request");
            return;
        }
    };
    let (read, write) = stream.into_split();
    let (frames, requests) = mpsc::channel(PIPELINED_MAX);
    let (leaving, gone) = watch::channel(false);
    let client = Client { reached, peer, gone };
    let reading = read_ahead(read, frames, leaving, stopping);
    let answering = answer_all(&node, &client, requests, write);
    // Reading ends first when the client leaves; answering ends first when the client is cut off, and then
    // nothing more is to be read.
    tokio::pin!(reading, answering);
    tokio::select! {
        () = &mut reading => answering.await,
        () = &mut answering => {}
    }
}

async fn read_ahead(
    mut read: impl AsyncRead + Unpin,
    frames: mpsc::Sender<Frame>,
    leaving: watch::Sender<bool>,
    mut stopping: watch::Receiver<bool>,
) {
    let budget = frame::budget();
    loop {
        let next = async {
            let Some(frame) = frame::read(&mut read, &budget).await? else { return Ok(None) };
            let slot = frames.reserve().await.ok();
            Ok::<_, frame::FrameError>(slot.map(|slot| (slot, frame)))
        };
        tokio::select! {
            next = next => match next {
                Ok(Some((slot, frame))) => slot.send(frame),
                Ok(None) => break,
                // Clients often close a connection whose last answer they have not read.
                Err(frame::FrameError::Io(error)) => {
                    tracing::debug!(%error, "a client left without a word");
                    break;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a connection is closed");
                    break;
                }
            },
            () = stopped(&mut stopping) => break,
        }
    }
    leaving.send_replace(true);
}

async fn answer_all(
    node: &Arc<Node>,
    client: &Client,
    mut requests: mpsc::Receiver<Frame>,
    mut write: impl AsyncWrite + Unpin,
) {
    // The share of a request is given back once it is answered.
    while let Some(Frame { bytes, _share }) = requests.recv().await {
        match wire::answer(node, client, bytes).await {
            Ok(None) => {}
            Ok(Some(answer)) => {
                if let Err(error) = write.write_all(&answer).await {
                    tracing::debug!(%error, "a client left before its answer");
                    return;
                }
            }
            Err(Refusal::Gone) => return,
            Err(Refusal::Fault) => {
                tracing::info!("a connection is cut, as ordered");
                return;
            }
            Err(refusal) => {
                let error = &refusal as &dyn std::error::Error;
                tracing::warn!(error, "a request is refused and its connection closed");
                return;
            }
        }
    }
}
