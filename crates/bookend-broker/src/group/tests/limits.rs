//! How large one group may get.

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::{
    super::{GROUP_BYTES_MAX, join::MEMBERS_MAX},
    FIRST_ROUND, Join, Scene, Sync, join, sync, text,
};

#[test]
fn a_group_has_so_many_members_and_ids() {
    let mut scene = Scene::new();
    for n in 1..MEMBERS_MAX {
        scene.join(join("", &n.to_string()));
    }
    let two_steps = |member: &str| Join { two_steps: true, ..join(member, "last") };
    let last = scene.join(two_steps(""));
    assert_eq!(scene.refused(last).error, ResponseError::MemberIdRequired);
    let instance = Join { instance_id: Some(text("i")), ..join("", "static") };
    for more in [join("", "more"), two_steps(""), instance] {
        let more = scene.join(more);
        assert_eq!(scene.refused(more).error, ResponseError::GroupMaxSizeReached);
    }
    let last = scene.join(two_steps("last"));
    scene.pass(FIRST_ROUND);
    assert_eq!(scene.joined(last).generation, 1);
}

// Goal: what members say about themselves is bounded, together; who says it again is not counted twice.
#[test]
fn what_members_say_is_bounded() {
    let mut scene = Scene::new();
    let says = |bytes: usize, member: &str, fresh: &str| {
        let protocols = vec![(text("range"), Bytes::from(vec![0; bytes]))];
        Join { protocols, ..join(member, fresh) }
    };
    let half = GROUP_BYTES_MAX * 3 / 5;
    let a = scene.join(says(half, "", "a"));
    scene.pass(FIRST_ROUND);
    scene.joined(a);
    let b = scene.join(says(half, "", "b"));
    assert_eq!(scene.refused(b).error, ResponseError::GroupMaxSizeReached);
    let a = scene.join(says(half + 1, "a", ""));
    assert_eq!(scene.joined(a).generation, 2);
}

// Goal: so are assignments. Method: the leader's are too large; everyone is told, and can join again.
#[test]
fn what_members_are_given_is_bounded() {
    let mut scene = Scene::of_two();
    let b = scene.join(Join { protocols: vec![(text("range"), Bytes::new())], ..join("b", "") });
    let a = scene.join(join("a", ""));
    for ticket in [a, b] {
        assert_eq!(scene.joined(ticket).generation, 2);
    }
    let follower = scene.sync(sync("b", 2, &[]));
    let large = Bytes::from(vec![0; GROUP_BYTES_MAX]);
    let leader = scene.sync(Sync { assignments: vec![(text("b"), large)], ..sync("a", 2, &[]) });
    assert_eq!(scene.sync_refused(leader), ResponseError::UnknownServerError);
    assert_eq!(scene.sync_refused(follower), ResponseError::RebalanceInProgress);
    assert!(scene.group.bytes() < GROUP_BYTES_MAX / 2);
    let (a, b) = (scene.join(join("a", "")), scene.join(join("b", "")));
    assert_eq!(scene.joined(a).generation, 3);
    assert_eq!(scene.joined(b).generation, 3);
}
