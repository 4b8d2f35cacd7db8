//! The engine and its workers on a scripted transport and a paused clock: nothing here waits in real time.

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

// Goal: messages are handled in order per partition, and their offsets committed within the interval.
#[tokio::test(start_paused = true)]
async fn handles_in_order_and_commits() {
    let shared = Shared::new();
    let service = service(&shared);
    let handle = service.handle();
    let running = run(service, &[0, 1]).await;
    running.messages(0, 5..8, "1");
    running.messages(1, 100..101, "1");
    running.pass(2 * SECOND).await;
    assert_eq!(running.asked(), [Asked::Commit(vec![(0, 8), (1, 101)])]);
    assert_eq!(counts(&handle.stats()), (4, 4, 0, 0));
    let mut handled = shared.handled();
    handled.retain(|offset| *offset < 100);
    assert_eq!(handled, [5, 6, 7]);
    running.pass(5 * SECOND).await;
    assert_eq!(running.asked(), [], "what is committed is not committed again");
}

// Goal: undecodable messages and panics are skipped and counted, and their neighbors go on.
#[tokio::test(start_paused = true)]
async fn poison_stays_alone() {
    async fn panics_at_7(Json(value): Json<u32>, at: Position, State(shared): State<Shared>) {
        assert_ne!(value, 7, "poison");
        shared.handled.lock().unwrap().push(at.offset.0);
    }
    let shared = Shared::new();
    let service = Service::new("group").on("T", panics_at_7).with_state(shared.clone());
    let handle = service.handle();
    let running = run(service, &[0]).await;
    for (offset, value) in [(0, "1"), (1, "no json"), (2, "7"), (3, "1")] {
        running.messages(0, offset..offset + 1, value);
    }
    running.pass(2 * SECOND).await;
    assert_eq!(shared.handled(), [0, 3]);
    assert_eq!(counts(&handle.stats()), (4, 2, 2, 0));
    assert_eq!(running.asked(), [Asked::Commit(vec![(0, 4)])]);
}

// Goal: a transient failure is retried in its place with growing waits, while other partitions go on; the handle
// says what is waited for, and nothing behind it is committed.
#[tokio::test(start_paused = true)]
async fn transient_failures_are_retried_in_place() {
    let shared = Shared::new();
    let service = Service::new("group").on("T", fail_first).with_state(shared.clone());
    let handle = service.handle();
    let running = run(service, &[0]).await;
    running.messages(0, 0..2, "8");
    running.pass(3 * SECOND).await;
    assert_eq!(running.asked(), [], "nothing is settled yet");
    let stats = handle.stats();
    assert!(stats.is_live(), "waiting is not dead");
    assert!(stats.waiting_for()[0].starts_with("T/0 offset 0 failed"), "{stats:?}");
    running.pass(30 * SECOND).await;
    assert_eq!(shared.handled(), [0, 1]);
    assert_eq!(counts(&handle.stats()), (2, 2, 0, 8));
    assert!(handle.stats().waiting_for().is_empty());
    assert_eq!(running.asked(), [Asked::Commit(vec![(0, 2)])]);
}

// Goal: a wait that the handler asks for is kept to the millisecond.
#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_it_was_told() {
    async fn later(State(shared): State<Shared>) -> Outcome {
        match shared.calls.fetch_add(1, SeqCst) {
            0 => Outcome::Retry { after: Some(Duration::from_secs(7)), cause: "busy".into() },
            _ => Outcome::Done,
        }
    }
    let shared = Shared::new();
    let running = run(Service::new("group").on("T", later).with_state(shared.clone()), &[0]).await;
    running.messages(0, 0..1, "");
    running.pass(Duration::from_millis(6_990)).await;
    assert_eq!(shared.calls(), 1);
    running.pass(Duration::from_millis(20)).await;
    assert_eq!(shared.calls(), 2);
}

