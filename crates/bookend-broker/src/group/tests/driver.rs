//! The groups behind their lock: who is parked, and what is forgotten.

use bytes::Bytes;
use kafka_protocol::{ResponseError, protocol::StrBytes};

use super::{
    super::{BYTES_MAX, GROUP_BYTES_MAX, GROUPS_MAX, Groups, describe::Activity},
    Join, join, text,
};

// Goal: a member of a group that the broker forgot, because it was restarted, is told to join anew.
#[tokio::test]
async fn a_member_of_a_forgotten_group_is_unknown() {
    let groups = Groups::default();
    let refused = groups.join(&text("group"), join("stale", "fresh"), std::future::pending()).await;
    let error = refused.unwrap().err().map(|refused| refused.error);
    assert_eq!(error, Some(ResponseError::UnknownMemberId));
}

// Goal: a group without members leaves nothing behind but a number, and its successor's generations go on.
#[tokio::test]
async fn a_dead_group_takes_no_memory() {
    let groups = Groups::default();
    let two_steps = |id: &str, fresh: &str| Join { two_steps: true, ..join(id, fresh) };
    let name = text("group");
    for generation in [1, 3] {
        let first = groups.join(&name, two_steps("", "a"), std::future::pending()).await;
        assert_eq!(first.unwrap().unwrap_err().error, ResponseError::MemberIdRequired);
        assert!(groups.lock().bytes > 0);
        let second = groups.join(&name, two_steps("a", "b"), std::future::pending());
        let timer = groups.run_timer();
        let joined = tokio::select! {
            joined = second => joined.unwrap().unwrap(),
            () = timer => unreachable!("the timer runs for ever"),
        };
        assert_eq!(joined.generation, generation);
        assert_eq!(groups.delete("group"), Err(ResponseError::NonEmptyGroup));
        groups.leave(&name, &text("a"), None).unwrap();
        let all = groups.lock();
        assert_eq!((all.groups.len(), all.parked.len(), all.bytes), (0, 0, 0));
    }
    assert_eq!(groups.activity("group"), Activity::Away);
    assert_eq!(groups.delete("group"), Ok(false));
}

// Goal: ids that were handed out do not keep a group from being deleted; who has one starts over.
#[tokio::test]
async fn a_group_that_only_reserved_ids_can_be_deleted() {
    let groups = Groups::default();
    let first = Join { two_steps: true, ..join("", "a") };
    groups.join(&text("group"), first, std::future::pending()).await.unwrap().unwrap_err();
    assert_eq!(groups.list().len(), 1);
    assert_eq!(groups.delete("group"), Ok(true));
    assert_eq!(groups.lock().bytes, 0);
    let second = groups.join(&text("group"), join("a", ""), std::future::pending()).await;
    assert_eq!(second.unwrap().unwrap_err().error, ResponseError::UnknownMemberId);
}

async fn refusal(groups: &Groups, name: &str, join: Join) -> Option<ResponseError> {
    // A join that is not refused waits for its round, and this does not wait with it.
    let joined = groups.join(&text(name), join, std::future::ready(())).await;
    joined.and_then(|joined| joined.err().map(|refused| refused.error))
}

// Goal: neither the number of groups nor what all of them hold grows without end.
#[tokio::test]
async fn there_is_room_for_so_many_groups() {
    let groups = Groups::default();
    let founder = || Join { two_steps: true, ..join("", "a") };
    for n in 0..GROUPS_MAX {
        let asked = refusal(&groups, &format!("g{n}"), founder()).await;
        assert_eq!(asked, Some(ResponseError::MemberIdRequired));
    }
    let refused = refusal(&groups, "one more", founder()).await;
    assert_eq!(refused, Some(ResponseError::GroupMaxSizeReached));
    groups.lock().bytes += BYTES_MAX - GROUP_BYTES_MAX;
    let large = Bytes::from(vec![0; GROUP_BYTES_MAX]);
    let large = Join { protocols: vec![(StrBytes::new(), large)], ..join("a", "") };
    assert_eq!(refusal(&groups, "g1", large).await, Some(ResponseError::GroupMaxSizeReached));
    assert_eq!(refusal(&groups, "g1", join("a", "")).await, None);
}
