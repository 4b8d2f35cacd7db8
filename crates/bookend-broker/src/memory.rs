//! What requests and answers in flight may hold in memory, all connections together.
//!
//! Every connection has [`OWN_BYTES`] for its small requests, as many for the beginning of a large one and as many for
//! its answer; what is larger takes [`Room`] in a [`Memory`] that all share, and gives it back when the answer is
//! written. So small requests never wait for large ones, and a client that reads slowly holds what it asked for and no
//! more. One half of the memory is for requests as they arrive, the other one for what they are decoded into and
//! answered with: who announces much and sends little never keeps others from fetching. Upstream: [`server`](crate::server) for
//! frames, [`wire`](crate::wire) for what they are decoded into and answered with.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a connection may have in memory without asking: of requests, and again of an answer.
pub(crate) const OWN_BYTES: usize = 64 * 1024;
/// The least room for records: the largest batch of a topic without settings, and what stands around it.
const FETCH_BYTES: usize = 1024 * 1024 + OWN_BYTES;
/// What one array element of a request is reckoned to take, decoded and answered.
pub(crate) const ELEMENT_BYTES: usize = 512;

/// The memory that all connections share.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// For requests as they arrive.
    arriving: Arc<Semaphore>,
    /// For what is decoded and answered.
    answering: Arc<Semaphore>,
    /// How many bytes each of the two has in all.
    half: usize,
    /// How long one waits for room.
    patience: Duration,
}

/// A part of the shared memory; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: usize,
    /// None for what stands to a connection anyway.
    share: Option<OwnedSemaphorePermit>,
}

/// There was no room in time.
#[derive(Debug, thiserror::Error)]
#[error("requests and answers of all connections leave no room in memory for it")]
pub(crate) struct Full;

impl Memory {
    pub(crate) fn new(bytes: usize, patience: Duration) -> Self {
        let half = (bytes / 2).min(u32::MAX as usize).min(Semaphore::MAX_PERMITS);
        let (arriving, answering) = (Semaphore::new(half), Semaphore::new(half));
        Self { arriving: Arc::new(arriving), answering: Arc::new(answering), half, patience }
    }

    /// The most that requests may take as they arrive.
    pub(crate) fn arriving_max(&self) -> usize {
        self.half
    }

    /// Takes room for so many bytes of a request that arrives, and waits for it; not if there can never be so much.
    pub(crate) async fn take_arriving(&self, bytes: usize) -> Result<Room, Full> {
        self.take_of(&self.arriving, bytes).await
    }

    /// Takes room for so many bytes of an answer, or of what is decoded for it, and waits for it; not if there can
    /// never be so much.
    pub(crate) async fn take(&self, bytes: usize) -> Result<Room, Full> {
        self.take_of(&self.answering, bytes).await
    }

    async fn take_of(&self, part: &Arc<Semaphore>, bytes: usize) -> Result<Room, Full> {
        let permits = u32::try_from(bytes).ok().filter(|_| bytes <= self.half).ok_or(Full)?;
        let share = Arc::clone(part).acquire_many_owned(permits);
        match tokio::time::timeout(self.patience, share).await {
            Ok(Ok(share)) => Ok(Room { bytes, share: Some(share) }),
            _ => Err(Full),
        }
    }

    /// Takes room for at most so many bytes of records: half of what is free, so that the next one finds some too, but
    /// enough for one batch. Where that is not free, only what stands to a connection anyway.
    pub(crate) fn take_what_is_free(&self, bytes: usize) -> Room {
        let fair = (self.answering.available_permits() / 2).max(FETCH_BYTES);
        let shared = bytes.min(fair).min(self.half);
        let permits = u32::try_from(shared).ok().filter(|_| shared > OWN_BYTES);
        let share = permits
            .and_then(|permits| Arc::clone(&self.answering).try_acquire_many_owned(permits).ok());
        Room { bytes: if share.is_some() { shared } else { bytes.min(OWN_BYTES) }, share }
    }

    /// Takes room for one batch, and waits for it.
    pub(crate) async fn take_for_batch(&self) -> Result<Room, Full> {
        self.take(FETCH_BYTES.min(self.half)).await
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.answering.available_permits()
    }

    #[cfg(test)]
    pub(crate) fn free_to_arrive(&self) -> usize {
        self.arriving.available_permits()
    }
}

impl Room {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is no more than stands to a connection anyway.
    pub(crate) fn is_own(&self) -> bool {
        self.share.is_none()
    }

    /// Gives back all but `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let too_much = self.bytes.saturating_sub(bytes);
        if let Some(share) = &mut self.share {
            drop(share.split(too_much));
        }
        self.bytes -= too_much;
    }
}

/// What the request that a connection is answering holds.
#[derive(Debug)]
pub(crate) struct Held {
    memory: Memory,
    rooms: Mutex<Vec<Room>>,
}

impl Held {
    pub(crate) fn new(memory: Memory) -> Self {
        Self { memory, rooms: Mutex::default() }
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Keeps `room` until the answer is written.
    pub(crate) fn keep(&self, room: Room) {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).push(room);
    }

