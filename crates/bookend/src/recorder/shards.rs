//! Where tasks leave their values: a few buffers, each behind a lock that nobody waits for.
//!
//! Up the stream: recorders and topics, on any thread. Down the stream: [`source`](super::source), on the worker's.

use std::{
    cell::Cell,
    sync::{
        Mutex, MutexGuard, OnceLock, TryLockError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::Thread,
    time::Instant,
};

/// Slots of a shard at first. Two milliseconds of a burst must fit before the worker has looked once.
const SLOTS: usize = 4_096;

/// Slots of a shard at most; past this, what is recorded faster than it is gathered is dropped and counted.
pub(crate) const SLOTS_MAX: usize = 65_536;

/// Why a shard did not take a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Every shard was locked by another thread at this moment.
    Contended,
    /// Every free shard was full.
    Full,
    /// The sender was shut down.
    Closed,
}

/// One value with the time it was recorded, which orders it among its neighbors.
#[derive(Debug)]
pub(crate) struct Stamped<T> {
    pub(crate) at: Instant,
    pub(crate) value: T,
}

/// What a source knows of its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceCounts {
    /// All that tasks ever recorded here.
    pub(crate) recorded: u64,
    /// Left in shards, or held back for the next tick.
    pub(crate) waiting: u64,
    /// Dropped before the worker saw it.
    pub(crate) refused: [(Refusal, u64); 3],
}

/// Wakes the worker when it sleeps, and costs one load when it does not.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// Set by the worker before its last look at the shards, so a value it did not see finds this set: both go
    /// through the shard's lock, which orders them.
    asleep: AtomicBool,
    worker: OnceLock<Thread>,
}

impl Bell {
    /// Names the thread that this bell wakes. Called once, by that thread.
    pub(crate) fn belongs_to(&self, worker: Thread) {
        let first = self.worker.set(worker);
        debug_assert!(first.is_ok(), "a bell wakes one thread");
    }

    /// Says that the worker is about to sleep until it is woken.
    pub(crate) fn lie_down(&self) {
        self.asleep.store(true, Ordering::Release);
    }

    /// Says that the worker is up.
    pub(crate) fn get_up(&self) {
        self.asleep.store(false, Ordering::Release);
    }

    /// Wakes the worker if it lay down.
    #[inline]
    fn ring_if_asleep(&self) {
        if self.asleep.load(Ordering::Acquire) && self.asleep.swap(false, Ordering::AcqRel) {
            self.ring();
        }
    }

    /// Wakes the worker whether it lay down or dozes between two ticks.
    pub(crate) fn ring(&self) {
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }
}

#[derive(Debug)]
struct Shard<T> {
    /// Never grows in place: only the worker swaps in a larger one.
    items: Vec<Stamped<T>>,
    recorded: u64,
    closed: bool,
}

/// Two cache lines apart, because processors fetch lines in pairs.
#[repr(align(128))]
#[derive(Debug)]
struct Aligned<T>(Mutex<Shard<T>>);

/// The buffers of one recorder, and the counts of what did not get in.
#[derive(Debug)]
pub(crate) struct Shards<T> {
    shards: Box<[Aligned<T>]>,
    bell: &'static Bell,
    /// Off the hot path, so plain atomics: one for each [`Refusal`].
    refused: [AtomicU64; 3],
}

impl<T> Shards<T> {
    pub(crate) fn new(bell: &'static Bell) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let empty = || Shard { items: Vec::with_capacity(SLOTS), recorded: 0, closed: false };
        let shards = (0..(2 * cores).next_power_of_two()).map(|_| Aligned(Mutex::new(empty())));
        Self { shards: shards.collect(), bell, refused: Default::default() }
    }

