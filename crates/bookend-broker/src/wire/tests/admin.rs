//! Requests of admin clients: settings, partitions, records, the cluster.

use kafka_protocol::messages::{
    AlterConfigsRequest, CreatePartitionsRequest, DeleteRecordsRequest, DescribeClusterRequest,
    DescribeConfigsRequest, DescribeLogDirsRequest, DescribeTopicPartitionsRequest,
    IncrementalAlterConfigsRequest, OffsetForLeaderEpochRequest,
    alter_configs_request::{AlterConfigsResource, AlterableConfig},
    create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic},
    delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    describe_configs_request::DescribeConfigsResource,
    describe_log_dirs_request::DescribableLogDirTopic,
    describe_topic_partitions_request::{Cursor, TopicRequest},
    incremental_alter_configs_request as incremental,
    offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
};

use super::*;

/// As [`super::sample`], for the APIs of admin clients.
pub(super) fn sample(key: ApiKey, version: i16) -> RequestKind {
    match key {
        ApiKey::CreatePartitions => {
            let assignment = CreatePartitionsAssignment::default().with_broker_ids(vec![1.into()]);
            let asked = CreatePartitionsTopic::default()
                .with_name(topic())
                .with_count(3)
                .with_assignments(Some(vec![assignment.clone(), assignment]));
            let missing = asked.clone().with_name(text("none").into()).with_assignments(None);
            CreatePartitionsRequest::default()
                .with_topics(vec![asked, missing])
                .with_validate_only(true)
                .into()
        }
        ApiKey::DeleteRecords => {
            let partition = DeleteRecordsPartition::default().with_offset(-1);
            let asked = DeleteRecordsTopic::default()
                .with_name(topic())
                .with_partitions(vec![partition.clone(), partition.with_partition_index(7)]);
            DeleteRecordsRequest::default().with_topics(vec![asked]).into()
        }
        ApiKey::OffsetForLeaderEpoch => {
            let partition = |epoch| {
                OffsetForLeaderPartition::default()
                    .with_current_leader_epoch(0)
                    .with_leader_epoch(epoch)
            };
            let asked = OffsetForLeaderTopic::default().with_topic(topic()).with_partitions(vec![
                partition(0),
                partition(1),
                partition(0).with_partition(7),
            ]);
            let replica = if version < 3 { -2 } else { -1 };
            OffsetForLeaderEpochRequest::default()
                .with_replica_id(replica.into())
                .with_topics(vec![asked])
                .into()
        }
        ApiKey::DescribeCluster => {
            DescribeClusterRequest::default().with_include_fenced_brokers(version >= 2).into()
        }
        ApiKey::DescribeTopicPartitions => DescribeTopicPartitionsRequest::default()
            .with_topics(vec![
                TopicRequest::default().with_name(topic()),
                TopicRequest::default().with_name(text("none").into()),
            ])
            .with_response_partition_limit(10)
            .with_cursor(Some(Cursor::default().with_topic_name(text("n").into())))
            .into(),
        ApiKey::DescribeLogDirs => {
            let asked =
                DescribableLogDirTopic::default().with_topic(topic()).with_partitions(vec![0, 7]);
            DescribeLogDirsRequest::default().with_topics(Some(vec![asked])).into()
        }
        _ => sample_configs(key, version),
    }
}

