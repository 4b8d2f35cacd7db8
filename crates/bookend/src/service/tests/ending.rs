//! How a service ends: bounded, and with the truth.

use super::*;

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
