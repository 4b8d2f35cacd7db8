//! `DeleteRecords` (KIP-107): all records before an offset are deleted; the log starts there from now on.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, DeleteRecordsRequest, DeleteRecordsResponse,
        delete_records_request::DeleteRecordsPartition,
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
    },
};

use super::{
    Api,
    schema::{Schema, array, fixed, text},
};
use crate::node::{Node, blocking};

pub(super) const API: Api = Api {
    key: ApiKey::DeleteRecords,
    min: 0,
    max: 2,
    schema: Schema {
        flexible: 2,
        fields: &[array(&[text(), array(&[fixed(4), fixed(8)])]), fixed(4)],
    },
};

/// Stands for the high watermark: all records there are.
const ALL: i64 = -1;

pub(super) async fn answer(
    node: &Arc<Node>,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let node = Arc::clone(node);
    let topics = blocking(move || {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let deleted = delete(&node, &topic.name, asked);
                let result = DeleteRecordsPartitionResult::default()
                    .with_partition_index(asked.partition_index);
                match deleted {
                    Ok(start) => result.with_low_watermark(start),
                    Err(error) => result.with_low_watermark(-1).with_error_code(error.code()),
                }
            });
            let partitions = partitions.collect();
            DeleteRecordsTopicResult::default().with_name(topic.name).with_partitions(partitions)
        });
        topics.collect()
    })
    .await;
    DeleteRecordsResponse::default().with_topics(topics)
}

fn delete(node: &Node, topic: &str, asked: &DeleteRecordsPartition) -> Result<i64, ResponseError> {
    let topic = node.catalog.find(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let partition =
        topic.partition(asked.partition_index).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let before = if asked.offset == ALL { partition.end() } else { asked.offset };
    partition.delete_before(before)
}