fn sample_configs(key: ApiKey, version: i16) -> RequestKind {
    match key {
        ApiKey::DescribeConfigs => {
            let asked = DescribeConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("topic"))
                .with_configuration_keys(Some(vec![text("retention.ms"), text("none")]));
            let broker = DescribeConfigsResource::default()
                .with_resource_type(4)
                .with_resource_name(text("1"))
                .with_configuration_keys(None);
            DescribeConfigsRequest::default()
                .with_resources(vec![asked.clone(), broker, asked.with_resource_name(text("none"))])
                .with_include_synonyms(true)
                .with_include_documentation(version >= 3)
                .into()
        }
        ApiKey::AlterConfigs => {
            let config = |name: &str, value: &str| {
                let value = Some(text(value));
                AlterableConfig::default().with_name(text(name)).with_value(value)
            };
            let asked = AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("topic"))
                .with_configs(vec![config("retention.ms", "9"), config("segment.bytes", "99")]);
            let refused = asked.clone().with_configs(vec![config("cleanup.policy", "compact")]);
            AlterConfigsRequest::default().with_resources(vec![asked, refused]).into()
        }
        _ => {
            let config = |name: &str, operation, value: Option<&str>| {
                incremental::AlterableConfig::default()
                    .with_name(text(name))
                    .with_config_operation(operation)
                    .with_value(value.map(text))
            };
            let asked = incremental::AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("topic"))
                .with_configs(vec![
                    config("retention.ms", 1, None),
                    config("segment.bytes", 0, Some("99")),
                ]);
            let broker = asked.clone().with_resource_type(4).with_resource_name(text("1"));
            IncrementalAlterConfigsRequest::default().with_resources(vec![asked, broker]).into()
        }
    }
}

/// The error codes in the answer to [`sample`], and what else must be right about it.
pub(super) fn check(version: i16, response: &ResponseKind) {
    match response {
        ResponseKind::CreatePartitions(r) => {
            let codes: Vec<_> = r.results.iter().map(|t| t.error_code).collect();
            assert_eq!(codes, [0, 3], "{version}");
        }
        ResponseKind::DeleteRecords(r) => {
            let codes: Vec<_> = r.topics[0].partitions.iter().map(|p| p.error_code).collect();
            assert_eq!(codes, [0, 3], "{version}");
            assert!(r.topics[0].partitions[0].low_watermark > 0, "{version}");
        }
        ResponseKind::OffsetForLeaderEpoch(r) => {
            let [known, future, missing] = &r.topics[0].partitions[..] else { panic!("{r:?}") };
            assert_eq!((known.error_code, known.leader_epoch), (0, 0), "{version}");
            assert!(known.end_offset > 0, "{version}");
            let never = (future.error_code, future.leader_epoch, future.end_offset);
            assert_eq!((never, missing.error_code), ((0, -1, -1), 3), "{version}");
        }
        ResponseKind::DescribeCluster(r) => {
            let broker = &r.brokers[0];
            assert_eq!((r.error_code, *broker.broker_id, broker.port), (0, 1, 9092), "{version}");
        }
        ResponseKind::DescribeTopicPartitions(r) => {
            let codes: Vec<_> = r.topics.iter().map(|t| t.error_code).collect();
            assert_eq!(codes, [3, 0], "{version}: none comes before topic");
            assert_eq!(r.topics[1].partitions.len(), 1, "{version}");
        }
        ResponseKind::DescribeLogDirs(r) => {
            let [partition] = &r.results[0].topics[0].partitions[..] else { panic!("{r:?}") };
            assert_eq!((r.results[0].error_code, partition.partition_index), (0, 0), "{version}");
        }
        ResponseKind::DescribeConfigs(r) => {
            let codes: Vec<_> = r.results.iter().map(|r| r.error_code).collect();
            assert_eq!(codes, [0, 0, 3], "{version}");
            let [retention] = &r.results[0].configs[..] else { panic!("{r:?}") };
            assert_eq!(retention.value.as_deref(), Some("604800000"), "{version}");
            let documented = retention.documentation.as_ref().is_some_and(|doc| !doc.is_empty());
            assert_eq!(documented, version >= 3, "{version}");
            let id = r.results[1].configs.iter().find(|config| &*config.name == "node.id");
            assert_eq!(id.unwrap().value.as_deref(), Some("1"), "{version}");
        }
        ResponseKind::AlterConfigs(r) => {
            let codes: Vec<_> = r.responses.iter().map(|r| r.error_code).collect();
            assert_eq!(codes, [0, 40], "{version}");
        }
        ResponseKind::IncrementalAlterConfigs(r) => {
            let codes: Vec<_> = r.responses.iter().map(|r| r.error_code).collect();
            assert_eq!(codes, [0, 40], "{version}");
        }
        _ => {}
    }
}
