//! The engine and its workers on a scripted transport and a paused clock: nothing here waits in real time.

mod handling;
mod flow;
mod rebalance;
mod ending;
mod health;
mod random;
mod wiring;

use std::{
    collections::BTreeMap,
    panic::Location,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::{
    fake::{Asked, at, run},
    *,
};
use crate::{
    Position,
    extract::{Batch, Json, State, tests::message},
    settle::{Failure, Outcome, fatal, permanent, transient},
    topic::{Offset, TopicName},
};

const SECOND: Duration = Duration::from_secs(1);

/// What the handlers of a test share.
#[derive(Clone)]
struct Shared {
    /// Offsets in the order in which their handling ended.
    handled: Arc<Mutex<Vec<i64>>>,
    calls: Arc<AtomicU32>,
    /// Each call takes one, where a test wants to hold handlers up.
    permits: Arc<Semaphore>,
}

impl Shared {
    fn new() -> Self {
        Self {
            handled: Arc::default(),
            calls: Arc::default(),
            permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }

    fn held_up() -> Self {
        Self { permits: Arc::new(Semaphore::new(0)), ..Self::new() }
    }

    fn handled(&self) -> Vec<i64> {
        self.handled.lock().unwrap().clone()
    }

    fn calls(&self) -> u32 {
        self.calls.load(SeqCst)
    }
}

async fn note(Json(_): Json<u32>, at: Position, State(shared): State<Shared>) {
    shared.calls.fetch_add(1, SeqCst);
    shared.permits.acquire().await.unwrap().forget();
    shared.handled.lock().unwrap().push(at.offset.0);
}

/// Fails as often as the value says, then succeeds.
async fn fail_first(
    Json(times): Json<u32>,
    at: Position,
    State(shared): State<Shared>,
) -> Result<(), Failure> {
    if shared.calls.fetch_add(1, SeqCst) < times {
        return Err(transient("not yet"));
    }
    shared.handled.lock().unwrap().push(at.offset.0);
    Ok(())
}

async fn note_all(
    batch: Batch<(Json<i32>, Position)>,
    State(shared): State<Shared>,
) -> Result<(), Failure> {
    shared.calls.fetch_add(1, SeqCst);
    if batch.iter().any(|(Json(value), _)| *value < 0) {
        return Err(permanent("below zero"));
    }
    shared.permits.acquire().await.unwrap().forget();
    shared.handled.lock().unwrap().extend(batch.iter().map(|(_, at)| at.offset.0));
    Ok(())
}

fn service(shared: &Shared) -> Service<()> {
    Service::new("group").on("T", note).with_state(shared.clone())
}

fn counts(stats: &ServiceStats) -> (u64, u64, u64, u64) {
    let TopicStats { consumed, done, skipped, retries } =
        stats.topics[&TopicName::new("T").unwrap()];
    (consumed, done, skipped, retries)
}