    /// Leaves `value` for the worker, or drops it and counts why.
    pub(crate) fn record(&self, at: Instant, value: T) {
        if let Err((refusal, _)) = self.push(at, value) {
            self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Leaves `value` for the worker. A refused value comes back and is not counted.
    pub(crate) fn push(&self, at: Instant, value: T) -> Result<(), (Refusal, T)> {
        let home = home();
        let mut refusal = Refusal::Contended;
        for step in 0..self.shards.len() {
            // The length is a power of two.
            let index = home.wrapping_add(step) & (self.shards.len() - 1);
            let Some(mut shard) = try_lock(&self.shards[index].0) else { continue };
            if shard.closed {
                return Err((Refusal::Closed, value));
            }
            let (used, slots) = (shard.items.len(), shard.items.capacity());
            if used == slots {
                refusal = Refusal::Full;
                continue;
            }
            shard.items.push(Stamped { at, value });
            shard.recorded += 1;
            drop(shard);
            if used + 1 == slots / 2 {
                self.bell.ring(); // sooner than its tick
            } else {
                self.bell.ring_if_asleep();
            }
            return Ok(());
        }
        Err((refusal, value))
    }

    /// Swaps each shard's values for an empty buffer and hands them to `take`, one shard's lock at a time.
    pub(crate) fn drain(&self, spare: &mut Vec<Stamped<T>>, mut take: impl FnMut(Stamped<T>)) {
        for Aligned(shard) in &self.shards {
            {
                let mut shard = lock(shard);
                if shard.items.is_empty() {
                    continue;
                }
                let slots = shard.items.capacity();
                let crowded = shard.items.len() > slots / 4 * 3 && slots < SLOTS_MAX;
                let wanted = if crowded { slots * 2 } else { slots };
                if spare.capacity() < wanted {
                    *spare = Vec::with_capacity(wanted);
                }
                std::mem::swap(&mut shard.items, spare);
            }
            spare.drain(..).for_each(&mut take);
        }
    }

    /// From now on every value is refused as [`Refusal::Closed`].
    pub(crate) fn close(&self) {
        for Aligned(shard) in &self.shards {
            lock(shard).closed = true;
        }
    }

    /// What was recorded, what waits here and what was refused; balanced, as each count is read once.
    pub(crate) fn counts(&self) -> SourceCounts {
        let refused = [Refusal::Contended, Refusal::Full, Refusal::Closed]
            .map(|refusal| (refusal, self.refused[refusal as usize].load(Ordering::Relaxed)));
        let mut recorded = refused.iter().map(|(_, count)| count).sum();
        let mut waiting = 0;
        for Aligned(shard) in &self.shards {
            let shard = lock(shard);
            recorded += shard.recorded;
            waiting += shard.items.len() as u64;
        }
        SourceCounts { recorded, waiting, refused }
    }
}

/// Nothing panics under these locks but an allocation of the worker's, and then no value is half written.
fn lock<T>(shard: &Mutex<Shard<T>>) -> MutexGuard<'_, Shard<T>> {
    shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn try_lock<T>(shard: &Mutex<Shard<T>>) -> Option<MutexGuard<'_, Shard<T>>> {
    match shard.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// The shard this thread tries first: threads are dealt out one after the other.
#[inline]
fn home() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    const UNSET: usize = usize::MAX;
    thread_local!(static HOME: Cell<usize> = const { Cell::new(UNSET) });
    HOME.try_with(|home| {
        if home.get() == UNSET {
            home.set(NEXT.fetch_add(1, Ordering::Relaxed) % UNSET);
        }
        home.get()
    })
    .unwrap_or(0) // the thread is ending
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards() -> Shards<u64> {
        Shards::new(Box::leak(Box::default()))
    }

    fn drained(shards: &Shards<u64>) -> Vec<u64> {
        let mut values = Vec::new();
        shards.drain(&mut Vec::new(), |stamped| values.push(stamped.value));
        values
    }

    // Goal: whatever is recorded is either drained once or counted as refused, by several threads at once.
    #[test]
    fn loses_nothing_uncounted() {
        const EACH: u64 = 50_000;
        let shards = shards();
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..3u64)
                .map(|thread| {
                    let shards = &shards;
                    scope.spawn(move || {
                        for n in 0..EACH {
                            shards.record(Instant::now(), thread * EACH + n);
                        }
                    })
                })
                .collect();
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                seen.append(&mut drained(&shards));
            }
        });
        seen.append(&mut drained(&shards));
        let counts = shards.counts();
        let refused: u64 = counts.refused.iter().map(|(_, count)| count).sum();
        assert_eq!((counts.recorded, counts.waiting), (3 * EACH, 0));
        assert_eq!(seen.len() as u64 + refused, 3 * EACH);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len() as u64 + refused, 3 * EACH, "a value came twice");
    }

    // Goal: a full shard spills into its neighbors, then refuses with the value, and grows when it is drained.
    #[test]
    fn refuses_when_full_and_grows() {
        let shards = shards();
        let room = (shards.shards.len() * SLOTS) as u64;
        for value in 0..room {
            assert_eq!(shards.push(Instant::now(), value), Ok(()));
        }
        assert_eq!(shards.push(Instant::now(), 7), Err((Refusal::Full, 7)));
        assert_eq!(drained(&shards).len() as u64, room);
        for value in 0..2 * room {
            assert_eq!(shards.push(Instant::now(), value), Ok(()));
        }
    }

    #[test]
    fn refuses_when_closed() {
        let shards = shards();
        shards.close();
        shards.record(Instant::now(), 1);
        let counts = shards.counts();
        assert_eq!(counts.refused[2], (Refusal::Closed, 1));
        assert_eq!((counts.recorded, counts.waiting), (1, 0));
    }
}
