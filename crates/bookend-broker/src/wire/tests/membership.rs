//! A member of a group, from its join to its leave.

use super::{super::refused::tests::Lines, *};
use crate::group::GROUPS_MAX;

// Goal: the whole life of a member, in every version of joining, with the other APIs in the newest version that is
// not newer.
#[tokio::test]
async fn a_member_lives_in_every_version() {
    let scene = Scene::new();
    for version in 0..=join_group::API.max {
        let RequestKind::JoinGroup(join) = sample(ApiKey::JoinGroup, version) else { panic!() };
        let group = join.group_id.clone();
        let mut response = scene.ask(version, join.clone().into()).await;
        if let ResponseKind::JoinGroup(first) = &response
            && version >= 4
        {
            assert_eq!(first.error_code, ResponseError::MemberIdRequired.code());
            let join = join.with_member_id(first.member_id.clone());
            response = scene.ask(version, join.into()).await;
        }
        let ResponseKind::JoinGroup(joined) = response else { panic!() };
        assert_eq!((joined.error_code, joined.leader), (0, joined.member_id.clone()));
        assert_eq!(joined.members[0].metadata, "about me");
        let part = SyncGroupRequestAssignment::default()
            .with_member_id(joined.member_id.clone())
            .with_assignment(Bytes::from_static(b"part"));
        let sync = SyncGroupRequest::default()
            .with_group_id(group.clone())
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id.clone())
            .with_assignments(vec![part]);
        let synced = scene.ask(version.min(sync_group::API.max), sync.into()).await;
        let ResponseKind::SyncGroup(synced) = synced else { panic!() };
        assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"part"[..]));
        let alive = HeartbeatRequest::default()
            .with_group_id(group.clone())
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id.clone());
        let alive = scene.ask(version.min(heartbeat::API.max), alive.into()).await;
        assert!(matches!(alive, ResponseKind::Heartbeat(r) if r.error_code == 0), "{version}");
        let leave = LeaveGroupRequest::default().with_group_id(group);
        let version = version.min(leave_group::API.max);
        let leave = if version < 3 {
            leave.with_member_id(joined.member_id)
        } else {
            leave.with_members(vec![MemberIdentity::default().with_member_id(joined.member_id)])
        };
        let ResponseKind::LeaveGroup(left) = scene.ask(version, leave.into()).await else {
            panic!()
        };
        assert_eq!(left.error_code, 0);
        assert!(left.members.iter().all(|member| member.error_code == 0));
    }
}

// Goal: the log says that there are too many groups. Method: one more than there may be, each with a member that got its
// id and does not come back for long.
#[tokio::test]
async fn too_many_groups_are_logged() {
    let scene = Scene::new();
    let RequestKind::JoinGroup(join) = sample(ApiKey::JoinGroup, 4) else { panic!() };
    let join = join.with_session_timeout_ms(1_800_000);
    let found = async |group: &str| {
        let join = join.clone().with_group_id(text(group).into());
        let ResponseKind::JoinGroup(r) = scene.ask(4, join.into()).await else { panic!() };
        ResponseError::try_from_code(r.error_code)
    };
    let lines = Lines::default();
    let _log = lines.collect();
    for n in 0..GROUPS_MAX {
        assert_eq!(found(&n.to_string()).await, Some(ResponseError::MemberIdRequired));
    }
    assert!(!lines.text().contains("refused"), "{}", lines.text());
    assert_eq!(found("more").await, Some(ResponseError::GroupMaxSizeReached));
    assert!(lines.text().contains("room for 10000 groups"), "{}", lines.text());
}
