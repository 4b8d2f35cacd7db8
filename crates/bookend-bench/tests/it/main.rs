//! Each benchmark runs to its end and reports. What it measures on a busy machine says nothing, so nobody looks.

use std::process::Command;

use serde_json::Value;

/// One short round; every line must be JSON that says what was measured, and where.
fn check(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_bookend-bench"))
        .args(arguments)
        .arg("--smoke")
        .output()
        .expect("it was built for this test");
    let [said, complained] =
        [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    assert!(output.status.success(), "{arguments:?}: {}\n{complained}", output.status);
    assert!(!said.is_empty(), "{arguments:?} reported nothing");
    for line in said.lines() {
        let row: Value = serde_json::from_str(line).unwrap_or_default();
        assert!(row["what"].is_string() && row["machine"]["cores"].is_u64(), "{line}");
    }
}

#[test]
fn the_recording_path_is_measured() {
    check(&["hot"]);
}

// Goal: without Apache Kafka too, every part of it works: brokers start, answer, and are ended.
#[test]
fn the_broker_is_measured() {
    check(&["broker"]);
}