    /// Takes room for a request of so many array elements, or for so many in its answer, if they are more than a few.
    pub(crate) async fn take_elements(&self, elements: usize) -> Result<(), Full> {
        self.take(elements.saturating_mul(ELEMENT_BYTES)).await
    }

    /// Takes room for so many bytes that an answer is going to have, if they are more than a few.
    pub(crate) async fn take(&self, bytes: usize) -> Result<(), Full> {
        if bytes > OWN_BYTES {
            self.keep(self.memory.take(bytes).await?);
        }
        Ok(())
    }

    /// Makes sure of room for an answer of so many bytes, and waits for what is missing: a batch that is larger than its
    /// fetch asked for, or the names of many topics.
    pub(crate) async fn cover(&self, bytes: usize) -> Result<(), Full> {
        let held: usize = {
            let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
            rooms.iter().filter(|room| room.share.is_some()).map(Room::bytes).sum()
        };
        let missing = bytes.saturating_sub(held);
        if missing > OWN_BYTES {
            self.keep(self.memory.take(missing).await?);
        }
        Ok(())
    }

    /// Gives back all but `bytes`: a request that waits takes less than one that is decoded and answered.
    pub(crate) fn shrink(&self, mut bytes: usize) {
        for room in &mut *self.rooms.lock().unwrap_or_else(PoisonError::into_inner) {
            room.shrink(bytes);
            bytes -= room.bytes();
        }
    }

    /// Gives everything back: the answer is written.
    pub(crate) fn release(&self) {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn memory() -> Memory {
        Memory::new(8 * MIB, Duration::from_secs(1))
    }

    // Goal: whoever asks for much leaves something to the next, and small ones never wait.
    #[tokio::test]
    async fn what_is_left_is_shared() {
        let memory = Memory::new(32 * MIB, Duration::from_secs(1));
        let mut rooms = Vec::new();
        for granted in [8 * MIB, 4 * MIB, 2 * MIB, FETCH_BYTES] {
            let room = memory.take_what_is_free(55 * MIB);
            assert_eq!((room.bytes(), room.is_own()), (granted, false));
            rooms.push(room);
        }
        let own = memory.take_what_is_free(OWN_BYTES);
        assert_eq!((own.bytes(), own.is_own()), (OWN_BYTES, true));
        while memory.free() >= FETCH_BYTES {
            rooms.push(memory.take_for_batch().await.unwrap());
        }
        let none = Memory::new(0, Duration::ZERO).take_what_is_free(MIB);
        assert_eq!((none.bytes(), none.is_own()), (OWN_BYTES, true));
        let little = memory.take_what_is_free(55 * MIB);
        assert_eq!((little.bytes(), little.is_own()), (OWN_BYTES, true));
        drop(rooms);
        assert_eq!(memory.free(), 16 * MIB);
    }

    #[tokio::test]
    async fn a_room_that_was_too_large_is_given_back() {
        let memory = memory();
        let mut room = memory.take_what_is_free(MIB);
        room.shrink(1_000);
        assert_eq!((room.bytes(), memory.free()), (1_000, 4 * MIB - 1_000));
        let mut own = memory.take_what_is_free(10);
        own.shrink(100);
        assert_eq!(own.bytes(), 10);
    }

    // Goal: who finds no room waits, but not for ever. Method: paused time.
    #[tokio::test(start_paused = true)]
    async fn waiting_for_room_ends() {
        let memory = memory();
        let room = memory.take(3 * MIB).await.unwrap();
        assert!(memory.take(2 * MIB).await.is_err());
        let waiting = memory.take(2 * MIB);
        let giving = async { drop(room) };
        let (taken, ()) = tokio::join!(waiting, giving);
        assert_eq!(taken.unwrap().bytes(), 2 * MIB);
    }

    // Goal: a request that waits holds less than one that is answered.
    #[tokio::test]
    async fn who_waits_gives_back_what_it_does_not_need() {
        let memory = memory();
        let held = Held::new(memory.clone());
        held.take_elements(1_024).await.unwrap();
        held.take_elements(2_048).await.unwrap();
        held.shrink(600 * 1024);
        assert_eq!(memory.free(), 4 * MIB - 600 * 1024);
        held.shrink(MIB);
        assert_eq!(memory.free(), 4 * MIB - 600 * 1024, "shrinking does not grow");
        held.shrink(0);
        assert_eq!(memory.free(), 4 * MIB);
    }

    // Goal: an answer is counted once, whether its room was taken before or is looked for now.
    #[tokio::test(start_paused = true)]
    async fn an_answer_is_covered_by_what_is_held() {
        let memory = memory();
        let held = Held::new(memory.clone());
        held.take_elements(100).await.unwrap();
        assert_eq!(memory.free(), 4 * MIB, "a few are free");
        held.take_elements(1_024).await.unwrap();
        held.cover(512 * 1024 + OWN_BYTES).await.unwrap();
        assert_eq!(memory.free(), 4 * MIB - 512 * 1024);
        held.cover(MIB).await.unwrap();
        assert_eq!(memory.free(), 3 * MIB);
        assert!(held.cover(5 * MIB).await.is_err());
        held.release();
        assert_eq!(memory.free(), 4 * MIB);
    }
}
