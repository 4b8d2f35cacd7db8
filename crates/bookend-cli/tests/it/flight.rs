//! Many requests at once.

use std::{
    io::Write,
    net::TcpStream,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use crate::{
    http::{Caller, PATHS, stored},
    process::up,
    table,
};

const REQUESTS: u32 = 1_000;
const TASK: Duration = Duration::from_secs(10);

// Goal: a thousand requests in flight at once, none lost, none double.
// Method: tasks take so long that the last was answered within a task's time of the first; so it had started before.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_in_flight() {
    // Each request is an open socket on this side too, and the usual limit is 1,024.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut process = up(folder.path(), &["--task-ms", &TASK.as_millis().to_string()]);
    let addr = process.http();
    let caller = Caller::new(&addr);
    let mut in_flight = JoinSet::new();
    for (number, path) in (0..REQUESTS as usize).zip(PATHS.into_iter().cycle()) {
        let caller = caller.clone();
        in_flight.spawn(async move { caller.post(path, &"x".repeat(number)).await });
    }
    let mut lengths = Vec::new();
    let mut first = None;
    while let Some(answer) = in_flight.join_next().await {
        let (status, answer) = answer.unwrap().unwrap();
        assert_eq!(status, 200, "{answer}");
        let first = first.get_or_insert_with(Instant::now);
        assert!(first.elapsed() < TASK, "they were not in flight at once");
        lengths.push(answer["textLength"].as_u64().unwrap());
    }
    lengths.sort_unstable();
    assert!(lengths.into_iter().eq(0..REQUESTS.into()), "each text has its own answer");
    caller.ledger_when(|ledger| stored(ledger) == u64::from(REQUESTS)).await;
    let end = process.stop();
    let closing = end.closing();
    for field in ["accepted", "recorded", "acked", "stored"] {
        assert_eq!(closing[field], REQUESTS, "{field} in {closing}");
    }
    assert_eq!(closing["dropped"], 0);
    let rows = REQUESTS.into();
    assert_eq!(table::distinct(folder.path()), (rows, rows, rows));
    assert_eq!(end.code(), 0);
}

/// Sends a whole request and goes without waiting for the answer.
fn hang_up(addr: &str, path: &str) {
    let body = r#"{"text":"never mind"}"#;
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let mut socket = TcpStream::connect(addr).expect("it listens");
    socket.write_all(request.as_bytes()).expect("it reads");
}

// Goal: a caller that hangs up in the middle of a task gets no answer, and the task is measured all the same.
// Method: a caller may be gone before its task begins, so callers come until one of each path was not.
#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_is_measured_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = up(folder.path(), &["--task-ms", "60000"]);
    let addr = process.http();
    let caller = Caller::new(&addr);
    let mut topics = 0;
    for _ in 0..1_000 {
        for path in PATHS {
            hang_up(&addr, path);
        }
        let settled = |ledger: &Value| ledger["recorded"] == stored(ledger);
        let ledger = caller.ledger_when(settled).await;
        assert_eq!(ledger["accepted"], 0, "{ledger}");
        topics = ledger["stored"].as_object().map_or(0, Map::len);
        if topics == PATHS.len() {
            break;
        }
    }
    assert_eq!(topics, PATHS.len(), "each path measures");
    let end = process.stop();
    assert_eq!((&end.closing()["exact"], end.code()), (&true.into(), 0), "{end:?}");
}
