//! `bookend tail` on the built-in broker: what is shown, where it begins and ends, and how it leaves.

use std::{
    io::{BufRead, BufReader},
    process::Child,
    sync::mpsc::sync_channel,
    thread,
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    look::House,
    process::{PATIENCE, command},
};

const ID: [u8; 21] = [0; 21];

fn house() -> House {
    let house = House::start();
    house.lines(&["topics", "create", "T", "--partitions", "1"]);
    house
}

// Goal: all that a record has is shown, to people and to machines, and nothing twice or lost.
#[test]
fn every_part_of_a_record_is_shown() {
    let house = house();
    let headers = [("h", Some(&b"1"[..])), ("bookend-id", Some(&ID)), ("h", None)];
    house.send("T", Some(b"k"), Some(br#"{ "a": 1.0 }"#), &headers);
    house.send("T", None, None, &[]);
    house.send("T", Some(b""), Some(b"\xff\x00"), &[]);
    let all = ["tail", "T", "--from", "earliest", "--exit"];
    let shown: Vec<_> = house.lines(&all).iter().map(|line| line[24..].to_owned()).collect();
    let id = "00".repeat(21);
    assert_eq!(
        shown,
        [
            format!("  0/0  key=k  [h=1, bookend-id=0x{id} (21 bytes), h=<null>]  {{\"a\":1.0}}"),
            "  0/1  <null>".to_owned(),
            "  0/2  key=<empty>  0xff00 (2 bytes)".to_owned(),
        ]
    );
    let lines = house.lines(&[&all[..], &["--json"]].concat());
    let read: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        read[0]["headers"],
        json!([["h", "1"], ["bookend-id", "\0".repeat(21)], ["h", null]])
    );
    assert_eq!((&read[0]["key"], &read[0]["value"]), (&"k".into(), &"{ \"a\": 1.0 }".into()));
    assert_eq!((&read[1]["key"], &read[1]["value"]), (&Value::Null, &Value::Null));
    assert_eq!((&read[2]["key"], &read[2]["value"]), (&"".into(), &json!({ "base64": "/wA=" })));
    assert!(
        read.iter().all(|line| line["timestamp"].as_i64() > Some(1_700_000_000_000)),
        "{read:?}"
    );
    house.stop();
}

// Goal: every place to begin at, and every way to end by itself.
#[test]
fn begins_and_ends_where_it_is_told() {
    let house = house();
    house.fill("T", 5);
    let offsets = |more: &[&str]| -> Vec<i64> {
        let lines = house.lines(&[&["tail", "T", "--json"], more].concat());
        let read = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        read.map(|line| line["offset"].as_i64().unwrap()).collect()
    };
    let line = house.lines(&["tail", "T", "--from", "3", "-n", "1", "--json"]).remove(0);
    let third = serde_json::from_str::<Value>(&line).unwrap()["timestamp"].as_i64().unwrap();
    for (more, expected) in [
        (&["--from", "earliest", "--exit"][..], &[0, 1, 2, 3, 4][..]),
        (&["--from", "3", "--exit"], &[3, 4]),
        (&["--from", "-2", "--exit"], &[3, 4]),
        (&["--from", "earliest", "-n", "2"], &[0, 1]),
        (&["--from", "latest", "--exit"], &[]),
        (&["--exit"], &[]),
        (&["--from", "5", "--exit"], &[]),
        (&["--from", "2999-01-01T00:00:00Z", "--exit"], &[]),
        (&["--from", "@0", "--exit", "--partition", "0"], &[0, 1, 2, 3, 4]),
    ] {
        assert_eq!(offsets(more), expected, "{more:?}");
    }
    // Records may share a millisecond, so it begins at the third or before, and not at once.
    let from_third = offsets(&["--from", &format!("@{third}"), "--exit"]);
    assert!(from_third.contains(&3) && from_third.last() == Some(&4), "{from_third:?}");
    house.stop();
}

// Goal: it follows, leaves well at Ctrl-C, and no group was ever there.
#[test]
fn follows_until_it_is_stopped() {
    let house = house();
    house.fill("T", 1);
    let mut tail = house.begin(&["tail", "T", "--from", "earliest"]);
    tail.says("  0/0  0");
    house.send("T", None, Some(b"came later"), &[]);
    tail.says("  0/1  came later");
    assert_eq!(house.json(&["groups", "list"]), json!([]));
    tail.signal(Signal::INT);
    let end = tail.end();
    assert_eq!((end.code(), end.stderr.len()), (0, 0), "{end:?}");
    house.stop();
}

// Goal: a tail whose topic is deleted ends and says so, also where there is another of its name at once. Method: the
// second topic is as long as the first, so that only what is read or where it ends tells them apart.
#[test]
fn a_deleted_topic_ends_it() {
    for again in [false, true] {
        let house = house();
        house.fill("T", 2);
        let mut tail = house.begin(&["tail", "T", "--from", "earliest"]);
        tail.says("  0/1  1");
        house.lines(&["topics", "delete", "T", "--yes"]);
        if again {
            house.lines(&["topics", "create", "T", "--partitions", "1"]);
        }
        let end = tail.end();
        assert_eq!((end.code(), end.stdout.len()), (1, 2), "{end:?}");
        assert!(end.complaint().contains("bookend: topic `T` was deleted"), "{end:?}");
        house.stop();
    }
}

// Goal: brokers that are away are said, and that they are back; it goes on from where it was.
#[test]
fn brokers_may_go_and_come_back() {
    let house = house();
    house.fill("T", 1);
    let mut tail = house.begin(&["tail", "T", "--from", "earliest"]);
    tail.says("  0/0  0");
    let addr = house.addr.clone();
    let come_back = house.leave();
    tail.complains(&format!("no broker at {addr} answers; waiting"));
    let house = come_back();
    tail.complains("the brokers are back");
    house.send("T", None, Some(b"came later"), &[]);
    tail.says("  0/1  came later");
    tail.signal(Signal::INT);
    assert_eq!(tail.end().code(), 0);
    house.stop();
}

/// Waits for the end of a child, with a deadline.
fn code(child: Child) -> (Option<i32>, String) {
    let (tx, rx) = sync_channel(1);
    thread::spawn(move || tx.send(child.wait_with_output()));
    let output =
        rx.recv_timeout(PATIENCE).expect("it ends by itself").expect("it is a child of ours");
    (output.status.code(), String::from_utf8(output.stderr).expect("it is text"))
}

// Goal: `| head -1` ends it at once, without a word. Method: no record comes that it could fail to write.
#[test]
fn a_closed_pipe_ends_it_quietly() {
    let house = house();
    house.fill("T", 1);
    let args = ["tail", "T", "--from", "earliest", "--brokers", &house.addr];
    let mut child = command(&args).spawn().unwrap();
    let mut pipe = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    pipe.read_line(&mut line).unwrap();
    assert!(line.ends_with("  0/0  0\n"), "{line}");
    drop(pipe);
    assert_eq!(code(child), (Some(0), String::new()));
    house.stop();
}
