//! Requests that Apache Kafka refuses, refused in the same way.

use kafka_protocol::messages::{
    DescribeConfigsRequest, describe_configs_request::DescribeConfigsResource,
};

use super::*;

const INVALID_REQUEST: i16 = 42;

// Goal: a produce carries one batch for a partition, since version 3.
#[tokio::test]
async fn two_batches_for_a_partition_are_refused() {
    let scene = Scene::new();
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    let two = [sample_batch(None, 1, 5), sample_batch(None, 1, 5)].concat();
    let data = PartitionProduceData::default().with_records(Some(two.into()));
    let topic = TopicProduceData::default().with_name(topic()).with_partition_data(vec![data]);
    let request = ProduceRequest::default().with_acks(-1).with_topic_data(vec![topic]);
    let ResponseKind::Produce(r) = scene.ask(9, request.into()).await else { panic!() };
    let refused = &r.responses[0].partition_responses[0];
    assert_eq!(refused.error_code, ResponseError::InvalidRecord.code());
    assert_eq!(scene.node.catalog.find("topic").unwrap().partitions[0].end(), 0);
}

// Goal: a topic that is named twice is not deleted, also where it is named in two ways.
#[tokio::test]
async fn a_topic_is_named_once_to_be_deleted() {
    let scene = Scene::new();
    let topic = scene.node.catalog.create("t", 1).unwrap();
    let named = DeleteTopicState::default().with_name(Some(text("t").into()));
    let by_id = DeleteTopicState::default().with_name(None).with_topic_id(topic.id);
    for twice in [vec![named.clone(), named.clone()], vec![named.clone(), by_id]] {
        let request = DeleteTopicsRequest::default().with_topics(twice);
        let ResponseKind::DeleteTopics(r) = scene.ask(6, request.into()).await else { panic!() };
        let codes: Vec<_> = r.responses.iter().map(|topic| topic.error_code).collect();
        assert_eq!(codes, [INVALID_REQUEST; 2]);
        assert!(scene.node.catalog.find("t").is_some());
    }
    let request = DeleteTopicsRequest::default().with_topics(vec![named]);
    let ResponseKind::DeleteTopics(r) = scene.ask(6, request.into()).await else { panic!() };
    assert_eq!(r.responses[0].error_code, 0);
}

// Goal: the offsets of a deleted topic go with it.
#[tokio::test]
async fn a_deleted_topic_leaves_no_offsets() {
    let scene = Scene::new();
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    scene.ask(2, sample(ApiKey::OffsetCommit, 2)).await;
    assert_eq!(scene.node.offsets.of_group("simple").len(), 1);
    let named = DeleteTopicState::default().with_name(Some(topic()));
    scene.ask(6, DeleteTopicsRequest::default().with_topics(vec![named]).into()).await;
    assert_eq!(scene.node.offsets.of_group("simple"), []);
}

// Goal: whether topics are created by asking for them is told as it is.
#[tokio::test]
async fn auto_creation_is_told() {
    for (auto_create, expected) in [(true, ("true", 5)), (false, ("false", 4))] {
        let scene = Scene::with_auto_create(auto_create);
        let broker = DescribeConfigsResource::default()
            .with_resource_type(4)
            .with_resource_name(text("1"))
            .with_configuration_keys(Some(vec![text("auto.create.topics.enable")]));
        let request = DescribeConfigsRequest::default().with_resources(vec![broker]);
        let ResponseKind::DescribeConfigs(r) = scene.ask(1, request.into()).await else { panic!() };
        let config = &r.results[0].configs[0];
        assert_eq!((config.value.as_deref(), config.config_source), (Some(expected.0), expected.1));
    }
}

// Goal: a name that no topic can have is told so, also where none would be created.
#[tokio::test]
async fn an_illegal_name_is_told() {
    let scene = Scene::new();
    for (name, expected) in [("none", 3), ("..", 17)] {
        let asked = MetadataRequestTopic::default().with_name(Some(text(name).into()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![asked]))
            .with_allow_auto_topic_creation(false);
        let ResponseKind::Metadata(r) = scene.ask(12, request.into()).await else { panic!() };
        assert_eq!(r.topics[0].error_code, expected, "{name}");
    }
}

fn creatable(name: &str) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(text(name).into())
        .with_num_partitions(1)
        .with_replication_factor(1)
}

async fn create(scene: &Scene, topics: Vec<CreatableTopic>) -> Vec<i16> {
    let request = CreateTopicsRequest::default().with_topics(topics);
    let ResponseKind::CreateTopics(r) = scene.ask(7, request.into()).await else { panic!() };
    r.topics.iter().map(|topic| topic.error_code).collect()
}

async fn ask_for(scene: &Scene, name: &str) -> i16 {
    let asked = MetadataRequestTopic::default().with_name(Some(text(name).into()));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![asked]))
        .with_allow_auto_topic_creation(true);
    let ResponseKind::Metadata(r) = scene.ask(12, request.into()).await else { panic!() };
    r.topics[0].error_code
}

// Goal: two topics whose metrics would have one name are not both created, neither by an admin client nor by one that
// asks for them. That one is told so at once; Apache Kafka lets it ask again and again for a topic that never comes.
#[tokio::test]
async fn names_that_collide_are_refused() {
    let scene = Scene::new();
    assert_eq!(create(&scene, vec![creatable("a.b")]).await, [0]);
    assert_eq!(create(&scene, vec![creatable("a_b"), creatable("ab")]).await, [17, 0]);
    assert_eq!(create(&scene, vec![creatable("c_d"), creatable("c.d")]).await, [0, 17]);
    assert_eq!(create(&scene, vec![creatable("a.b")]).await, [36], "it is there, which is worse");
    for (name, expected) in [("a_b", 17), ("a.b", 0), ("e.f_g", 0), ("e_f.g", 17)] {
        assert_eq!(ask_for(&scene, name).await, expected, "{name}");
    }
    assert_eq!(create(&scene, vec![creatable("e_f_g")]).await, [17]);
    let topic = scene.node.catalog.find("a.b").unwrap();
    scene.node.catalog.delete(&topic).unwrap();
    assert_eq!(ask_for(&scene, "a_b").await, 0, "the other is gone");
}

// Goal: replicas that are assigned by hand are assigned completely, and nothing else says how many there are.
#[tokio::test]
async fn assignments_are_complete() {
    let scene = Scene::new();
    let by_hand = |indexes: &[i32]| {
        let assignment = |index: &i32| {
            CreatableReplicaAssignment::default()
                .with_partition_index(*index)
                .with_broker_ids(vec![1.into()])
        };
        creatable("t")
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(indexes.iter().map(assignment).collect())
    };
    assert_eq!(create(&scene, vec![by_hand(&[0, 2])]).await, [39]);
    assert_eq!(create(&scene, vec![by_hand(&[0, 0])]).await, [39]);
    assert_eq!(create(&scene, vec![by_hand(&[0, 1]).with_num_partitions(2)]).await, [42]);
    assert_eq!(create(&scene, vec![by_hand(&[0, 1]).with_replication_factor(1)]).await, [42]);
    assert_eq!(create(&scene, vec![by_hand(&[1, 0])]).await, [0]);
    assert_eq!(scene.node.catalog.find("t").unwrap().partitions.len(), 2);
}