// Goal: a fatal error stops the service with the message's position; that message is not committed, those before are.
#[tokio::test(start_paused = true)]
async fn a_fatal_error_stops_the_service() {
    async fn fatal_at_3(at: Position) -> Result<(), Failure> {
        if at.offset == Offset(3) { Err(fatal("the disk is gone")) } else { Ok(()) }
    }
    let running = run(Service::new("group").on("T", fatal_at_3), &[0]).await;
    running.messages(0, 0..6, "");
    let (result, asked) = running.end().await;
    let Err(RunError::Stopped { position, cause }) = result else { panic!("{result:?}") };
    assert_eq!((position.offset, cause.as_str()), (Offset(3), "the disk is gone"));
    assert_eq!(asked, [Asked::Commit(vec![(0, 3)]), Asked::Close]);
}

// Goal: a slow partition is paused at high water and resumed at low water, the others go on, and the thread polls.
#[tokio::test(start_paused = true)]
async fn a_slow_partition_is_paused_alone() {
    let shared = Shared::held_up();
    let service = service(&shared);
    let handle = service.handle();
    let running = run(service, &[0, 1]).await;
    running.messages(0, 0..1_000, "1");
    running.settle_down().await;
    running.messages(1, 0..1, "1");
    running.pass(Duration::from_millis(10)).await;
    assert_eq!((running.asked(), counts(&handle.stats()).0), (vec![], 1_000), "the grace");
    running.pass(Duration::from_millis(50)).await;
    assert_eq!(running.asked(), [Asked::Pause(0)]);
    assert_eq!(counts(&handle.stats()).0, 1_001, "the other partition goes on");
    assert!(handle.stats().partitions[0].is_paused);
    running.pass(10 * SECOND).await;
    assert!(handle.stats().last_poll.unwrap() <= Duration::from_millis(100), "polls while paused");
    shared.permits.add_permits(600);
    running.settle_down().await;
    let asked = running.asked();
    assert!(asked.contains(&Asked::Resume(0)), "at once, not at the next look: {asked:?}");
    shared.permits.add_permits(500);
    running.pass(2 * SECOND).await;
    assert_eq!(counts(&handle.stats()).1, 1_001);
}

// Goal: a lane that is full for less than the grace costs no pause, and nothing taken after is lost.
#[tokio::test(start_paused = true)]
async fn a_lane_that_empties_soon_is_not_paused() {
    let shared = Shared::new();
    let service = service(&shared);
    let handle = service.handle();
    let running = run(service, &[0]).await;
    running.messages(0, 0..25_000, "1");
    running.pass(2 * SECOND).await;
    assert_eq!(counts(&handle.stats()).1, 25_000);
    let asked = running.asked();
    assert!(asked.iter().all(|asked| matches!(asked, Asked::Commit(_))), "{asked:?}");
    assert_eq!(asked.last(), Some(&Asked::Commit(vec![(0, 25_000)])));
}

// Goal: a message that was polled while a pause was on its way is not lost.
#[tokio::test(start_paused = true)]
async fn messages_behind_a_pause_are_taken() {
    let shared = Shared::held_up();
    let running = run(service(&shared), &[0]).await;
    running.messages(0, 0..1_000, "1");
    running.pass(Duration::from_millis(100)).await;
    assert_eq!(running.asked(), [Asked::Pause(0)]);
    running.messages(0, 1_000..1_005, "1");
    shared.permits.add_permits(2_000);
    running.pass(2 * SECOND).await;
    assert_eq!(shared.handled(), (0..1_005).collect::<Vec<_>>());
}

// Goal: a revoke lets the handler at work end, commits it, drops what is queued, and only then gives up.
#[tokio::test(start_paused = true)]
async fn a_revoke_drains_then_commits_then_gives_up() {
    let shared = Shared::held_up();
    let running = run(service(&shared), &[0, 1]).await;
    running.messages(0, 0..10, "1");
    running.settle_down().await;
    running.revoke(&[0]);
    running.pass(3 * SECOND).await;
    assert_eq!(running.asked(), [], "the handler is at work");
    shared.permits.add_permits(1);
    running.settle_down().await;
    assert_eq!(running.asked(), [Asked::Commit(vec![(0, 1)]), Asked::Unassign(vec![0])]);
    assert_eq!((shared.calls(), shared.handled()), (1, vec![0]), "nothing new was begun");
    shared.permits.add_permits(1);
    running.messages(1, 0..1, "1");
    running.settle_down().await;
    assert_eq!(shared.handled(), [0, 0], "the partition that stays goes on");
}

