//! What tools are told about a group.

use bytes::Bytes;

use super::{
    super::{
        describe::{Activity, Subscribed},
        subscription::tests::metadata,
    },
    FIRST_ROUND, Join, Scene, join, sync, text,
};

// Goal: each phase by Apache Kafka's name, with metadata and protocol only once the work is shared out.
#[test]
fn a_group_is_described_in_every_phase() {
    let mut scene = Scene::new();
    let check = |scene: &Scene, state: &str, members: usize, protocol: &str| {
        let description = scene.group.describe();
        assert_eq!((description.state, description.members.len()), (state, members));
        assert_eq!(description.protocol, text(protocol));
        assert_eq!(scene.group.list(&text("g")).state, state);
    };
    check(&scene, "Empty", 0, "");
    let a = scene.join(join("", "a"));
    check(&scene, "PreparingRebalance", 1, "");
    assert_eq!(scene.group.list(&text("g")).protocol_type, text("consumer"));
    scene.pass(FIRST_ROUND);
    scene.joined(a);
    check(&scene, "CompletingRebalance", 1, "");
    assert!(scene.group.describe().members[0].metadata.is_empty());
    scene.sync(sync("a", 1, &[("a", b"1")]));
    check(&scene, "Stable", 1, "range");
    let member = scene.group.describe().members.remove(0);
    assert_eq!((member.id, member.client_id), (text("a"), text("client")));
    assert_eq!((&member.metadata[..], &member.assignment[..]), (&b"about me"[..], &b"1"[..]));
    scene.leave("a").unwrap();
    check(&scene, "Empty", 0, "");
    assert_eq!(scene.group.describe().protocol_type, text("consumer"));
}

// Goal: a group's topics are those of all its members, and unknown if one of them cannot be read.
#[test]
fn a_group_works_on_the_topics_of_all_members() {
    let mut scene = Scene::new();
    assert_eq!(scene.group.activity(), Activity::Away);
    let about = |topics: &[&str]| vec![(text("range"), metadata(topics, b"more"))];
    let a = scene.join(Join { protocols: about(&["t", "u"]), ..join("", "a") });
    let unknown = Activity::AtWork { stable: false, subscribed: Subscribed::Unknown };
    assert_eq!(scene.group.activity(), unknown);
    let b = scene.join(Join { protocols: about(&["v"]), ..join("", "b") });
    scene.pass(FIRST_ROUND);
    for ticket in [a, b] {
        scene.joined(ticket);
    }
    scene.sync(sync("a", 1, &[]));
    let Activity::AtWork { stable: true, subscribed } = scene.group.activity() else { panic!() };
    assert_eq!(subscribed, Subscribed::To(["t", "u", "v"].map(Into::into).into()));
    assert!(subscribed.spares("w") && !subscribed.spares("v"));
    let unread = vec![(text("range"), Bytes::from_static(b"about me"))];
    scene.join(Join { protocols: unread, ..join("", "c") });
    assert_eq!(scene.group.activity(), unknown);
    assert!(!Subscribed::Unknown.spares("w"));
}

#[test]
fn workers_that_are_no_consumers_have_no_topics() {
    let mut scene = Scene::new();
    scene.join(Join { protocol_type: text("connect"), ..join("", "a") });
    let activity = Activity::AtWork { stable: false, subscribed: Subscribed::Other };
    assert_eq!(scene.group.activity(), activity);
}
