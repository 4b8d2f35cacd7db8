//! Requests that wait.

use super::*;
use crate::partition::batch::tests::one;

// Goal: what waits for company or for records ends with its connection.
#[tokio::test]
async fn a_parked_request_ends_with_its_client() {
    let scene = Scene::new();
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    let partition = FetchPartition::default().with_partition_max_bytes(1_000);
    let topic = FetchTopic::default().with_topic(topic()).with_partitions(vec![partition]);
    let fetch = FetchRequest::default()
        .with_topics(vec![topic])
        .with_max_wait_ms(60_000)
        .with_min_bytes(1)
        .with_max_bytes(1_000);
    let mut body = BytesMut::new();
    fetch.encode(&mut body, 12).unwrap();
    let leave = async {
        tokio::task::yield_now().await;
        scene.leaving.send_replace(true);
    };
    let parked = scene.answer(frame(ApiKey::Fetch, 12, &body));
    let both = async { tokio::join!(parked, leave) };
    let (ended, ()) = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
    assert!(matches!(ended, Err(Refusal::Gone)));
}

// Goal: what is appended while a fetch looks, and before it watches, is not missed. Method: fetches that need two batches
// find one, and the other comes while a blocking thread reads; who wins differs from round to round.
#[tokio::test]
async fn what_comes_while_a_fetch_looks_wakes_it() {
    let scene = Scene::new();
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    let partition = Arc::clone(&scene.node.catalog.find("topic").unwrap().partitions[0]);
    let sent = sample_batch(None, 1, 5);
    let batch = one(sent.clone());
    for _ in 0..300 {
        let from = partition.append(&batch, 0).unwrap();
        let asked =
            FetchPartition::default().with_fetch_offset(from).with_partition_max_bytes(10_000);
        let asked = FetchTopic::default().with_topic(topic()).with_partitions(vec![asked]);
        let fetch = FetchRequest::default()
            .with_topics(vec![asked])
            .with_max_wait_ms(60_000)
            .with_min_bytes(i32::try_from(2 * sent.len()).unwrap())
            .with_max_bytes(10_000);
        let append = async { partition.append(&batch, 0).unwrap() };
        let both = async { tokio::join!(scene.ask(12, fetch.into()), append) };
        let both = tokio::time::timeout(Duration::from_secs(10), both).await;
        let (ResponseKind::Fetch(response), _) = both.expect("it was woken") else { panic!() };
        let records = response.responses[0].partitions[0].records.as_ref().unwrap();
        assert_eq!(records.len(), 2 * sent.len());
    }
}

// Goal: a topic that goes while a fetch looks, and before it watches, ends the fetch. Method: as above, with a partition
// for every round.
#[tokio::test]
async fn what_goes_while_a_fetch_looks_ends_it() {
    const ROUNDS: u32 = 200;
    let scene = Scene::new();
    let going = scene.node.catalog.create("topic", ROUNDS).unwrap();
    let sent = sample_batch(None, 1, 5);
    let batch = one(sent.clone());
    for (index, partition) in (0..).zip(&going.partitions) {
        partition.append(&batch, 0).unwrap();
        let asked =
            FetchPartition::default().with_partition(index).with_partition_max_bytes(10_000);
        let asked = FetchTopic::default().with_topic(topic()).with_partitions(vec![asked]);
        let fetch = FetchRequest::default()
            .with_topics(vec![asked])
            .with_max_wait_ms(60_000)
            .with_min_bytes(i32::try_from(2 * sent.len()).unwrap())
            .with_max_bytes(10_000);
        let close = async { partition.close() };
        let both = async { tokio::join!(scene.ask(12, fetch.into()), close) };
        let both = tokio::time::timeout(Duration::from_secs(10), both).await;
        let (ResponseKind::Fetch(response), ()) = both.expect("it has ended") else { panic!() };
        let code = response.responses[0].partitions[0].error_code;
        assert_eq!(code, ResponseError::UnknownTopicOrPartition.code());
    }
}
