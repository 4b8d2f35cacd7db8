//! Static members (KIP-345): a process that restarts takes its old place.

use bytes::Bytes;
use kafka_protocol::{ResponseError, protocol::StrBytes};

use super::{
    super::subscription::tests::metadata, FIRST_ROUND, Join, REBALANCE, SESSION, Scene, Sync, join,
    sync, text,
};

fn instance(name: &str, member: &str, fresh: &str) -> Join {
    let protocols = vec![(text("range"), metadata(&["orders"], b""))];
    Join { instance_id: Some(text(name)), two_steps: true, protocols, ..join(member, fresh) }
}

fn part(name: &str, member: &str, assignments: &[(&str, &'static [u8])]) -> Sync {
    Sync { instance_id: Some(text(name)), ..sync(member, 1, assignments) }
}

/// A stable group of the instances `i`, as `i-1` the leader, and `j`, as `j-1`.
fn stable() -> Scene {
    let mut scene = Scene::new();
    let i = scene.join(instance("i", "", "i-1"));
    let j = scene.join(instance("j", "", "j-1"));
    scene.pass(FIRST_ROUND);
    assert_eq!(scene.joined(i).leader, text("i-1"));
    assert_eq!(scene.joined(j).generation, 1);
    let j = scene.sync(part("j", "j-1", &[]));
    let i = scene.sync(part("i", "i-1", &[("i-1", b"1"), ("j-1", b"2")]));
    assert_eq!(scene.synced(i).assignment, "1");
    assert_eq!(scene.synced(j).assignment, "2");
    scene
}

// Goal: a follower that restarts gets its old part back, and no one else notices.
#[test]
fn a_restarted_follower_makes_no_round() {
    let mut scene = stable();
    let again = scene.join(instance("j", "", "j-2"));
    let joined = scene.joined(again);
    assert_eq!((joined.generation, joined.leader, joined.member_id), (1, text("i-1"), text("j-2")));
    assert_eq!((joined.members.len(), joined.skip_assignment), (0, false));
    let again = scene.sync(part("j", "j-2", &[]));
    assert_eq!(scene.synced(again).assignment, "2");
    assert_eq!(scene.heartbeat("i-1", 1), Ok(()));
    let old = scene.group.heartbeat(scene.now, &text("j-1"), Some(&text("j")), 1);
    assert_eq!(old, Err(ResponseError::FencedInstanceId));
    let old = scene.join(instance("j", "j-1", ""));
    assert_eq!(scene.refused(old).error, ResponseError::FencedInstanceId);
    let old = scene.sync(part("j", "j-1", &[]));
    assert_eq!(scene.sync_refused(old), ResponseError::FencedInstanceId);
    let old = scene.group.may_commit(scene.now, &text("j-1"), Some(&text("j")), 1);
    assert_eq!(old, Err(ResponseError::FencedInstanceId));
    let old = scene.group.leave(scene.now, &text("j-1"), Some(&text("j")));
    assert_eq!(old, Err(ResponseError::FencedInstanceId));
}

// KIP-814: a leader that restarts learns of the members, to watch them, but does not share out anew. One that cannot be
// told so is told that the leader is another.
#[test]
fn a_restarted_leader_does_not_share_out() {
    for can_skip in [true, false] {
        let mut scene = stable();
        let again = scene.join(Join { can_skip, ..instance("i", "", "i-2") });
        let joined = scene.joined(again);
        assert_eq!((joined.generation, joined.member_id), (1, text("i-2")));
        assert_eq!(joined.skip_assignment, can_skip);
        let (leader, members) = if can_skip { ("i-2", 2) } else { ("i-1", 0) };
        assert_eq!((joined.leader, joined.members.len()), (text(leader), members));
        let again = scene.sync(part("i", "i-2", &[]));
        assert_eq!(scene.synced(again).assignment, "1");
        // It leads all the same: its next join begins a round.
        let next = scene.join(instance("i", "i-2", ""));
        assert!(scene.waits(next));
        let j = scene.join(instance("j", "j-1", ""));
        assert_eq!(scene.joined(next).leader, text("i-2"));
        assert_eq!(scene.joined(j).generation, 2);
    }
}

// Goal: a successor that wants other topics, or cannot do what its predecessor could, begins a round; one whose
// assignor merely remembers something else does not.
#[test]
fn a_successor_with_other_topics_begins_a_round() {
    let check = |protocols: Vec<(StrBytes, Bytes)>, spared| {
        let mut scene = stable();
        let again = scene.join(Join { protocols, ..instance("j", "", "j-2") });
        assert_eq!(!scene.waits(again), spared);
        let expected = if spared { Ok(()) } else { Err(ResponseError::RebalanceInProgress) };
        assert_eq!(scene.heartbeat("i-1", 1), expected);
    };
    let range = || text("range");
    check(vec![(range(), metadata(&["orders"], b"owned"))], true);
    check(vec![(text("sticky"), Bytes::new()), (range(), metadata(&["orders"], b""))], true);
    check(vec![(range(), metadata(&["orders", "bills"], b""))], false);
    check(vec![(range(), Bytes::from_static(b"no subscription"))], false);
}

// Goal: while the work is being shared out, a successor would get nothing, as the leader knows the old id only.
#[test]
fn a_successor_in_the_middle_of_a_round_begins_it_anew() {
    let mut scene = stable();
    let c = scene.join(join("", "c"));
    let again = scene.join(instance("j", "", "j-2"));
    let i = scene.join(instance("i", "i-1", ""));
    for ticket in [c, again, i] {
        assert_eq!(scene.joined(ticket).generation, 2);
    }
    let parked = scene.sync(Sync { generation: 2, ..part("j", "j-2", &[]) });
    let third = scene.join(instance("j", "", "j-3"));
    assert_eq!(scene.sync_refused(parked), ResponseError::FencedInstanceId);
    assert!(scene.waits(third));
    assert_eq!(scene.heartbeat("c", 2), Err(ResponseError::RebalanceInProgress));
}

// Goal: a member that is away during a round keeps its place and its part until its session ends; no longer.
#[test]
fn who_is_away_for_a_round_is_kept_until_its_session_ends() {
    let mut scene = stable();
    let patient = Join { session_timeout: 3 * REBALANCE, ..instance("j", "j-1", "") };
    let j = scene.join(patient.clone());
    let again = scene.joined(j);
    assert_eq!(again.generation, 1, "only its timeout has changed");
    let c = scene.join(join("", "c"));
    let i = scene.join(instance("i", "i-1", ""));
    scene.pass(REBALANCE);
    let joined = scene.joined(i);
    assert_eq!((joined.generation, joined.members.len()), (2, 3), "the one away is in");
    scene.joined(c);
    let parts: &[(&str, &'static [u8])] = &[("i-1", b"1"), ("j-1", b"2"), ("c", b"3")];
    let i = scene.sync(Sync { generation: 2, ..part("i", "i-1", parts) });
    assert_eq!(scene.synced(i).assignment, "1");
    let back = scene.join(Join { member_id: StrBytes::new(), fresh_id: text("j-2"), ..patient });
    assert_eq!(scene.joined(back).generation, 2);
    let back = scene.sync(Sync { generation: 2, ..part("j", "j-2", &[]) });
    assert_eq!(scene.synced(back).assignment, "2");

    scene.pass(SESSION);
    assert!(scene.group.describe().members.iter().any(|member| member.id == text("j-2")));
    scene.pass(3 * REBALANCE);
    assert!(scene.group.is_idle());
}

// Goal: a leader that is away does not lead, though it keeps its place; who is there does.
#[test]
fn who_is_away_for_a_round_does_not_lead() {
    let mut scene = stable();
    scene.join(Join { session_timeout: 3 * REBALANCE, ..instance("i", "i-1", "") });
    let j = scene.join(instance("j", "j-1", ""));
    for ticket in [j - 1, j] {
        assert_eq!(scene.joined(ticket).leader, text("i-1"));
    }
    let parts = [("i-1", &b"1"[..]), ("j-1", b"2")];
    scene.sync(Sync { generation: 2, ..part("i", "i-1", &parts) });
    scene.sync(Sync { generation: 2, ..part("j", "j-1", &[]) });
    let c = scene.join(join("", "c"));
    let j = scene.join(instance("j", "j-1", ""));
    scene.pass(REBALANCE);
    for ticket in [c, j] {
        assert_eq!(scene.joined(ticket).leader, text("j-1"));
    }
    assert_eq!(scene.group.describe().members.len(), 3);
}

// Goal: with all members away no one could lead, so no generation begins; their sessions end it.
#[test]
fn a_round_that_no_one_joins_begins_no_generation() {
    let mut scene = stable();
    assert_eq!(scene.leave("i-1"), Ok(()));
    assert_eq!(scene.group.generation(), 1);
    scene.pass(SESSION);
    assert!(scene.group.is_idle());
}

// KIP-345: tools take a member out by its instance alone.
#[test]
fn an_instance_leaves_by_name() {
    let mut scene = stable();
    for (name, expected) in
        [("i", Ok(())), ("i", Err(ResponseError::UnknownMemberId)), ("j", Ok(()))]
    {
        let left = scene.group.leave(scene.now, &StrBytes::new(), Some(&text(name)));
        assert_eq!(left, expected);
    }
    assert!(scene.group.is_idle());
}
