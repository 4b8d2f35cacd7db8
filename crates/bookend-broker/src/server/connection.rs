//! One connection: requests are read ahead a little, and answered one by one, in order.
//!
//! Reading ahead is how a client that goes away is noticed while its request is parked: the end of
//! the stream turns `gone` true, and what waits for a generation or for records ends. What was read
//! before that is still answered, so records sent just before the client left are not lost.

use std::{io, sync::Arc};

use tokio::{
    io::AsyncRead,
    net::{TcpStream, tcp::OwnedWriteHalf},
    sync::{mpsc, watch},
};

use super::{
    Shared,
    frame::{Frame, FrameError, Intake},
    sending::{FILE_FAILED, send_all},
    stopped,
};
use crate::{
    memory::Held,
    wire::{self, Client, Refusal},
};

/// How many requests are read before they can be answered.
const PIPELINED_MAX: usize = 8;

/// Serves `stream` until the client leaves, is cut off, or `stopping` turns true.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream, stopping: watch::Receiver<bool>) {
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
    let held = Held::new(shared.memory.clone());
    let client = Client::new(reached, peer, gone, held);
    let intake = Intake::new(shared.limits, shared.memory.clone());
    let reading = read_ahead(intake, read, frames, leaving, stopping);
    let answering = answer_all(&shared, &client, requests, write);
    // Reading ends first when the client leaves; answering ends first when the client is cut off, and then
    // nothing more is to be read.
    tokio::pin!(reading, answering);
    tokio::select! {
        () = &mut reading => answering.await,
        () = &mut answering => {}
    }
}

async fn read_ahead(
    intake: Intake,
    mut read: impl AsyncRead + Unpin,
    frames: mpsc::Sender<Frame>,
    leaving: watch::Sender<bool>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let next = async {
            let Some(frame) = intake.read(&mut read).await? else { return Ok(None) };
            let slot = frames.reserve().await.ok();
            Ok::<_, FrameError>(slot.map(|slot| (slot, frame)))
        };
        tokio::select! {
            next = next => match next {
                Ok(Some((slot, frame))) => slot.send(frame),
                Ok(None) => break,
                // Clients often close a connection whose last answer they have not read.
                Err(FrameError::Io(error)) => {
                    tracing::debug!(%error, "a client left without a word");
                    break;
                }
                Err(error @ FrameError::Idle(_)) => {
                    tracing::debug!(%error, "a connection is closed");
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
    shared: &Shared,
    client: &Client,
    mut requests: mpsc::Receiver<Frame>,
    write: OwnedWriteHalf,
) {
    // The share of a request is given back once it is answered.
    while let Some(Frame { bytes, _share }) = requests.recv().await {
        let answered = wire::answer(&shared.node, client, bytes).await;
        let written = match answered {
            Ok(None) => Ok(()),
            Ok(Some(answer)) => send_all(&shared.limits, write.as_ref(), answer).await,
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
        };
        if let Err(error) = written {
            match error.kind() {
                io::ErrorKind::TimedOut => tracing::warn!(%error, "a connection is closed"),
                FILE_FAILED => {
                    tracing::error!(%error, "records cannot be sent, and a connection is closed");
                    shared.node.open_files.give_up();
                }
                _ => tracing::debug!(%error, "a client left before its answer"),
            }
            return;
        }
        client.held.release();
    }
}
