//! `OffsetCommit`: a group's progress, on disk before the answer.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, OffsetCommitRequest, OffsetCommitResponse, TopicName,
        offset_commit_request::OffsetCommitRequestPartition,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    },
};

use super::{
    Api, code,
    refused::Refused,
    schema::{Schema, array, fixed, text},
};
use crate::{
    node::{Node, blocking, now_ms},
    offsets::{self, Committed, METADATA_BYTES_MAX, Place},
};

pub(super) const API: Api = Api {
    key: ApiKey::OffsetCommit,
    min: 2,
    max: 9,
    schema: Schema {
        flexible: 8,
        fields: &[
            text(),
            fixed(4),
            text(),
            text().since(7),
            fixed(8).until(4),
            array(&[text(), array(&[fixed(4), fixed(8), fixed(4).since(6), text()])]),
        ],
    },
};

/// What becomes of the partitions of a topic, by number.
type Results = Vec<(i32, Result<(), ResponseError>)>;

/// What becomes of each partition, and what of it is to be stored.
#[derive(Default)]
struct Plan {
    results: Vec<(TopicName, Results)>,
    offsets: Vec<(Place, Committed)>,
}

pub(super) async fn answer(node: &Arc<Node>, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let node = Arc::clone(node);
    blocking(move || commit(&node, request)).await
}

fn commit(node: &Node, mut request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut plan = Plan::default();
    for topic in std::mem::take(&mut request.topics) {
        let found = node.catalog.find(&topic.name);
        let check = |asked: OffsetCommitRequestPartition| {
            let index = asked.partition_index;
            let known = found.as_ref().filter(|topic| topic.partition(index).is_some());
            let checked = known
                .ok_or(ResponseError::UnknownTopicOrPartition)
                .and_then(|topic| Ok(((topic.id, index), committed(asked)?)));
            (index, checked.map(|offset| plan.offsets.push(offset)))
        };
        let partitions = topic.partitions.into_iter().map(check).collect();
        plan.results.push((topic.name, partitions));
    }
    let group = &request.group_id;
    // Asked under the lock of the stored offsets: a member of an old generation cannot overtake one of the new.
    let may_commit = || {
        node.groups.may_commit(
            group,
            &request.member_id,
            request.group_instance_id.as_ref(),
            request.generation_id_or_member_epoch,
        )
    };
    let stored = node.offsets.commit(group, plan.offsets, now_ms(), may_commit);
    if stored == Err(ResponseError::PolicyViolation) {
        let refused = Refused::new(ResponseError::PolicyViolation, offsets::bounds());
        refused.tell(node, "a commit of a group", group);
    }
    let topics = plan.results.into_iter().map(|(name, partitions)| {
        let partitions = partitions.into_iter().map(|(index, checked)| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code(&stored.and(checked)))
        });
        OffsetCommitResponseTopic::default().with_name(name).with_partitions(partitions.collect())
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

fn committed(asked: OffsetCommitRequestPartition) -> Result<Committed, ResponseError> {
    let metadata = asked.committed_metadata;
    if metadata.as_ref().is_some_and(|text| text.len() > METADATA_BYTES_MAX) {
        return Err(ResponseError::OffsetMetadataTooLarge);
    }
    if asked.committed_offset < 0 {
        return Err(ResponseError::OffsetOutOfRange);
    }
    Ok(Committed {
        offset: asked.committed_offset,
        leader_epoch: asked.committed_leader_epoch,
        metadata: metadata.map(|text| text.as_str().into()),
    })
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;

    use super::{
        super::{
            refused::tests::Lines,
            tests::{Scene, text},
        },
        *,
    };
    use crate::group::GROUPS_MAX;

    // Goal: the log says that there are too many groups. Method: one more than there may be.
    #[tokio::test]
    async fn too_many_groups_are_logged() {
        let scene = Scene::new();
        scene.node.catalog.create("t", 1).unwrap();
        let commit_for = |group: &str| {
            let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
            let topic = OffsetCommitRequestTopic::default()
                .with_name(text("t").into())
                .with_partitions(vec![partition]);
            let request = OffsetCommitRequest::default()
                .with_group_id(text(group).into())
                .with_topics(vec![topic]);
            commit(&scene.node, request).topics[0].partitions[0].error_code
        };
        let lines = Lines::default();
        let _log = lines.collect();
        for n in 0..GROUPS_MAX {
            assert_eq!(commit_for(&n.to_string()), 0);
        }
        assert!(!lines.text().contains("refused"), "{}", lines.text());
        assert_eq!(commit_for("more"), ResponseError::PolicyViolation.code());
        assert!(lines.text().contains("room for 10000 groups"), "{}", lines.text());
    }
}
