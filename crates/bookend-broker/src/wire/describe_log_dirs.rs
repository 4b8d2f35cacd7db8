//! `DescribeLogDirs` (KIP-113): the data folder, and how much each partition takes in it.
//!
//! The size of the volume (KIP-827) is not told: -1, unknown.

use std::collections::HashSet;

use kafka_protocol::{
    messages::{
        ApiKey, DescribeLogDirsRequest, DescribeLogDirsResponse,
        describe_log_dirs_response::{
            DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
        },
    },
    protocol::StrBytes,
};

use super::{
    Api, Client, Refusal,
    schema::{Schema, array, fixed, list, text},
};
use crate::{catalog::Topic, node::Node};

pub(super) const API: Api = Api {
    key: ApiKey::DescribeLogDirs,
    min: 1,
    max: 4,
    schema: Schema { flexible: 2, fields: &[array(&[text(), list(&fixed(4))])] },
};

pub(super) async fn answer(
    node: &Node,
    client: &Client,
    request: DescribeLogDirsRequest,
) -> Result<DescribeLogDirsResponse, Refusal> {
    if request.topics.is_none() {
        let count = node.catalog.all().iter().map(|topic| 1 + topic.partitions.len()).sum();
        client.held.take_elements(count).await?;
    }
    let topics = match request.topics {
        None => node.catalog.all().iter().map(|topic| describe(topic, |_| true)).collect(),
        // As in Apache Kafka, what does not exist is not told.
        Some(asked) => {
            let found = asked.iter().filter_map(|asked| {
                let topic = node.catalog.find(&asked.topic)?;
                let wanted: HashSet<i32> = asked.partitions.iter().copied().collect();
                Some(describe(&topic, |index| wanted.contains(&index)))
            });
            found.collect()
        }
    };
    let folder = node.folder.path().display().to_string();
    let result = DescribeLogDirsResult::default()
        .with_log_dir(StrBytes::from_string(folder))
        .with_topics(topics);
    Ok(DescribeLogDirsResponse::default().with_results(vec![result]))
}

fn describe(topic: &Topic, wanted: impl Fn(i32) -> bool) -> DescribeLogDirsTopic {
    let partitions = (0..).zip(&topic.partitions).filter(|(index, _)| wanted(*index)).map(
        |(index, partition)| {
            DescribeLogDirsPartition::default()
                .with_partition_index(index)
                .with_partition_size(i64::try_from(partition.bytes()).unwrap_or(i64::MAX))
        },
    );
    DescribeLogDirsTopic::default()
        .with_name(StrBytes::from_string(topic.name.to_string()).into())
        .with_partitions(partitions.collect())
}
