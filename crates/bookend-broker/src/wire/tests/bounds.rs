//! What a request may make this broker hold or do, however it is put.

use kafka_protocol::messages::{
    DescribeConfigsRequest, describe_configs_request::DescribeConfigsResource,
};

use super::*;
use crate::partition::{Partition, batch::tests::one};

/// A header with so many tagged fields that nobody knows, and then a body of `ApiVersions`.
fn with_tags(count: u32) -> Bytes {
    let version = 3;
    let mut frame = BytesMut::from(&frame(ApiKey::ApiVersions, version, &[])[..]);
    assert_eq!(frame.split_off(frame.len() - 1)[..], [0], "no tagged field");
    let mut rest = count;
    while rest >= 0x80 {
        frame.put_u8(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    frame.put_u8(rest.to_le_bytes()[0]);
    for tag in 0..count {
        // A tag of three bytes, and no value.
        let [low, middle, high, _] = tag.to_le_bytes();
        let tag = [low | 0x80, (middle << 1 | low >> 7) | 0x80, high << 2 | middle >> 6];
        frame.put_slice(&tag);
        frame.put_u8(0);
    }
    frame.put_slice(&body(ApiKey::ApiVersions, version));
    frame.freeze()
}

// Goal: the tagged fields of a header are counted like what stands in a body, before they are decoded.
#[tokio::test]
async fn the_tagged_fields_of_a_header_are_counted() {
    let scene = Scene::new();
    assert!(scene.answer(with_tags(3)).await.unwrap().is_some());
    let refusal = scene.answer(with_tags(3_000)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Full(_)), "{refusal}");
    let refusal = scene.answer(with_tags(100_001)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Malformed { .. }), "{refusal}");
}

// Goal: what a request is decoded into takes room first.
#[tokio::test]
async fn a_request_of_many_elements_takes_room() {
    let scene = Scene::new();
    let body = |count: u32| [&count.to_be_bytes()[..], &vec![0; 2 * count as usize]].concat();
    assert!(scene.answer(frame(ApiKey::Metadata, 1, &body(1_000))).await.is_ok());
    let refusal = scene.answer(frame(ApiKey::Metadata, 1, &body(3_000))).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Full(_)), "{refusal}");
}

/// Commits for a number of partitions, with as much beside each offset as there may be.
async fn commit(scene: &Scene, partitions: u32) {
    scene.node.catalog.create("wide", partitions).unwrap();
    let metadata = text(&"m".repeat(4_096));
    let committed = (0..partitions.cast_signed()).map(|index| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_metadata(Some(metadata.clone()))
    });
    let topic = OffsetCommitRequestTopic::default()
        .with_name(text("wide").into())
        .with_partitions(committed.collect());
    let request = OffsetCommitRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    scene.ask(2, request.into()).await;
    scene.client.held.release();
}

// Goal: a partition that is named again and again is answered once.
#[tokio::test]
async fn an_offset_is_told_once() {
    let scene = Scene::new();
    commit(&scene, 1).await;
    let topic = || {
        OffsetFetchRequestTopic::default()
            .with_name(text("wide").into())
            .with_partition_indexes(vec![0; 500])
    };
    let request = OffsetFetchRequest::default()
        .with_group_id(text("g").into())
        .with_topics(Some(vec![topic(), topic()]));
    let ResponseKind::OffsetFetch(r) = scene.ask(1, request.into()).await else { panic!() };
    assert_eq!(r.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>(), 1);
    let topic = OffsetFetchRequestTopics::default()
        .with_name(text("wide").into())
        .with_partition_indexes(vec![0; 500]);
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(text("g").into())
        .with_topics(Some(vec![topic]));
    let request = OffsetFetchRequest::default().with_groups(vec![group.clone(), group]);
    let ResponseKind::OffsetFetch(r) = scene.ask(8, request.into()).await else { panic!() };
    let topics = r.groups.iter().flat_map(|group| &group.topics);
    assert_eq!(topics.map(|topic| topic.partitions.len()).sum::<usize>(), 1);
}

// Goal: an answer that there is no room for is refused before it is built, not sent.
#[tokio::test]
async fn an_answer_takes_room_before_it_is_built() {
    let scene = Scene::new();
    commit(&scene, 300).await;
    let all = || OffsetFetchRequest::default().with_group_id(text("g").into()).with_topics(None);
    let mut asked = BytesMut::new();
    all().encode(&mut asked, 2).unwrap();
    let refusal = scene.answer(frame(ApiKey::OffsetFetch, 2, &asked)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Full(_)), "{refusal}");

    let config = |name: String| {
        DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(&name))
            .with_configuration_keys(None)
    };
    let resources = (0..200).map(|n| config(format!("topic-{n}"))).collect();
    let request = DescribeConfigsRequest::default().with_resources(resources);
    let mut asked = BytesMut::new();
    request.encode(&mut asked, 1).unwrap();
    let refusal = scene.answer(frame(ApiKey::DescribeConfigs, 1, &asked)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Full(_)), "{refusal}");
}

