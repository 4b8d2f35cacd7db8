//! Answers on their way out: what is in memory as it is, what is in files by the kernel, without a copy here.
//!
//! Upstream: [`wire`](crate::wire), which makes answers. Downstream: the socket.

use std::io::{self, IoSlice};

use tokio::{net::TcpStream, task::coop::consume_budget, time::timeout};

use super::{frame::PACE_BYTES, limits::Limits};
use crate::{
    records::InFile,
    wire::{Answer, Next},
};

/// How many pieces in memory are sent with one call.
const SLICES: usize = 16;

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
        // A client that reads as fast as this sends leaves time to others.
        consume_budget().await;
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

/// Sends what there is room for: `sendfile(2)`. It reads the disk where the page cache does not have it.
#[cfg(target_os = "linux")]
fn send_file(stream: &TcpStream, file: &InFile) -> io::Result<usize> {
    let mut at = file.place.at;
    let bytes = stream.try_io(tokio::io::Interest::WRITABLE, || {
        Ok(rustix::fs::sendfile(stream, &*file.place.file, Some(&mut at), file.place.bytes)?)
    })?;
    if bytes == 0 {
        let message = "a segment of a log was cut while it was sent";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    }
    Ok(bytes)
}

#[cfg(not(target_os = "linux"))]
fn send_file(_stream: &TcpStream, _file: &InFile) -> io::Result<usize> {
    unreachable!("no file is kept open for an answer")
}
