//! The frames of a connection: a length of four bytes, then a request.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// The largest request taken; Apache Kafka's `socket.request.max.bytes`.
pub(super) const REQUEST_BYTES_MAX: usize = 100 * 1024 * 1024;
/// What is allocated on the word of a length alone; the rest grows with what arrives.
const TRUSTED_BYTES: usize = 64 * 1024;

/// Why no more requests are read from a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a request of {0} bytes is announced; at most {REQUEST_BYTES_MAX} are taken")]
    Length(i32),
    #[error("reading failed")]
    Io(#[from] std::io::Error),
}

/// A request, with its share of what one connection may have in memory.
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    pub(super) _share: OwnedSemaphorePermit,
}

/// What one connection may have in memory: one request of the largest size, or several smaller ones.
pub(super) fn budget() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(REQUEST_BYTES_MAX))
}

/// Reads the next request, once there is room for it; `None` when the client has closed the connection.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    budget: &Arc<Semaphore>,
) -> Result<Option<Frame>, FrameError> {
    let mut head = [0; 4];
    match stream.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let announced = i32::from_be_bytes(head);
    let announced = u32::try_from(announced).map_err(|_| FrameError::Length(announced))?;
    let length = announced as usize;
    if length > REQUEST_BYTES_MAX {
        return Err(FrameError::Length(announced.cast_signed()));
    }
    // The budget is never closed; were it, nothing more would be read.
    let Ok(share) = Arc::clone(budget).acquire_many_owned(announced).await else { return Ok(None) };
    let mut frame = BytesMut::with_capacity(length.min(TRUSTED_BYTES));
    let mut rest = stream.take(length as u64);
    while rest.limit() > 0 {
        if rest.read_buf(&mut frame).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Frame { bytes: frame.freeze(), _share: share }))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(mut bytes: &[u8]) -> Vec<Result<Option<Bytes>, String>> {
        let mut frames = Vec::new();
        let budget = budget();
        loop {
            let frame = read(&mut bytes, &budget).await.map_err(|error| error.to_string());
            let frame = frame.map(|frame| frame.map(|frame| frame.bytes));
            let last = !matches!(frame, Ok(Some(_)));
            frames.push(frame);
            if last {
                return frames;
            }
        }
    }

    // Goal: frames are cut where their length says, and a length out of bounds ends the connection.
    #[tokio::test]
    async fn frames_are_cut_out_and_lies_refused() {
        let frames = read_all(&[0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 9, 1]).await;
        assert_eq!(
            frames,
            [Ok(Some(Bytes::from_static(&[1, 2]))), Ok(Some(Bytes::new())), Ok(None)]
        );
        for announced in [-1, i32::MIN, i32::MAX, 100 * 1024 * 1024 + 1] {
            let frames = read_all(&announced.to_be_bytes()).await;
            assert!(matches!(&frames[..], [Err(_)]), "{announced}: {frames:?}");
        }
    }

    // Goal: a client that sends faster than it is answered holds one largest request in memory, not more.
    #[tokio::test]
    async fn what_is_read_ahead_is_bounded() {
        let budget = budget();
        let bytes = [0, 0, 0, 3, 1, 2, 3];
        let first = read(&mut &bytes[..], &budget).await.unwrap().unwrap();
        assert_eq!(budget.available_permits(), REQUEST_BYTES_MAX - 3);
        drop(first);
        assert_eq!(budget.available_permits(), REQUEST_BYTES_MAX);
    }
}
