//! A full lane: when a partition is paused, and when it goes on.

use super::*;

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
