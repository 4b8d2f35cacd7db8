//! Partitions come and go: drained, committed, given up, tried again.

use super::*;

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
