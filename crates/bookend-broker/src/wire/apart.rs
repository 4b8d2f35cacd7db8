//! Records that go past the encoder, which knows bytes in memory and no files.
//!
//! A [fetch](super::fetch) lays them apart, its answer says that there are none, and where that is [framed](super::framed)
//! they are put in their place.

use std::collections::HashMap;

use kafka_protocol::messages::{TopicName, fetch_response::PartitionData};
use uuid::Uuid;

use crate::records::Records;

/// The records of one answer that are apart from it.
#[derive(Debug, Default)]
pub(crate) struct Apart(HashMap<(TopicName, Uuid, i32), Records>);

impl Apart {
    /// Lays these apart, for that partition of the answer.
    pub(super) fn put(&mut self, topic: &TopicName, id: Uuid, index: i32, records: Records) {
        self.0.insert((topic.clone(), id, index), records);
    }

    /// What belongs to that partition of the answer; nothing, if by now it is told an error.
    pub(super) fn take(
        &mut self,
        topic: &TopicName,
        id: Uuid,
        partition: &PartitionData,
    ) -> Option<Records> {
        // Most answers have none: no key is made for those.
        if self.0.is_empty() || partition.error_code != 0 {
            return None;
        }
        self.0.remove(&(topic.clone(), id, partition.partition_index))
    }
}
