//! What is left after a stop, and in a copy of the folder made at any moment; after `kill -9` says
//! [`crash`](crate::crash).

use std::{fs, path::Path};

use bookend_broker::Broker;
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetFetchRequest,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
};

use crate::client::{Client, batch, text, topic_name};

async fn start(folder: &Path) -> Broker {
    Broker::builder().data(folder).partitions(1).start().await.unwrap()
}

async fn commit(client: &mut Client, offset: i64) {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    assert_eq!(client.ask(8, &request).await.topics[0].partitions[0].error_code, 0);
}

async fn committed(client: &mut Client) -> i64 {
    let request = OffsetFetchRequest::default().with_group_id(text("g").into()).with_topics(None);
    let topics = client.ask(7, &request).await.topics;
    topics[0].partitions[0].committed_offset
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

// Goal: all that was acknowledged is there after a stop, and after an end without one. Method: the folder is copied
// while the broker runs, which is what a `kill -9` at that moment leaves.
#[tokio::test]
async fn everything_acknowledged_survives() {
    let dir = tempfile::tempdir().unwrap();
    let (original, copied) = (dir.path().join("original"), dir.path().join("copied"));
    let broker = start(&original).await;
    let mut client = Client::connect(broker.addr()).await;
    let topic_id = client.topic("t").await.topic_id;
    let id = client.producer_id().await;
    client.produce("t", batch(Some((id, 0)), &["a", "b"])).await;
    commit(&mut client, 1).await;
    client.produce("t", batch(Some((id, 2)), &["c"])).await;
    let cluster_id = broker.cluster_id().to_owned();
    copy(&original, &copied);
    broker.stop().await;

    for folder in [&original, &copied] {
        let broker = start(folder).await;
        let mut client = Client::connect(broker.addr()).await;
        assert_eq!(broker.cluster_id(), cluster_id);
        assert_eq!(client.topic("t").await.topic_id, topic_id);
        assert_eq!(client.values("t").await, ["a", "b", "c"]);
        assert_eq!(committed(&mut client).await, 1);
        assert_ne!(client.producer_id().await, id);
        let again = client.produce("t", batch(Some((id, 2)), &["c"])).await;
        assert_eq!((again.error_code, again.base_offset), (0, 2));
        let next = client.produce("t", batch(Some((id, 3)), &["d"])).await;
        assert_eq!((next.error_code, next.base_offset), (0, 3));
        broker.stop().await;
    }
}
