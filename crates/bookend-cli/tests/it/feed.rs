//! `bookend feed` against one process, and against a client and a server apart.

use std::{fs, path::Path};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    http::Caller,
    process::{bookend, up},
};

/// `count` paragraphs of two lines.
fn write_text(path: &Path, count: usize) {
    let paragraph = |number| format!("Line {number} of a text,\nand the line under it.\n\n");
    fs::write(path, (0..count).map(paragraph).collect::<String>()).expect("the folder is ours");
}

#[test]
fn lines_and_paragraphs_are_stored_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    write_text(&file, 60);
    let mut process = up(&folder.path().join("data"), &["--task-ms", "10"]);
    let url = format!("http://{}", process.http());
    for (unit, count) in [("--lines", 120), ("--paragraphs", 60)] {
        let file = file.to_str().unwrap();
        let end = bookend(&["feed", file, unit, "--rate", "0", "--url", &url, "--json"]).end();
        let closing = end.closing();
        for field in ["accepted", "recorded", "acked", "stored"] {
            assert_eq!(closing[field], count, "{field} in {closing}");
        }
        assert_eq!((&closing["dropped"], end.code()), (&0.into(), 0), "{end:?}");
    }
    let end = process.stop();
    assert_eq!((&end.closing()["stored"], end.code()), (&180.into(), 0));
}

// Goal: broker, server and client as processes of their own; the feed finds the rows where they are.
#[test]
fn client_and_server_apart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let file = folder.path().join("text");
    write_text(&file, 50);
    let mut broker = bookend(&["broker", "--broker-port", "0", "--data", data]);
    let brokers = broker.address("broker");
    let mut server =
        bookend(&["server", "--port", "0", "--brokers", &brokers, "--data", data, "--json"]);
    let mut client =
        bookend(&["client", "--port", "0", "--brokers", &brokers, "--task-ms", "10", "--json"]);
    let (client_url, server_url) =
        (format!("http://{}", client.http()), format!("http://{}", server.http()));
    let file = file.to_str().unwrap();
    let alone = bookend(&["feed", file, "--url", &client_url]).end();
    assert_eq!(alone.code(), 2, "{alone:?}");
    assert!(alone.complaint().contains("--stored-at"), "{alone:?}");
    let feed =
        ["feed", file, "--rate", "0", "--url", &client_url, "--stored-at", &server_url, "--json"];
    let end = bookend(&feed).end();
    assert_eq!((&end.closing()["stored"], end.code()), (&100.into(), 0), "{end:?}");
    let end = client.stop();
    assert_eq!((&end.closing()["acked"], end.code()), (&100.into(), 0), "{end:?}");
    assert!(end.closing().get("stored").is_none(), "a client alone knows nothing of rows: {end:?}");
    let end = server.stop();
    assert_eq!((&end.closing()["stored"], end.code()), (&100.into(), 0), "{end:?}");
    assert_eq!(broker.stop().code(), 0);
}

// Goal: others who feed the same client are no fault. Method: two feeds at once.
#[test]
fn two_feeds_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    write_text(&file, 100);
    let mut process = up(&folder.path().join("data"), &["--task-ms", "10"]);
    let url = format!("http://{}", process.http());
    let feed = ["feed", file.to_str().unwrap(), "--rate", "100", "--url", &url, "--json"];
    let (one, two) = (bookend(&feed), bookend(&feed));
    for end in [one.end(), two.end()] {
        assert_eq!((&end.closing()["accepted"], end.code()), (&200.into(), 0), "{end:?}");
    }
    assert_eq!(process.stop().closing()["stored"], 400);
}

// Goal: a client that dies in the middle of a feed: the feed says so, a Ctrl-C ends its waiting, and it still closes
// its books.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_dies_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    write_text(&file, 100);
    let mut process = up(&folder.path().join("data"), &["--task-ms", "10"]);
    let addr = process.http();
    let url = format!("http://{addr}");
    let mut feed =
        bookend(&["feed", file.to_str().unwrap(), "--rate", "100", "--url", &url, "--json"]);
    let begun = |ledger: &Value| ledger["accepted"].as_u64() > Some(5);
    Caller::new(&addr).ledger_when(begun).await;
    process.kill();
    feed.complains("the ledger cannot be read");
    feed.signal(Signal::INT);
    let end = feed.end();
    let closing = end.closing();
    assert!(closing["accepted"].as_u64() > Some(0), "{closing}");
    assert!(closing["refused"].as_u64() > Some(0), "{closing}");
    assert_eq!((&closing["exact"], end.code()), (&false.into(), 1), "{end:?}");
    assert!(closing["faults"].to_string().contains("cannot be read"), "{closing}");
}
