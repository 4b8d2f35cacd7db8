//! `bookend topics` on the built-in broker.

use serde_json::json;

use crate::look::House;

// Goal: topics come, are counted, and go; people and machines are told the same.
#[test]
fn topics_come_and_go() {
    let house = House::start();
    assert_eq!(house.lines(&["topics", "list"]), ["TOPIC  PARTITIONS  REPLICAS  RECORDS"]);
    assert_eq!(house.json(&["topics", "list"]), json!([]));
    let create = ["topics", "create", "ORDERS", "PAY", "--partitions", "2"];
    assert_eq!(house.lines(&create), ["created ORDERS", "created PAY"]);
    house.fill("ORDERS", 3);
    assert_eq!(
        house.lines(&["topics", "list"]),
        [
            "TOPIC   PARTITIONS  REPLICAS  RECORDS",
            "ORDERS           2         1        3",
            "PAY              2         1        0",
        ]
    );
    let row = |topic: &str, records: u32| json!({ "topic": topic, "partitions": 2, "replicas": 1, "records": records, "internal": false });
    assert_eq!(house.json(&["topics", "list"]), json!([row("ORDERS", 3), row("PAY", 0)]));
    let ends: Vec<_> = house.json(&["topics", "describe", "ORDERS"])["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["partition"].clone(), row["start"].clone(), row["end"].clone()))
        .collect();
    assert_eq!(ends, [(0.into(), 0.into(), 3.into()), (1.into(), 0.into(), 0.into())]);
    assert_eq!(house.lines(&["topics", "delete", "PAY", "--yes"]), ["deleted PAY"]);
    assert_eq!(house.json(&["topics", "list"]), json!([row("ORDERS", 3)]));
    house.stop();
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() {
    let house = House::start();
    house.lines(&["topics", "create", "A"]);
    house.fails(&["topics", "create", "A"], 1, &["`A`", "already exists"]);
    house.fails(&["topics", "describe", "B"], 1, &["no topic `B`", "there are: A"]);
    house.fails(&["tail", "B", "--exit"], 1, &["no topic `B`", "there are: A"]);
    house.fails(&["topics", "delete", "A"], 2, &["--yes"]);
    house.fails(&["topics", "delete", "A", "B", "--yes"], 1, &["no topic `B`"]);
    house.fails(&["tail", "A", "--from", "7"], 1, &["offset 7 is not in A/0", "0 up to 0"]);
    house.fails(&["tail", "A", "--partition", "99"], 1, &["no partition 99"]);
    // One that works beside one that does not: it is done, and the end is a bad one.
    let end = house.ask(&["topics", "create", "A", "C", "--json"]);
    assert_eq!(end.code(), 1, "{end:?}");
    let done = end.closing();
    assert_eq!((&done[0]["created"], &done[1]["created"]), (&false.into(), &true.into()), "{done}");
    // Nothing that was only looked at has come to be.
    let names: Vec<_> = house.json(&["topics", "list", "--internal"]).as_array().unwrap().clone();
    let names: Vec<_> = names.iter().map(|row| row["topic"].as_str().unwrap()).collect();
    assert_eq!(names, ["A", "C"]);
    house.stop();
}
