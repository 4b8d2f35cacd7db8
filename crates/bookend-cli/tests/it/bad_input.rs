//! Wrong requests over a real socket: each gets its status and words that help, and none makes a message.

use serde_json::Value;

use crate::{
    http::{Answer, Caller, PATHS, exchange, stored},
    process::up,
    table::TOPICS,
};

const MIB: usize = 1024 * 1024;

fn request(line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A post of JSON to the first path.
fn post(body: &[u8]) -> Vec<u8> {
    request("POST /FIRST_TOPIC", "content-type: application/json\r\n", body)
}

fn check(name: &str, answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    assert_eq!(answer.body["status"], status, "{name}: {answer:?}");
    let text = |field: &str| answer.body[field].as_str().unwrap_or_default().to_owned();
    assert!(text("error").contains(error), "{name}: {answer:?}");
    assert!(!text("help").is_empty(), "{name}: {answer:?}");
}

// Goal: every kind of wrong request is answered, and afterwards the ledger is still all zeros.
#[tokio::test]
async fn every_wrong_request_is_answered_and_none_is_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = up(folder.path(), &["--task-ms", "1"]);
    let addr = process.http();
    let json = "content-type: application/json\r\n";
    let text = |length: usize| format!(r#"{{"text":"{}"}}"#, "x".repeat(length)).into_bytes();
    let deep = "[".repeat(100_000).into_bytes();
    for (name, request, status, error) in [
        ("no body", request("POST /FIRST_TOPIC", json, b""), 400, "empty"),
        ("no body, no type", request("POST /SECOND_TOPIC", "", b""), 400, "empty"),
        ("no type", request("POST /FIRST_TOPIC", "", br#"{"text":"a"}"#), 415, "content-type"),
        (
            "a form",
            request(
                "POST /FIRST_TOPIC",
                "content-type: application/x-www-form-urlencoded\r\n",
                b"text=a",
            ),
            415,
            "application/x-www-form-urlencoded",
        ),
        ("no JSON", post(b"hello"), 400, "not JSON"),
        ("half of JSON", post(br#"{"text":"a"#), 400, "not JSON"),
        ("two values", post(br#"{"text":"a"} {"text":"b"}"#), 400, "not JSON"),
        ("no UTF-8", post(b"{\"text\":\"\xff\"}"), 400, "no valid Unicode"),
        ("half of a surrogate pair", post(br#"{"text":"\ud800"}"#), 400, "no valid Unicode"),
        ("very deep", post(&deep), 422, "invalid type"),
        ("a text", post(br#""a""#), 422, "not an object"),
        ("no text", post(b"{}"), 422, "missing field `text`"),
        ("text is a number", post(br#"{"text":1}"#), 422, "invalid type"),
        ("text is null", post(br#"{"text":null}"#), 422, "invalid type"),
        ("text twice", post(br#"{"text":"a","text":"b"}"#), 422, "duplicate field"),
        ("a list", post(br#" ["a"]"#), 422, "not an object"),
        ("too large", post(&text(MIB)), 413, "too large"),
        ("far too large", post(&text(6 * MIB)), 413, "too large"),
        ("unknown path", request("GET /nowhere", "", b""), 404, "/nowhere"),
        (
            "unknown path, posted",
            request("POST /THIRD_TOPIC", json, br#"{"text":"a"}"#),
            404,
            "/THIRD_TOPIC",
        ),
        ("wrong method", request("GET /FIRST_TOPIC", "", b""), 405, "GET"),
        ("wrong method of a page", request("DELETE /api/ledger", "", b""), 405, "DELETE"),
        ("wrong method of the page", request("POST /", json, b"{}"), 405, "POST"),
    ] {
        let answer = exchange(&addr, &request);
        check(name, &answer, status, error);
        assert_eq!(answer.head.contains("\r\nallow: "), status == 405, "{name}: {answer:?}");
    }
    let help = exchange(&addr, &request("GET /nowhere", "", b"")).body["help"].to_string();
    for path in PATHS.into_iter().chain(["/api/ledger", "/metrics"]) {
        assert!(help.contains(path), "{help}");
    }
    let ledger = Caller::new(&addr).ledger().await.unwrap();
    for field in ["accepted", "recorded", "acked", "queued", "handed"] {
        assert_eq!(ledger[field], 0, "{field} in {ledger}");
    }
    assert_eq!(process.stop().code(), 0);
}

// Goal: what is right is taken, up to the last byte, with the length in UTF-16 units.
#[tokio::test]
async fn right_requests_are_measured_in_utf16_units() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = up(folder.path(), &["--task-ms", "20"]);
    let caller = Caller::new(&process.http());
    let largest = "x".repeat(MIB - r#"{"text":""}"#.len());
    let texts = [("", 0), ("héllo", 5), ("🦀", 2), (largest.as_str(), largest.len())];
    for path in PATHS {
        for (text, length) in texts {
            let (status, answer) = caller.post(path, text).await.unwrap();
            assert_eq!(status, 200, "{path}: {answer}");
            assert_eq!(answer["textLength"], length, "{path}");
            assert!(
                answer["responseTime"].as_u64().is_some_and(|time| time >= 20),
                "{path}: {answer}"
            );
        }
    }
    let ledger = caller.ledger_when(|ledger| stored(ledger) == 12).await;
    let by_topic = &ledger["stored"];
    for topic in TOPICS {
        assert_eq!(by_topic[topic], 4, "{ledger}");
    }
    let (_, view) = caller.get("/api/view").await.unwrap();
    assert_eq!(view["last"].as_array().map(Vec::len), Some(12));
    for (path, status) in [("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/", 200)] {
        assert_eq!(caller.get(path).await.unwrap().0, status, "{path}");
    }
    let end = process.stop();
    let closing = end.closing();
    assert_eq!((end.code(), &closing["exact"]), (0, &Value::Bool(true)), "{closing}");
    assert_eq!((&closing["recorded"], &closing["stored"]), (&12.into(), &12.into()));
}
