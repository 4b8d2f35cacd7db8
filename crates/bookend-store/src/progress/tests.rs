//! Progress against sets of all positions and all ids.

use std::collections::{BTreeMap, HashSet};

use bookend::{MessageId, Offset};
use proptest::prelude::*;

use super::*;

/// A message of one of two topics, two partitions, two lanes; the id is independent of the position, as after a
/// re-send, and may be missing.
fn position() -> impl Strategy<Value = Position> {
    let id = prop::option::of((0_u32..2, 0_u64..30));
    (0_usize..2, 0_i32..2, 0_i64..30, id).prop_map(|(topic, partition, offset, id)| Position {
        topic: TopicName::new(["a", "b"][topic]).unwrap(),
        partition: Partition(partition),
        offset: Offset(offset),
        id: id.map(|(lane, sequence)| MessageId { lane: LaneId([7; 12]).lane(lane), sequence }),
    })
}

proptest! {
    // Goal: new exactly when neither the position nor the id was applied; what was written rebuilds the progress.
    // Method: two HashSets as the oracle; the changes of every few messages go to a map, as they go to a database.
    #[test]
    fn seen_by_position_or_by_id(messages in prop::collection::vec(position(), 0..300), every in 1_usize..10) {
        let (mut progress, mut positions, mut ids) = (Progress::default(), HashSet::new(), HashSet::new());
        let mut written = BTreeMap::new();
        for (index, at) in messages.iter().enumerate() {
            let position_is_new = positions.insert((at.topic.clone(), at.partition, at.offset));
            let is_new = position_is_new && at.id.is_none_or(|id| ids.insert(id));
            prop_assert_eq!(progress.apply(at) == Verdict::New, is_new);
            if index % every == 0 {
                write(&mut written, progress.take_changes());
            }
        }
        write(&mut written, progress.take_changes());
        prop_assert_eq!(progress.take_changes(), []);
        let mut restored = Progress::default();
        for ((lane, first), last) in written {
            restored.restore(lane, first, last);
        }
        prop_assert_eq!(restored, progress);
    }
}

fn write(written: &mut BTreeMap<(Lane, u64), u64>, changes: Vec<Change>) {
    for Change { lane, first, last } in changes {
        match last {
            Some(last) => written.insert((lane, first), last),
            None => written.remove(&(lane, first)),
        };
    }
}

// Goal: a lane that was forgotten leaves neither state nor a change behind, and positions still count.
#[test]
fn a_forgotten_lane_is_gone() {
    let lane = LaneId([1; 12]);
    let at = Position {
        topic: TopicName::new("a").unwrap(),
        partition: Partition(0),
        offset: Offset(0),
        id: Some(MessageId { lane, sequence: 0 }),
    };
    let mut progress = Progress::default();
    assert_eq!(progress.apply(&at), Verdict::New);
    progress.forget(&Lane::Sequences(lane));
    assert_eq!(progress.apply(&at), Verdict::Seen);
    assert_eq!(progress.apply(&Position { offset: Offset(1), ..at.clone() }), Verdict::New);
    assert_eq!(progress.take_changes().len(), 2);
    progress.forget(&Lane::Offsets(TopicPartition::new(at.topic.clone(), at.partition)));
    assert_eq!(progress.apply(&Position { id: None, ..at }), Verdict::New);
}
