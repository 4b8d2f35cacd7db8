//! The frames of a connection: a length of four bytes, then a request; read no faster than there is room, and no slower
//! than is fair to the others.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};

use super::limits::Limits;
use crate::memory::{Full, Memory, OWN_BYTES, Room};

/// What must get through within [`Limits::stalled`].
pub(super) const PACE_BYTES: usize = 4 * 1024 * 1024;
/// No client is given longer than this: an instant farther away might not exist.
const PATIENCE_MAX: Duration = Duration::from_hours(24 * 365);
/// How many times as much as has arrived of a request a connection may hold for it.
const AHEAD: usize = 4;

/// Why no more requests are read from a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a request of {announced} bytes is announced; at most {max} are taken")]
    Length { announced: i32, max: usize },
    #[error("a request is announced and does not arrive")]
    Stalled,
    #[error("nothing was asked for {0:?}")]
    Idle(Duration),
    #[error("a large request is announced")]
    Full(#[from] Full),
    #[error("reading failed")]
    Io(#[from] std::io::Error),
}

/// A request, with its share of what one connection and all of them may have in memory.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    pub(super) _share: Share,
}

#[derive(Debug)]
pub(super) struct Share {
    _own: OwnedSemaphorePermit,
    _rooms: Vec<Room>,
}

/// What one connection may have in memory: one large request, or several that are together as large, and
/// [`OWN_BYTES`] of small ones beside them.
#[derive(Debug)]
pub(super) struct Intake {
    limits: Limits,
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    large_max: usize,
    memory: Memory,
}

impl Intake {
    pub(super) fn new(mut limits: Limits, memory: Memory) -> Self {
        limits.stalled = limits.stalled.min(PATIENCE_MAX);
        let room = memory.arriving_max() + OWN_BYTES;
        let large_max = limits.request_bytes.min(room).min(i32::MAX as usize);
        let small = Arc::new(Semaphore::new(OWN_BYTES));
        let large = Arc::new(Semaphore::new(large_max));
        Self { limits, small, large, large_max, memory }
    }

    /// Reads the next request, and takes room for it as it arrives; `None` when the client has closed the connection.
    pub(super) async fn read(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<Frame>, FrameError> {
        let Some(head) = self.read_head(stream).await? else { return Ok(None) };
        let announced = i32::from_be_bytes(head);
        let length = usize::try_from(announced).ok().filter(|length| *length <= self.large_max);
        let Some(length) = length else {
            return Err(FrameError::Length { announced, max: self.large_max });
        };
        let own = self.own(length).await;
        let mut rooms = Vec::new();
        let mut frame = Vec::new();
        let mut rest = stream.take(length as u64);
        let mut due = Instant::now() + self.limits.stalled;
        let mut in_time = PACE_BYTES;
        while rest.limit() > 0 {
            if frame.len() == frame.capacity() {
                let more = more(frame.len(), length);
                if !frame.is_empty() {
                    rooms.push(self.memory.take_arriving(more).await?);
                    // That took its time, which was not the client's.
                    due = Instant::now() + self.limits.stalled;
                }
                frame.reserve_exact(more);
            }
            let read = timeout_at(due, rest.read_buf(&mut frame)).await;
            if read.map_err(|_| FrameError::Stalled)?? == 0 {
                return Ok(None);
            }
            if frame.len() >= in_time {
                in_time += PACE_BYTES;
                due = Instant::now() + self.limits.stalled;
            }
        }
        Ok(Some(Frame { bytes: frame.into(), _share: Share { _own: own, _rooms: rooms } }))
    }

    async fn read_head(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<[u8; 4]>, FrameError> {
        let mut head = [0; 4];
        let mut filled = 0;
        while filled < head.len() {
            let Limits { idle, stalled, .. } = self.limits;
            let patience = if filled == 0 { idle } else { stalled };
            match timeout(patience, stream.read(&mut head[filled..])).await {
                Ok(Ok(0)) => return Ok(None),
                Ok(read) => filled += read?,
                Err(_) if filled > 0 => return Err(FrameError::Stalled),
                Err(_) if self.is_quiet() => return Err(FrameError::Idle(idle)),
                // The client waits for an answer, as it may.
                Err(_) => {}
            }
        }
        Ok(Some(head))
    }

    /// Whether every request that was read has been answered.
    fn is_quiet(&self) -> bool {
        self.small.available_permits() == OWN_BYTES
            && self.large.available_permits() == self.large_max
    }

    /// What a request takes of that which its connection may have.
    async fn own(&self, length: usize) -> OwnedSemaphorePermit {
        let own = if length <= OWN_BYTES { &self.small } else { &self.large };
        let permits = u32::try_from(length).expect("the largest request fits");
        let own = Arc::clone(own).acquire_many_owned(permits).await;
        own.expect("it is never closed")
    }
}

/// How much room to make for more of a frame of `length` bytes, of which `arrived` are there: never more than it has,
/// and not much more than has arrived. The first step is a connection's own.
fn more(arrived: usize, length: usize) -> usize {
    (arrived * (AHEAD - 1)).max(OWN_BYTES).min(length - arrived)
}
