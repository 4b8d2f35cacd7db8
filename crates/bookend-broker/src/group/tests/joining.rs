//! How members get into a group.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::{FIRST_ROUND, Join, SESSION, Scene, join, sync, text};

// Goal: a lone member waits for company for an instant, not for Apache Kafka's three seconds.
#[test]
fn a_lone_member_joins_in_an_instant() {
    let mut scene = Scene::new();
    let a = scene.join(join("", "a"));
    assert_eq!(scene.group.deadline(), Some(scene.now + Duration::from_millis(50)));
    scene.pass(Duration::from_millis(49));
    assert!(scene.waits(a));
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.joined(a).leader, text("a"));
}

#[test]
fn members_started_together_share_the_first_round() {
    let mut scene = Scene::new();
    let a = scene.join(join("", "a"));
    scene.pass(FIRST_ROUND / 2);
    let b = scene.join(join("", "b"));
    assert!(scene.waits(a));
    scene.pass(FIRST_ROUND);
    let (a, b) = (scene.joined(a), scene.joined(b));
    assert_eq!((a.generation, b.generation), (1, 1));
    assert_eq!((&a.leader, &b.leader), (&a.member_id, &a.member_id));
    assert_eq!((a.members.len(), b.members.len()), (2, 0));
    assert_eq!(a.members[1], (text("b"), None, Bytes::from_static(b"about me")));
}

// KIP-394: the id first, and a member that never comes back with it does not hold up the round for ever.
#[test]
fn a_first_time_member_is_handed_its_id() {
    let mut scene = Scene::new();
    let two_steps = |member: &str| Join { two_steps: true, ..join(member, "fresh") };
    let first = scene.join(two_steps(""));
    let refused = scene.refused(first);
    assert_eq!(
        (refused.error, refused.member_id),
        (ResponseError::MemberIdRequired, text("fresh"))
    );
    let other = scene.join(join("", "other"));
    scene.pass(SESSION / 2);
    assert!(scene.waits(other), "the one with the id may still come");
    let second = scene.join(two_steps("fresh"));
    assert_eq!(scene.joined(second).member_id, text("fresh"));
    assert_eq!(scene.joined(other).leader, text("other"));

    let ghost = scene.join(Join { fresh_id: text("ghost"), ..two_steps("") });
    scene.refused(ghost);
    scene.sync(sync("other", 1, &[]));
    let again = scene.join(join("other", ""));
    let fresh = scene.join(join("fresh", ""));
    assert!(scene.waits(again));
    scene.pass(SESSION);
    assert_eq!(scene.joined(again).generation, 2);
    assert_eq!(scene.joined(fresh).generation, 2);
}

#[test]
fn a_newcomer_makes_the_others_join_again() {
    let mut scene = Scene::of_two();
    assert_eq!(scene.heartbeat("a", 1), Ok(()));
    let c = scene.join(join("", "c"));
    assert_eq!(scene.heartbeat("a", 1), Err(ResponseError::RebalanceInProgress));
    let b = scene.join(join("b", ""));
    let a = scene.join(join("a", ""));
    for ticket in [a, b, c] {
        let joined = scene.joined(ticket);
        assert_eq!((joined.generation, joined.leader), (2, text("a")));
    }
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::IllegalGeneration));
    assert_eq!(scene.heartbeat("b", 2), Ok(()));
}

#[test]
fn the_protocol_is_one_that_all_know() {
    let knows = |names: &[&str], fresh: &str| {
        let protocols = names.iter().map(|name| (text(name), Bytes::new())).collect();
        Join { protocols, ..join("", fresh) }
    };
    let mut scene = Scene::new();
    let a = scene.join(knows(&["sticky", "range"], "a"));
    let b = scene.join(knows(&["roundrobin", "range", "sticky"], "b"));
    let c = scene.join(knows(&["sticky", "range"], "c"));
    let d = scene.join(knows(&["roundrobin"], "d"));
    assert_eq!(scene.refused(d).error, ResponseError::InconsistentGroupProtocol);
    let other = scene.join(Join { protocol_type: text("connect"), ..knows(&["sticky"], "e") });
    assert_eq!(scene.refused(other).error, ResponseError::InconsistentGroupProtocol);
    let none = scene.join(knows(&[], "f"));
    assert_eq!(scene.refused(none).error, ResponseError::InconsistentGroupProtocol);
    scene.pass(FIRST_ROUND);
    for ticket in [a, b, c] {
        assert_eq!(scene.joined(ticket).protocol, text("sticky"));
    }
}

#[test]
fn a_lost_answer_is_given_again() {
    let mut scene = Scene::of_two();
    let again = scene.join(join("b", ""));
    let joined = scene.joined(again);
    assert_eq!((joined.generation, joined.leader), (1, text("a")));
    let again = scene.sync(sync("b", 1, &[]));
    assert_eq!(scene.synced(again).assignment, "2");
    let changed =
        Join { protocols: vec![(text("range"), Bytes::from_static(b"more"))], ..join("b", "") };
    let changed = scene.join(changed);
    assert!(scene.waits(changed), "what it says about itself has changed, so all join again");
}