// Goal: a handler that does not end in time is cut off, its message is not committed, and comes again.
#[tokio::test(start_paused = true)]
async fn a_revoke_does_not_wait_for_ever() {
    let shared = Shared::held_up();
    let running = run(service(&shared).with_drain_timeout(4 * SECOND), &[0]).await;
    shared.permits.add_permits(2);
    running.messages(0, 0..10, "1");
    running.settle_down().await;
    running.revoke(&[0]);
    running.pass(Duration::from_millis(3_900)).await;
    assert!(!running.asked().contains(&Asked::Unassign(vec![0])));
    running.pass(Duration::from_millis(200)).await;
    assert_eq!(running.asked(), [Asked::Unassign(vec![0])], "offset 2 was committed before");
    shared.permits.add_permits(100);
    running.pass(SECOND).await;
    assert_eq!(shared.handled(), [0, 1], "the handler was cut off");
}

// Goal: of what the group has taken away, nothing is committed.
#[tokio::test(start_paused = true)]
async fn a_lost_assignment_is_not_committed() {
    let shared = Shared::new();
    let running = run(service(&shared), &[0]).await;
    running.messages(0, 0..5, "1");
    running.settle_down().await;
    running.lose_unsaid();
    running.pass(3 * SECOND).await;
    assert_eq!((running.asked(), shared.handled().len()), (vec![], 5), "before the event comes");
    running.lose(&[0]);
    running.pass(3 * SECOND).await;
    assert_eq!(running.asked(), [Asked::Unassign(vec![0])]);
}

// Goal: what an earlier assignment's worker completes does not count for the next one of the same partition.
#[tokio::test(start_paused = true)]
async fn completions_after_a_revoke_are_ignored() {
    let shared = Shared::held_up();
    let service = service(&shared).with_drain_timeout(Duration::ZERO);
    let handle = service.handle();
    let running = run(service, &[0]).await;
    running.messages(0, 0..1, "1");
    running.settle_down().await;
    // The old assignment's worker reports offset 0 as settled after the new one has taken it again.
    let late = Arc::clone(&running.mailbox);
    running.revoke(&[0]);
    running.pass(4 * SECOND).await;
    running.give(Event::Assigned(vec![at(0)]));
    running.messages(0, 0..1, "1");
    running.settle_down().await;
    running.asked();
    late.settled(1, [Offset(0)].into_iter(), crate::settle::Settled::Done);
    running.pass(2 * SECOND).await;
    assert_eq!(running.asked(), [], "offset 0 is still at work");
    assert_eq!(counts(&handle.stats()).1, 0);
    shared.permits.add_permits(10);
    running.pass(2 * SECOND).await;
    assert_eq!(running.asked(), [Asked::Commit(vec![(0, 1)])]);
}

// Goal: a shutdown lets handlers end, commits, leaves, and says what comes again.
#[tokio::test(start_paused = true)]
async fn a_shutdown_drains() {
    let shared = Shared::held_up();
    let running = run(service(&shared), &[0]).await;
    running.messages(0, 0..10, "1");
    running.settle_down().await;
    running.stop();
    running.pass(3 * SECOND).await;
    assert!(!running.is_over());
    shared.permits.add_permits(1);
    let (report, asked) = running.end().await;
    let report = report.unwrap();
    assert_eq!(asked, [Asked::Commit(vec![(0, 1)]), Asked::Close]);
    assert_eq!(report.given_back, 9);
    assert_eq!((report.cut_off, report.uncommitted), (vec![], vec![]));
}

