//! Who may commit offsets, and when.

use kafka_protocol::ResponseError;

use super::{Group, Scene, join, text};

#[test]
fn only_members_of_this_generation_commit() {
    let mut scene = Scene::of_two();
    let mut check = |member: &str, generation, expected| {
        let may = scene.group.may_commit(scene.now, &text(member), None, generation);
        assert_eq!(may, expected, "{member} in {generation}");
    };
    check("a", 1, Ok(()));
    check("a", 0, Err(ResponseError::IllegalGeneration));
    check("x", 1, Err(ResponseError::UnknownMemberId));
    check("", -1, Err(ResponseError::UnknownMemberId));
    let c = scene.join(join("", "c"));
    let may = scene.group.may_commit(scene.now, &text("a"), None, 1);
    assert_eq!(may, Ok(()), "before it joins again, a member commits what it did");
    for member in ["a", "b"] {
        scene.join(join(member, ""));
    }
    assert_eq!(scene.joined(c).generation, 2);
    let may = scene.group.may_commit(scene.now, &text("a"), None, 2);
    assert_eq!(may, Err(ResponseError::RebalanceInProgress));
    assert_eq!(Group::new(5).may_commit(scene.now, &text(""), None, -1), Ok(()));
}