/// A fetch of the partitions with these indexes, each of so many bytes.
fn fetch(indexes: Vec<i32>, partition_bytes: i32) -> FetchRequest {
    let partition = |index| {
        FetchPartition::default().with_partition(index).with_partition_max_bytes(partition_bytes)
    };
    let asked = FetchTopic::default()
        .with_topic(topic())
        .with_partitions(indexes.into_iter().map(partition).collect());
    FetchRequest::default()
        .with_topics(vec![asked])
        .with_max_wait_ms(60_000)
        .with_min_bytes(1)
        .with_max_bytes(1_000)
}

// Goal: an answer that came out larger than its request let think takes room before it is encoded. Method: a batch
// that is larger than the memory for all, and that cannot be sent from its file as no more files may be open.
#[tokio::test]
async fn an_answer_takes_room_before_it_is_encoded() {
    let scene = Scene::with_memory(512 * 1024);
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    let partition = Arc::clone(&scene.node.catalog.find("topic").unwrap().partitions[0]);
    let batch = sample_batch(None, 80_000, 5);
    assert!(batch.len() > 512 * 1024);
    partition.append(&one(batch), 0).unwrap();
    let permits: Vec<_> = std::iter::from_fn(|| scene.node.open_files.permit()).collect();
    assert_eq!(permits.is_empty(), !cfg!(target_os = "linux"));
    let mut asked = BytesMut::new();
    fetch(vec![0], 1_000).encode(&mut asked, 12).unwrap();
    let refusal = scene.answer(frame(ApiKey::Fetch, 12, &asked)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Full(_)), "{refusal}");
    if !permits.is_empty() {
        drop(permits);
        let answer = scene.answer(frame(ApiKey::Fetch, 12, &asked)).await.unwrap().unwrap();
        assert!(answer.len() > 512 * 1024, "a file takes no memory");
    }
}

// Goal: where others hold all memory, who fetches little is answered, who finds nothing waits for records and not for room,
// and a large batch waits for room. Method: paused time, so that a wait for room would end in a refusal.
#[tokio::test(start_paused = true)]
async fn memory_that_others_hold_stops_only_what_is_large() {
    let scene = Scene::with_memory(8 << 20);
    let topic = scene.node.catalog.create("topic", 2).unwrap();
    let [small, large] = [&topic.partitions[0], &topic.partitions[1]];
    let append = |partition: &Arc<Partition>, records| {
        partition.append(&one(sample_batch(None, records, 5)), 0).unwrap();
    };
    let asked = |index| fetch(vec![index], 1 << 20).with_max_bytes(50 << 20);
    let answered = async |index| {
        let ResponseKind::Fetch(r) = scene.ask(12, asked(index).into()).await else { panic!() };
        r.responses[0].partitions[0].records.as_ref().unwrap().len()
    };
    let permits: Vec<_> = std::iter::from_fn(|| scene.node.open_files.permit()).collect();
    let taken = scene.client.held.memory().take(4 << 20).await.unwrap();
    let later = async {
        // The clock goes on once the fetch waits.
        tokio::time::sleep(Duration::from_secs(30)).await;
        append(small, 1);
    };
    let (bytes, ()) = tokio::join!(answered(0), later);
    assert!(bytes > 0);
    assert_eq!(answered(0).await, bytes);
    append(large, 20_000);
    let free = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(taken);
    };
    let (bytes, ()) = tokio::join!(answered(1), free);
    assert!(bytes > 100_000);
    // What is sent from its file waits for none.
    if cfg!(target_os = "linux") {
        drop(permits);
        let _taken = scene.client.held.memory().take(4 << 20).await.unwrap();
        assert_eq!(answered(1).await, bytes);
    }
}

// Goal: a partition is read once per fetch, however often it is named.
#[tokio::test]
async fn a_fetch_names_a_partition_once() {
    let scene = Scene::new();
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    let partition = Arc::clone(&scene.node.catalog.find("topic").unwrap().partitions[0]);
    partition.append(&one(sample_batch(None, 1, 5)), 0).unwrap();
    let asked = fetch(vec![0; 1_000], 1_000);
    let ResponseKind::Fetch(r) = scene.ask(12, asked.into()).await else { panic!() };
    assert_eq!(r.responses[0].partitions.len(), 1);
}

// Goal: a fetch of nothing is answered at once, as in Apache Kafka.
#[tokio::test]
async fn a_fetch_of_nothing_does_not_wait() {
    let scene = Scene::new();
    for request in [fetch(Vec::new(), 0), fetch(Vec::new(), 0).with_topics(Vec::new())] {
        let answered = scene.ask(12, request.into());
        let answered = tokio::time::timeout(Duration::from_secs(10), answered).await;
        assert!(matches!(answered, Ok(ResponseKind::Fetch(_))));
    }
}