// Goal: a shutdown ends by its deadlines, also when neither handler nor broker answers, and the report says so.
#[tokio::test(start_paused = true)]
async fn a_shutdown_is_bounded() {
    let shared = Shared::held_up();
    let running = run(service(&shared).with_drain_timeout(4 * SECOND), &[0]).await;
    running.silence_commits();
    shared.permits.add_permits(1);
    running.messages(0, 0..10, "1");
    running.settle_down().await;
    let begun = tokio::time::Instant::now();
    running.stop();
    let (report, asked) = running.end().await;
    let report = report.unwrap();
    assert!(begun.elapsed() <= 8 * SECOND, "{:?}", begun.elapsed());
    assert_eq!(asked, [Asked::Commit(vec![(0, 1)]), Asked::Close]);
    assert_eq!(report.given_back, 9);
    assert_eq!((report.cut_off, report.uncommitted), (vec![at(0)], vec![at(0)]));
}

// Goal: a service that nobody waits for commits what is settled and leaves at once.
#[tokio::test(start_paused = true)]
async fn an_abandoned_service_leaves() {
    let shared = Shared::held_up();
    let running = run(service(&shared), &[0]).await;
    shared.permits.add_permits(2);
    running.messages(0, 0..10, "1");
    running.settle_down().await;
    running.abandon();
    running.settle_down().await;
    assert!(running.is_over());
    assert_eq!(running.asked(), [Asked::Commit(vec![(0, 2)]), Asked::Close]);
}

// Goal: a shutdown does not wait for a message that is being tried again.
#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_waits_of_retries() {
    let shared = Shared::new();
    let running =
        run(Service::new("group").on("T", fail_first).with_state(shared.clone()), &[0]).await;
    running.messages(0, 0..1, "1000");
    running.pass(60 * SECOND).await;
    running.stop();
    running.settle_down().await;
    assert!(running.is_over());
    assert_eq!(running.end().await.0.unwrap().given_back, 1);
}

// Goal: a batch is called when it is full, or when its first message has waited; never for longer.
#[tokio::test(start_paused = true)]
async fn batches_by_count_and_by_time() {
    let shared = Shared::new();
    let batch = BatchOf::records(3).or_after(Duration::from_millis(50));
    let service = Service::new("group").on_batch("T", note_all, batch).with_state(shared.clone());
    let running = run(service, &[0]).await;
    running.messages(0, 0..7, "1");
    running.settle_down().await;
    assert_eq!((shared.calls(), shared.handled().len()), (2, 6));
    running.pass(Duration::from_millis(60)).await;
    assert_eq!((shared.calls(), shared.handled().len()), (3, 7));
}

// Goal: in a batch, what cannot be decoded and what fails for good are left aside alone; all others are handled.
#[tokio::test(start_paused = true)]
async fn poison_in_a_batch_stays_alone() {
    let shared = Shared::new();
    let batch = BatchOf::records(100).or_after(Duration::from_millis(50));
    let service = Service::new("group").on_batch("T", note_all, batch).with_state(shared.clone());
    let handle = service.handle();
    let running = run(service, &[0]).await;
    for offset in 0..100 {
        let value = match offset {
            17 => "no json",
            0 | 42 | 99 => "-1",
            _ => "1",
        };
        running.messages(0, offset..offset + 1, value);
    }
    running.pass(2 * SECOND).await;
    let expected: Vec<_> = (0..100).filter(|offset| ![0, 17, 42, 99].contains(offset)).collect();
    assert_eq!(shared.handled(), expected, "in order");
    assert_eq!(counts(&handle.stats()), (100, 96, 4, 0));
    assert_eq!(running.asked(), [Asked::Commit(vec![(0, 100)])]);
}

// Goal: an assignment whose committed offsets cannot be read is tried again until they can.
#[tokio::test(start_paused = true)]
async fn an_assignment_is_tried_again() {
    let shared = Shared::new();
    let service = service(&shared);
    let handle = service.handle();
    let running = run(service, &[]).await;
    running.refuse_assigns(2);
    running.give(Event::Assigned(vec![at(0)]));
    running.settle_down().await;
    assert!(handle.stats().waiting_for()[0].contains("no coordinator"));
    running.pass(Duration::from_millis(2_100)).await;
    assert_eq!(running.asked(), vec![Asked::Assign(vec![0]); 3]);
    running.messages(0, 0..1, "1");
    running.settle_down().await;
    assert_eq!(shared.handled(), [0]);
    assert!(handle.stats().waiting_for().is_empty());
}

