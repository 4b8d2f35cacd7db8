//! What the handles and the worker of one sender share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::stats::Stats;
use crate::recorder::{Bell, Source};

/// The way in for new sources, and what is left when the worker is gone.
pub(super) struct Shared {
    pub(super) bell: &'static Bell,
    state: Mutex<State>,
}

enum State {
    /// Sources the worker has not taken in yet.
    Open(Vec<Box<dyn Source>>),
    /// The worker's last word, and its sources: they still count what is recorded too late.
    Closed(Stats, Vec<Box<dyn Source>>),
}

impl Shared {
    pub(super) fn new(bell: &'static Bell) -> Self {
        Self { bell, state: Mutex::new(State::Open(Vec::new())) }
    }

    /// Puts a source before the worker; gives it back when the worker is gone.
    pub(super) fn add(&self, source: Box<dyn Source>) -> Result<(), Box<dyn Source>> {
        match &mut *self.state() {
            State::Open(arrivals) => arrivals.push(source),
            State::Closed(..) => return Err(source),
        }
        self.bell.ring();
        Ok(())
    }

    /// The sources that arrived since the last call.
    pub(super) fn arrivals(&self) -> Vec<Box<dyn Source>> {
        match &mut *self.state() {
            State::Open(arrivals) => std::mem::take(arrivals),
            State::Closed(..) => Vec::new(),
        }
    }

    /// The worker's last word. From here on the handles count by themselves.
    pub(super) fn close(&self, stats: Stats, mut sources: Vec<Box<dyn Source>>) -> Stats {
        let mut state = self.state();
        if let State::Open(arrivals) = &mut *state {
            sources.append(arrivals);
        }
        for source in &sources {
            source.close();
        }
        let whole = total(stats, &sources);
        *state = State::Closed(stats, sources);
        whole
    }

    /// The stats once the worker is gone.
    pub(super) fn closed_stats(&self) -> Option<Stats> {
        match &*self.state() {
            State::Open(_) => None,
            State::Closed(stats, sources) => Some(total(*stats, sources)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn total(stats: Stats, sources: &[Box<dyn Source>]) -> Stats {
    sources.iter().fold(stats, |stats, source| stats.with(&source.counts()))
}
