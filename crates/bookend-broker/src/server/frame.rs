//! The frames of a connection: a length of four bytes, then a request; read no faster than there is room, and no slower
//! than is fair to the others.

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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    const MAX: usize = 1024 * 1024;

    fn intake() -> (Intake, Memory) {
        let limits = Limits { request_bytes: MAX, ..Limits::default() };
        let memory = Memory::new(2 * MAX, limits.stalled);
        (Intake::new(limits, memory.clone()), memory)
    }

    async fn read_all(mut bytes: &[u8]) -> Vec<Result<Option<Bytes>, String>> {
        let mut frames = Vec::new();
        let (intake, _) = intake();
        loop {
            let frame = intake.read(&mut bytes).await.map_err(|error| error.to_string());
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
        for announced in [-1, i32::MIN, i32::MAX, 1024 * 1024 + 1] {
            let frames = read_all(&announced.to_be_bytes()).await;
            assert!(matches!(&frames[..], [Err(_)]), "{announced}: {frames:?}");
        }
    }

    // Goal: a client that sends faster than it is answered holds one largest request in memory, not more, and all
    // clients together no more than there is for all.
    #[tokio::test]
    async fn what_is_read_ahead_is_bounded() {
        let (intake, memory) = intake();
        let frame = |length: usize| {
            let mut bytes = u32::try_from(length).unwrap().to_be_bytes().to_vec();
            bytes.resize(4 + length, 7);
            bytes
        };
        let small = intake.read(&mut &frame(3)[..]).await.unwrap().unwrap();
        let large = intake.read(&mut &frame(OWN_BYTES + 1)[..]).await.unwrap().unwrap();
        assert!(!intake.is_quiet());
        assert_eq!(intake.small.available_permits(), OWN_BYTES - 3);
        assert_eq!(intake.large.available_permits(), MAX - OWN_BYTES - 1);
        assert_eq!(memory.free_to_arrive(), MAX - 1, "the first step is its own");
        drop((small, large));
        assert!(intake.is_quiet());
        assert_eq!(memory.free_to_arrive(), MAX);
    }

    // Goal: a length alone takes nothing of what all share; what arrives does, and nothing that answers need.
    #[tokio::test(start_paused = true)]
    async fn room_is_taken_as_a_request_arrives() {
        let (intake, memory) = intake();
        let (mut client, mut server) = tokio::io::duplex(2 * OWN_BYTES);
        let free = || (memory.free_to_arrive(), memory.free());
        let announce = async {
            client.write_all(&u32::try_from(MAX).unwrap().to_be_bytes()).await.unwrap();
            client.write_all(&vec![7; OWN_BYTES - 1]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(free(), (MAX, MAX));
            client.write_all(&[7]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(free(), (MAX - (AHEAD - 1) * OWN_BYTES, MAX));
        };
        tokio::select! {
            ended = intake.read(&mut server) => panic!("{ended:?}"),
            () = announce => {}
        }
        assert_eq!(free(), (MAX, MAX));
    }

    // Goal: no length makes us hold more than a little ahead of what arrives; and a frame that is there holds no more
    // than its bytes, so that handing it on copies nothing.
    #[test]
    fn room_grows_with_what_arrives() {
        for length in [1, OWN_BYTES, OWN_BYTES + 1, 70 * OWN_BYTES + 3] {
            let mut arrived = 0;
            while arrived < length {
                let more = more(arrived, length);
                assert!(more > 0 && more <= (3 * arrived).max(OWN_BYTES), "{more} of {length}");
                arrived += more;
            }
            assert_eq!(arrived, length);
        }
    }

    // Goal: half a request is waited for, but not for ever, however it is cut. Method: paused time.
    #[tokio::test(start_paused = true)]
    async fn half_a_request_ends_the_connection() {
        for half in [&[0][..], &[0, 0, 0, 9, 1, 2]] {
            let (intake, memory) = intake();
            let (mut client, mut server) = tokio::io::duplex(64);
            client.write_all(half).await.unwrap();
            let begin = Instant::now();
            let ended = intake.read(&mut server).await;
            assert!(matches!(ended, Err(FrameError::Stalled)), "{ended:?}");
            assert!(begin.elapsed() >= intake.limits.stalled);
            assert!(intake.is_quiet() && memory.free_to_arrive() == MAX);
        }
    }

    // Goal: any values of the limits are valid, the largest and the smallest ones too.
    #[tokio::test]
    async fn no_limit_is_too_far_away() {
        let far = Limits { idle: Duration::MAX, stalled: Duration::MAX, ..Limits::default() };
        let limits = Limits { request_bytes: usize::MAX, memory_bytes: usize::MAX, ..far };
        let memory = Memory::new(limits.memory_bytes, limits.stalled);
        let frame = Intake::new(limits, memory).read(&mut &[0, 0, 0, 1, 7][..]).await.unwrap();
        assert_eq!(frame.unwrap().bytes, [7][..]);
        let none = Limits { request_bytes: 0, memory_bytes: 0, ..far };
        let intake = Intake::new(none, Memory::new(0, Duration::ZERO));
        assert!(intake.read(&mut &[0, 0, 0, 1, 7][..]).await.is_err());
    }

    // Goal: a trickle is no progress: four MiB have to arrive in time.
    #[tokio::test(start_paused = true)]
    async fn a_trickle_ends_the_connection() {
        let (intake, _) = intake();
        let (mut client, mut server) = tokio::io::duplex(64);
        let trickle = async {
            client.write_all(&[0, 0, 1, 0]).await.unwrap();
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                client.write_all(&[7]).await.unwrap();
            }
        };
        let begin = Instant::now();
        tokio::select! {
            ended = intake.read(&mut server) => assert!(matches!(ended, Err(FrameError::Stalled))),
            () = trickle => unreachable!(),
        }
        assert!(begin.elapsed() < intake.limits.stalled + Duration::from_secs(2));
    }

    // Goal: an idle connection ends; one that waits for its answer is not idle.
    #[tokio::test(start_paused = true)]
    async fn only_a_quiet_connection_is_idle() {
        let (intake, _) = intake();
        let (_client, mut server) = tokio::io::duplex(64);
        let parked = intake.read(&mut &[0, 0, 0, 1, 7][..]).await.unwrap().unwrap();
        let idle = intake.limits.idle;
        let answer = async {
            tokio::time::sleep(idle * 5 / 2).await;
            drop(parked);
        };
        let begin = Instant::now();
        let (ended, ()) = tokio::join!(intake.read(&mut server), answer);
        assert!(matches!(ended, Err(FrameError::Idle(_))), "{ended:?}");
        assert!(begin.elapsed() >= 3 * idle);
    }
}