// Goal: one partition that cannot be assigned holds up no other. It is tried again, beside what comes later, and
// health says so until it can.
#[tokio::test(start_paused = true)]
async fn one_bad_partition_holds_up_no_other() {
    let shared = Shared::new();
    let service = service(&shared);
    let handle = service.handle();
    let running = run(service, &[]).await;
    running.forbid(&[1]);
    running.give(Event::Assigned(vec![at(0), at(1)]));
    running.messages(0, 0..3, "1");
    running.settle_down().await;
    assert_eq!(shared.handled(), [0, 1, 2]);
    assert_eq!(handle.stats().partitions.len(), 1);
    running.give(Event::Assigned(vec![at(2)]));
    running.pass(3 * SECOND).await;
    running.reachable(3, true);
    running.settle_down().await;
    assert!(handle.stats().waiting_for()[0].contains("T/1: not allowed"));
    running.forbid(&[]);
    running.pass(SECOND).await;
    running.reachable(3, true);
    running.settle_down().await;
    assert!(handle.stats().waiting_for().is_empty());
    let assigned: Vec<_> =
        handle.stats().partitions.iter().map(|at| at.partition.partition.0).collect();
    assert_eq!(assigned, [0, 1, 2]);
}

// Goal: a partition that is revoked before it could be assigned is not tried again, not even as an empty answer.
#[tokio::test(start_paused = true)]
async fn a_revoked_partition_is_not_tried_again() {
    let shared = Shared::new();
    let running = run(service(&shared), &[]).await;
    running.forbid(&[1]);
    running.give(Event::Assigned(vec![at(1)]));
    running.settle_down().await;
    running.revoke(&[1]);
    running.pass(3 * SECOND).await;
    assert_eq!(running.asked(), [Asked::Assign(vec![1]), Asked::Unassign(vec![1])]);
}

// Goal: a service that drains answers the group: the other members need not wait for its handlers.
#[tokio::test(start_paused = true)]
async fn the_group_is_answered_while_draining() {
    let shared = Shared::held_up();
    let service = service(&shared);
    let handle = service.handle();
    let running = run(service, &[0]).await;
    running.messages(0, 0..1, "1");
    running.settle_down().await;
    running.stop();
    running.give(Event::Assigned(vec![at(1)]));
    running.settle_down().await;
    assert!(!running.is_over());
    assert_eq!(running.asked(), [Asked::Assign(vec![])]);
    assert_eq!(handle.stats().partitions.len(), 1);
}

// Goal: a partition that stands still shows, though nothing was ever settled in it; trouble, what is in hand and what
// is fetched to its end explain the silence. Method: each of them ends the count.
#[tokio::test(start_paused = true)]
async fn a_partition_that_stands_still_shows() {
    let shared = Shared::new();
    let service = service(&shared);
    let handle = service.handle();
    let running = run(service, &[]).await;
    running.have_committed(5);
    running.give(Event::Assigned(vec![at(0)]));
    running.reachable(9, false);
    running.pass(29 * SECOND).await;
    assert!(handle.stats().waiting_for().is_empty());
    running.reachable(9, false);
    running.pass(2 * SECOND).await;
    let stats = handle.stats();
    assert_eq!(
        (stats.partitions[0].lag, stats.partitions[0].settled_below),
        (Some(4), Some(Offset(5)))
    );
    assert_eq!(stats.waiting_for(), ["T/0: nothing has come for 31 s, and not all is fetched"]);
    assert!(stats.is_live());

    running.messages(0, 5..6, "1");
    running.settle_down().await;
    assert!(handle.stats().waiting_for().is_empty());
    running.reachable(9, false);
    running.pass(31 * SECOND).await;
    assert_eq!(handle.stats().waiting_for().len(), 1);
    running.reachable(9, true);
    running.settle_down().await;
    assert!(handle.stats().waiting_for().is_empty());
    running.reachable(9, false);
    running.give(Event::Trouble("all brokers are down".into()));
    running.pass(31 * SECOND).await;
    running.reachable(9, false);
    running.settle_down().await;
    assert!(handle.stats().waiting_for().is_empty());

    shared.permits.forget_permits(Semaphore::MAX_PERMITS);
    running.messages(0, 6..7, "1");
    running.reachable(9, false);
    running.pass(31 * SECOND).await;
    assert!(handle.stats().waiting_for().is_empty());
}

