//! The frames of a connection: a length of four bytes, then a request.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

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

/// Reads the next request; `None` when the client has closed the connection.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<Bytes>, FrameError> {
    let mut head = [0; 4];
    match stream.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let announced = i32::from_be_bytes(head);
    let length = usize::try_from(announced)
        .ok()
        .filter(|length| *length <= REQUEST_BYTES_MAX)
        .ok_or(FrameError::Length(announced))?;
    let mut frame = BytesMut::with_capacity(length.min(TRUSTED_BYTES));
    let mut rest = stream.take(length as u64);
    while rest.limit() > 0 {
        if rest.read_buf(&mut frame).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(frame.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(mut bytes: &[u8]) -> Vec<Result<Option<Bytes>, String>> {
        let mut frames = Vec::new();
        loop {
            let frame = read(&mut bytes).await.map_err(|error| error.to_string());
            let last = !matches!(frame, Ok(Some(_)));
            frames.push(frame);
            if last {
                return frames;
            }
        }
    }

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
}
