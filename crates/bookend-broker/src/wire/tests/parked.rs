//! Requests that wait.

use super::*;

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