// Goal: headers count for high water as values do.
#[tokio::test(start_paused = true)]
async fn headers_count_for_high_water() {
    let shared = Shared::held_up();
    let running = run(service(&shared), &[0]).await;
    let mut large = crate::Message { partition: at(0).partition, ..message(0, "1") };
    large.headers.push("large", vec![0; engine::HIGH_WATER.bytes]);
    running.give(Event::Message(large));
    running.pass(SECOND).await;
    assert_eq!(running.asked(), [Asked::Pause(0)]);
}

// Goal: a commit that failed is tried again, before a partition is given up.
#[tokio::test(start_paused = true)]
async fn a_failed_commit_is_tried_again() {
    let shared = Shared::new();
    let running = run(service(&shared), &[0]).await;
    running.silence_commits();
    running.messages(0, 0..2, "1");
    running.settle_down().await;
    running.revoke(&[0]);
    running.settle_down().await;
    assert_eq!(running.asked(), [Asked::Commit(vec![(0, 2)])]);
    running.give(Event::CommitFailed { partitions: vec![at(0)], reason: "rebalancing".into() });
    running.pass(Duration::from_millis(400)).await;
    assert_eq!(running.asked(), [Asked::Commit(vec![(0, 2)])]);
    running.give(Event::Committed(vec![(at(0), Offset(2))]));
    running.settle_down().await;
    assert_eq!(running.asked(), [Asked::Unassign(vec![0])]);
}

// Goal: trouble with the brokers is said once and does not end the service; health shows it, and that it is over.
#[tokio::test(start_paused = true)]
async fn trouble_passes() {
    let shared = Shared::new();
    let service = service(&shared);
    let handle = service.handle();
    let running = run(service, &[0]).await;
    running.give(Event::Trouble("all brokers are down".into()));
    running.pass(600 * SECOND).await;
    let stats = handle.stats();
    assert!(stats.is_live());
    assert_eq!(stats.waiting_for(), ["the brokers: all brokers are down"]);
    running.reachable(9, false);
    running.messages(0, 0..3, "1");
    running.settle_down().await;
    let stats = handle.stats();
    assert!(stats.waiting_for().is_empty());
    assert_eq!(stats.partitions[0].lag, Some(6));
}

// Goal: a handler past its timeout makes the service not live, and is not cut off.
#[tokio::test(start_paused = true)]
async fn a_handler_past_its_timeout_shows() {
    let shared = Shared::held_up();
    let service = service(&shared).with_handler_timeout(5 * SECOND);
    let handle = service.handle();
    let running = run(service, &[0]).await;
    running.messages(0, 0..1, "1");
    running.pass(4 * SECOND).await;
    assert!(handle.stats().is_live());
    running.pass(2 * SECOND).await;
    assert!(!handle.stats().is_live());
    assert!(handle.stats().partitions[0].is_overdue);
    shared.permits.add_permits(1);
    running.settle_down().await;
    assert!(handle.stats().is_live());
    assert_eq!(shared.handled(), [0]);
}

// Goal: an offset that is not in the log ends the service with an error that names the choice.
#[tokio::test(start_paused = true)]
async fn an_expired_offset_is_an_error() {
    let running = run(service(&Shared::new()), &[0]).await;
    let (next, first, end) = (Offset(5), Offset(10), Offset(20));
    running.give(Event::OutOfRange { partition: at(0), next, first, end });
    let error = running.end().await.0.unwrap_err().to_string();
    for words in ["T/0", "10 to 20", "at 5", "group `group`", "reset"] {
        assert!(error.contains(words), "{words} in {error}");
    }
}

