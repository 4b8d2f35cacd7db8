//! What becomes of messages: in order, retried, set aside, alone or in batches.

use super::*;

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
