//! `bookend topics` on the built-in broker.

use serde_json::json;

use crate::{
    look::House,
    process::{command, start},
};

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
    house.fails(&["topics", "delete", "A"], 2, &["not a terminal: add --yes to delete"]);
    let wrong = ["topics", "create", "B", "--config", "retention.ms=soon"];
    house.fails(&wrong, 1, &["configuration is invalid; ", "honors max.message.bytes, "]);
    let many = ["topics", "create", "B", "--replication", "3"];
    house.fails(&many, 1, &["invalid replication factor; there is 1 broker"]);
    let end = house.ask(&["topics", "create", "B", "--config", "retention.ms"]);
    assert!(end.complaint().contains("KEY=VALUE, as in retention.ms=86400000"), "{end:?}");
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

// Goal: what a shell has left in its environment deletes nothing and moves nothing.
#[test]
fn no_variable_deletes_or_moves() {
    let house = House::start();
    house.lines(&["topics", "create", "A", "--partitions", "1"]);
    house.fill("A", 1);
    let ask = |args: &[&str]| {
        let mut command = command(&[args, &["--brokers", &house.addr]].concat());
        for name in ["YES", "EXECUTE", "JSON", "TOPIC", "TO", "EXIT", "FROM"] {
            command.env(format!("BOOKEND_{name}"), "1");
        }
        start(command).end()
    };
    assert_eq!(ask(&["topics", "delete", "A"]).code(), 2);
    let reset = ask(&["groups", "reset", "g", "--topic", "A", "--to", "latest"]);
    assert_eq!(reset.code(), 0, "{reset:?}");
    assert!(reset.complaint().contains("only shown, nothing was moved"), "{reset:?}");
    assert_eq!(house.lines(&["topics", "list"]).len(), 2, "A is there still, in a table");
    assert_eq!(house.json(&["groups", "list"]), json!([]));
    house.stop();
}
