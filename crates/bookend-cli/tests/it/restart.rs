//! A part goes away in the middle of a feed, or comes back: all is exact.

use crate::{
    crash,
    http::{Caller, PATHS, stored},
    process::{Process, bookend, up},
    table,
};

const BEFORE: u64 = 60;
const DURING: u64 = 90;
const AFTER: u64 = 60;

/// Posts this many texts at once; every one is answered, whether the broker is there or not.
async fn post(caller: &Caller, count: u64) {
    let mut posts = tokio::task::JoinSet::new();
    for (_, path) in (0..count).zip(PATHS.into_iter().cycle()) {
        let caller = caller.clone();
        posts.spawn(async move { caller.post(path, "a text").await });
    }
    for answer in posts.join_all().await {
        assert_eq!(answer.expect("it is answered").0, 200);
    }
}

fn broker(port: &str, data: &str) -> Process {
    bookend(&["broker", "--broker-port", port, "--data", data])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_restarts_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut first = broker("0", data);
    let brokers = first.address("broker");
    let port = brokers.rsplit(':').next().unwrap().to_owned();
    let mut server =
        bookend(&["server", "--port", "0", "--brokers", &brokers, "--data", data, "--json"]);
    let client_args = ["client", "--port", "0", "--brokers", &brokers, "--task-ms", "5", "--json"];
    let mut client = bookend(&client_args);
    let (caller, store) = (Caller::new(&client.http()), Caller::new(&server.http()));

    post(&caller, BEFORE).await;
    caller.ledger_when(|ledger| ledger["acked"] == BEFORE).await;
    store.ledger_when(|ledger| stored(ledger) == BEFORE).await;
    first.kill();
    let waits = store.status_when("/readyz", 503).await;
    assert!(waits["because"].to_string().contains("brokers"), "{waits}");
    assert_eq!(store.get("/livez").await.unwrap().0, 200, "a restart of the server would not help");
    post(&caller, DURING).await;
    let ledger = caller.ledger().await.unwrap();
    assert_eq!(ledger["recorded"], BEFORE + DURING, "{ledger}");
    assert_eq!(ledger["acked"], BEFORE, "nobody was there to acknowledge: {ledger}");

    let second = broker(&port, data);
    post(&caller, AFTER).await;
    let total = BEFORE + DURING + AFTER;
    caller.ledger_when(|ledger| ledger["acked"] == total).await;
    store.ledger_when(|ledger| stored(ledger) == total).await;
    store.status_when("/readyz", 200).await;
    let rows = i64::try_from(total).unwrap();
    assert_eq!(table::distinct(folder.path()), (rows, rows, rows));
    let end = client.stop();
    assert_eq!((&end.closing()["exact"], end.code()), (&true.into(), 0), "{end:?}");
    assert_eq!(server.stop().code(), 0);
    assert_eq!(second.stop().code(), 0);
}

// Goal: SIGTERM in the middle of a feed: what is under way is finished, acknowledged and stored before the end.
#[tokio::test(flavor = "multi_thread")]
async fn stopping_in_the_middle_of_a_feed_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = up(folder.path(), &["--task-ms", "20"]);
    let caller = Caller::new(&process.http());
    let (feeding, mut answered) = crash::feed(&caller);
    answered.wait_for(|count| *count >= 200).await.unwrap();
    let end = tokio::task::spawn_blocking(|| process.stop()).await.unwrap();
    feeding.join_all().await;
    let closing = end.closing();
    assert_eq!((&closing["exact"], end.code()), (&true.into(), 0), "{end:?}");
    assert_eq!(closing["dropped"], 0, "{closing}");
    let rows = closing["recorded"].as_i64().expect("a number");
    assert_eq!(closing["stored"], rows, "{closing}");
    assert_eq!(table::distinct(folder.path()), (rows, rows, rows));
    assert!(rows.unsigned_abs() >= *answered.borrow(), "every answer was recorded: {closing}");
}

// Goal: what a reset empties is filled again from what Kafka has, though all of it was consumed and committed before.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_reset_is_filled_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut first = up(folder.path(), &["--task-ms", "5"]);
    let caller = Caller::new(&first.http());
    post(&caller, BEFORE).await;
    caller.ledger_when(|ledger| stored(ledger) == BEFORE).await;
    assert_eq!(first.stop().code(), 0);

    assert_eq!(bookend(&["store", "reset", "--data", data]).end().code(), 0);
    let mut second = up(folder.path(), &["--task-ms", "5"]);
    let caller = Caller::new(&second.http());
    caller.ledger_when(|ledger| stored(ledger) == BEFORE).await;
    assert_eq!(second.stop().code(), 0);
}
