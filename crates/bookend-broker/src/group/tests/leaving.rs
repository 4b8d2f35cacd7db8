//! How members get out of a group: they leave, fall silent, or come too late.

use kafka_protocol::ResponseError;

use super::{FIRST_ROUND, SESSION, Scene, join, sync, text};

#[test]
fn who_does_not_join_again_in_time_is_out() {
    let mut scene = Scene::of_two();
    let c = scene.join(join("", "c"));
    let a = scene.join(join("a", ""));
    // Alive to the last, so it is not its session that ends.
    while scene.waits(a) {
        scene.heartbeat("b", 1).unwrap_err();
        scene.pass(SESSION / 2);
    }
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::UnknownMemberId));
    assert_eq!(scene.joined(a).members.len(), 2);
    assert_eq!(scene.joined(c).generation, 2);
}

#[test]
fn a_silent_member_is_out_after_its_session() {
    let mut scene = Scene::of_two();
    scene.pass(SESSION / 2);
    assert_eq!(scene.heartbeat("b", 1), Ok(()));
    scene.pass(SESSION / 2);
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::RebalanceInProgress));
    let b = scene.join(join("b", ""));
    let joined = scene.joined(b);
    assert_eq!((joined.leader, joined.members.len()), (text("b"), 1));
    assert_eq!(scene.heartbeat("a", 1), Err(ResponseError::UnknownMemberId));
}

// Goal: a leader that lives but never shares out does not hold the group.
#[test]
fn a_leader_that_does_not_sync_is_out() {
    let mut scene = Scene::new();
    let (a, b) = (scene.join(join("", "a")), scene.join(join("", "b")));
    scene.pass(FIRST_ROUND);
    for ticket in [a, b] {
        scene.joined(ticket);
    }
    let follower = scene.sync(sync("b", 1, &[]));
    for _ in 0..11 {
        assert!(scene.waits(follower));
        scene.pass(SESSION / 2);
        scene.heartbeat("a", 1).ok();
    }
    scene.pass(SESSION);
    assert_eq!(scene.sync_refused(follower), ResponseError::RebalanceInProgress);
    assert_eq!(scene.heartbeat("a", 1), Err(ResponseError::UnknownMemberId));
    let b = scene.join(join("b", ""));
    assert_eq!(scene.joined(b).leader, text("b"));
}

#[test]
fn the_last_to_leave_empties_the_group() {
    let mut scene = Scene::of_two();
    assert_eq!(scene.leave("a"), Ok(()));
    assert_eq!(scene.leave("a"), Err(ResponseError::UnknownMemberId));
    assert_eq!(scene.leave("b"), Ok(()));
    assert!(scene.group.is_idle());
    assert_eq!(scene.group.generation(), 2);
}

#[test]
fn who_is_gone_while_parked_is_forgotten() {
    let mut scene = Scene::of_two();
    let newcomer = scene.join(join("", "c"));
    scene.group.abandon(scene.now, newcomer);
    let a = scene.join(join("a", ""));
    scene.group.abandon(scene.now, a);
    let a = scene.join(join("a", ""));
    assert!(scene.waits(a));
    let b = scene.join(join("b", ""));
    assert_eq!(scene.joined(a).members.len(), 2);
    assert_eq!(scene.joined(b).generation, 2);
    assert!(scene.waits(newcomer));
}
