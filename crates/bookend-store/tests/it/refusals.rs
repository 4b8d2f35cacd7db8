//! A message the table refuses fails alone; a database that is busy fails for a while; a closed store stays closed.

use std::time::Duration;

use bookend_store::sqlite::{ApplyError, Options, ReadError, Store, rusqlite::Connection};
use tempfile::TempDir;

use crate::{Notes, PANIC, REFUSED, note, notes, open, position};

// Goal: the refused message is named, the rest of its call can be applied, and calls beside it are not touched.
#[tokio::test]
async fn a_refused_message_is_named() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("store.db"));
    let bad = (position(0, 1, Some((0, 1))), REFUSED.to_owned());
    let calls = [
        vec![note(1, 0, None)],
        vec![note(0, 0, Some((0, 0))), bad, note(0, 2, Some((0, 2)))],
        vec![note(2, 0, None)],
    ];
    let (first, second, third) = tokio::join!(
        store.apply(calls[0].clone()),
        store.apply(calls[1].clone()),
        store.apply(calls[2].clone()),
    );
    assert_eq!((first.unwrap().stored, third.unwrap().stored), (1, 1));
    let error = second.unwrap_err();
    assert!(error.is_permanent() && !error.is_transient());
    match &error {
        ApplyError::Refused { position, .. } => assert_eq!(position.offset.0, 1),
        error => panic!("{error:?}"),
    }
    let rest: Vec<_> = calls[1].iter().filter(|(at, _)| at.offset.0 != 1).cloned().collect();
    assert_eq!(store.apply(rest).await.unwrap().stored, 2);
    assert_eq!(notes(&store).await.len(), 4);
    store.close().await;
}

// Goal: while another program holds the database, calls fail as transient, and the same call succeeds afterwards.
#[tokio::test]
async fn a_busy_database_is_transient() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let options = Options { busy_timeout: Duration::from_millis(20), ..Options::default() };
    let store = Store::<Notes>::open(&path, options).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.apply(vec![note(0, 0, None)]).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(notes(&store).await.is_empty(), "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.apply(vec![note(0, 0, None)]).await.unwrap().stored, 1);
    store.close().await;
}

// Goal: closing twice is fine, and whoever still holds a handle is told.
#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("store.db"));
    let handle = store.clone();
    store.close().await;
    handle.close().await;
    assert!(matches!(handle.apply(vec![note(0, 0, None)]).await, Err(ApplyError::Closed)));
    assert!(matches!(handle.read(|_| Ok(())).await, Err(ReadError::Closed)));
}

// Goal: a table that panics closes its store: every caller is told, nothing of the transaction is stored, and the
// store can be opened again.
#[tokio::test]
async fn a_panicking_table_closes_the_store() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path);
    let bad = vec![note(0, 0, None), (position(0, 1, None), PANIC.to_owned())];
    for _ in 0..2 {
        assert!(matches!(store.apply(bad.clone()).await, Err(ApplyError::Closed)));
    }
    store.close().await;
    let store = open(&path);
    assert_eq!(store.apply(vec![note(0, 0, None)]).await.unwrap().stored, 1);
    store.close().await;
}

// Goal: a sender that was silent for long is forgotten, on disk and in memory; its positions are not. Method: the
// store's clock cannot be moved, so the lane's last change is.
#[tokio::test]
async fn a_silent_sender_expires() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path);
    store.apply(vec![note(0, 0, Some((1, 0))), note(0, 1, Some((2, 0)))]).await.unwrap();
    store.close().await;
    let age = "UPDATE bookend_applied SET changed_at_ms = 0 WHERE substr(lane, 12) = x'08' OR lane = 'a/0'";
    assert_eq!(Connection::open(&path).unwrap().execute(age, ()).unwrap(), 2);

    let store = open(&path);
    store.apply(vec![]).await.unwrap();
    let again = [note(0, 0, Some((1, 0))), note(3, 0, Some((1, 0))), note(3, 1, Some((2, 0)))];
    let mut stored = Vec::new();
    for message in again {
        stored.push(store.apply(vec![message]).await.unwrap().stored);
    }
    assert_eq!(stored, [0, 1, 0], "by position; forgotten; by id");
    store.close().await;
}
