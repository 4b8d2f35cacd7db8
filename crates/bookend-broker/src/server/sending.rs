//! Answers on their way out: what is in memory as it is, what is in files by the kernel, without a copy here.
//!
//! Upstream: [`wire`](crate::wire), which makes answers. Downstream: the socket.

use std::io::{self, IoSlice};

use bookend_log::Located;
#[cfg(target_os = "linux")]
use tokio::io::Interest;
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
    stream.try_io(Interest::WRITABLE, || {
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
    #[cfg(target_os = "linux")]
    let sent = match send_by_kernel(stream, &piece) {
        Err(error) if !is_refused(&error) => return Err(error),
        Err(_) => send_copied(stream, &piece)?,
        Ok(sent) => sent,
    };
    #[cfg(not(target_os = "linux"))]
    let sent = send_copied(stream, &piece)?;
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
    stream.try_io(Interest::WRITABLE, || {
        let sent = rustix::fs::sendfile(stream, &*piece.file, Some(&mut at), piece.bytes);
        sent.map_err(|error| match error {
            // Sockets do not know this one.
            rustix::io::Errno::IO => failed(piece, &error.into()),
            error => error.into(),
        })
    })
}

/// Whether the system does not send from this file at all: not every file system can, nor may every process.
#[cfg(target_os = "linux")]
fn is_refused(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let refusals = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::PERM];
    refusals.iter().any(|refusal| error.raw_os_error() == Some(refusal.raw_os_error()))
}

/// Reads what stands at the beginning, and sends what there is room for.
fn send_copied(stream: &TcpStream, piece: &Located) -> io::Result<usize> {
    let mut bytes = vec![0; piece.bytes.min(COPIED_BYTES)];
    let read = piece.read_some(&mut bytes).map_err(|error| failed(piece, &error))?;
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
            let sent = match send_copied(&stream, &piece) {
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

    // Goal: only a refusal of the call itself is answered with a copy, no failure of disk or client.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_refusal_is_told_from_a_failure() {
        let (stream, client) = connected().await;
        stream.writable().await.unwrap();
        // The kernel sends from no folder and no terminal.
        let folder = Located { file: Arc::new(std::fs::File::open("/").unwrap()), at: 0, bytes: 9 };
        let refused = send_by_kernel(&stream, &folder).unwrap_err();
        assert!(is_refused(&refused), "{refused}");
        assert_eq!(send_by_kernel(&stream, &place(b"")).unwrap(), 0);
        drop(client);
        for kind in [io::ErrorKind::BrokenPipe, io::ErrorKind::WouldBlock] {
            assert!(!is_refused(&kind.into()));
        }
        let cut = Located { bytes: 9, ..place(b"") };
        assert_eq!(send_file(&stream, &cut).unwrap_err().kind(), FILE_FAILED);
    }
}
