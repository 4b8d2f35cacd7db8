//! For how long a committed offset is kept (KIP-211): a pure rule, with the time as an argument.
//!
//! A group at work keeps its offsets, but for those of topics it no longer subscribes to. Once it has no members, all
//! of them live on for the retention time, and those of standalone consumers so long from each commit. Where Apache
//! Kafka counts from the day the group fell empty alone, an offset committed later, as by a tool, counts from its
//! commit here.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    Place,
    entry::{Change, What},
    state::{GroupOffsets, Members, State},
};
use crate::group::describe::Activity;

/// Who is at work, and what topics are called.
pub(crate) trait World {
    /// Whether a group is at work now, and on what.
    fn activity(&self, group: &str) -> Activity;
    /// A topic's name; `None` if there is no such topic.
    fn topic_name(&self, id: Uuid) -> Option<std::sync::Arc<str>>;
}

/// What is to change now: groups that turn out to have no members any more, and offsets that are to be forgotten.
pub(super) fn due(
    state: &State,
    world: &impl World,
    now_ms: i64,
    retention_ms: i64,
) -> Vec<Change> {
    let mut names = HashMap::new();
    let mut changes = Vec::new();
    for (name, group) in &state.groups {
        let activity = world.activity(name);
        let change = |what| Change { group: name.clone(), time_ms: now_ms, what };
        if activity == Activity::Away && group.members == Members::Present {
            // When exactly it fell empty is not known, so it gets the time from now.
            changes.push(change(What::Emptied));
            continue;
        }
        let mut is_due = |(topic, _): &Place, committed_ms| {
            let topic = names.entry(*topic).or_insert_with(|| world.topic_name(*topic));
            topic.as_ref().is_none_or(|topic| {
                let since = since(group, &activity, topic, committed_ms);
                since.is_some_and(|since| now_ms.saturating_sub(since) >= retention_ms)
            })
        };
        let forgotten: Vec<_> =
            group.offsets.iter().filter(|(place, kept)| is_due(place, kept.time_ms)).collect();
        if !forgotten.is_empty() {
            let places = forgotten.into_iter().map(|(place, _)| *place).collect();
            changes.push(change(What::Forgotten(places)));
        }
    }
    changes
}

/// Since when an offset has been of no use; `None` while it is.
fn since(group: &GroupOffsets, activity: &Activity, topic: &str, committed_ms: i64) -> Option<i64> {
    match (activity, group.members) {
        (Activity::AtWork { stable: true, subscribed }, _) => {
            subscribed.spares(topic).then_some(committed_ms)
        }
        (Activity::AtWork { .. }, _) | (Activity::Away, Members::Present) => None,
        (Activity::Away, Members::Never) => Some(committed_ms),
        (Activity::Away, Members::GoneSince(since)) => Some(since.max(committed_ms)),
    }
}
