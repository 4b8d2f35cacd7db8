//! What is in the way of a start is said in one sentence; and a stop leaves nothing in the way.

use std::{error::Error, fs, path::PathBuf};

use bookend_broker::{Broker, StartError};

use crate::client::{Client, batch, own_address};

/// The error with its sources, as a program prints it.
fn sentence(error: &StartError) -> String {
    let mut parts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        parts.push(error.to_string());
        source = error.source();
    }
    parts.join(": ")
}

// Goal: the address is named, and free again after a stop.
#[tokio::test]
async fn a_port_that_is_taken() {
    let first = Broker::builder().listen(own_address()).start().await.unwrap();
    let error = Broker::builder().listen(first.addr()).start().await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }));
    assert!(sentence(&error).starts_with(&format!("cannot listen on {}", first.addr())));
    let addr = first.addr();
    first.stop().await;
    Broker::builder().listen(addr).start().await.unwrap().stop().await;
}

// Goal: two brokers never write to one folder, and it is free again after a stop.
#[tokio::test]
async fn a_folder_that_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let first = Broker::builder().data(dir.path()).start().await.unwrap();
    let error = Broker::builder().data(dir.path()).start().await.unwrap_err();
    assert!(sentence(&error).contains("in use by another process"), "{}", sentence(&error));
    first.stop().await;
    Broker::builder().data(dir.path()).start().await.unwrap().stop().await;
}

// Goal: a path that is no folder is named. (Permissions would not stop a test that runs as root.)
#[tokio::test]
async fn a_folder_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Broker::builder().data(&file).start().await.unwrap_err();
    assert!(sentence(&error).contains("cannot be written"), "{}", sentence(&error));
}

// Goal: damage is found at the start, with the file's name. Method: one bit in a segment, one letter in the catalog.
#[tokio::test]
async fn a_catalog_or_a_log_that_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::builder().data(dir.path()).partitions(1).start().await.unwrap();
    let mut client = Client::connect(broker.addr()).await;
    client.topic("t").await;
    for value in ["a", "b"] {
        client.produce("t", batch(None, &[value])).await;
    }
    broker.stop().await;

    let topic = fs::read_dir(dir.path().join("topics")).unwrap().next().unwrap().unwrap().path();
    let files = fs::read_dir(topic.join("0")).unwrap().map(|entry| entry.unwrap().path());
    let segment = files.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let good = fs::read(&segment).unwrap();
    let mut bad = good.clone();
    bad[60] ^= 1;
    fs::write(&segment, bad).unwrap();
    let error = Broker::builder().data(dir.path()).start().await.unwrap_err();
    assert!(sentence(&error).contains("damaged at byte"), "{}", sentence(&error));
    fs::write(&segment, good).unwrap();

    let catalog = dir.path().join("catalog");
    fs::write(&catalog, fs::read_to_string(&catalog).unwrap().replace("topic", "tropic")).unwrap();
    let error = Broker::builder().data(dir.path()).start().await.unwrap_err();
    assert!(sentence(&error).contains("catalog` is damaged"), "{}", sentence(&error));
}

// Goal: a broker without a folder of its own leaves nothing behind. Method: other tests have such folders at the same
// time; the id of its cluster, which stands in the catalog, tells which one is this broker's.
#[tokio::test]
async fn a_temporary_folder_is_removed() {
    let broker = Broker::builder().start().await.unwrap();
    let cluster = format!("cluster {}\n", broker.cluster_id());
    let is_ours = |folder: &PathBuf| {
        fs::read_to_string(folder.join("catalog")).is_ok_and(|text| text.contains(&cluster))
    };
    let folders = fs::read_dir(std::env::temp_dir()).unwrap().filter_map(Result::ok);
    let ours: Vec<_> = folders.map(|entry| entry.path()).filter(is_ours).collect();
    let [ours] = &ours[..] else { panic!("one is ours: {ours:?}") };
    broker.stop().await;
    assert!(!ours.exists(), "{} is still there", ours.display());
}
