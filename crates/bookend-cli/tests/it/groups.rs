//! `bookend groups` on the built-in broker, with a member that comes and goes.

use std::time::Instant;

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
};
use serde_json::json;

use crate::{
    look::{House, SOON},
    process::PATIENCE,
};

/// A member of group `billing` that has read and committed `count` records of `ORDERS`.
fn member(house: &House, count: i64) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &house.addr)
        .set("group.id", "billing")
        .set("client.id", "biller")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("librdkafka takes the settings");
    consumer.subscribe(&["ORDERS"]).expect("a plain name");
    let deadline = Instant::now() + PATIENCE;
    let mut next = 0;
    while next < count {
        assert!(Instant::now() < deadline, "it is given no records");
        if let Some(message) = consumer.poll(SOON) {
            next = message.expect("it can be read").offset() + 1;
        }
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("ORDERS", 0, Offset::Offset(next)).expect("an offset");
    consumer.commit(&list, CommitMode::Sync).expect("it is a member");
    consumer
}

#[test]
fn a_group_is_seen_and_moved_only_when_it_is_empty() {
    let house = House::start();
    house.lines(&["topics", "create", "ORDERS", "--partitions", "1"]);
    house.fill("ORDERS", 5);
    house.fails(
        &["groups", "describe", "billing"],
        1,
        &["no group `billing`", "there are no groups yet"],
    );
    let consumer = member(&house, 3);
    let row = |state: &str, members: u32, lag: i64| json!([{ "group": "billing", "state": state, "members": members, "lag": lag, "uncommitted": 0 }]);
    assert_eq!(house.json(&["groups", "list"]), row("stable", 1, 2));
    let group = house.json(&["groups", "describe", "billing"]);
    let partition = &group["partitions"][0];
    assert_eq!((&partition["committed"], &partition["end"]), (&3.into(), &5.into()), "{group}");
    assert_eq!(partition["member"], group["members"][0]["member"], "{group}");
    assert_eq!(group["members"][0]["client"], "biller", "{group}");
    let table = house.lines(&["groups", "describe", "billing"]);
    assert!(table[0].starts_with("billing: stable, 1 member, shared by "), "{table:?}");
    assert!(table[2].starts_with("ORDERS          0          3    5    2  biller"), "{table:?}");

    let earliest = ["groups", "reset", "billing", "--topic", "ORDERS", "--to", "earliest"];
    let execute = [&earliest[..], &["--execute"]].concat();
    house.fails(&execute, 1, &["`billing` has members", "biller on ", "stop them first"]);
    let delete = ["groups", "delete", "billing", "--yes"];
    house.fails(&delete, 1, &["deleting group `billing`: refused, it has members; stop them"]);

    // It leaves the group as it goes.
    drop(consumer);
    let shown = house.json(&earliest);
    let moved = |executed: bool| {
        let partition = json!({ "topic": "ORDERS", "partition": 0, "before": 3, "after": 0 });
        json!({ "group": "billing", "new": false, "executed": executed, "partitions": [partition] })
    };
    assert_eq!(shown, moved(false));
    assert_eq!(house.json(&["groups", "list"]), row("empty", 0, 2), "only shown");
    assert_eq!(house.json(&execute), moved(true));
    assert_eq!(house.json(&["groups", "list"]), row("empty", 0, 5));
    let table = house.lines(&["groups", "reset", "billing", "--topic", "ORDERS:0", "--to", "-1"]);
    assert_eq!(table, ["TOPIC   PARTITION  BEFORE  AFTER", "ORDERS          0       0      4"]);
    house.fails(
        &["groups", "reset", "billing", "--topic", "ORDERS", "--to", "6"],
        1,
        &["offset 6 is not in ORDERS/0, which holds 0 up to 5"],
    );
    house.fails(
        &["groups", "delete", "biling", "--yes"],
        1,
        &["no group `biling`; there are: billing"],
    );
    house.stop();
}

// Goal: records that a group has never read are never said to be none, partition by partition.
#[test]
fn what_is_not_committed_is_not_read() {
    let house = House::start();
    house.lines(&["topics", "create", "A", "--partitions", "3"]);
    house.send_to("A", 0, None, Some(b"read"), &[]);
    house.send_to("A", 1, None, Some(b"unread"), &[]);
    house.lines(&["groups", "reset", "g", "--topic", "A:0", "--to", "latest", "--execute"]);
    assert_eq!(
        house.lines(&["groups", "list"]),
        ["GROUP  STATE  MEMBERS  LAG", "g      empty        0  0+?"]
    );
    let table = house.lines(&["groups", "describe", "g"]);
    assert_eq!(table[0], "g: empty, 0 members, lag 0+?");
    let rows: Vec<Vec<_>> = table[2..].iter().map(|row| row.split_whitespace().collect()).collect();
    let row =
        |partition, committed, end, lag| vec!["A", partition, committed, end, lag, "-", "-", "-"];
    assert_eq!(rows, [row("0", "1", "1", "0"), row("1", "-", "1", "-"), row("2", "-", "0", "0")]);
    let group = house.json(&["groups", "describe", "g"]);
    assert_eq!((&group["lag"], &group["uncommitted"]), (&0.into(), &1.into()), "{group}");
    house.lines(&["groups", "reset", "g", "--topic", "A:1", "--to", "earliest", "--execute"]);
    assert_eq!(house.json(&["groups", "list"])[0]["lag"], 1);
    house.stop();
}

// Goal: a group may begin where it is told, before it has ever been there; and it goes when it is deleted.
#[test]
fn a_new_group_comes_and_goes() {
    let house = House::start();
    house.lines(&["topics", "create", "A", "--partitions", "1"]);
    house.fill("A", 2);
    let reset = ["groups", "reset", "new", "--topic", "A", "--to", "1"];
    let shown = house.ask(&reset);
    assert_eq!(shown.code(), 0, "{shown:?}");
    assert!(shown.complaint().contains("--execute moves a new group `new`"), "{shown:?}");
    assert_eq!(house.json(&["groups", "list"]), json!([]), "only shown");
    let moved = house.ask(&[&reset[..], &["--execute"]].concat());
    assert_eq!(moved.code(), 0, "{moved:?}");
    assert_eq!(moved.stderr, ["moved a new group `new`"]);
    assert_eq!(house.json(&["groups", "list"])[0]["lag"], 1);
    let again = house.ask(&[&reset[..], &["--execute"]].concat());
    assert_eq!(again.stderr, ["moved group `new`"]);
    house.fails(&["groups", "delete", "new"], 2, &["not a terminal: add --yes to delete"]);
    assert_eq!(house.lines(&["groups", "delete", "new", "--yes"]), ["deleted new"]);
    assert_eq!(house.json(&["groups", "list"]), json!([]));
    house.stop();
}