/// Fails in every way, as the value says; notes each offset before it is settled, and how often that was.
async fn misbehave(
    Json(how): Json<u32>,
    at: Position,
    State(resolved): State<Resolved>,
) -> Result<(), Failure> {
    let times = {
        let mut resolved = resolved.lock().unwrap();
        let times = resolved.entry((at.partition.0, at.offset.0)).or_default();
        *times += 1;
        *times
    };
    match how {
        1 if times % 3 != 0 => Err(transient("not yet")),
        2 => Err(permanent("never")),
        3 => panic!("a panic on purpose"),
        4 => {
            tokio::time::sleep(Duration::from_millis(700)).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// By partition and offset, the calls there were.
type Resolved = Arc<Mutex<BTreeMap<(i32, i64), u32>>>;

#[derive(Debug, Clone)]
enum Act {
    Messages(i32, i64),
    Assign(i32),
    Revoke(i32),
    Lose(i32),
    Pass(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..3, 1i64..30).prop_map(|(partition, count)| Act::Messages(partition, count)),
        2 => (0..3).prop_map(Act::Assign),
        1 => (0..3).prop_map(Act::Revoke),
        1 => (0..3).prop_map(Act::Lose),
        3 => (1u64..3_000).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 1..60)
}

/// What Kafka knows of each partition: who has it, what is next for that one, and what is committed.
#[derive(Debug, Default)]
struct Known {
    is_assigned: bool,
    is_leaving: bool,
    next: i64,
    committed: i64,
}

/// Holds what was asked against what is known. `Err` when a commit passed an offset that was never handled.
fn check(asked: Vec<Asked>, known: &mut [Known], resolved: &Resolved) -> Result<(), TestCaseError> {
    let resolved = resolved.lock().unwrap();
    for asked in asked {
        match asked {
            Asked::Commit(marks) => {
                for (partition, mark) in marks {
                    let all = (0..mark).all(|offset| resolved.contains_key(&(partition, offset)));
                    prop_assert!(all, "partition {partition} was committed at {mark}");
                    let known = &mut known[usize::try_from(partition).unwrap()];
                    prop_assert!(known.is_assigned && mark <= known.next);
                    known.committed = mark;
                }
            }
            Asked::Unassign(partitions) => {
                for partition in partitions {
                    let known = &mut known[usize::try_from(partition).unwrap()];
                    (known.is_assigned, known.is_leaving) = (false, false);
                }
            }
            Asked::Assign(_) | Asked::Pause(_) | Asked::Resume(_) | Asked::Close => {}
        }
    }
    Ok(())
}

async fn act_out(acts: Vec<Act>) -> Result<(), TestCaseError> {
    let resolved = Resolved::default();
    let service = Service::new("group").on("T", misbehave).with_state(Arc::clone(&resolved));
    let handle = service.handle();
    let running = run(service.with_drain_timeout(2 * SECOND), &[]).await;
    let mut known: [Known; 3] = Default::default();
    for act in acts {
        match act {
            Act::Messages(partition, count) => {
                let known = &mut known[usize::try_from(partition).unwrap()];
                if known.is_assigned && !known.is_leaving {
                    for offset in known.next..known.next + count {
                        let how = ["0", "1", "0", "2", "0", "3", "4", "no json"];
                        let value =
                            how[usize::try_from(offset * 5 + i64::from(partition)).unwrap() % 8];
                        if value == "no json" {
                            resolved.lock().unwrap().insert((partition, offset), 0);
                        }
                        running.messages(partition, offset..offset + 1, value);
                    }
                    known.next += count;
                }
            }
            Act::Assign(partition) => {
                let known = &mut known[usize::try_from(partition).unwrap()];
                if !known.is_assigned {
                    (known.is_assigned, known.next) = (true, known.committed);
                    running.give(Event::Assigned(vec![at(partition)]));
                }
            }
            Act::Revoke(partition) | Act::Lose(partition) => {
                let is_lost = matches!(act, Act::Lose(_));
                let known = &mut known[usize::try_from(partition).unwrap()];
                if known.is_assigned && !known.is_leaving {
                    known.is_leaving = true;
                    if is_lost { running.lose(&[partition]) } else { running.revoke(&[partition]) }
                }
            }
            Act::Pass(millis) => running.pass(Duration::from_millis(millis)).await,
        }
        // Rebalances come one at a time, and the log is read before the next step.
        running.settle_down().await;
        while known.iter().any(|known| known.is_leaving) {
            running.pass(Duration::from_millis(50)).await;
            check(running.asked(), &mut known, &resolved)?;
        }
        check(running.asked(), &mut known, &resolved)?;
    }
    running.stop();
    let (report, asked) = running.end().await;
    check(asked, &mut known, &resolved)?;
    let (consumed, done, skipped, _) = counts(&handle.stats());
    prop_assert_eq!(consumed, done + skipped + report.unwrap().given_back);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    // Goal: whatever comes and goes and fails, no commit passes a message that was not handled, and every message
    // taken is settled once or given back. Method: random acts against a model of what Kafka knows.
    #[test]
    fn no_commit_passes_an_unhandled_message(acts in acts()) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(act_out(acts))?;
    }
}

// Goal: a worker that dies, by a fault in something that is dropped, ends the service instead of standing still.
#[tokio::test(start_paused = true)]
async fn a_dead_worker_ends_the_service() {
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("dropped on purpose");
        }
    }
    // The call itself does not panic: what the future keeps does, when the future is dropped after its end.
    let handler = || {
        let kept = PanicsWhenDropped;
        futures_util::future::poll_fn(move |_| {
            let _ = &kept;
            std::task::Poll::Ready(())
        })
    };
    let running = run(Service::new("group").on("T", handler), &[0]).await;
    running.messages(0, 0..1, "");
    let error = running.end().await.0.unwrap_err();
    assert!(matches!(error, RunError::WorkerGone { .. }), "{error:?}");
}

