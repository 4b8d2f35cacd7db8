//! Those who wait for records: parked fetches, each of which watches its partitions.
//!
//! A waiter says how many bytes it waits for and sleeps until so many have arrived, in whichever of its partitions. To
//! watch, to stop watching and to be told are one step each, however many others wait.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use tokio::sync::Notify;

/// Who watches one partition, by the address of the waiter.
#[derive(Debug, Default)]
pub(super) struct Waiters(Mutex<HashMap<usize, Arc<Waiter>>>);

/// One who waits for bytes in any of several partitions.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    missing: AtomicI64,
    notify: Notify,
}

/// Keeps a waiter known to a partition.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    waiters: &'a Waiters,
    key: usize,
}

impl Waiter {
    /// Sets how many bytes are waited for; what arrived before does not count.
    pub(crate) fn wait_for(&self, bytes: u64) {
        self.missing.store(signed(bytes), Ordering::Release);
    }

    /// Counts bytes that arrived; says whether they are enough.
    pub(crate) fn count(&self, bytes: u64) -> bool {
        let bytes = signed(bytes);
        self.missing.fetch_sub(bytes, Ordering::AcqRel) <= bytes
    }

    /// Waits until enough has arrived, or something else has happened that must be looked at.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}

impl Waiters {
    pub(super) fn watch(&self, waiter: &Arc<Waiter>) -> Watch<'_> {
        let key = Arc::as_ptr(waiter).addr();
        self.lock().insert(key, Arc::clone(waiter));
        Watch { waiters: self, key }
    }

    /// Tells everyone of new bytes, and wakes those for whom that is enough.
    pub(super) fn arrived(&self, bytes: u64) {
        for waiter in self.lock().values() {
            if waiter.count(bytes) {
                waiter.notify.notify_one();
            }
        }
    }

    /// Wakes everyone, whatever they wait for.
    pub(super) fn wake_all(&self) {
        for waiter in self.lock().values() {
            waiter.notify.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Arc<Waiter>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.waiters.lock().remove(&self.key);
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn is_woken(waiter: &Waiter) -> bool {
        tokio::time::timeout(Duration::ZERO, waiter.woken()).await.is_ok()
    }

    // Goal: one is woken by enough bytes, in any of its partitions, and by nothing else. Method: two partitions, two
    // waiters, and pieces that add up.
    #[tokio::test]
    async fn a_waiter_is_woken_when_enough_has_arrived() {
        let (first, second) = (Waiters::default(), Waiters::default());
        let (both, other) = (Arc::new(Waiter::default()), Arc::new(Waiter::default()));
        both.wait_for(100);
        other.wait_for(1);
        let _watches = [first.watch(&both), second.watch(&both)];
        let watch = second.watch(&other);
        first.arrived(60);
        assert!(!is_woken(&both).await && !is_woken(&other).await);
        second.arrived(39);
        assert!(!is_woken(&both).await && is_woken(&other).await);
        drop(watch);
        second.arrived(1);
        assert!(is_woken(&both).await && !is_woken(&other).await);
        assert_eq!((first.lock().len(), second.lock().len()), (1, 1));
        both.wait_for(100);
        first.wake_all();
        assert!(is_woken(&both).await);
    }
}
