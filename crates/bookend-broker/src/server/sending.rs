//! Answers on their way out: what is in memory as it is, what is in files by the kernel, without a copy here.
//!
//! Upstream: [`wire`](crate::wire), which makes answers. Downstream: the socket.

use std::io::{self, IoSlice};

use bookend_log::Located;
use tokio::{net::TcpStream, task::yield_now, time::timeout};

use super::{frame::PACE_BYTES, limits::Limits};
use crate::wire::{Answer, Next};

/// The kind of an error that is not the client's, but of a file that was to be sent.
pub(super) const FILE_FAILED: io::ErrorKind = io::ErrorKind::InvalidData;
/// How many pieces in memory are sent with one call.
const SLICES: usize = 16;
/// How much of a file is sent with one call. It waits for the disk where the page cache does not have that.
const PIECE_BYTES: usize = 256 * 1024;
/// How much of it is copied, where the kernel does not send it.
const COPIED_BYTES: usize = 64 * 1024;

/// Sends an answer as fast as the client reads it, and gives up on one who does not.
pub(super) async fn send_all(
    limits: &Limits,
    stream: &TcpStream,
    mut answer: Answer,
) -> io::Result<()> {
    let mut is_sent = false;
    while !is_sent {
        let stalled =
            |_| io::Error::new(io::ErrorKind::TimedOut, "a client does not read its answer");
        let sending = send_some(stream, &mut answer);
        is_sent = timeout(limits.stalled, sending).await.map_err(stalled)??;
    }
    Ok(())
}

/// Sends about [`PACE_BYTES`], or all there is; whether that was all.
async fn send_some(stream: &TcpStream, answer: &mut Answer) -> io::Result<bool> {
    let mut sent = 0;
    while sent < PACE_BYTES {
        if sent > 0 {
            // A client that reads as fast as this sends leaves time to others.
            yield_now().await;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let now = match answer.next(&mut slices) {
            None => return Ok(true),
            Some(Next::Memory { slices: count, then_file }) => {
                send_slices(stream, &slices[..count], then_file)
            }
            Some(Next::File(file)) => send_file(stream, file),
        };
        match now {
            Ok(bytes) => {
                answer.advance(bytes);
                sent += bytes;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Sends what there is room for. What stands before records goes out together with them.
#[cfg(target_os = "linux")]
fn send_slices(stream: &TcpStream, slices: &[IoSlice<'_>], then_file: bool) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
    let more = if then_file { SendFlags::MORE } else { SendFlags::empty() };
    let flags = more | SendFlags::NOSIGNAL;
    stream.try_io(tokio::io::Interest::WRITABLE, || {
        Ok(sendmsg(stream, slices, &mut SendAncillaryBuffer::default(), flags)?)
    })
}

#[cfg(not(target_os = "linux"))]
fn send_slices(stream: &TcpStream, slices: &[IoSlice<'_>], _then_file: bool) -> io::Result<usize> {
    stream.try_write_vectored(slices)
}

/// Sends what there is room for, of a piece.
fn send_file(stream: &TcpStream, place: &Located) -> io::Result<usize> {
    let mut piece = place.clone();
    piece.bytes = piece.bytes.min(PIECE_BYTES);
    let sent = or_copied(stream, &piece, send_by_kernel(stream, &piece))?;
    if sent == 0 { Err(failed(&piece, &io::ErrorKind::UnexpectedEof.into())) } else { Ok(sent) }
}

fn failed(piece: &Located, error: &io::Error) -> io::Error {
    let message =
        format!("the file of a log cannot be read from its byte {} on: {error}", piece.at);
    io::Error::new(FILE_FAILED, message)
}

/// `sendfile(2)`.
#[cfg(target_os = "linux")]
fn send_by_kernel(stream: &TcpStream, piece: &Located) -> io::Result<usize> {
    let mut at = piece.at;
    stream.try_io(tokio::io::Interest::WRITABLE, || {
        Ok(rustix::fs::sendfile(stream, &*piece.file, Some(&mut at), piece.bytes)?)
    })
}

#[cfg(not(target_os = "linux"))]
fn send_by_kernel(_stream: &TcpStream, _piece: &Located) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What was sent, or else a copy: not every file system can send from files, nor may every process. And who copies is
/// told whether it is the file that fails.
fn or_copied(stream: &TcpStream, piece: &Located, sent: io::Result<usize>) -> io::Result<usize> {
    match sent {
        Err(error) if !is_of_socket(error.kind()) => send_copied(stream, piece),
        sent => sent,
    }
}

fn is_of_socket(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown,
        NetworkUnreachable, NotConnected, TimedOut, WouldBlock,
    };
    matches!(
        kind,
        BrokenPipe
            | ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
            | TimedOut
            | WouldBlock
    )
}

/// Reads what stands at the beginning, and sends what there is room for.
fn send_copied(stream: &TcpStream, piece: &Located) -> io::Result<usize> {
    let mut bytes = vec![0; piece.bytes.min(COPIED_BYTES)];
    let read = match piece.read_some(&mut bytes) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => {
            return Err(failed(piece, &error));
        }
        read => read?,
    };
    if read == 0 { Ok(0) } else { stream.try_write(&bytes[..read]) }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, sync::Arc};

    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connect = TcpStream::connect(listener.local_addr().unwrap());
        let (stream, accepted) = tokio::join!(connect, listener.accept());
        (stream.unwrap(), accepted.unwrap().0)
    }

    fn place(bytes: &[u8]) -> Located {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Located { file: Arc::new(file), at: 0, bytes: bytes.len() }
    }

    // Goal: where the kernel does not send from a file, it is copied, and the client gets the same.
    #[tokio::test]
    async fn what_cannot_be_sent_by_the_kernel_is_copied() {
        let bytes: Vec<u8> = (0..=255).cycle().take(COPIED_BYTES + 1_000).collect();
        let mut piece = place(&bytes);
        let (stream, mut client) = connected().await;
        let mut received = Vec::new();
        while piece.bytes > 0 {
            stream.writable().await.unwrap();
            let refused = Err(io::ErrorKind::InvalidInput.into());
            let sent = match or_copied(&stream, &piece, refused) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                sent => sent.unwrap(),
            };
            assert!((1..=COPIED_BYTES).contains(&sent));
            piece.at += sent as u64;
            piece.bytes -= sent;
            let mut part = vec![0; sent];
            client.read_exact(&mut part).await.unwrap();
            received.extend(part);
        }
        assert!(received == bytes);
    }

    // Goal: a file that fails is told from a client that leaves, whoever notices it. Method: a folder, which nobody sends
    // nor reads; a file that is shorter than its place; a client that is gone.
    #[tokio::test]
    async fn a_file_that_fails_is_told_from_a_client_that_leaves() {
        let (stream, client) = connected().await;
        stream.writable().await.unwrap();
        #[cfg(unix)]
        {
            let folder = Arc::new(std::fs::File::open("/").unwrap());
            let folder = Located { file: folder, at: 0, bytes: 9 };
            assert_eq!(send_file(&stream, &folder).unwrap_err().kind(), FILE_FAILED);
        }
        let cut = Located { bytes: 9, ..place(b"") };
        assert_eq!(send_file(&stream, &cut).unwrap_err().kind(), FILE_FAILED);
        drop(client);
        let whole = place(b"records");
        let error = loop {
            stream.writable().await.unwrap();
            if let Err(error) = send_file(&stream, &whole)
                && error.kind() != io::ErrorKind::WouldBlock
            {
                break error;
            }
        };
        assert!(is_of_socket(error.kind()), "{error}");
    }
}