/// A connection that must not be tried.
struct Never;

impl Connect for Never {
    type Transport = fake::Fake;

    async fn connect(self, _: Subscription, _: Wake) -> Result<fake::Fake, TransportError> {
        panic!("connected in spite of faults")
    }
}

// Goal: every fault of the wiring is reported at once, with its line, before anything is connected.
#[tokio::test]
async fn wrong_wiring_does_not_connect() {
    async fn nothing() {}
    let line = Location::caller().line();
    let service = Service::new("")
        .on("A", nothing)
        .on("no spaces", nothing)
        .on("A", nothing)
        .with_partitions(0);
    let error = service.run(Never, std::future::pending()).await.unwrap_err();
    let RunError::Misuse(faults) = &error else { panic!("{error:?}") };
    assert_eq!(faults.len(), 4);
    let text = error.to_string();
    for offset in 1..=5 {
        assert!(
            text.contains(&format!("service/tests.rs:{}", line + offset)),
            "{offset} in {text}"
        );
    }
}

/// A service's own thread, with a transport that has three messages.
struct ThreeMessages(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Connect for ThreeMessages {
    type Transport = fake::Fake;

    async fn connect(
        self,
        subscription: Subscription,
        wake: Wake,
    ) -> Result<fake::Fake, TransportError> {
        self.0.lock().unwrap().insert("topics", format!("{:?}", subscription.topics));
        Ok(fake::Fake::with_messages(3, wake))
    }
}

// Goal: the real thread drives the engine: it wakes for messages and for the shutdown. Method: real time, no waits
// but for the events themselves.
#[tokio::test]
async fn a_thread_drives_it() {
    let shared = Shared::new();
    let service = service(&shared);
    let handle = service.handle();
    assert_eq!(handle.stats().phase, Phase::Starting);
    let seen = Arc::default();
    let all_handled = async {
        while shared.handled().len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    let report = service.run(ThreeMessages(Arc::clone(&seen)), all_handled).await.unwrap();
    assert_eq!(report.topics[&TopicName::new("T").unwrap()].done, 3);
    assert_eq!(handle.stats().phase, Phase::Ended);
    assert_eq!(seen.lock().unwrap()["topics"], "[\"T\"]");
}
