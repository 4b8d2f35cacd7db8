//! What the handle tells of a service that waits, stands still or is in trouble.

use super::*;

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
